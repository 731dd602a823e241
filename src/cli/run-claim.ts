import { roughDuration } from '../core/duration.ts';
import type { Refusal } from '../core/error.ts';
import type { AcquireJson, BlockerJson, HeldJson, LeaseJson, WaitingJson } from '../core/wire.ts';
import { type Acquired, acquire } from './acquire.ts';
import { signalStatus } from './child.ts';
import { recogniseCi } from './ci.ts';
import type { ClaimPlan } from './claim-plan.ts';
import { type Client, persist, type Reply, unreachable } from './client.ts';
import { EXIT_CODES, exitNameOf, sentenceOf } from './exit.ts';
import { explained, printableLines } from './explain.ts';
import { mintId, mintSecret } from './ids.ts';
import { namesOf } from './sentences.ts';
import type { Signals } from './signals.ts';
import type { Talk } from './talk.ts';
import { clockTime, printable } from './text.ts';
import { mono } from './time.ts';
import { Unanswered } from './transport.ts';
import { WaitingDisplay, waitingSentence } from './waiting.ts';
import { describeTyped } from './wants.ts';

/**
 * One claim, from asking to having it. What is granted is offered at first, and ours once we have said so: whoever is
 * killed while waiting holds nothing for hours.
 *
 *     ask ──▶ offered ──▶ accepted
 *      │         └▶ passes on
 *      └▶ refused, interrupted; or, with `next`, still in the queue when we have gone
 */
export interface ClaimWorld {
  readonly client: Client;
  readonly talk: Talk;
  readonly signals: Signals;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly caller: { readonly name: string; readonly host: string };
  /** Resolves when Enter was pressed; null where nobody is there who could. */
  readonly enter: ((signal: AbortSignal) => Promise<boolean>) | null;
}

/** `waiting`: it is queued, and we need not be there. */
export type Claimed =
  | { readonly type: 'claimed'; readonly lease: LeaseJson }
  | { readonly type: 'waiting'; readonly waiting: WaitingJson }
  | { readonly type: 'failed'; readonly exit: number };

const LEAVE_WITHIN_MS = 2000;
/** Rings, and has the terminals that can show a notification. */
const bell = (text: string): string => `\u0007\u001b]9;${printable(text)}\u001b\\`;

export async function runClaim(plan: ClaimPlan, world: ClaimWorld): Promise<Claimed> {
  const id = mintId();
  const secret = mintSecret();
  const body = requestOf(plan, world, secret);
  const stays = plan.next && !plan.detach && world.enter !== null;
  if (plan.next && !stays) return queueUp(plan, world, { id, secret, body });
  const askedAt = mono();
  const display = new WaitingDisplay(world.talk, describeTyped(plan.wants));
  const acquired = await acquire(
    world.client,
    { id, body, wait: plan.wait, connectTimeout: plan.daemon.connectTimeout },
    { waiting: (update) => display.waiting(update), trouble: (sentence) => display.hampered(sentence) },
    world.signals.stopped,
  ).finally(() => display.stop());
  if (acquired.type === 'held') {
    const waited = display.wasShown;
    return take(plan, world, { id, secret, lease: acquired.lease, asks: stays && waited });
  }
  const waited = mono() - askedAt;
  if (acquired.type === 'interrupted' && plan.next) return leftWaiting(plan, world);
  if (!(acquired.type === 'refused' && acquired.settled)) await leave(world, id, secret);
  return notHeld(acquired, plan, world, { blockers: display.blockers, waited });
}

function requestOf(
  { wants, wait, priority, note, span, accept, next, steal }: ClaimPlan,
  world: ClaimWorld,
  secret: string,
): AcquireJson {
  const ci = recogniseCi(world.env);
  return {
    secret,
    want: wants,
    wait: wait === null ? null : wait / 1000,
    priority,
    note: note ?? ci.note ?? '',
    holder: { name: ci.name ?? world.caller.name, host: world.caller.host, link: ci.link },
    claim: { for: span / 1000, accept: accept === null ? null : accept / 1000, attended: !next },
    ...(steal === null ? {} : { steal }),
  };
}

/** Asks once; the place is kept without us. */
async function queueUp(
  plan: ClaimPlan,
  world: ClaimWorld,
  { id, secret, body }: { readonly id: string; readonly secret: string; readonly body: AcquireJson },
): Promise<Claimed> {
  const { connectTimeout } = plan.daemon;
  const reply = await insist<HeldJson | WaitingJson>(world, connectTimeout, (within) =>
    world.client.ask(id, body, { within }),
  );
  if (reply.type === 'refused') return failed(reply.refusal, world);
  if (reply.body.state !== 'waiting') return take(plan, world, { id, secret, lease: reply.body.lease, asks: false });
  const wanted = describeTyped(plan.wants);
  world.talk.say('waiting', `${waitingSentence(wanted, reply.body, Date.now())}; ${comeBack(plan)}`, reply.body);
  return { type: 'waiting', waiting: reply.body };
}

