import { type Blocked, coverWants, type HeldUse } from '../core/cover.ts';
import { type Refusal, refuse } from '../core/error.ts';
import type { Want } from '../core/model.ts';
import { describeWants, parseWant } from '../core/want.ts';
import type { HeldJson, LeasedResourceJson, LeaseJson, ResourceJson, WantJson } from '../core/wire.ts';
import { type Client, persist, type Reply, unreachable } from './client.ts';
import { type CommandLease, heldLeases, heldVariables } from './environment.ts';
import type { Hold } from './lease.ts';
import type { LockPlan } from './lock-plan.ts';
import { printable } from './text.ts';
import { type Mono, mono } from './time.ts';
import { Unanswered } from './transport.ts';
import { describeTyped } from './wants.ts';

/**
 * A lock inside a lock. RENTABOT_HELD tells of the leases around us, and the daemon which of them are held. What they
 * hold is used without asking; the rest is asked for, but never for ever, since whoever waits for something while it
 * holds something else is half of a deadlock. Leases that the daemon does not know are those of another daemon.
 */
export type Standing =
  /** Nothing around us is held at this daemon. */
  | { readonly type: 'alone' }
  /** Everything that is wanted is held around us; `around` is the innermost lease that is used. */
  | { readonly type: 'covered'; readonly around: LeaseJson; readonly hold: Hold }
  /** `rest` has to be asked for, and joins what is held. */
  | { readonly type: 'partly'; readonly rest: readonly WantJson[]; readonly join: (lease: LeaseJson) => CommandLease }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'interrupted' };

interface Surroundings {
  readonly client: Client;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopped: AbortSignal;
}

/** What a lock around us holds: keeping it, and losing it, is that lock's business, and it ends us then. */
class OuterLease implements Hold {
  readonly lost = new AbortController().signal;
  readonly deadBy = Number.POSITIVE_INFINITY;
  readonly isStale = false;
  readonly isOverdue = false;

  constructor(
    readonly lease: CommandLease,
    readonly grace: number,
  ) {}

  async refresh(): Promise<boolean> {
    return true;
  }

  keep(): void {}

  async listen(): Promise<void> {}

  tooLate(): void {}
}

/** As for the request itself, one lost reply is no reason to give up. */
const LEAST_PATIENCE_MS = 1000;
const EXPLAIN_WITHIN_MS = 1000;

export async function lookAround(plan: LockPlan, { client, env, stopped }: Surroundings): Promise<Standing> {
  const patience = Math.min(
    plan.daemon.connectTimeout,
    Math.max(plan.wait ?? Number.POSITIVE_INFINITY, LEAST_PATIENCE_MS),
  );
  try {
    const around = await heldAround(client, heldLeases(env), { until: mono() + patience, signal: stopped });
    if ('code' in around) return { type: 'refused', refusal: around };
    if (around.leases.length === 0) return { type: 'alone' };
    return await standing(plan, around, client, env);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    // Not knowing what we hold, we could queue behind ourselves.
    return stopped.aborted ? { type: 'interrupted' } : { type: 'refused', refusal: unreachable(error) };
  }
}

interface Around {
  /** Innermost first. */
  readonly leases: readonly LeaseJson[];
  readonly resources: readonly ResourceJson[];
}

async function heldAround(
  client: Client,
  ids: readonly string[],
  patience: { until: Mono; signal: AbortSignal },
): Promise<Around | Refusal> {
  const ask = <T>(attempt: () => Promise<Reply<T>>): Promise<Reply<T>> =>
    persist(client, () => settled(attempt), patience);
  const [found, catalogue] = await Promise.all([
    Promise.all(ids.map((id) => ask(() => client.lease(id, { signal: patience.signal })))),
    ask(() => client.resources({ signal: patience.signal })),
  ]);
  const known = found.filter((reply) => reply.type === 'ok' || reply.refusal.code !== 'not-found');
  for (const [i, reply] of known.entries()) {
    const gone = reply.type === 'refused' ? goneFor(reply.refusal, i === 0) : i === 0 ? endingOf(reply.body) : null;
    if (gone) return gone;
  }
  if (catalogue.type === 'refused') return catalogue.refusal;
  const leases = known.flatMap((reply) => (reply.type === 'ok' && isHeld(reply.body) ? [reply.body.lease] : []));
  return { leases, resources: catalogue.body.resources };
}

/** A daemon that has no room or cannot answer now is asked again. */
async function settled<T>(attempt: () => Promise<Reply<T>>): Promise<Reply<T>> {
  const reply = await attempt();
  if (reply.type === 'refused' && (reply.refusal.code === 'unavailable' || reply.refusal.code === 'limit'))
    throw new Unanswered('EREFUSED', reply.refusal.detail);
  return reply;
}

/**
 * A lease that was given back leaves its mark on what its command left running, and that is all. One that was taken
 * away means that we are about to be ended, or should have been.
 */
