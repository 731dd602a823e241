import type { StoredEvent } from './event.ts';
import { nextEvent } from './evolve.ts';
import type { Lease, Millis, Request } from './model.ts';
import type { State } from './state.ts';
import { isoOrNull, isoTime, seconds } from './view.ts';
import { describeWants } from './want.ts';
import type { EventJson } from './wire.ts';

type Told = Omit<EventJson, 'id' | 'at'>;

/**
 * What people are told of a turn: for history, event streams and the log. Without secrets, not even as hashes; and without
 * the queue where somebody was served, or sent away, in the moment they asked.
 */
export function tell(state: State, events: readonly StoredEvent[], now: Millis): EventJson[] {
  const at = isoTime(now);
  const told: EventJson[] = [];
  const nameOf = namesIn(state, events);
  for (const event of events) {
    const one = tellOne(state, event, now, nameOf);
    if (one === null) continue;
    told.push({ id: nextEvent(state), at, ...one });
  }
  return told;
}

type NameOf = (resource: number) => string;

/** What was held to its last moment, and is gone with its lease, still has its name. */
function namesIn({ catalogue }: State, events: readonly StoredEvent[]): NameOf {
  const gone = new Map<number, string>();
  for (const event of events) if (event.type === 'resource-removed') gone.set(event.resource.id, event.resource.name);
  return (id) => catalogue.byId.get(id)?.resource.name ?? gone.get(id) ?? `#${id}`;
}

function tellOne(state: State, event: StoredEvent, now: Millis, nameOf: NameOf): Told | null {
  switch (event.type) {
    case 'resource-added':
    case 'resource-changed':
    case 'resource-removed':
      return { type: event.type, resources: [event.resource.name], by: event.resource.source };
    case 'resource-offline': {
      const { reason, by, until } = event.offline;
      return { type: event.type, resources: [event.name], reason, by, until: isoOrNull(until) };
    }
    case 'resource-online':
      return { type: event.type, resources: [event.name], by: event.by };
    case 'resource-drained':
      return { type: event.type, resources: [event.name] };
    case 'waiter-joined':
      return state.queue.byId.has(event.request.id) ? { type: event.type, ...asked(event.request) } : null;
    case 'waiter-left': {
      const { outcome, reason, by } = event.ended;
      const why = outcome === 'lost' ? reason : outcome;
      return {
        type: event.type,
        ...asked(event.request),
        waited: seconds(now - event.request.askedAt),
        reason: why,
        by,
      };
    }
    case 'lease-granted': {
      const waited = seconds(event.at - event.lease.request.askedAt);
      return { type: event.type, ...leased(nameOf, event.lease), waited, until: isoOrNull(event.lease.endsAt) };
    }
    case 'lease-extended':
    case 'lease-kept':
      return { type: event.type, ...leased(nameOf, event.lease), by: event.by, until: isoOrNull(event.lease.endsAt) };
    case 'lease-ending':
      return { type: event.type, ...leased(nameOf, event.lease), reason: event.ending.reason, by: event.ending.by };
    case 'lease-ended': {
      const { reason, by, at } = event.ended;
      return {
        type: event.type,
        ...leased(nameOf, event.lease),
        held: seconds(at - event.lease.grantedAt),
        reason,
        by,
      };
    }
    case 'id-spent':
    case 'ids-forgotten':
      return null;
    default:
      return event satisfies never;
  }
}

function asked({ id, holder, note, wants }: Request): Omit<Told, 'type'> {
  return { lease: id, holder, note, want: describeWants(wants) };
}

function leased(nameOf: NameOf, { request, uses, fence }: Lease): Omit<Told, 'type'> {
  const resources = uses.map(({ resource }) => nameOf(resource));
  return { lease: request.id, holder: request.holder, note: request.note, resources, fence };
}
