import { endLease, leaveQueue, revokeLease } from './ending.ts';
import type { StoredEvent } from './event.ts';
import { evolve, expiryOf, leaseDue, waiterDue } from './evolve.ts';
import type { Millis } from './model.ts';
import { removal } from './removal.ts';
import { fallSilent, silentFrom } from './silence.ts';
import type { State } from './state.ts';
import type { Timer } from './timers.ts';

/** Spent ids are forgotten so many at a time, or more where more are over the limit. */
const FORGET_AT_ONCE = 1000;

const BY_TIME = { reason: 'expired', by: '' } as const;

/** What time alone has changed by now, made part of the world. */
export function expire(state: State, now: Millis): StoredEvent[] {
  const events: StoredEvent[] = [];
  const happen = (event: StoredEvent): void => {
    evolve(state, event);
    events.push(event);
  };
  for (let timer = state.timers.next; timer !== null && timer.at <= now; timer = state.timers.next) {
    for (const event of dueNow(state, timer, now)) happen(event);
  }
  for (const event of forgetOld(state, now)) happen(event);
  return events;
}

/** When `expire` will next have something to do; null for never. */
export function nextDeadline(state: State): Millis | null {
  const at = state.timers.next?.at ?? Number.POSITIVE_INFINITY;
  return Number.isFinite(at) ? at : null;
}

function dueNow(state: State, timer: Timer, now: Millis): readonly StoredEvent[] {
  switch (timer.kind) {
    case 'waiter':
      return waiterDueNow(state, timer, now);
    case 'lease':
      return leaseDueNow(state, timer, now);
    case 'resource':
      return onlineNow(state, timer);
    case 'drain':
      return drainedNow(state, timer);
    case 'silence':
      return silentNow(state, timer, now);
    default:
      return timer.kind satisfies never;
  }
}

function waiterDueNow(state: State, timer: Timer, now: Millis): readonly StoredEvent[] {
  const queued = state.queue.byId.get(String(timer.id));
  if (!queued) return gone(state, timer);
  const due = waiterDue(queued, state.rules.limits.silence);
  if (due > now) return later(state, timer, due);
  const { givesUpAt } = queued.request;
  const outcome = givesUpAt !== null && givesUpAt <= now ? 'timeout' : 'lost';
  return [leaveQueue(state, queued.request, outcome, BY_TIME, now)];
}

function leaseDueNow(state: State, timer: Timer, now: Millis): readonly StoredEvent[] {
  const held = state.leases.get(String(timer.id));
  if (!held) return gone(state, timer);
  const { lease } = held;
  const due = leaseDue(lease);
  if (due > now) return later(state, timer, due);
  if (expiryOf(lease) <= now) return endLease(state, lease, lease.ending ?? BY_TIME, now, { reported: false });
  return revokeLease(state, lease, BY_TIME, now);
}

function onlineNow(state: State, timer: Timer): readonly StoredEvent[] {
  const entry = state.catalogue.byId.get(Number(timer.id));
  if (!entry) return gone(state, timer);
  return [{ type: 'resource-online', id: entry.resource.id, name: entry.resource.name, by: '' }];
}

/** What was only kept until it is drained goes then. */
function drainedNow(state: State, timer: Timer): readonly StoredEvent[] {
  const entry = state.catalogue.byId.get(Number(timer.id));
  if (!entry) return gone(state, timer);
  const { resource, leases } = entry;
  const drained: StoredEvent = { type: 'resource-drained', id: resource.id, name: resource.name };
  return resource.retiring && leases.size === 0 ? [drained, removal(resource)] : [drained];
}

function silentNow(state: State, timer: Timer, now: Millis): readonly StoredEvent[] {
  const entry = state.catalogue.byId.get(Number(timer.id));
  const from = entry ? silentFrom(state, entry.resource) : null;
  if (!entry || from === null) return gone(state, timer);
  // It may have been seen since.
  return from > now ? later(state, timer, from) : [fallSilent(state, entry, now)];
}

/** A timer may be early; it catches up here. */
function later(state: State, timer: Timer, due: Millis): readonly StoredEvent[] {
  state.timers.move(timer, due);
  return [];
}

function gone(state: State, timer: Timer): readonly StoredEvent[] {
  state.timers.remove(timer);
  return [];
}

function* forgetOld(state: State, now: Millis): Generator<StoredEvent> {
  const { remembered, rememberedFor } = state.rules.limits;
  const { drain } = state.rules;
  const surplus = state.ended.size - remembered;
  // Not each one as it comes, so that a busy daemon does not write that down with every turn.
  const least = surplus >= FORGET_AT_ONCE ? surplus : 0;
  let count = 0;
  let upTo = 0;
  for (const { at, seq, drains } of state.ended.values()) {
    const old = at + rememberedFor <= now;
    if (count >= least && (!old || count >= FORGET_AT_ONCE)) break;
    // What it holds back has to be known after a restart.
    if (drains && at + drain > now) break;
    upTo = seq;
    count += 1;
  }
  if (count > 0) yield { type: 'ids-forgotten', upTo };
}