function goneFor(refusal: Refusal, isInnermost: boolean): Refusal | null {
  if (refusal.code !== 'lost') return refusal;
  if (!isInnermost || refusal.reason === 'released') return null;
  return lostAround(refusal.detail);
}

function endingOf({ state, lease }: HeldJson): Refusal | null {
  if (state !== 'ending' || !lease.ending) return null;
  const { reason, by } = lease.ending;
  return lostAround(`lease ${lease.id} is ending: ${reason}${by === '' ? '' : ` by ${printable(by)}`}`);
}

function lostAround(detail: string): Refusal {
  return refuse('lost', `the lock around this one has lost its lease before the command could start: ${detail}`, {
    hint: '',
  });
}

function isHeld({ state }: HeldJson): boolean {
  return state === 'held';
}

async function standing(
  plan: LockPlan,
  { leases, resources }: Around,
  client: Client,
  env: Surroundings['env'],
): Promise<Standing> {
  const wants = plan.wants.map(parseWant);
  // The daemon says what is wrong with it.
  if (!wants.every(isRead)) return { type: 'alone' };
  const held = leases.flatMap((lease) => lease.resources.map((one) => usable(lease, one, env)));
  const uses = held.map(({ lease, resource, mode }): HeldUse => ({ lease: lease.id, resource: resource.id, mode }));
  const isHeldHere = new Set(uses.map(({ resource }) => resource));
  const things = resources.filter(({ id, state }) => state !== 'retiring' || isHeldHere.has(id));
  const cover = coverWants(wants, uses, things);
  if ('blocked' in cover) return { type: 'refused', refusal: await blockedFor(plan, cover, held, client) };
  const used = cover.uses.map((use) => (use === null ? null : (held[uses.indexOf(use)] ?? null)));
  const join = (own: readonly LeasedResourceJson[]): LeasedResourceJson[] => {
    const rest = [...own];
    return used.flatMap((one) => one?.resource ?? rest.shift() ?? []);
  };
  if (cover.rest.length > 0) return partly(plan, cover.rest, join);
  const around = leases.find((lease) => used.some((one) => one?.lease === lease)) as LeaseJson;
  if (plan.detachTo !== null) return { type: 'refused', refusal: notOurs(around) };
  const lease = { id: around.id, fence: around.fence, resources: join([]) };
  return { type: 'covered', around, hold: new OuterLease(lease, plan.grace) };
}

interface Usable {
  readonly lease: LeaseJson;
  readonly resource: LeasedResourceJson;
  readonly mode: LeasedResourceJson['mode'];
}

/** What a resource sets is told to its holder alone, and by that to us. */
function usable(lease: LeaseJson, resource: LeasedResourceJson, env: Surroundings['env']): Usable {
  const variables = heldVariables(env, lease.id, resource.name);
  return { lease, mode: resource.mode, resource: variables ? { ...resource, env: variables } : resource };
}

function isRead(want: Want | { problem: string }): want is Want {
  return !('problem' in want);
}

function partly(
  plan: LockPlan,
  rest: readonly WantJson[],
  join: (own: readonly LeasedResourceJson[]) => LeasedResourceJson[],
): Standing {
  if (plan.wait !== null)
    return { type: 'partly', rest, join: ({ id, fence, resources }) => ({ id, fence, resources: join(resources) }) };
  const refusal = refuse(
    'usage',
    `this is inside of a lock, which does not hold ${describeTyped(rest)}; waiting for that for ever while holding something else can be a deadlock`,
    { hint: 'give up after a while with `--wait 10m`, ask once with --no-wait, or let the outer lock hold it as well' },
  );
  return { type: 'refused', refusal };
}

/** What could not be had from anybody else either has the daemon's own words for it. */
async function blockedFor(
  plan: LockPlan,
  { blocked, use }: Blocked,
  held: readonly Usable[],
  client: Client,
): Promise<Refusal> {
  const asked = await client.why(plan.wants, { within: EXPLAIN_WITHIN_MS }).catch(() => null);
  if (asked?.type === 'ok' && asked.body.state === 'impossible')
    return refuse('impossible', asked.body.detail, { hint: asked.body.hint });
  const found = held.find(({ lease, resource }) => lease.id === use?.lease && resource.id === use.resource);
  const what = found ? `${printable(found.resource.name)} (${SAID[found.mode]})` : 'what it would take';
  return refuse(
    'usage',
    `a lock around this one holds ${what}, so ${describeWants([blocked])} would wait for something that ends after it`,
    { hint: 'let the outer lock hold what is needed in here, in the way it is needed' },
  );
}

const SAID = { exclusive: 'exclusively', slot: 'one slot of it', shared: 'shared' } as const;

function notOurs({ id }: LeaseJson): Refusal {
  return refuse(
    'usage',
    `--detach-lease: all of this is held by the lock around this one (lease ${id}), which gives it back`,
    {
      hint: 'the outer lock can leave it with --detach-lease',
    },
  );
}
