import { unknownName } from './advice.ts';
import type { Entry } from './catalogue.ts';
import type { Acquire, Ask, Command, Share } from './command.ts';
import { revokeLease } from './ending.ts';
import { type Refusal, refuse } from './error.ts';
import type { StoredEvent } from './event.ts';
import type { Asked, Lease, Millis, Mode, Request } from './model.ts';
import { leaseOf } from './ownership.ts';
import type { State } from './state.ts';

/**
 * What only people do: claim and accept, ask each other, share, take over. Like every other command these can be
 * repeated, and none of them grants.
 */

/** Above every priority that can be asked for: a thief waits for the holder's command to end, and for nobody else. */
export const STEAL_PRIORITY = 1_000_000;
/** Of those who asked for a lease, so many are remembered. */
const MOST_ASKED = 5;
/** The same person asking the same again so soon is a repetition. */
const ASKED_AGAIN_MS: Millis = 60_000;
/** One lease is shared with so many at most. */
const MOST_SHARES = 20;

/** Why this cannot be a claim, or a theft; null where it can. */
export function refuseClaim(state: State, command: Acquire): Refusal | null {
  const { claim, steals, guarded, wants, principal } = command;
  if (claim !== null && guarded) {
    return refuse('usage', 'a claim has no command behind it', { status: 422, hint: 'leave out `guarded`' });
  }
  if (steals === null) return null;
  if (claim === null) return refuse('usage', 'only a claim can steal', { status: 422, hint: 'say `claim`, too' });
  if (wants.some(({ selector }) => selector.type !== 'name')) {
    return refuse('usage', 'only what is named can be stolen', { status: 422, hint: 'say `name`' });
  }
  if (principal.role !== 'admin' && state.rules.steal !== 'user') {
    return refuse('denied', `${principal.name} may not steal`, { hint: 'ask the holder: `rentabot ask`' });
  }
  return alreadyStolen(state, command);
}

/** Two thieves would only take it from each other. */
function alreadyStolen({ queue }: State, { wants }: Acquire): Refusal | null {
  const names = new Set(wants.map(({ key }) => key));
  for (const { request } of queue.order) {
    if (request.steals === undefined) return null;
    if (!request.wants.some(({ key }) => names.has(key))) continue;
    return refuse('busy', `${request.holder.name} is taking it over already: ${request.steals}`, {
      hint: '`rentabot queue` shows how far that is',
    });
  }
  return null;
}

/**
 * Tells whoever stands in the way of a thief to go: every holder where all of a resource is wanted, one where a slot is.
 * To be made part of the world one by one, as each end has its number.
 */
export function* takeOver(state: State, request: Request, now: Millis): Generator<StoredEvent> {
  const { steals, holder, principal, wants } = request;
  const cause = { reason: 'stolen', by: principal || holder.name, note: steals ?? '' } as const;
  for (const { selector, mode } of wants) {
    const entry = selector.type === 'name' ? state.catalogue.byName.get(selector.name) : undefined;
    if (!entry) continue;
    for (const lease of inTheWay(state, entry, mode)) yield* revokeLease(state, lease, cause, now);
  }
}

function inTheWay(state: State, entry: Entry, mode: Mode): readonly Lease[] {
  const all: Lease[] = [];
  const slots: Lease[] = [];
  for (const [id, taken] of entry.leases) {
    const lease = state.leases.get(id)?.lease;
    if (lease) all.push(lease);
    if (lease && taken === 'slot') slots.push(lease);
  }
  if (entry.whole || mode === 'whole') return all;
  const occupied = entry.slotsTaken + (entry.sharers > 0 ? 1 : 0);
  if (occupied < entry.resource.slots || (mode === 'shared' && entry.sharers > 0)) return [];
  // One who goes already makes room enough; else the one who came last.
  if (slots.some(({ ending }) => ending !== null)) return [];
  const last = slots.sort((a, b) => b.fence - a.fence)[0];
  return last === undefined ? all : [last];
}

/** Counts from now, so that whoever accepts late has all of the time that was asked for. */
export function accept(
  state: State,
  command: Extract<Command, { type: 'accept' }>,
  now: Millis,
): readonly StoredEvent[] | Refusal {
  const lease = leaseOf(state, command);
  if ('code' in lease) return lease;
  const { request, offeredUntil, ending } = lease;
  if (request.claim === undefined) {
    return refuse('conflict', `lease ${command.id} was not offered`, { hint: 'it is held already' });
  }
  if (ending !== null) return refuse('conflict', `lease ${command.id} is ending: ${ending.reason}`);
  if (offeredUntil === undefined) return [];
  const end = now + (request.claim.for ?? Number.POSITIVE_INFINITY);
  const until = Math.min(end, lease.grantedAt + longestLife(state, lease));
  const span = Number.isFinite(until)
    ? { endsAt: until, keptUntil: until, expiresAt: until }
    : { endsAt: null, keptUntil: null, expiresAt: now + request.ttl };
  return [{ type: 'lease-accepted', lease: { ...taken(lease), ...span, acceptedAt: now }, by: command.principal.name }];
}

/** No longer an offer. */
export function taken(lease: Lease): Lease {
  if (lease.offeredUntil === undefined) return lease;
  const { offeredUntil, ...rest } = lease;
  return rest;
}

function longestLife(state: State, { uses, request }: Lease): Millis {
  const limits = uses.map(({ resource }) => state.catalogue.byId.get(resource)?.resource.maxHold);
  return Math.min(...[request.hold, request.longest, ...limits].map((limit) => limit ?? Number.POSITIVE_INFINITY));
}

/** Tells every holder of a resource that somebody would like to have it. */
export function askHolders(state: State, command: Ask, now: Millis): readonly StoredEvent[] | Refusal {
  const { name, note, principal } = command;
  const entry = state.catalogue.byName.get(name);
  if (!entry) return unknownName(state, name);
  const asked: Asked = { by: principal.name || command.by, note, at: now };
  const events: StoredEvent[] = [];
  for (const id of entry.leases.keys()) {
    const lease = state.leases.get(id)?.lease;
    if (!lease || isRepeated(lease, asked)) continue;
    const list = [...(lease.asked ?? []), asked].slice(-MOST_ASKED);
    events.push({ type: 'lease-asked', lease: { ...lease, asked: list }, asked });
  }
  return events;
}

function isRepeated({ asked = [] }: Lease, { by, note, at }: Asked): boolean {
  return asked.some((one) => one.by === by && one.note === note && at - one.at < ASKED_AGAIN_MS);
}

export function share(state: State, command: Share): readonly StoredEvent[] | Refusal {
  const lease = leaseOf(state, command);
  if ('code' in lease) return lease;
  const { shares = [], ...rest } = lease;
  const { with: name, shared, principal } = command;
  if (shares.includes(name) === shared) return [];
  if (shared && shares.length >= MOST_SHARES) {
    return refuse(
      'limit',
      `lease ${command.id} is shared with ${shares.length}, and more than ${MOST_SHARES} may not be`,
    );
  }
  const list = shared ? [...shares, name] : shares.filter((one) => one !== name);
  const changed: Lease = list.length === 0 ? rest : { ...rest, shares: list };
  return [{ type: 'lease-shared', lease: changed, with: name, shared, by: principal.name }];
}
