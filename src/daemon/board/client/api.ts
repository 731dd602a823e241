import type { ProblemJson } from '../../../core/wire.ts';

/** The daemon said no. */
export class Refused extends Error {
  constructor(
    readonly problem: Pick<ProblemJson, 'code' | 'detail' | 'hint'>,
    readonly status: number,
  ) {
    super(problem.detail);
  }
}

const RETRIES = 4;
const RETRY_MS = 700;
/** An answer takes as long as a commit; who is silent for longer is asked again. */
const PATIENCE_MS = 20_000;

/**
 * Asks the native API. Each request can be repeated, so one whose answer was lost is, before anybody is told. Throws a
 * Refused where the answer is no.
 */
export async function send(method: string, path: string, body?: unknown): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await once(method, path, body).catch(() => null);
    if (answer !== null && answer.status < 300) return answer.status === 204 ? null : answer.json();
    if (answer !== null && answer.status !== 503) throw await refusalOf(answer);
    if (attempt > RETRIES) {
      if (answer !== null) throw await refusalOf(answer);
      throw new Refused({ code: 'unreachable', detail: 'the daemon does not answer', hint: 'try again' }, 0);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
  }
}

function once(method: string, path: string, body: unknown): Promise<Response> {
  const csrf = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content;
  return fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(csrf === undefined ? {} : { 'x-rentabot-csrf': csrf }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

async function refusalOf(answer: Response): Promise<Refused> {
  const problem = (await answer.json().catch(() => null)) as ProblemJson | null;
  const unknown = { code: 'internal', detail: `the daemon answered ${answer.status}`, hint: '' } as const;
  return new Refused(problem ?? unknown, answer.status);
}
