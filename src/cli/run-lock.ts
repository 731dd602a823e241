import { formatDuration, roughDuration } from '../core/duration.ts';
import type { Refusal } from '../core/error.ts';
import type { AcquireJson, BlockerJson, LeaseJson } from '../core/wire.ts';
import { acquire } from './acquire.ts';
import {
  type Command,
  type Exit,
  exitStatus,
  type NotStarted,
  prepareToStart,
  signalStatus,
  startCommand,
} from './child.ts';
import { recogniseCi } from './ci.ts';
import type { Client } from './client.ts';
import { commandEnvironment, markOf } from './environment.ts';
import { type ExitName, type ExitOverrides, exitCodeOf, exitNameOf, sentenceOf } from './exit.ts';
import { mintId, mintSecret } from './ids.ts';
import { HeldLease, type Loss } from './lease.ts';
import type { LockPlan } from './lock-plan.ts';
import type { ResultJson } from './result-file.ts';
import { lossSentence, messageSentence, nameOf, namesOf } from './sentences.ts';
import type { Signals } from './signals.ts';
import type { Talk } from './talk.ts';
import { printable } from './text.ts';
import { type Mono, mono, sleep } from './time.ts';
import { obstacles, WaitingDisplay } from './waiting.ts';
import { describeTyped } from './wants.ts';

/**
 * One `lock`, from asking to giving back:
 *
 *     acquire ──▶ held ──▶ command runs ──▶ tree is gone ──▶ released
 *        │                  │ exits, is lost, runs out of time, cannot start: the first counts
 *        └▶ refused, interrupted
 *
 * Every way out after the grant passes one `finally`, which releases once.
 */
export interface LockWorld {
  readonly client: Client;
  readonly talk: Talk;
  readonly signals: Signals;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly caller: { readonly name: string; readonly host: string };
  readonly overrides: ExitOverrides;
}

/** A command shorter than this never opens the lease's stream, which would cost it a connection. */
const LISTEN_AFTER_MS = 200;
const LEAVE_WITHIN_MS = 2000;
const EXPLAIN_WITHIN_MS = 1000;

export async function runLock(plan: LockPlan, world: LockWorld): Promise<ResultJson> {
  const askedAt = mono();
  const id = mintId();
  const secret = mintSecret();
  const display = new WaitingDisplay(world.talk, describeTyped(plan.wants));
  // While the daemon thinks; after the request is on its way.
  setImmediate(() => void prepareToStart());
  const acquired = await acquire(
    world.client,
    { id, body: requestOf(plan, world, secret), wait: plan.wait, connectTimeout: plan.daemon.connectTimeout },
    { waiting: (update) => display.waiting(update), trouble: (sentence) => display.hampered(sentence) },
    world.signals.stopped,
  ).finally(() => display.stop());
  const waited = mono() - askedAt;
  if (acquired.type !== 'held') {
    const settled = acquired.type === 'refused' && acquired.settled;
    if (!settled) await leave(world, id, secret);
    if (acquired.type === 'interrupted') return interrupted(world, waited);
    return refused(await explained(acquired.refusal, plan, world, display.blockers, waited), world, waited);
  }
  if (display.wasShown) {
    world.talk.say('held', `got ${namesOf(acquired.lease)} after ${roughDuration(waited)}`, { lease: acquired.lease });
  } else world.talk.detail('held', `got ${namesOf(acquired.lease)} at once`, { lease: acquired.lease });
  return holdAndRun(plan, world, { lease: acquired.lease, sentAt: acquired.sentAt, secret, waited });
}

interface Grant {
  readonly lease: LeaseJson;
  readonly sentAt: Mono;
  readonly secret: string;
  /** Milliseconds. */
  readonly waited: number;
}

