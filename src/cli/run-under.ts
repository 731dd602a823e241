import { isatty } from 'node:tty';
import { formatDuration } from '../core/duration.ts';
import { type Command, type Exit, exitStatus, type NotStarted, signalStatus, startCommand } from './child.ts';
import { type CommandLease, commandEnvironment } from './environment.ts';
import { EXIT_CODES, exitCodeOf } from './exit.ts';
import type { Guard } from './guard.ts';
import { JobControl } from './job-control.ts';
import type { Hold, Loss } from './lease.ts';
import type { LockPlan } from './lock-plan.ts';
import type { ResultJson } from './result-file.ts';
import type { LockWorld } from './run-lock.ts';
import { lossSentence, nameOf } from './sentences.ts';
import { STOPPING } from './signals.ts';
import type { Talk } from './talk.ts';
import { mono, sleep } from './time.ts';

/**
 * A command under a lease: started, told what we are told, and ended with all that it started. What ends it is the
 * first of: it exits, the lease is lost, its time is over.
 */
export interface Run {
  /** By which its descendants are recognised. */
  readonly mark: string;
  readonly guard: Guard;
  /** What the command is told of, where that is more than the lease. */
  readonly shown?: CommandLease;
}

/** A command shorter than this never opens the lease's stream, which would cost it a connection. */
const LISTEN_AFTER_MS = 200;
const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 250;

/** How it came out, and whether nothing of the command is left. */
export interface Ending {
  readonly name: ResultJson['outcome'];
  readonly exitCode: number;
  readonly signal: string | null;
  readonly isTreeGone: boolean;
  /** The lease outlives us, so it is not given back. */
  readonly isKept?: true;
}

/** Whether the command ran, and came to no good end. */
export function hasFailed({ name, exitCode }: Ending): boolean {
  return name === 'timeout' || (name === 'completed' && exitCode !== 0);
}

/**
 * What the daemon is told of how the command ended: its own code, or that of timeout(1). Null where it did not run to an
 * end of its own making: nobody can judge a resource by that.
 */
export function exitToTell({ name, exitCode }: Ending): number | null {
  if (name === 'timeout') return EXIT_CODES.timeout;
  return name === 'completed' ? exitCode : null;
}

export async function runUnder(
  lease: Hold,
  plan: LockPlan,
  world: LockWorld,
  { mark, guard, shown }: Run,
): Promise<Ending> {
  const { client, signals, talk } = world;
  if (lease.isStale) await lease.refresh(signals.stopped).catch(() => false);
  // One turn, for a signal that arrived together with the grant.
  await new Promise((resolve) => setImmediate(resolve));
  if (signals.first !== null)
    return { name: 'not-started', exitCode: signalStatus(signals.first), signal: signals.first, isTreeGone: true };
  if (lease.lost.aborted) {
    talk.fail('lost', `${lossSentence(lease.lost.reason as Loss, lease.lease)} before the command could start`);
    return { name: 'lost', exitCode: exitCodeOf('lost', world.overrides), signal: null, isTreeGone: true };
  }
  lease.keep();
  const command = await startCommand(plan.argv, commandEnvironment(world.env, shown ?? lease.lease, client.url, mark));
  if ('detail' in command) return notStarted(command, talk);
  guard.onCgroup = (folder) => command.enclosed(folder);
  guard.command(command);
  void command.exited.then(() => guard.reaped());
  signals.forwardTo((signal) => command.forward(signal));
  // It came while the command was being started.
  if (signals.first !== null) command.forward(signals.first);
  const jobControl = isatty(0) && Number.isFinite(lease.deadBy) ? new JobControl(lease, plan.argv, talk) : null;
  const listening = setTimeout(() => void lease.listen(), LISTEN_AFTER_MS);
  try {
    const first = overtaken(await firstCause(command, lease, plan, world), lease);
    const isTreeGone = await endTree(command, first, lease, plan, talk);
    const cause = overtaken(first, lease);
    if (!isTreeGone)
      talk.say('survivors', `something of ${nameOf(plan.argv)} could not be ended; the lease runs out by itself`);
    return endingOf(cause, lease, plan, world, isTreeGone);
  } catch (error) {
    // Whatever broke here, nothing of the command may be left when the lease is released.
    await command.end(lease.grace, () => lease.deadBy);
    throw error;
  } finally {
    clearTimeout(listening);
    jobControl?.close();
  }
}

type Cause =
  | { readonly type: 'exit'; readonly exit: Exit }
  /** `ended`: the command had ended by itself, nobody knows when. */
  | { readonly type: 'lost'; readonly loss: Loss; readonly ended: boolean }
  | { readonly type: 'timeout' };

