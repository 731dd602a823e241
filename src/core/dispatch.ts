import { assign } from './assign.ts';
import type { Entry } from './catalogue.ts';
import type { StoredEvent } from './event.ts';
import { evolve } from './evolve.ts';
import type { Claim, Lease, Millis, Use } from './model.ts';
import { comesBefore, type Line, overlap, type Queued } from './queue.ts';
import type { State } from './state.ts';

/**
 * Serves the queue: the only place a lease is born.
 *
 * Waiters are served by priority, then arrival. An unserved waiter shadows every resource it could use: nobody behind it
 * gets one, so big requests do not starve and writers are not overtaken by readers; whoever wants something else passes.
 * In other words: a resource may only go to the first waiter, of all, that wants it. So when a resource gets room there is
 * one waiter to try, and when a waiter leaves, those that are now first somewhere. The order in which they are tried does
 * not matter for who may have what, only for choices among equals; it is queue order all the same.
 */
export function dispatch(state: State, now: Millis): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let candidates = takeStirred(state); candidates.length > 0; candidates = takeStirred(state)) {
    for (const queued of candidates) {
      if (queued.place.list === null) continue;
      const uses = assign(state, queued);
      if (uses === null) continue;
      const event: StoredEvent = { type: 'lease-granted', lease: grant(state, queued, uses, now), at: now };
      evolve(state, event);
      events.push(event);
    }
  }
  return events;
}

function grant(state: State, { request }: Queued, uses: readonly Use[], now: Millis): Lease {
  let life = Math.min(request.hold ?? Number.POSITIVE_INFINITY, request.longest ?? Number.POSITIVE_INFINITY);
  for (const { resource } of uses) {
    life = Math.min(life, state.catalogue.byId.get(resource)?.resource.maxHold ?? Number.POSITIVE_INFINITY);
  }
  const lease: Lease = {
    request,
    fence: state.counters.fence + 1,
    uses,
    grantedAt: now,
    endsAt: Number.isFinite(life) ? now + life : null,
    keptUntil: null,
    ending: null,
    expiresAt: now + request.ttl,
  };
  return request.claim === undefined ? lease : claimed(lease, request.claim, life, now);
}

/** It lasts by itself, and no longer: until its end or, while it is only offered, until it passes on. */
function claimed(lease: Lease, { for: span, accept }: Claim, life: Millis, now: Millis): Lease {
  const until = now + Math.min(accept ?? span ?? Number.POSITIVE_INFINITY, life);
  if (!Number.isFinite(until)) return lease;
  const claim = { ...lease, endsAt: until, keptUntil: until, expiresAt: until };
  return accept === null ? claim : { ...claim, offeredUntil: until };
}

/** The waiters for whom something may have become possible, in queue order. */
function takeStirred(state: State): Queued[] {
  const { entries, waiters, lines } = state.stirred;
  if (entries.size === 0 && waiters.size === 0 && lines.size === 0) return [];
  const found = new Set(waiters);
  for (const entry of entries) addHead(state, entry, found);
  for (const line of lines) addUnshadowed(state, line, found);
  entries.clear();
  waiters.clear();
  lines.clear();
  return found.size === 1 ? [...found] : [...found].sort((a, b) => (comesBefore(a, b) ? -1 : 1));
}

function addHead(state: State, entry: Entry, found: Set<Queued>): void {
  if (entry.places.length === 0) return;
  const head = state.queue.headOf(entry);
  if (head) found.add(head);
}

/**
 * Whoever stands first for something that the departed wanted and that has room. Looked for from the shorter side: what
 * has room, or who waits.
 */
function addUnshadowed(state: State, line: Line, found: Set<Queued>): void {
  const { lines } = state.queue;
  if (lines.size === 0) return;
  let looked = 0;
  for (const entry of state.catalogue.searchRoom(line)) {
    if (looked > lines.size) return addNeighbours(state, line, found);
    addHead(state, entry, found);
    looked += 1;
  }
}

function addNeighbours({ queue, catalogue }: State, line: Line, found: Set<Queued>): void {
  for (const other of queue.lines.values()) {
    if (overlap(line, other, catalogue)) found.add(other.waiters.first as Queued);
  }
}
