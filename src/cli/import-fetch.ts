import http from 'node:http';
import { type Refusal, refuse } from '../core/error.ts';
import type { ImportSource } from '../core/imported.ts';
import { LARGEST_IMPORT_BYTES, tooLarge, unreadable } from './import-source.ts';
import { printable } from './text.ts';
import { Unanswered, unanswered } from './transport.ts';

/** Longest silence: before the answer, and within it. */
const SILENCE_MS = 15_000;
/** For all of it. */
const LONGEST_MS = 120_000;
const MOST_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

interface Bounds {
  readonly silence?: number;
  readonly longest?: number;
  readonly largest?: number;
}

/** Fetches a list or a file. Nothing says who asks: where that is needed, `curl` can, and stdin is read. */
export async function fetchSource(
  text: string,
  { silence = SILENCE_MS, longest = LONGEST_MS, largest = LARGEST_IMPORT_BYTES }: Bounds = {},
): Promise<ImportSource | Refusal> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return unreadable(text, 'it is no url');
  if (url.username || url.password) {
    return refuse('usage', `${shownUrl(url)}: a url carries no password, which others would see`, { hint: BY_HAND });
  }
  const signal = AbortSignal.timeout(longest);
  try {
    return await follow(url, { signal, silence, largest });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    return refuse('unreachable', printable(signal.aborted ? `${shownUrl(url)} took too long` : error.message), {
      hint: '',
    });
  }
}

const BY_HAND = '`curl … | rentabot import - --yes` can say who asks';

interface Fetching {
  readonly signal: AbortSignal;
  readonly silence: number;
  readonly largest: number;
}

async function follow(from: URL, fetching: Fetching): Promise<ImportSource | Refusal> {
  let url = from;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const answer = await get(url, fetching);
    const { statusCode: status = 0, headers } = answer;
    if (!REDIRECTS.has(status) || headers.location === undefined) return await sourceIn(answer, url, fetching);
    answer.destroy();
    const next: URL | null = URL.canParse(headers.location, url.href) ? new URL(headers.location, url) : null;
    if (next === null || !isUrl(next.href)) return unreadable(shownUrl(url), 'it leads to what is no url');
    if (url.protocol === 'https:' && next.protocol === 'http:')
      return unreadable(
        shownUrl(url),
        `it leads from https to ${shownUrl(next)}, where anybody on the way could change it`,
      );
    url = next;
  }
  return unreadable(shownUrl(from), `it leads on more than ${MOST_REDIRECTS} times`);
}

async function sourceIn(
  answer: http.IncomingMessage,
  url: URL,
  { largest }: Fetching,
): Promise<ImportSource | Refusal> {
  const where = shownUrl(url);
  const { statusCode: status = 0, statusMessage = '' } = answer;
  if (status !== 200) {
    answer.destroy();
    const asks = status === 401 || status === 403;
    const said = `${where} cannot be read: it answers ${status} ${statusMessage}`.trimEnd();
    return refuse(asks ? 'denied' : 'usage', printable(said), { hint: asks ? BY_HAND : '' });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer) {
      size += (chunk as Buffer).length;
      if (size > largest) return tooLarge(where, largest);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw unanswered(error as Error, { url: where });
  }
  return { type: 'bytes', where, bytes: Buffer.concat(chunks), path: null };
}

async function get(url: URL, { signal, silence }: Fetching): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : http;
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json, */*;q=0.5', 'accept-encoding': 'identity', 'user-agent': USER_AGENT };
    const call = request(url, { headers, timeout: silence, signal });
    let answer: http.IncomingMessage | null = null;
    // An answer that is destroyed with its request only says that it broke off.
    call.on('timeout', () =>
      (answer ?? call).destroy(new Unanswered('ETIMEDOUT', `nothing heard from ${shownUrl(url)}`)),
    );
    call.on('error', (error) => reject(unanswered(error, { url: shownUrl(url) })));
    call.on('response', (response) => {
      answer = response;
      resolve(response);
    });
    call.end();
  });
}

const USER_AGENT = `rentabot/${RENTABOT_VERSION}`;

/** Without a query, in which there may be a token. */
function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
