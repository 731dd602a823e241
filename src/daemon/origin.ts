import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Refusal, refuse } from '../core/error.ts';
import { isLoopback } from './listen.ts';

/**
 * An open daemon trusts whoever is on this host, and a web page in this host's browser is not. Browsers say where a page
 * comes from (`Origin`, `Sec-Fetch-Site`), and by what name they think to have reached us (`Host`, which a page from
 * elsewhere cannot make a loopback name even if its own name was made to point here).
 */
export function refuseForeignPage(
  { method, headers, socket }: Pick<IncomingMessage, 'method' | 'headers' | 'socket'>,
  names: LocalNames,
  host = headers.host,
): Refusal | null {
  const { origin } = headers;
  if (headers['sec-fetch-site'] === 'cross-site' && !isFollowedLink(method, headers))
    return foreign('a page of another site');
  if (origin !== undefined && origin !== 'null' && hostOf(origin) !== host)
    return foreign(`a page of ${origin.slice(0, 100)}`);
  if (origin === 'null') return foreign('a page without an origin');
  // On a unix socket the name means nothing, and no page gets there.
  if (socket.remoteAddress === undefined || names === 'any' || host === undefined) return null;
  const name = nameOf(host);
  if (isLoopback(name) || names.includes(name)) return null;
  return refuse('denied', `${host.slice(0, 100)} is not a name of this daemon`, {
    hint: 'an open daemon is reached as localhost; from elsewhere it needs a proxy that says so, or `auth: none`',
  });
}

/** Somebody clicked on a link to us: the other page gets to see nothing of what we answer. */
function isFollowedLink(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** Host names this daemon answers to beside the loopback's; `any` where it was opened to everybody. */
export type LocalNames = readonly string[] | 'any';

function foreign(who: string): Refusal {
  return refuse('denied', `${who} may not use this daemon`, { hint: 'only pages of its own, and programs, may' });
}

function hostOf(origin: string): string | null {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1] ?? null;
}

/** Without its port, and without the brackets of an IPv6 address. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d+$/, '')).toLowerCase();
}
