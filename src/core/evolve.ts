import type { Entry, Silence } from './catalogue.ts';
import type { Event } from './event.ts';
import type { Ended, Lease, Millis, Mode, Request, Resource, Rules } from './model.ts';
import type { Queued } from './queue.ts';
import { fallSilent, silentFrom } from './silence.ts';
import { emptyState, type Held, type Snapshot, type State } from './state.ts';

/** How much the latest hold weighs against all before it in what counts as typical. */
const TYPICAL_WEIGHT = 0.3;

/** Makes the event part of the world. The only function that changes a State. */
export function evolve(state: State, event: Event): void {
  switch (event.type) {
    case 'resource-added':
    case 'resource-changed':
      return putResource(state, event.resource);
    case 'resource-removed':
      removeResource(state, event.resource.id);
      return rememberRemoved(state, event.resource);
    case 'resource-forgotten':
      state.removed.delete(event.name);
      return;
    case 'resource-offline':
    case 'resource-online':
      return setOffline(state, event);
    case 'audited':
      return;
    case 'resource-drained':
      return setDrained(state, event.id);
    case 'resource-silent':
      return setSilence(state, event.id, event.silence);
    case 'resource-heard':
      return setSilence(state, event.id, null);
    case 'machine-seen':
      state.machines.set(event.seen.machine, event.seen);
      return;
    case 'waiter-joined':
      return join(state, event.request);
    case 'waiter-left':
      leave(state, event.request.id);
      return remember(state, event.ended);
    case 'lease-granted':
      leave(state, event.lease.request.id);
      state.counters.fence = Math.max(state.counters.fence, event.lease.fence);
      return hold(state, event.lease);
    case 'lease-extended':
    case 'lease-kept':
    case 'lease-accepted':
    case 'lease-asked':
    case 'lease-shared':
    case 'lease-ending':
      return replaceLease(state, event.lease);
    case 'lease-ended':
      letGo(state, event.lease, event.ended.at);
      drainAfter(state, event.ended);
      return remember(state, event.ended);
    case 'lease-reduced':
      return reduce(state, event);
    case 'id-spent':
      return remember(state, event.ended);
    case 'ids-forgotten':
      return forget(state, event.upTo);
    case 'lease-renewed': {
      const held = state.leases.get(event.id);
      if (!held) return;
      held.lease.expiresAt = event.expiresAt;
      state.timers.move(held.timer, leaseDue(held.lease));
      return;
    }
    case 'waiter-heard':
      return hear(state, event);
    default:
      event satisfies never;
  }
}

/**
 * The world after a restart. Every surviving lease gets one full ttl and every waiter time to come back: the daemon's
 * absence is nobody's fault.
 */
export function restore(snapshot: Snapshot, rules: Rules, now: Millis): State {
  const state = emptyState(rules, snapshot.counters);
  for (const seen of snapshot.machines) state.machines.set(seen.machine, seen);
  const byIdleness = [...snapshot.resources].sort((a, b) => (a.lastUsedAt ?? -1) - (b.lastUsedAt ?? -1) || a.id - b.id);
  for (const resource of byIdleness) {
    if (resource.removed && !resource.retiring) rememberRemoved(state, resource);
    else putResource(state, resource);
  }
  for (const { resource, held } of snapshot.holds) {
    const entry = state.catalogue.byId.get(resource);
    if (entry) learn(entry, held);
  }
  for (const lease of snapshot.leases) {
    hold(state, { ...lease, expiresAt: now + lease.request.ttl });
  }
  for (const request of [...snapshot.requests].sort((a, b) => a.ticket - b.ticket)) {
    join(state, request);
    hear(state, { id: request.id, connections: 0, at: now });
  }
  for (const ended of [...snapshot.ended].sort((a, b) => a.seq - b.seq)) {
    state.ended.set(ended.id, ended);
    if (ended.at + rules.drain > now) drainAfter(state, ended);
  }
  for (const entry of state.catalogue.byId.values()) drainToGo(state, entry, now);
  for (const [id, { at }] of state.silenceTimers) {
    const entry = state.catalogue.byId.get(id);
    if (entry && at <= now) setSilence(state, id, fallSilent(state, entry, now).silence);
  }
  return state;
}

/** The number of the next thing that people are told. */
export function nextEvent({ counters }: State): number {
  counters.event += 1;
  return counters.event;
}

/**
 * When time alone will change this waiter: its patience or, with no connection open, its silence runs out. Whoever waits
 * for a claim may have gone home, and is told in other ways.
 */