async function holdAndRun(plan: LockPlan, world: LockWorld, grant: Grant): Promise<ResultJson> {
  const { client, talk, signals } = world;
  const since = mono();
  const lease = new HeldLease(client, grant.lease, grant.sentAt, {
    secret: grant.secret,
    grace: plan.grace,
    onMessage: ({ by, reason, type, at }) =>
      talk.say(type, messageSentence(type, by, reason, grant.lease), { by, reason, at }),
    onTrouble: (sentence, left) =>
      talk.say(
        'trouble',
        `${sentence}; ${nameOf(plan.argv)} goes on, and is stopped in ${roughDuration(left)} unless that changes`,
      ),
  });
  let ending: Ending | null = null;
  try {
    ending = await runUnder(lease, plan, world);
  } finally {
    signals.commandEnded();
    if (ending?.isTreeGone === false) lease.abandon();
    else await giveBack(lease, ending, plan, world);
  }
  const { resources, id, fence } = grant.lease;
  return {
    outcome: ending.name,
    exitCode: ending.exitCode,
    signal: ending.signal,
    waited: seconds(grant.waited),
    held: seconds(mono() - since),
    lease: { id, fence, resources: resources.map((one) => ({ id: one.id, name: one.name, fence: one.fence })) },
  };
}

/** The daemon that a lease was lost to by silence will hardly hear its release either, and nobody waits for that. */
async function giveBack(
  lease: HeldLease,
  ending: Ending | null,
  plan: LockPlan,
  { talk, signals }: LockWorld,
): Promise<void> {
  const isLost = ending?.name === 'lost';
  const released = await lease.release(signals.hurried, isLost ? LEAVE_WITHIN_MS : undefined);
  if (released || isLost) return;
  const until = formatDuration(plan.ttl);
  talk.say('unreleased', `${namesOf(lease.lease)} could not be given back; it will be free in ${until} at the latest`);
}

/** How it came out, and whether nothing of the command is left. */
interface Ending {
  readonly name: ResultJson['outcome'];
  readonly exitCode: number;
  readonly signal: string | null;
  readonly isTreeGone: boolean;
}

async function runUnder(lease: HeldLease, plan: LockPlan, world: LockWorld): Promise<Ending> {
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
  const command = await startCommand(
    plan.argv,
    commandEnvironment(world.env, lease.lease, client.url, markOf(lease.lease.id)),
  );
  if ('detail' in command) return notStarted(command, talk);
  signals.forwardTo((signal) => command.forward(signal));
  // It came while the command was being started.
  if (signals.first !== null) command.forward(signals.first);
  const listening = setTimeout(() => void lease.listen(), LISTEN_AFTER_MS);
  try {
    const cause = await firstCause(command, lease, plan);
    const isTreeGone = await endTree(command, cause, lease, plan);
    if (!isTreeGone)
      talk.say('survivors', `something of ${nameOf(plan.argv)} could not be ended; the lease runs out by itself`);
    return endingOf(cause, lease, plan, world, isTreeGone);
  } catch (error) {
    // Whatever broke here, nothing of the command may be left when the lease is released.
    await command.end(lease.grace, () => lease.deadBy);
    throw error;
  } finally {
    clearTimeout(listening);
  }
}

type Cause =
  | { readonly type: 'exit'; readonly exit: Exit }
  | { readonly type: 'lost'; readonly loss: Loss }
  | { readonly type: 'timeout' };

/** What ends the run; of several the first. */
async function firstCause(command: Command, lease: HeldLease, plan: LockPlan): Promise<Cause> {
  const over = new AbortController();
  const lost = new Promise<Cause>((resolve) => {
    const lose = (): void => resolve({ type: 'lost', loss: lease.lost.reason as Loss });
    if (lease.lost.aborted) lose();
    else lease.lost.addEventListener('abort', lose, { once: true, signal: over.signal });
  });
  const causes = [command.exited.then((exit): Cause => ({ type: 'exit', exit })), lost];
  if (plan.timeout !== null) causes.push(timeOf(command, plan.timeout, over.signal));
  try {
    return await Promise.race(causes);
  } finally {
    over.abort();
  }
}

async function timeOf(command: Command, timeout: number, signal: AbortSignal): Promise<Cause> {
  while (mono() < command.since + timeout && !signal.aborted) await sleep(command.since + timeout - mono(), signal);
  return { type: 'timeout' };
}

