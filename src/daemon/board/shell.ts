import type { ServerResponse } from 'node:http';
import { SCRIPT_NAME, STYLE_NAME } from 'rentabot:board-assets';
import { type Answer, SENT, text } from '../answer.ts';
import { type Html, html } from '../routes/html.ts';
import type { Visit } from './look.ts';

/** What is around every page of the board. */
export interface Page {
  readonly title: string;
  /** Which of the pages it is, for the script and for the navigation. */
  readonly name: 'board' | 'resource' | 'day' | 'wall' | 'admin';
  /** Only this resource is shown. */
  readonly only?: number;
  readonly main: Html;
  /** What comes after that, and is made while the browser shows what it has: nothing of a state that may change. */
  readonly rest?: Iterable<Html>;
}

const PLACES = [
  ['board', '/', 'Board'],
  ['day', '/day', 'Day'],
  ['wall', '/wall', 'Wall'],
  ['admin', '/admin', 'Admin'],
] as const;

/** Scripts, styles and connections come from the daemon itself; nothing stands in the page, and nobody frames it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Where an answer goes, and who is told what went wrong once it has begun. */
export interface Outlet {
  readonly outgoing: ServerResponse | undefined;
  readonly onTrouble: (error: unknown) => void;
}

/** A page with a rest goes out as it is made, where there is a connection to take it. */
export function pageAnswer(page: Page, visit: Visit, now: number, { outgoing, onTrouble }: Outlet): Answer {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': POLICY,
    'referrer-policy': 'same-origin',
    vary: 'accept, cookie',
  };
  const pieces = piecesOf(page, visit, now);
  if (page.rest === undefined || outgoing === undefined) return text([...pieces].join(''), headers);
  outgoing.writeHead(200, text('', headers).headers);
  sendPieces(pieces, outgoing, onTrouble);
  return SENT;
}

/** Characters that are sent together: the first of them are the first screen, and other requests have their turn between. */
const AT_ONCE = 16_384;

function sendPieces(pieces: Iterator<string>, outgoing: ServerResponse, onTrouble: Outlet['onTrouble']): void {
  const next = (): void => {
    if (outgoing.destroyed) return;
    try {
      const { text, isLast } = gather(pieces);
      if (isLast) outgoing.end(text);
      else if (outgoing.write(text)) setImmediate(next);
      else outgoing.once('drain', next);
    } catch (error) {
      onTrouble(error);
      outgoing.destroy();
    }
  };
  next();
}

function gather(pieces: Iterator<string>): { readonly text: string; readonly isLast: boolean } {
  let text = '';
  for (let piece = pieces.next(); !piece.done; piece = pieces.next()) {
    text += piece.value;
    if (text.length >= AT_ONCE) return { text, isLast: false };
  }
  return { text, isLast: true };
}

function* piecesOf(page: Page, visit: Visit, now: number): Generator<string, undefined> {
  yield beginning(page, visit, now) + page.main.text;
  for (const { text } of page.rest ?? []) yield text;
  yield END;
}

function beginning({ title, name, only }: Page, { viewer, theme, csrf }: Visit, now: number): string {
  const said = theme === null ? null : html` data-theme="${theme}"`;
  return html`<!doctype html>
<html lang="en"${said}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${csrf === null ? null : html`<meta name="csrf" content="${csrf}">\n`}<title>${title}</title>
<link rel="stylesheet" href="/assets/${STYLE_NAME}">
<link rel="icon" href="data:image/svg+xml,${ICON}">
<script src="/assets/${SCRIPT_NAME}" defer></script>
</head>
<body class="${name}" data-page="${name}" data-now="${now}" data-name="${viewer.name}" data-role="${viewer.role}"${viewer.open ? html` data-open` : null}${viewer.steals ? html` data-steals` : null}${only === undefined ? null : html` data-only="${only}"`}>
<a class="skip" href="#main">To the content</a>
<header>
<a class="mark" href="/">rentabot</a>
<nav aria-label="Pages">${PLACES.map(([key, href, word]) => html`<a href="${href}"${key === name ? html` aria-current="page"` : null}>${key === 'admin' && viewer.role !== 'admin' ? 'Account' : word}</a>`)}</nav>
<span id="live" role="status"></span>
<span id="who">${whoHtml(viewer)}</span>
<button id="theme" aria-label="Dark or light" title="Dark or light" hidden></button>
</header>
<div id="away" role="alert" hidden></div>
<main id="main">
`.text;
}

const END = html`
</main>
<footer>rentabot ${RENTABOT_VERSION} · <a href="/docs">HTTP interface</a> · <a href="/openapi.json">openapi.json</a> · <a href="/api/v2/resources">resources as JSON</a></footer>
<div id="told" role="status" aria-live="polite"></div>
</body>
</html>
`.text;

/** Who one is, and the way out or in. On an open daemon it is a name, which the script lets one change. */
function whoHtml({ name, open }: Visit['viewer']): Html {
  if (open) return html`<button id="rename" hidden>${name === '' ? 'Say who you are' : name}</button>`;
  return name === '' ? html`<a href="/login">Log in</a>` : html`<b>${name}</b> <a href="/logout">Log out</a>`;
}

const ICON = encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#2563a8"/><circle cx="8" cy="8" r="3.6" fill="none" stroke="#fff" stroke-width="2"/></svg>',
);
