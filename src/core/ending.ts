import type { StoredEvent } from './event.ts';
import type { Ended, Ending, EndReason, Lease, Millis, Outcome, Request } from './model.ts';
import { removal } from './removal.ts';
import type { State } from './state.ts';
import { shapeOf } from './want.ts';

/** Why something ends, and through whom. */
export interface Cause {
  readonly reason: EndReason;
  /** Empty where time did it. */
  readonly by: string;
  readonly note?: string;
}

/**
 * The one way a lease ends: remembered by its id, and whatever was only kept for its sake goes with it. Where a command is
 * behind it and nobody has reported that dead, the holder should have ended it by now; but its host may be slow, so what
 * it had is held back for a while.
 */
export function endLease(
  state: State,
  lease: Lease,
  cause: Cause,
  now: Millis,
  { reported, exit = null }: { readonly reported: boolean; readonly exit?: number | null },
): StoredEvent[] {
  const isLate = lease.request.guarded && !reported && state.rules.drain > 0;
  const drains = isLate ? { drains: lease.uses.map(({ resource }) => resource) } : {};
  const ended: Ended = { ...endedBy(state, lease.request, 'lost', cause, now), ...drains };
  const why = cause.note ? { why: cause.note } : {};
  const events: StoredEvent[] = [{ type: 'lease-ended', lease, ended, exit, ...why }];
  for (const { resource } of lease.uses) {
    const entry = state.catalogue.byId.get(resource);
    const waits = isLate || entry?.drainedAt != null;
    if (entry?.resource.retiring && entry.leases.size === 1 && !waits) {
      events.push(removal(entry.resource));
    }
  }
  return events;
}

/** Gives one of several resources back; nothing changes where the lease does not have it. */
export function reduceLease(state: State, lease: Lease, resource: number, now: Millis): StoredEvent[] {
  const uses = lease.uses.filter((use) => use.resource !== resource);
  if (uses.length === lease.uses.length) return [];
  const events: StoredEvent[] = [{ type: 'lease-reduced', lease: { ...lease, uses }, resource, at: now }];
  const entry = state.catalogue.byId.get(resource);
  if (entry?.resource.retiring && entry.leases.size === 1 && entry.drainedAt === null)
    events.push(removal(entry.resource));
  return events;
}

/**
 * Asks for a lease back. One with a command behind it is only told: its resources pass on when the holder confirms that
 * the command is dead, or when its ttl has run out, never before. That an extension promised more counts no longer.
 */
export function revokeLease(state: State, lease: Lease, cause: Cause, now: Millis): StoredEvent[] {
  if (!lease.request.guarded) return endLease(state, lease, cause, now, { reported: true });
  if (lease.ending !== null) return [];
  if (lease.expiresAt <= now) return endLease(state, lease, cause, now, { reported: false });
  const ending: Ending = { reason: cause.reason, by: cause.by, note: cause.note ?? '', since: now };
  return [{ type: 'lease-ending', lease: { ...lease, ending }, ending }];
}

/** The one way to leave the queue without a lease. */
export function leaveQueue(state: State, request: Request, outcome: Outcome, cause: Cause, now: Millis): StoredEvent {
  return { type: 'waiter-left', request, ended: endedBy(state, request, outcome, cause, now) };
}

function endedBy(state: State, request: Request, outcome: Outcome, cause: Cause, now: Millis): Ended {
  const { id, secretHash, wants } = request;
  const { reason, by } = cause;
  return {
    id,
    secretHash,
    shape: request.shape ?? shapeOf(wants),
    outcome,
    reason,
    by,
    at: now,
    seq: state.counters.ended + 1,
  };
}
