import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { ERRORS, type ErrorCode, type Refusal, RentabotError, refuse, statusOf } from '../core/error.ts';
import { PROTOCOL, PROTOCOL_HEADER, type ProblemJson, VERSION_HEADER } from '../core/wire.ts';

/** Said with every answer, so that a client knows whom it talks to without asking. */
export const STANDING_HEADERS = {
  [VERSION_HEADER]: RENTABOT_VERSION,
  [PROTOCOL_HEADER]: String(PROTOCOL),
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

/** An answer as plain data: making a Response would cost more than all else in a small one. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | null;
  /** Of a problem, to be counted. */
  readonly code?: ErrorCode;
}

/** What a route answers with: a Response only where it is a stream. */
export type Answer = Reply | Response;

/** The answer of a route that writes to the connection itself. */
export const SENT: Response = RESPONSE_ALREADY_SENT;

/** As the framework wants it. It puts a Response of its own in the place of the platform's, which `SENT` is one of. */
export function toResponse(answer: Answer): Response {
  return answer === SENT || answer instanceof Response ? answer : new Response(answer.text, answer);
}

const JSON_HEADERS = { ...STANDING_HEADERS, 'content-type': 'application/json' } as const;

export function json(body: unknown, status = 200): Reply {
  return { status, headers: JSON_HEADERS, text: JSON.stringify(body) };
}

/** Anything else that is text. */
export function text(text: string, headers: Readonly<Record<string, string>>): Reply {
  return { status: 200, headers: { ...STANDING_HEADERS, ...headers }, text };
}

export function noContent(): Reply {
  return { status: 204, headers: STANDING_HEADERS, text: null };
}

export function problemOf(refusal: Refusal): ProblemJson {
  const { code, detail, hint, reason } = refusal;
  const problem = {
    type: `urn:rentabot:problem:${code}`,
    title: ERRORS[code].sentence,
    status: statusOf(refusal),
    code,
    detail,
    hint,
  };
  return reason === undefined ? problem : { ...problem, reason };
}

/** A refusal as RFC 9457 has it. */
export function problem(refusal: Refusal, more: Readonly<Record<string, string>> = {}): Reply {
  const { retryAfter } = refusal;
  const headers = { ...STANDING_HEADERS, 'content-type': 'application/problem+json', ...more };
  return {
    status: statusOf(refusal),
    headers: retryAfter === undefined ? headers : { ...headers, 'retry-after': String(retryAfter) },
    text: JSON.stringify(problemOf(refusal)),
    code: refusal.code,
  };
}

/** What a thrown thing is answered with: an expected no as it is, anything else as our own fault, without its words. */
export function refusalFrom(error: unknown): Refusal {
  if (error instanceof RentabotError) return error.refusal;
  return refuse('internal', 'something went wrong in the daemon; its log has the details');
}
