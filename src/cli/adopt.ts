import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { type Refusal, refuse } from '../core/error.ts';
import type { LeaseJson } from '../core/wire.ts';
import { type Client, persist, unreachable } from './client.ts';
import { writeWhole } from './result-file.ts';
import type { Talk } from './talk.ts';
import { printable } from './text.ts';
import { type Mono, mono } from './time.ts';
import { parseEndpoint, Unanswered } from './transport.ts';

/**
 * A lease that passes from one `lock` to another: `--detach-lease` leaves it in a file, and `--adopt` takes it over
 * from there, or by its id and a secret that came another way.
 */

/** What `--detach-lease` writes; a contract, see docs/cli.md. Whoever has it has the lease. */
export interface DetachedJson {
  lease: string;
  secret: string;
  url: string;
  fence: number;
  /** Seconds, from the moment of writing, that somebody has to adopt it. */
  ttl: number;
  expiresAt: string | null;
  resources: { id: number; name: string; fence: number }[];
}

/** A lease to take over. */
export interface Adopted {
  readonly lease: string;
  readonly secret: string;
  /** The daemon that the file names. */
  readonly url: string | null;
  /** What goes when the lease has been given back. */
  readonly file: string | null;
}

export type Taken =
  | { readonly type: 'held'; readonly lease: LeaseJson; readonly sentAt: Mono }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'interrupted' };

const SECRET_VARIABLE = 'RENTABOT_LEASE_SECRET';
const ID = /^[\w-]{1,64}$/;
const SECRET = /^[\w-]{22,256}$/;
const LONGEST_FILE = 1_000_000;
const FILE_HINT = 'it has to be a file that `rentabot lock --detach-lease` wrote';

/** Reads what `--adopt` names: a file, or a lease whose secret is in another file or in the environment. */
export function readAdopted(
  { lease, secretFile }: { readonly lease: string; readonly secretFile: string | null },
  env: Readonly<Record<string, string | undefined>>,
): Adopted | Refusal {
  if (existsSync(lease)) {
    if (secretFile === null) return readDetached(lease);
    return refuse('usage', `--secret-file: ${lease} is a file, and has the secret in it`, { hint: '' });
  }
  if (!ID.test(lease)) return refuse('config', `--adopt: there is no file ${lease}`, { hint: FILE_HINT });
  const secret = secretFile === null ? (env[SECRET_VARIABLE] ?? '') : readSecret(secretFile);
  if (typeof secret !== 'string') return secret;
  if (secret === '') {
    return refuse('usage', `--adopt: ${lease} is no file here, and as a lease it needs its secret`, {
      hint: `give it with --secret-file, or in ${SECRET_VARIABLE}`,
    });
  }
  if (SECRET.test(secret)) return { lease, secret, url: null, file: null };
  return refuse('config', `${secretFile ?? SECRET_VARIABLE}: this is no secret of a lease`, { hint: '' });
}

/** Renews it at once: from then on it is ours to keep, to lose and to give back. */
export async function takeOver(
  client: Client,
  { lease: id, secret }: Adopted,
  { within, signal }: { readonly within: number; readonly signal: AbortSignal },
): Promise<Taken> {
  const attempt = async (): Promise<Taken> => {
    const reply = await client.renew(id, secret, { within, signal });
    if (reply.type === 'ok') return { type: 'held', lease: reply.body.lease, sentAt: reply.sentAt };
    const { refusal } = reply;
    if (refusal.code === 'unavailable' || refusal.code === 'limit') throw new Unanswered('EREFUSED', refusal.detail);
    return { type: 'refused', refusal: isGone(refusal) ? lost(refusal) : refusal };
  };
  try {
    return await persist(client, attempt, { until: mono() + within, signal });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    return signal.aborted ? { type: 'interrupted' } : { type: 'refused', refusal: unreachable(error) };
  }
}

/** Writes what the next one needs, for its owner alone. */
export function writeDetached(path: string, lease: LeaseJson, { secret, url }: { secret: string; url: string }): void {
  const { id, fence, ttl, expiresAt, resources } = lease;
  const detached: DetachedJson = {
    lease: id,
    secret,
    url,
    fence,
    ttl,
    expiresAt,
    resources: resources.map((one) => ({ id: one.id, name: one.name, fence: one.fence })),
  };
  writeWhole(path, `${JSON.stringify(detached)}\n`, 0o600);
}

/** The lease has been given back, and its file with it. */
export function forget({ file }: Adopted, talk: Talk): void {
  if (file === null) return;
  try {
    unlinkSync(file);
  } catch (error) {
    talk.say('stale-file', `${file} is of no use any more, and could not be removed: ${messageOf(error)}`);
  }
}

function isGone({ code }: Refusal): boolean {
  return code === 'lost' || code === 'not-found';
}

function lost({ detail }: Refusal): Refusal {
  return refuse('lost', `there was nothing left to adopt before the command could start: ${printable(detail)}`, {
    hint: 'a detached lease waits for as long as the --ttl that it was asked for with',
  });
}

function readSecret(path: string): string | Refusal {
  try {
    return readFileSync(path, 'utf8').slice(0, LONGEST_FILE).trim();
  } catch (error) {
    return refuse('config', `--secret-file: ${path} cannot be read: ${messageOf(error)}`, { hint: '' });
  }
}

function readDetached(file: string): Adopted | Refusal {
  const wrong = (problem: string): Refusal => refuse('config', `--adopt: ${file}: ${problem}`, { hint: FILE_HINT });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return wrong(`cannot be read: ${messageOf(error)}`);
  }
  if (text.length > LONGEST_FILE) return wrong(`is longer than ${LONGEST_FILE} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return wrong(`is no JSON${placeOf(error, text)}`);
  }
  if (typeof json !== 'object' || json === null) return wrong('is no JSON object');
  const { lease, secret, url } = json as Partial<Record<keyof DetachedJson, unknown>>;
  if (typeof lease !== 'string' || !ID.test(lease)) return wrong('"lease" is missing, or is no id of a lease');
  if (typeof secret !== 'string' || !SECRET.test(secret)) return wrong('"secret" is missing, or is no secret');
  if (typeof url !== 'string') return wrong('"url" is missing, or is no text');
  const endpoint = parseEndpoint(url, '"url"');
  return 'code' in endpoint ? wrong(endpoint.detail) : { lease, secret, url, file };
}

/** Not the message itself: it quotes what it could not read, and that may be the secret. */
function placeOf(error: unknown, text: string): string {
  const position = /position (\d+)/.exec(messageOf(error))?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
