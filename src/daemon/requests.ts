import { isUtf8 } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Context } from 'hono';
import type { z } from 'zod';
import { RentabotError, refuse } from '../core/error.ts';

/** A request that was there as a whole, body included, when it was first looked at: see plain-request.ts. */
export interface WholeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  readonly body: string;
}

/** What node-server, or fast-lane.ts, puts beside a request; absent where the app is called without a server. */
export interface Wire {
  readonly incoming?: IncomingMessage | WholeRequest;
  /** Absent where whoever calls the route writes the answer. */
  readonly outgoing?: ServerResponse;
}
export type Ask = Context<{ Bindings: Wire }>;

const LEASE_ID = /^(?:[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;
const SECRET = /^[A-Za-z0-9_-]{22,256}$/;

/** Throws the refusal for input that is not what it should be. */
export function malformed(detail: string, hint?: string, status = 400): never {
  throw new RentabotError(refuse('usage', detail, { ...(hint === undefined ? {} : { hint }), status }));
}

/** The lease id in the path. */
export function leaseId(ask: Ask): string {
  const id = ask.req.param('id') ?? '';
  if (!LEASE_ID.test(id)) malformed(`${JSON.stringify(id.slice(0, 100))} is not a lease id`, 'mint a ULID or a UUID');
  return id;
}

/** Only hashes of secrets are kept, so only hashes are passed on. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** Takes the same time wherever the two differ. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** Whether it comes with the secret of a lease, right or wrong. */
export function bringsSecret(ask: Ask): boolean {
  return /^lease\b/i.test(ask.req.header('authorization') ?? '');
}

/** The hash of the secret in `Authorization: Lease <secret>`; null where none is given. */
export function leaseSecretHash(ask: Ask): string | null {
  if (!bringsSecret(ask)) return null;
  const secret = (ask.req.header('authorization') ?? '').slice(5).trim();
  if (!SECRET.test(secret))
    malformed('the secret in the authorization header is not one', '22 or more url-safe characters');
  return hashSecret(secret);
}

/** The JSON body, checked: by the schema, unless `isPlain` sees at once that it is right. Throws what is wrong with it: 413, 415, 400 for what is no JSON, 422 for the wrong JSON. */
export async function body<T>(
  ask: Ask,
  schema: z.ZodType<T>,
  limit: number,
  isPlain?: (value: unknown) => value is T,
): Promise<T> {
  const type = ask.req.header('content-type');
  if (type !== undefined && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)) {
    malformed(`the body is ${type.slice(0, 100)}`, 'send content-type: application/json', 415);
  }
  const encoding = ask.req.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') {
    malformed(`the body is encoded as ${encoding.slice(0, 100)}`, 'send it without content-encoding', 415);
  }
  const text = await bodyText(ask, limit);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    malformed(
      text === '' ? 'there is no body' : `the body is not JSON: ${(error as Error).message}`,
      'send a JSON object',
    );
  }
  if (isPlain?.(value)) return value;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RentabotError(refuse('usage', sayIssues(parsed.error), { status: 422 }));
}

/** Whether the body is what a page's form sends. */
export function isForm(ask: Ask): boolean {
  return /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(ask.req.header('content-type') ?? '');
}

/** The fields of a page's form. */
export async function form(ask: Ask, limit: number): Promise<URLSearchParams> {
  return new URLSearchParams(isForm(ask) ? await bodyText(ask, limit) : '');
}

/** Calls back once when the client has gone, or the answer is complete: at once where it went while it was read. */
export function onceClosed(ask: Ask, closed: () => void): void {
  const outgoing = ask.env?.outgoing;
  if (outgoing?.closed) closed();
  else if (outgoing) outgoing.once('close', closed);
  else ask.req.raw.signal.addEventListener('abort', closed, { once: true });
}

/**
 * Read from the socket, not through a web stream: that is a third of the cost of a small request. Throws 413 as soon as
 * it is too large, and reads no further.
 */
export function bodyText(ask: Ask, limit: number): Promise<string> {
  const incoming = ask.env?.incoming;
  if (!incoming) return ask.req.text().then((text) => (text.length > limit ? tooLarge(limit) : text));
  if (Number(incoming.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLargeError(limit));
  if ('body' in incoming) return Promise.resolve(incoming.body);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(tooLargeError(limit));
    });
    incoming.on('end', () => {
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      if (isUtf8(bytes)) resolve(bytes.toString());
      else reject(new RentabotError(refuse('usage', 'the body is not UTF-8', { hint: 'send a JSON object' })));
    });
    incoming.on('error', () => reject(new RentabotError(refuse('usage', 'the request broke off'))));
  });
}

function tooLarge(limit: number): never {
  throw tooLargeError(limit);
}

function tooLargeError(limit: number): RentabotError {
  return new RentabotError(
    refuse('usage', `the body is larger than ${limit} bytes`, { status: 413, hint: 'ask for less at once' }),
  );
}

function sayIssues({ issues }: z.ZodError): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`))
    .join('; ');
}
