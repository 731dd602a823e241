import type { EndReason } from './model.ts';

/**
 * Every way to say no, in one table. `status` is what the daemon answers, `exit` what the command line exits with
 * (codes from sysexits.h, and 124 from timeout(1)), `sentence` the general meaning, `hint` the next step when the
 * place that refuses has no better one. A test holds this table against docs/protocol.md and docs/cli.md.
 */
export const ERRORS = {
  usage: { status: 400, exit: 64, sentence: 'the call is wrong; nothing was asked', hint: 'see `rentabot help`' },
  impossible: {
    status: 422,
    exit: 65,
    sentence: 'no such resource, or never so many',
    hint: '`rentabot status` lists what exists',
  },
  unreachable: {
    status: null,
    exit: 69,
    sentence: 'no daemon answered',
    hint: 'is `rentabot serve` running, and is the url right?',
  },
  internal: {
    status: 500,
    exit: 70,
    sentence: 'a bug in rentabot',
    hint: 'please report it, with what the daemon logged',
  },
  busy: { status: 409, exit: 75, sentence: 'it is taken', hint: 'wait for it with `--wait`' },
  lost: {
    status: 410,
    exit: 76,
    sentence: 'the lease has ended',
    hint: 'ask again with a new lease id',
  },
  denied: { status: 403, exit: 77, sentence: 'not allowed', hint: 'use the secret that the lease was asked for with' },
  unauthorized: {
    status: 401,
    exit: 77,
    sentence: 'who are you',
    hint: 'log in with `rentabot login`, or give a token with RENTABOT_TOKEN',
  },
  config: { status: 422, exit: 78, sentence: 'a configuration file is wrong', hint: 'mend the file and try again' },
  timeout: { status: 408, exit: 124, sentence: 'gave up waiting', hint: 'wait longer with `--wait`' },
  conflict: {
    status: 409,
    exit: 64,
    sentence: 'this does not go with what there is',
    hint: 'mint a new id for a new want',
  },
  limit: { status: 429, exit: 75, sentence: 'a limit was hit', hint: 'try again later, or raise the limit' },
  unavailable: {
    status: 503,
    exit: 69,
    sentence: 'the daemon cannot answer now',
    hint: 'try again with the same id; nothing was changed',
  },
  'not-found': { status: 404, exit: 65, sentence: 'there is no such thing', hint: 'see /openapi.json for what exists' },
  'method-not-allowed': {
    status: 405,
    exit: 64,
    sentence: 'not with this method',
    hint: 'see /openapi.json for what exists',
  },
  'uri-too-long': { status: 414, exit: 64, sentence: 'the address is too long', hint: 'ask for less at once' },
  'headers-too-large': { status: 431, exit: 64, sentence: 'the headers are too large', hint: 'send fewer of them' },
} as const satisfies Readonly<Record<string, { status: number | null; exit: number; sentence: string; hint: string }>>;

export type ErrorCode = keyof typeof ERRORS;

/** An expected no, as a value. `detail` says what happened to which thing, `hint` what to do next. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  /** For `lost`: how the lease ended. */
  readonly reason?: EndReason;
  /** Only where the code's own status is too coarse: 413 and 415 are `usage`. */
  readonly status?: number;
  /** Seconds after which asking again makes sense. */
  readonly retryAfter?: number;
}

/** Makes a refusal; without a hint of its own it carries the table's. */
export function refuse(code: ErrorCode, detail: string, more: Partial<Omit<Refusal, 'code' | 'detail'>> = {}): Refusal {
  return { code, detail, hint: ERRORS[code].hint, ...more };
}

/** A refusal on its way up through code that cannot return one. */
export class RentabotError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.detail, options);
    this.name = 'RentabotError';
    this.refusal = refusal;
  }
}

/** The HTTP status a refusal is answered with. */
export function statusOf(refusal: Refusal): number {
  return refusal.status ?? ERRORS[refusal.code].status ?? 500;
}