export function waiterDue({ request, connections, heardAt }: Queued, silence: Millis): Millis {
  const { claim } = request;
  const stays = connections > 0 || (claim !== undefined && claim.attended === undefined);
  const gone = stays ? Number.POSITIVE_INFINITY : heardAt + silence;
  return Math.min(gone, request.givesUpAt ?? Number.POSITIVE_INFINITY);
}

/** A claim that lasts until it is given back. */
export function isEndless({ request, endsAt }: Lease): boolean {
  return request.claim?.for === null && endsAt === null;
}

/** When this lease is over without another word from its holder. What was extended lasts, until it is told to end. */
export function expiryOf(lease: Lease): Millis {
  const { expiresAt, keptUntil, ending } = lease;
  if (isEndless(lease)) return Number.POSITIVE_INFINITY;
  return ending === null && keptUntil !== null ? Math.max(expiresAt, keptUntil) : expiresAt;
}

/** When time alone will change this lease: its ttl runs out, or the end that no renewal moves has come. */
export function leaseDue(lease: Lease): Millis {
  const { endsAt, ending } = lease;
  return ending === null && endsAt !== null ? Math.min(expiryOf(lease), endsAt) : expiryOf(lease);
}

function putResource(state: State, resource: Resource): void {
  const entry = state.catalogue.put(resource);
  state.counters.resourceId = Math.max(state.counters.resourceId, resource.id);
  state.stirred.entries.add(entry);
  scheduleOnline(state, resource);
  scheduleSilence(state, entry);
}

function removeResource(state: State, id: number): void {
  const entry = state.catalogue.byId.get(id);
  if (!entry) return;
  state.catalogue.remove(entry);
  state.stirred.entries.delete(entry);
  forgetDrain(state, id);
  forgetSilence(state, entry);
  scheduleOnline(state, { ...entry.resource, offline: null });
}

function rememberRemoved(state: State, resource: Resource): void {
  if (resource.removed) state.removed.set(resource.name, resource);
}

function setOffline(state: State, event: Extract<Event, { type: 'resource-offline' | 'resource-online' }>): void {
  const entry = state.catalogue.byId.get(event.id);
  if (!entry) return;
  entry.resource = { ...entry.resource, offline: event.type === 'resource-offline' ? event.offline : null };
  state.catalogue.refresh(entry);
  state.stirred.entries.add(entry);
  scheduleOnline(state, entry.resource);
}

function scheduleOnline(state: State, { id, offline }: Resource): void {
  const timer = state.resourceTimers.get(id);
  if (timer) {
    state.timers.remove(timer);
    state.resourceTimers.delete(id);
  }
  if (offline?.until != null) state.resourceTimers.set(id, state.timers.add('resource', id, offline.until));
}

function setSilence(state: State, id: number, silence: Silence | null): void {
  const entry = state.catalogue.byId.get(id);
  if (!entry) return;
  forgetSilence(state, entry);
  entry.silence = silence;
  if (silence === null) state.stirred.entries.add(entry);
  else state.silent.set(silence.machine, (state.silent.get(silence.machine) ?? new Set()).add(entry));
  state.catalogue.refresh(entry);
  scheduleSilence(state, entry);
}

/** The timer is not moved each time that the machine is seen: it finds out when it is due. */
function scheduleSilence(state: State, entry: Entry): void {
  const { id } = entry.resource;
  dropSilenceTimer(state, id);
  const from = entry.silence === null ? silentFrom(state, entry.resource) : null;
  if (from !== null) state.silenceTimers.set(id, state.timers.add('silence', id, from));
}

function forgetSilence(state: State, entry: Entry): void {
  dropSilenceTimer(state, entry.resource.id);
  if (entry.silence === null) return;
  const { machine } = entry.silence;
  const others = state.silent.get(machine);
  others?.delete(entry);
  if (others?.size === 0) state.silent.delete(machine);
}

function dropSilenceTimer(state: State, id: number): void {
  const timer = state.silenceTimers.get(id);
  if (timer) state.timers.remove(timer);
  state.silenceTimers.delete(id);
}

function join(state: State, request: Request): void {
  state.counters.ticket = Math.max(state.counters.ticket, request.ticket);
  const queued = state.queue.join({ request, connections: 0, heardAt: request.askedAt });
  const due = waiterDue(queued, state.rules.limits.silence);
  queued.timer = state.timers.add('waiter', request.id, due);
  state.stirred.waiters.add(queued);
}

