import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';

/** What a holder says all day: it asks, renews and gives back. */
export interface PlainRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  /** The lease. */
  readonly id: string;
  readonly does: 'acquire' | 'renew' | 'release';
  readonly query: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly body: string;
}

/** Of what is longer something may be too long, which is for others to say. */
const LONGEST_HEAD = 2048;
const PATH = '/api/v2/leases/';
const LINE = /^(PUT|POST|DELETE) \/api\/v2\/leases\/([0-9A-Za-z-]{26,36})(\/renew)?(?:\?([\w=&-]{1,64}))? HTTP\/1\.1$/;
const VERSION = ' HTTP/1.1';
const HEADER = /^([A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)$/;
/** Those that say nothing about how the message is put together, or nothing but what is checked below. */
const HARMLESS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'rentabot-descriptor',
  'rentabot-version',
  'user-agent',
  'x-api-key',
]);
const HOST = /^[\w.:[\]-]+$/;

/**
 * Reads a chunk of a connection as exactly one request of those three kinds, written the way that nearly all clients
 * write it; null for everything else, which is no judgement: it is for Node's parser, which has one. No reader of HTTP: it
 * knows one form of it. A test holds the two together: what this reads, Node reads the same.
 *
 * One for each connection: a client that does the same again sends the same headers again.
 */
export class PlainReader {
  private readonly known: Record<PlainRequest['does'], Head> = { acquire: NO_HEAD, renew: NO_HEAD, release: NO_HEAD };

  read(chunk: Buffer): PlainRequest | null {
    const text = chunk.toString('latin1', 0, LONGEST_HEAD);
    const end = text.indexOf('\r\n\r\n');
    const first = text.indexOf('\r\n');
    if (end < 0 || first === end) return null;
    const [, method = '', { length } = '', renew, query = ''] = LINE.exec(text.slice(0, first)) ?? [];
    const does = deedOf(method, renew !== undefined, query);
    const headers = does && this.headersOf(does, text.slice(first + 2, end));
    if (!headers) return null;
    const body = chunk.subarray(end + 4);
    if (body.length !== Number(headers['content-length'] ?? 0) || !isUtf8(body)) return null;
    const from = method.length + 1;
    const url = text.slice(from, first - VERSION.length);
    // Copied, not cut out: it is remembered for an hour, and what is cut out keeps all that it was a part of.
    const id = chunk.toString('latin1', from + PATH.length, from + PATH.length + length);
    return { method, url, id, does, query, headers, body: body.toString() };
  }

  private headersOf(does: PlainRequest['does'], text: string): Head['headers'] {
    if (this.known[does].text !== text) this.known[does] = { text, headers: readHeaders(text) };
    return this.known[does].headers;
  }
}

interface Head {
  readonly text: string;
  readonly headers: Readonly<IncomingHttpHeaders> | null;
}

const NO_HEAD: Head = { text: '', headers: null };

/** What is asked with a query may be anything, unless it gives back. */
function deedOf(method: string, renews: boolean, query: string): PlainRequest['does'] | null {
  if (method === 'DELETE') return renews ? null : 'release';
  if (query !== '' || method === '') return null;
  if (method === 'POST') return renews ? 'renew' : null;
  return renews ? null : 'acquire';
}

function readHeaders(text: string): IncomingHttpHeaders | null {
  const headers: IncomingHttpHeaders = {};
  for (const line of text.split('\r\n')) {
    const found = HEADER.exec(line);
    const name = found?.[1]?.toLowerCase() ?? '';
    if (!HARMLESS.has(name) || name in headers) return null;
    headers[name] = found?.[2];
  }
  const { host, connection = 'keep-alive', accept = '', 'content-length': length = '0' } = headers;
  const isPlain =
    HOST.test(host ?? '') &&
    connection.toLowerCase() === 'keep-alive' &&
    /^\d{1,6}$/.test(length) &&
    !accept.includes('text/event-stream');
  return isPlain ? headers : null;
}