interface Offer {
  readonly id: string;
  readonly secret: string;
  readonly lease: LeaseJson;
  /** Whether somebody has to press Enter for it. */
  readonly asks: boolean;
}

async function take(plan: ClaimPlan, world: ClaimWorld, { id, secret, lease, asks }: Offer): Promise<Claimed> {
  const { client, talk, signals } = world;
  const { offeredUntil } = lease;
  if (offeredUntil === undefined) return claimed(lease, world);
  if (asks) {
    const until = clockTime(offeredUntil, Date.now());
    const text = `${namesOf(lease)} can be yours, until ${until}`;
    talk.voice.write(bell(text));
    talk.say('offered', `${text}: press Enter to take it; Ctrl-C lets it pass on`, { lease });
    const over = AbortSignal.timeout(Math.max(0, Date.parse(offeredUntil) - Date.now()));
    const taken = await world.enter?.(AbortSignal.any([signals.stopped, over]));
    if (!taken) {
      await leave(world, id, secret);
      return passedOn(lease, world);
    }
  }
  const reply = await insist(world, plan.accept ?? 0, (within) => client.accept(id, secret, { within }));
  if (reply.type === 'ok') return claimed(reply.body.lease, world);
  if (signals.stopped.aborted) await leave(world, id, secret);
  return failed(reply.refusal, world);
}

function claimed(lease: LeaseJson, { talk }: ClaimWorld): Claimed {
  const names = lease.resources.map(({ name }) => printable(name)).join(' ');
  const until = lease.until === null ? 'until you give it back' : `until ${clockTime(lease.until, Date.now())}`;
  talk.say('claimed', `${namesOf(lease)} is yours ${until}; \`rentabot release ${names}\` gives it back`, { lease });
  return { type: 'claimed', lease };
}

function passedOn(lease: LeaseJson, { talk, signals }: ClaimWorld): Claimed {
  const { first } = signals;
  if (first !== null) {
    talk.say('interrupted', `let ${namesOf(lease)} pass on (${first})`);
    return { type: 'failed', exit: signalStatus(first) };
  }
  talk.fail('timeout', `${namesOf(lease)} was offered, and passed on`);
  return { type: 'failed', exit: EXIT_CODES.timeout };
}

/** Whoever queued up to be next may go home. */
function leftWaiting(plan: ClaimPlan, { talk, signals }: ClaimWorld): Claimed {
  talk.say('interrupted', `your place in the queue is kept; ${comeBack(plan)}`);
  return { type: 'failed', exit: signalStatus(signals.first ?? 'SIGINT') };
}

function comeBack({ wants, accept }: ClaimPlan): string {
  const names = wants.map(({ name }) => name).filter((name) => name != null);
  const named = names.length === wants.length ? ` ${names.map((name) => printable(name ?? '')).join(' ')}` : '';
  const window = accept === null ? '' : ` within ${roughDuration(accept)}`;
  return `when it is your turn, \`rentabot accept${named}\`${window} takes it, and \`rentabot release${named}\` leaves the queue`;
}

async function notHeld(
  acquired: Exclude<Acquired, { type: 'held' }>,
  { wants }: ClaimPlan,
  world: ClaimWorld,
  known: { readonly blockers: readonly BlockerJson[]; readonly waited: number },
): Promise<Claimed> {
  if (acquired.type === 'refused') return failed(await explained(acquired.refusal, wants, world.client, known), world);
  const signal = world.signals.first ?? 'SIGINT';
  world.talk.say('interrupted', `left the queue after ${roughDuration(known.waited)} (${signal})`);
  return { type: 'failed', exit: signalStatus(signal) };
}

function failed(refusal: Refusal, { talk }: ClaimWorld): Claimed {
  const name = exitNameOf(refusal.code);
  talk.fail(name, printableLines(sentenceOf(refusal)), { code: refusal.code, hint: refusal.hint });
  return { type: 'failed', exit: EXIT_CODES[name] };
}

/** Repeats until there is an answer, or for so long. */
async function insist<T>(
  { client, signals }: ClaimWorld,
  span: number,
  attempt: (within: number) => Promise<Reply<T>>,
): Promise<Reply<T>> {
  try {
    return await persist(client, () => attempt(span), { until: mono() + span, signal: signals.stopped });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    return { type: 'refused', refusal: unreachable(error), sentAt: mono() };
  }
}

/** Takes us out of the queue, and out of a grant that may have been on its way. Best effort: silence does the same. */
async function leave({ client, signals }: ClaimWorld, id: string, secret: string): Promise<void> {
  const signal = AbortSignal.any([AbortSignal.timeout(LEAVE_WITHIN_MS), signals.hurried]);
  await client.release(id, secret, { within: LEAVE_WITHIN_MS, signal }).catch(() => null);
}