function hear(state: State, heard: { readonly id: string; readonly connections: number; readonly at: Millis }): void {
  const queued = state.queue.byId.get(heard.id);
  if (!queued?.timer) return;
  queued.connections = heard.connections;
  queued.heardAt = heard.at;
  state.timers.move(queued.timer, waiterDue(queued, state.rules.limits.silence));
}

function leave(state: State, id: string): void {
  const queued = state.queue.byId.get(id);
  if (!queued) return;
  if (queued.timer) state.timers.remove(queued.timer);
  state.stirred.waiters.delete(queued);
  for (const line of state.queue.leave(queued)) state.stirred.lines.add(line);
}

function hold(state: State, lease: Lease): void {
  const { id } = lease.request;
  state.leases.set(id, { lease, timer: state.timers.add('lease', id, leaseDue(lease)) });
  for (const { resource, mode } of lease.uses) {
    const entry = state.catalogue.byId.get(resource);
    if (entry) occupy(state, entry, id, mode);
  }
}

function occupy(state: State, entry: Entry, lease: string, mode: Mode): void {
  entry.leases.set(lease, mode);
  if (mode === 'slot') entry.slotsTaken += 1;
  else if (mode === 'shared') entry.sharers += 1;
  else entry.whole = true;
  state.catalogue.refresh(entry);
}

function letGo(state: State, lease: Lease, now: Millis): void {
  const held = state.leases.get(lease.request.id);
  if (!held) return;
  state.timers.remove(held.timer);
  state.leases.delete(lease.request.id);
  for (const { resource } of lease.uses) {
    const entry = state.catalogue.byId.get(resource);
    if (entry) vacate(state, entry, held, now);
  }
}

function reduce(state: State, { lease, resource, at }: Extract<Event, { type: 'lease-reduced' }>): void {
  const held = state.leases.get(lease.request.id);
  const entry = state.catalogue.byId.get(resource);
  if (held && entry) vacate(state, entry, held, at);
  replaceLease(state, lease);
}

function vacate(state: State, entry: Entry, { lease }: Held, now: Millis): void {
  const mode = entry.leases.get(lease.request.id);
  if (mode === undefined) return;
  entry.leases.delete(lease.request.id);
  if (mode === 'slot') entry.slotsTaken -= 1;
  else if (mode === 'shared') entry.sharers -= 1;
  else entry.whole = false;
  learn(entry, now - lease.grantedAt);
  state.catalogue.rest(entry, now);
  state.stirred.entries.add(entry);
}

/** Of several drains at a time the last counts. */
function drain(state: State, entry: Entry, until: Millis): void {
  const { id } = entry.resource;
  const at = Math.max(until, entry.drainedAt ?? 0);
  const timer = state.drainTimers.get(id);
  if (timer) state.timers.move(timer, at);
  else state.drainTimers.set(id, state.timers.add('drain', id, at));
  entry.drainedAt = at;
  state.catalogue.refresh(entry);
}

function drainAfter(state: State, { at, drains = [] }: Ended): void {
  for (const resource of drains) {
    const entry = state.catalogue.byId.get(resource);
    if (entry) drain(state, entry, at + state.rules.drain);
  }
}

/** After a restart: what only waited for its drain to go, and never got to it, goes now. */
function drainToGo(state: State, entry: Entry, now: Millis): void {
  if (entry.resource.retiring && entry.leases.size === 0 && entry.drainedAt === null) drain(state, entry, now);
}

function setDrained(state: State, id: number): void {
  forgetDrain(state, id);
  const entry = state.catalogue.byId.get(id);
  if (!entry) return;
  entry.drainedAt = null;
  state.catalogue.refresh(entry);
  state.stirred.entries.add(entry);
}

function forgetDrain(state: State, id: number): void {
  const timer = state.drainTimers.get(id);
  if (timer) state.timers.remove(timer);
  state.drainTimers.delete(id);
}

function learn(entry: Entry, held: Millis): void {
  const { typicalHold } = entry;
  entry.typicalHold = typicalHold === null ? held : typicalHold + TYPICAL_WEIGHT * (held - typicalHold);
}

function replaceLease(state: State, lease: Lease): void {
  const held = state.leases.get(lease.request.id);
  if (!held) return;
  held.lease = lease;
  state.timers.move(held.timer, leaseDue(lease));
}

function remember(state: State, ended: Ended): void {
  state.counters.ended = Math.max(state.counters.ended, ended.seq);
  state.ended.delete(ended.id);
  state.ended.set(ended.id, ended);
}

function forget(state: State, upTo: number): void {
  for (const [id, { seq }] of state.ended) {
    if (seq > upTo) return;
    state.ended.delete(id);
  }
}
