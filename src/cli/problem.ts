import { ERRORS, type ErrorCode, type Refusal, refuse } from '../core/error.ts';
import type { ProblemJson } from '../core/wire.ts';
import type { Answer } from './transport.ts';

/** The whole body, once it is there. */
export async function textOf(answer: Answer): Promise<string> {
  let text = '';
  await answer.read((more) => {
    text += more;
  });
  return text;
}

/** Reads a problem; where it is none, the status speaks for itself. */
export function refusalOf(answer: Answer, text: string): Refusal {
  const problem = problemIn(text);
  const retryAfter = Number(answer.headers['retry-after']);
  const wait = Number.isFinite(retryAfter) && retryAfter >= 0 ? { retryAfter } : {};
  return { ...refusalFrom(problem, answer.status), ...wait };
}

/** A problem as it comes, in a body or a stream, as a refusal. */
export function refusalFrom(problem: Partial<ProblemJson> | null, status = 500): Refusal {
  const code = problem?.code !== undefined && Object.hasOwn(ERRORS, problem.code) ? problem.code : codeOf(status);
  const more = {
    ...(typeof problem?.hint === 'string' ? { hint: problem.hint } : {}),
    ...(problem?.reason === undefined ? {} : { reason: problem.reason }),
  };
  return refuse(code, problem?.detail ?? `${ERRORS[code].sentence} (the daemon answered ${status})`, more);
}

function problemIn(text: string): Partial<ProblemJson> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Partial<ProblemJson>) : null;
  } catch {
    return null;
  }
}

function codeOf(status: number): ErrorCode {
  const code = (Object.keys(ERRORS) as ErrorCode[]).find((known) => ERRORS[known].status === status);
  return code ?? (status >= 500 ? 'internal' : 'usage');
}