/** What ends the run; of several the first. */
async function firstCause(command: Command, lease: Hold, plan: LockPlan, world: LockWorld): Promise<Cause> {
  const over = new AbortController();
  const lost = new Promise<Cause>((resolve) => {
    const lose = (): void => resolve({ type: 'lost', loss: lease.lost.reason as Loss, ended: false });
    if (lease.lost.aborted) lose();
    else lease.lost.addEventListener('abort', lose, { once: true, signal: over.signal });
  });
  const ended = plan.leftovers === 'wait' ? endOfAll(command, plan, world, over.signal) : command.exited;
  const causes = [ended.then((exit): Cause => ({ type: 'exit', exit })), lost];
  if (plan.timeout !== null) causes.push(timeOf(command, plan.timeout, over.signal));
  try {
    return await Promise.race(causes);
  } finally {
    over.abort();
  }
}

/** With `--leftovers wait` it ends with the last of what it started; a signal that means "stop" ends what is left. */
async function endOfAll(
  command: Command,
  { argv }: LockPlan,
  { signals, talk }: LockWorld,
  over: AbortSignal,
): Promise<Exit> {
  const exit = await command.exited;
  if (!command.hasLeftovers()) return exit;
  const stop = new AbortController();
  signals.forwardTo((signal) => (STOPPING.has(signal) ? stop.abort() : command.forward(signal)));
  over.addEventListener('abort', () => stop.abort(), { once: true });
  if (over.aborted) stop.abort();
  else talk.say('leftovers', `${nameOf(argv)} has ended; waiting for what it left running`);
  for (let pause = FIRST_LOOK_MS; !stop.signal.aborted; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
    await sleep(pause, stop.signal);
    if (!command.hasLeftovers()) break;
  }
  return exit;
}

/** A command whose end we only saw, or brought about, when the lease was over may have met the next holder. */
function overtaken(cause: Cause, lease: Hold): Cause {
  if (cause.type === 'lost') return cause;
  const isOverdue = lease.isOverdue;
  if (isOverdue) lease.tooLate();
  const loss = lease.lost.aborted ? (lease.lost.reason as Loss) : null;
  return loss && (isOverdue || loss.cause === 'ended') ? { type: 'lost', loss, ended: cause.type === 'exit' } : cause;
}

async function timeOf(command: Command, timeout: number, signal: AbortSignal): Promise<Cause> {
  while (mono() < command.since + timeout && !signal.aborted) await sleep(command.since + timeout - mono(), signal);
  return { type: 'timeout' };
}

/** Nothing of the command may be left when the lease goes; the lease's deadline presses meanwhile, and may move. */
async function endTree(
  command: Command,
  cause: Cause,
  lease: Hold,
  { grace, leftovers, argv }: LockPlan,
  talk: Talk,
): Promise<boolean> {
  if (cause.type === 'exit' && !command.hasLeftovers()) return true;
  if (cause.type === 'exit' && leftovers === 'ignore') {
    talk.detail('leftovers', `${nameOf(argv)} has ended; what it left running goes on without the lease`);
    return true;
  }
  const over = cause.type === 'lost' && cause.loss.cause === 'ended';
  return command.end(over ? 0 : cause.type === 'lost' ? lease.grace : grace, () => lease.deadBy);
}

function endingOf(
  cause: Cause,
  lease: Hold,
  plan: LockPlan,
  { talk, overrides }: LockWorld,
  isTreeGone: boolean,
): Ending {
  switch (cause.type) {
    case 'exit': {
      const signal = cause.exit.type === 'signalled' ? cause.exit.signal : null;
      return { name: 'completed', exitCode: exitStatus(cause.exit), signal, isTreeGone };
    }
    case 'lost': {
      const what = cause.ended ? 'has ended, perhaps too late' : 'was stopped';
      const sentence = `${lossSentence(cause.loss, lease.lease)}: ${nameOf(plan.argv)} ${what}`;
      talk.fail('lost', sentence, { loss: cause.loss });
      return { name: 'lost', exitCode: exitCodeOf('lost', overrides), signal: null, isTreeGone };
    }
    case 'timeout':
      talk.fail(
        'timeout',
        `${nameOf(plan.argv)} ran longer than ${formatDuration(plan.timeout ?? 0)} and was stopped; --timeout gives it longer`,
      );
      return { name: 'timeout', exitCode: exitCodeOf('timeout', overrides), signal: null, isTreeGone };
    default:
      return cause satisfies never;
  }
}

function notStarted({ code, detail }: NotStarted, talk: Talk): Ending {
  talk.fail('not-started', detail);
  return { name: 'not-started', exitCode: code, signal: null, isTreeGone: true };
}