/** Nothing of the command may be left when the lease goes; the lease's deadline presses meanwhile, and may move. */
async function endTree(command: Command, cause: Cause, lease: HeldLease, { grace }: LockPlan): Promise<boolean> {
  if (cause.type === 'exit' && !command.hasLeftovers()) return true;
  const over = cause.type === 'lost' && cause.loss.cause === 'ended';
  return command.end(over ? 0 : cause.type === 'lost' ? lease.grace : grace, () => lease.deadBy);
}

function endingOf(
  cause: Cause,
  lease: HeldLease,
  plan: LockPlan,
  { talk, overrides }: LockWorld,
  isTreeGone: boolean,
): Ending {
  switch (cause.type) {
    case 'exit': {
      const signal = cause.exit.type === 'signalled' ? cause.exit.signal : null;
      return { name: 'completed', exitCode: exitStatus(cause.exit), signal, isTreeGone };
    }
    case 'lost':
      talk.fail('lost', `${lossSentence(cause.loss, lease.lease)}: ${nameOf(plan.argv)} was stopped`, {
        loss: cause.loss,
      });
      return { name: 'lost', exitCode: exitCodeOf('lost', overrides), signal: null, isTreeGone };
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

function requestOf(plan: LockPlan, { env, caller }: LockWorld, secret: string): AcquireJson {
  const ci = recogniseCi(env);
  return {
    secret,
    want: plan.wants,
    ttl: plan.ttl / 1000,
    wait: plan.wait === null ? null : plan.wait / 1000,
    priority: plan.priority,
    note: plan.note ?? ci.note ?? '',
    holder: { name: ci.name ?? caller.name, host: caller.host, link: ci.link },
    guarded: true,
  };
}

/** Takes us out of the queue, and out of a grant that may have been on its way. Best effort: silence does the same. */
async function leave({ client, signals }: LockWorld, id: string, secret: string): Promise<void> {
  const limit = AbortSignal.any([AbortSignal.timeout(LEAVE_WITHIN_MS), signals.hurried]);
  await client.release(id, secret, { within: LEAVE_WITHIN_MS, signal: limit }).catch(() => null);
}

/** Says who stood in the way: whoever gets no resource wants to know whom to ask. */
async function explained(
  refusal: Refusal,
  plan: LockPlan,
  { client }: LockWorld,
  known: readonly BlockerJson[],
  waited: number,
): Promise<Refusal> {
  if (refusal.code !== 'busy' && refusal.code !== 'timeout') return refusal;
  const wanted = describeTyped(plan.wants);
  const asked =
    refusal.code === 'timeout' ? null : await client.why(plan.wants, { within: EXPLAIN_WITHIN_MS }).catch(() => null);
  const blockers = asked?.type === 'ok' ? asked.body.blockers : known;
  if (refusal.code === 'busy') {
    return blockers.length === 0 ? refusal : { ...refusal, detail: obstacles('', blockers, Date.now()).join('; ') };
  }
  const who = blockers.length === 0 ? refusal.detail : obstacles(wanted, blockers, Date.now()).join('; ');
  return { ...refusal, detail: `gave up waiting for ${wanted} after ${roughDuration(waited)}: ${who}` };
}

function refused(refusal: Refusal, { talk, overrides }: LockWorld, waited: number): ResultJson {
  const name: ExitName = exitNameOf(refusal.code);
  talk.fail(name, printableLines(sentenceOf(refusal)), { code: refusal.code, hint: refusal.hint });
  return notGranted(name, exitCodeOf(name, overrides), null, waited);
}

function interrupted({ talk, signals }: LockWorld, waited: number): ResultJson {
  const signal = signals.first ?? 'SIGINT';
  talk.say('interrupted', `left the queue after ${roughDuration(waited)} (${signal})`);
  return notGranted('not-started', signalStatus(signal), signal, waited);
}

export function notGranted(
  outcome: ResultJson['outcome'],
  exitCode: number,
  signal: string | null,
  waited: number,
): ResultJson {
  return { outcome, exitCode, signal, waited: seconds(waited), held: 0, lease: null };
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
