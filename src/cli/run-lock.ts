import { formatDuration, roughDuration } from '../core/duration.ts';
import type { Refusal } from '../core/error.ts';
import type { AcquireJson, LeaseJson } from '../core/wire.ts';
import { acquire } from './acquire.ts';
import type { Adopted } from './adopt.ts';
import { signalStatus } from './child.ts';
import { recogniseCi } from './ci.ts';
import type { Client } from './client.ts';
import { type CommandLease, markOf } from './environment.ts';
import { type ExitName, type ExitOverrides, exitCodeOf, exitNameOf, sentenceOf } from './exit.ts';
import { explained, printableLines } from './explain.ts';
import { Guard } from './guard.ts';
import { mintId, mintSecret } from './ids.ts';
import { HeldLease, type Hold } from './lease.ts';
import type { LockPlan } from './lock-plan.ts';
import type { ResultJson } from './result-file.ts';
import { type Ending, exitToTell, hasFailed, type Run, runUnder } from './run-under.ts';
import { messageSentence, nameOf, namesOf } from './sentences.ts';
import type { Signals } from './signals.ts';
import type { Talk } from './talk.ts';

import { type Mono, mono } from './time.ts';
import { WaitingDisplay } from './waiting.ts';
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
  /** What starts this program once more; null runs without a guard. */
  readonly self: readonly [string, ...string[]] | null;
}

const LEAVE_WITHIN_MS = 2000;

export async function runLock(plan: LockPlan, world: LockWorld, adopted: Adopted | null = null): Promise<ResultJson> {
  const askedAt = mono();
  if (adopted !== null) return runAdopted(plan, world, adopted);
  if (!world.env.RENTABOT_HELD) return acquireAndRun(plan, world, askedAt);
  const { lookAround } = await import('./nested.ts');
  const { client, env, signals } = world;
  const around = await lookAround(plan, { client, env, stopped: signals.stopped });
  switch (around.type) {
    case 'alone':
      return acquireAndRun(plan, world, askedAt);
    case 'partly':
      return acquireAndRun({ ...plan, wants: around.rest }, world, askedAt, around.join);
    case 'covered':
      return runInside(plan, world, around);
    case 'refused':
      return refused(around.refusal, world, mono() - askedAt);
    case 'interrupted':
      return interrupted(world, mono() - askedAt, 'gave up asking');
    default:
      return around satisfies never;
  }
}

/** `join` adds what a lock around us holds already. */
async function acquireAndRun(
  plan: LockPlan,
  world: LockWorld,
  askedAt: Mono,
  join?: (lease: LeaseJson) => CommandLease,
): Promise<ResultJson> {
  const id = mintId();
  const secret = mintSecret();
  const display = new WaitingDisplay(world.talk, describeTyped(plan.wants));
  const mark = markOf(id);
  const guarding = startGuard(plan, world, { id, secret, mark, ttl: plan.ttl });
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
    (await guarding).done();
    if (acquired.type === 'interrupted') return interrupted(world, waited);
    return refused(
      await explained(acquired.refusal, plan.wants, world.client, { blockers: display.blockers, waited }),
      world,
      waited,
    );
  }
  if (display.wasShown) {
    world.talk.say('held', `got ${namesOf(acquired.lease)} after ${roughDuration(waited)}`, { lease: acquired.lease });
  } else world.talk.detail('held', `got ${namesOf(acquired.lease)} at once`, { lease: acquired.lease });
  return holdAndRun(plan, world, {
    lease: acquired.lease,
    sentAt: acquired.sentAt,
    secret,
    waited,
    mark,
    guard: await guarding,
    ...(join ? { shown: join(acquired.lease) } : {}),
  });
}

async function runAdopted(plan: LockPlan, world: LockWorld, adopted: Adopted): Promise<ResultJson> {
  const { client, signals } = world;
  const { takeOver, forget } = await import('./adopt.ts');
  const taken = await takeOver(client, adopted, { within: plan.daemon.connectTimeout, signal: signals.stopped });
  if (taken.type === 'interrupted') return interrupted(world, 0, 'gave up adopting the lease');
  if (taken.type === 'refused') return refused(taken.refusal, world, 0);
  const { lease, sentAt } = taken;
  const mark = markOf(lease.id);
  const guard = await startGuard(plan, world, { id: lease.id, secret: adopted.secret, mark, ttl: lease.ttl * 1000 });
  const onReleased = (): void => forget(adopted, world.talk);
  return holdAndRun(plan, world, { lease, sentAt, secret: adopted.secret, waited: 0, mark, guard, onReleased });
}

