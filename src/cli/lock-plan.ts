import { formatDuration } from '../core/duration.ts';
import { type Refusal, refuse } from '../core/error.ts';
import { HIGHEST_PRIORITY, TTL_RANGE_S, type WantJson } from '../core/wire.ts';
import { type ExitOverrides, parseExitOverride } from './exit.ts';
import type { DaemonChoice } from './find-daemon.ts';
import { type CommonOptions, readDaemonChoice, readDuration } from './options.ts';
import { readWants, type TypedWant } from './wants.ts';

/** The options of `lock` as they were typed. */
export interface LockOptions extends CommonOptions {
  readonly count?: string;
  readonly shared?: boolean;
  readonly exclusive?: boolean;
  /** False is `--no-wait`. */
  readonly wait?: string | boolean;
  readonly ttl: string;
  readonly timeout?: string;
  readonly grace: string;
  readonly priority: string;
  readonly note?: string;
  readonly exitCode?: readonly string[];
  readonly resultFile?: string;
}

/** What one `lock` shall do. Times are milliseconds. */
export interface LockPlan {
  readonly wants: readonly WantJson[];
  readonly argv: readonly [string, ...string[]];
  /** Longest time in the queue; null for ever, 0 asks once. */
  readonly wait: number | null;
  readonly ttl: number;
  /** Longest time of the command; null for no limit. */
  readonly timeout: number | null;
  readonly grace: number;
  readonly priority: number;
  readonly note: string | null;
  readonly daemon: DaemonChoice;
}

const WANT_HINT = 'say what to hold: -n NAME, --id N, -t TAG or -w EXPR';
const COMMAND_HINT = 'for example: rentabot lock -n board-1 -- make test';

/** Checks everything that can be checked without asking anybody. */
export function planLock(
  typed: readonly TypedWant[],
  options: LockOptions,
  argv: readonly string[],
): LockPlan | Refusal {
  if (typed.length === 0) return refuse('usage', 'nothing is wanted', { hint: `${WANT_HINT}; ${COMMAND_HINT}` });
  const wants = readWants(typed, options);
  if ('code' in wants) return wants;
  const [file, ...args] = argv;
  if (file === undefined) return refuse('usage', 'there is no command to run', { hint: COMMAND_HINT });
  const times = readTimes(options);
  if ('code' in times) return times;
  const daemon = readDaemonChoice(options);
  if ('code' in daemon) return daemon;
  const priority = /^[+-]?\d{1,7}$/.test(options.priority) ? Number(options.priority) : Number.NaN;
  if (!(Math.abs(priority) <= HIGHEST_PRIORITY)) {
    return refuse(
      'usage',
      `--priority: ${JSON.stringify(options.priority)} is no whole number up to ${HIGHEST_PRIORITY}`,
      {
        hint: 'higher comes first; 0 is usual',
      },
    );
  }
  return { wants, argv: [file, ...args], ...times, priority, note: options.note ?? null, daemon };
}

/** Reads all of `--exit-code`; as many as are right count even when one is wrong. */
export function readOverrides(texts: readonly string[]): { overrides: ExitOverrides; problem: Refusal | null } {
  const overrides: Partial<Record<keyof ExitOverrides, number>> = {};
  let problem: Refusal | null = null;
  for (const text of texts) {
    const read = parseExitOverride(text);
    if (typeof read === 'string')
      problem ??= refuse('usage', `--exit-code: ${read}`, { hint: 'for example --exit-code busy=1' });
    else overrides[read.name] = read.code;
  }
  return { overrides, problem };
}

type Times = Pick<LockPlan, 'wait' | 'ttl' | 'timeout' | 'grace'>;

function readTimes(options: LockOptions): Times | Refusal {
  const wait =
    options.wait === false ? 0 : typeof options.wait === 'string' ? readDuration('--wait', options.wait) : null;
  if (wait !== null && typeof wait !== 'number') return wait;
  const ttl = readDuration('--ttl', options.ttl);
  if (typeof ttl !== 'number') return ttl;
  const { min, max } = TTL_RANGE_S;
  if (ttl < min * 1000 || ttl > max * 1000) {
    const range = `${formatDuration(min * 1000)} to ${formatDuration(max * 1000)}`;
    return refuse('usage', `--ttl is ${range}, not ${options.ttl}`, { hint: '30s is usual' });
  }
  const timeout = options.timeout === undefined ? null : readDuration('--timeout', options.timeout);
  if (timeout !== null && typeof timeout !== 'number') return timeout;
  const grace = readDuration('--grace', options.grace);
  if (typeof grace !== 'number') return grace;
  // As in timeout(1), 0 is no limit.
  return { wait, ttl, timeout: timeout === 0 ? null : timeout, grace };
}
