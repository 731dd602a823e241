import { ERRORS, type Refusal, RentabotError, refuse, statusOf } from '../core/error.ts';
import { PROTOCOL, PROTOCOL_HEADER, type ProblemJson, VERSION_HEADER } from '../core/wire.ts';
import { textResponse } from './fast-lane.ts';

/** Said with every answer, so that a client knows whom it talks to without asking. */
export const STANDING_HEADERS = {
  [VERSION_HEADER]: RENTABOT_VERSION,
  [PROTOCOL_HEADER]: String(PROTOCOL),
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

const JSON_HEADERS = { ...STANDING_HEADERS, 'content-type': 'application/json' } as const;

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return textResponse(JSON.stringify(body), status, { ...JSON_HEADERS, ...headers });
}

export function noContent(): Response {
  return textResponse(null, 204, STANDING_HEADERS);
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
export function problem(refusal: Refusal): Response {
  const { retryAfter } = refusal;
  return textResponse(JSON.stringify(problemOf(refusal)), statusOf(refusal), {
    ...STANDING_HEADERS,
    'content-type': 'application/problem+json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
}

/** What a thrown thing is answered with: an expected no as it is, anything else as our own fault, without its words. */
export function refusalFrom(error: unknown): Refusal {
  if (error instanceof RentabotError) return error.refusal;
  return refuse('internal', 'something went wrong in the daemon; its log has the details');
}