/** Everything that is wanted is held around us: no request, no renewal, and nothing to give back. */
async function runInside(
  plan: LockPlan,
  world: LockWorld,
  { around, hold }: { readonly around: LeaseJson; readonly hold: Hold },
): Promise<ResultJson> {
  const { signals, talk, env, self } = world;
  const since = mono();
  const mark = markOf(around.id);
  talk.detail('held', `${namesOf(hold.lease)} held by the lock around this one`, { lease: hold.lease });
  const guard = await new Guard({ mark, grace: plan.grace, env, self }).start();
  const ending = await runUnder(hold, plan, world, { mark, guard }).finally(() => signals.commandEnded());
  if (ending.isTreeGone) guard.done();
  if (plan.keepFor !== null && hasFailed(ending))
    talk.say('not-kept', `the lock around this one holds ${namesOf(hold.lease)}, so --keep-on-failure is for that one`);
  return resultOf(ending, hold.lease, { waited: 0, held: mono() - since });
}

interface Grant extends Run {
  readonly lease: LeaseJson;
  readonly sentAt: Mono;
  readonly secret: string;
  /** Milliseconds. */
  readonly waited: number;
  /** Called when it was given back. */
  readonly onReleased?: () => void;
}

/** While the daemon thinks; after the request is on its way. */
function startGuard(
  plan: LockPlan,
  { client, env, self }: LockWorld,
  {
    id,
    secret,
    mark,
    ttl,
  }: { readonly id: string; readonly secret: string; readonly mark: string; readonly ttl: number },
): Promise<Guard> {
  return new Promise((resolve) => {
    setImmediate(() => {
      const guard = new Guard({ mark, grace: plan.grace, env, self });
      const { url, token } = client;
      guard.giveBack({ id, secret, url, token, within: ttl });
      resolve(guard.start());
    });
  });
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
    onDeadline: (endAt, deadBy) => grant.guard.deadline(endAt, deadBy),
  });
  grant.guard.onLate = () => lease.tooLate();
  let ending: Ending | null = null;
  try {
    ending = await runUnder(lease, plan, world, grant);
    signals.commandEnded();
    if (plan.detachTo !== null || plan.keepFor !== null) {
      const { handOn } = await import('./hand-on.ts');
      ending = await handOn(ending, plan, { lease, secret: grant.secret, url: client.url, guard: grant.guard }, world);
    }
  } finally {
    signals.commandEnded();
    if (ending?.isTreeGone === false) lease.abandon();
    else {
      if (!ending?.isKept) await giveBack(lease, ending, world, grant);
      // Without this word it goes on trying to end the tree when we are gone, and gives back after that.
      grant.guard.done();
    }
  }
  return resultOf(ending, grant.shown ?? grant.lease, { waited: grant.waited, held: mono() - since });
}

/** Spans are milliseconds. */
function resultOf(
  { name, exitCode, signal }: Ending,
  { resources, id, fence }: CommandLease,
  { waited, held }: { readonly waited: number; readonly held: number },
): ResultJson {
  return {
    outcome: name,
    exitCode,
    signal,
    waited: seconds(waited),
    held: seconds(held),
    lease: { id, fence, resources: resources.map((one) => ({ id: one.id, name: one.name, fence: one.fence })) },
  };
}

/** The daemon that a lease was lost to by silence will hardly hear its release either, and nobody waits for that. */
async function giveBack(
  lease: HeldLease,
  ending: Ending | null,
  { talk, signals }: LockWorld,
  { onReleased }: Grant,
): Promise<void> {
  const isLost = ending?.name === 'lost';
  const exit = ending && exitToTell(ending);
  const released = await lease.release(signals.hurried, isLost ? LEAVE_WITHIN_MS : undefined, exit);
  if (released) onReleased?.();
  if (released || isLost) return;
  const until = formatDuration(lease.lease.ttl * 1000);
  talk.say('unreleased', `${namesOf(lease.lease)} could not be given back; it will be free in ${until} at the latest`);
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

function refused(refusal: Refusal, { talk, overrides }: LockWorld, waited: number): ResultJson {
  const name: ExitName = exitNameOf(refusal.code);
  talk.fail(name, printableLines(sentenceOf(refusal)), { code: refusal.code, hint: refusal.hint });
  return notGranted(name, exitCodeOf(name, overrides), null, waited);
}

function interrupted({ talk, signals }: LockWorld, waited: number, what = 'left the queue'): ResultJson {
  const signal = signals.first ?? 'SIGINT';
  talk.say('interrupted', `${what} after ${roughDuration(waited)} (${signal})`);
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

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
