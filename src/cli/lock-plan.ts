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
  readonly leftovers: string;
  readonly keepOnFailure?: string;
  readonly detachLease?: string;
  readonly adopt?: string;
  readonly secretFile?: string;
}

/** What becomes of what the command leaves behind when it ends. */
export type Leftovers = 'kill' | 'wait' | 'ignore';

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
  readonly leftovers: Leftovers;
  /** How long to hold on as a claim if the command fails; null for not at all. */
  readonly keepFor: number | null;
  /** The file in which the lease is left for whoever adopts it; null to give it back. */
  readonly detachTo: string | null;
  /** What to take over in the place of asking: a file or the id of a lease, whose secret is elsewhere. */
  readonly adopt: { readonly lease: string; readonly secretFile: string | null } | null;
}

/** As `--help` shows them. */
export const TTL = '30s';
export const PRIORITY = '0';

const WANT_HINT = 'say what to hold: -n NAME, --id N, -t TAG or -w EXPR';
const COMMAND_HINT = 'for example: rentabot lock -n board-1 -- make test';

/** Checks everything that can be checked without asking anybody. */
export function planLock(
  typed: readonly TypedWant[],
  options: LockOptions,
  argv: readonly string[],
): LockPlan | Refusal {
  const wants = options.adopt === undefined ? readAsked(typed, options) : refuseAsking(typed, options);
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
  const after = readAfter(options);
  if ('code' in after) return after;
  return { wants, argv: [file, ...args], ...times, priority, note: options.note ?? null, daemon, ...after };
}

function readAsked(typed: readonly TypedWant[], options: LockOptions): readonly WantJson[] | Refusal {
  if (options.secretFile !== undefined)
    return refuse('usage', '--secret-file goes with --adopt, and there is none', { hint: '' });
  if (typed.length > 0) return readWants(typed, options);
  return refuse('usage', 'nothing is wanted', { hint: `${WANT_HINT}; ${COMMAND_HINT}` });
}

/** An adopted lease was asked for by somebody else, who said all that there is to say about it. */
function refuseAsking(typed: readonly TypedWant[], options: LockOptions): readonly WantJson[] | Refusal {
  const { count, shared, exclusive, wait, note, priority, ttl } = options;
  const asking = {
    'a want': typed.length > 0,
    '--count': count !== undefined,
    '--shared': shared,
    '--exclusive': exclusive,
    '--wait': typeof wait === 'string',
    '--no-wait': wait === false,
    '--note': note !== undefined,
    '--priority': priority !== PRIORITY,
    '--ttl': ttl !== TTL,
  };
  const found = Object.entries(asking).find(([, given]) => given)?.[0];
  if (found === undefined) return [];
  return refuse('usage', `--adopt takes over a lease as it is, and ${found} is about asking for one`, {
    hint: 'what the lease holds and its ttl were said when it was asked for',
  });
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

type After = Pick<LockPlan, 'leftovers' | 'keepFor' | 'detachTo' | 'adopt'>;

/** What happens when the command has ended. */
function readAfter({ leftovers, keepOnFailure, detachLease, adopt, secretFile }: LockOptions): After | Refusal {
  if (leftovers !== 'kill' && leftovers !== 'wait' && leftovers !== 'ignore') {
    return refuse('usage', `--leftovers is wait, kill or ignore, not ${JSON.stringify(leftovers)}`, { hint: '' });
  }
  const keepFor = keepOnFailure === undefined ? null : readDuration('--keep-on-failure', keepOnFailure);
  if (keepFor !== null && typeof keepFor !== 'number') return keepFor;
  if (keepFor !== null && detachLease !== undefined) {
    return refuse('usage', '--keep-on-failure and --detach-lease exclude each other', {
      hint: 'a detached lease outlives the command for its --ttl, however it ends',
    });
  }
  if (detachLease === '-' || detachLease === '')
    return refuse('usage', '--detach-lease needs a file, since it has a secret in it', { hint: '' });
  if (adopt === '') return refuse('usage', '--adopt: neither a file nor a lease has an empty name', { hint: '' });
  return {
    leftovers,
    keepFor: keepFor === 0 ? null : keepFor,
    detachTo: detachLease ?? null,
    adopt: adopt === undefined ? null : { lease: adopt, secretFile: secretFile ?? null },
  };
}
