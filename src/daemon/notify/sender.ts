import type { Millis } from '../../core/model.ts';
import type { Notice } from './notice.ts';

/** What became of one try. `why` is for the log and for people, and has no secret: never an address's path, never what the other side wrote. */
export type Outcome =
  | { readonly type: 'delivered' }
  /** It was understood, and is not wanted: to try again would be answered the same. */
  | { readonly type: 'refused'; readonly why: string }
  | { readonly type: 'unreachable'; readonly why: string; readonly retryAfter: Millis | null };

/** One way to tell people. */
export interface Sender {
  readonly kind: 'json' | 'slack' | 'mail';
  /** The host that it speaks to, and nothing more of the address: the rest of it may be a secret. */
  readonly host: string;
  /** So many notices go in one message. */
  readonly most: number;
  /** Whether there is anybody to tell of it. */
  reaches(notice: Notice): boolean;
  /** Tries once; never throws. The signal cuts it off. */
  send(notices: readonly Notice[], now: Millis, signal: AbortSignal): Promise<Outcome>;
}

/** One try takes so long at most. */
export const LONGEST_TRY_MS: Millis = 15_000;

export function unreachable(why: string, retryAfter: Millis | null = null): Outcome {
  return { type: 'unreachable', why, retryAfter };
}

const CONDITIONS: Readonly<Record<string, string>> = {
  ABORT_ERR: 'it was cut off',
  EAI_AGAIN: 'its host cannot be looked up',
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'the connection broke off',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its network',
  ENOTFOUND: 'there is no such host',
  EPIPE: 'the connection broke off',
  ETIMEDOUT: 'it did not answer in time',
};

/** A failed connection in words of our own: messages of libraries quote what was sent. */
export function conditionOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code !== 'string') return cause === undefined ? 'the connection failed' : conditionOf(cause);
  const known = CONDITIONS[code];
  if (known !== undefined) return known;
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)
    ? `its certificate is not trusted (${code})`
    : `the connection failed (${code.slice(0, 40)})`;
}
