import type { StoredEvent } from './event.ts';
import { nextEvent } from './evolve.ts';
import type { Lease, Millis, Offline, Request } from './model.ts';
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
  if (events.length === 0) return [];
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
    case 'resource-silent':
    case 'resource-heard':
      return silenceTold(state, event);
    case 'resource-added':
    case 'resource-changed':
    case 'resource-removed':
      return { type: event.type, resources: [event.resource.name], by: event.by ?? event.resource.source };
    case 'resource-offline':
      return wentOffline(event.name, event.offline);
    case 'resource-online':
      return cameOnline(state, event);
    case 'audited':
      return deed(event);
    case 'resource-drained':
      return { type: event.type, resources: [event.name] };
    case 'waiter-joined':
      if (!state.queue.byId.has(event.request.id)) return null;
      return { type: event.type, ...asked(event.request), ...theft(event.request) };
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
    case 'lease-granted':
      return { type: event.type, ...leased(nameOf, event.lease), ...granted(event.lease, event.at) };
    case 'lease-extended':
    case 'lease-accepted':
      return { type: event.type, ...leased(nameOf, event.lease), by: event.by, until: isoOrNull(event.lease.endsAt) };
    case 'lease-kept': {
      const until = isoOrNull(event.lease.endsAt);
      return { type: event.type, ...leased(nameOf, event.lease), by: event.by, until, ...exited(event) };
    }
    case 'lease-asked':
      return { type: event.type, ...leased(nameOf, event.lease), by: event.asked.by, reason: event.asked.note };
    case 'lease-shared': {
      const { type, lease, with: name, shared, by } = event;
      return { type, ...leased(nameOf, lease), with: name, shared, by };
    }
    case 'lease-ending': {
      const { reason, by, note } = event.ending;
      return { type: event.type, ...leased(nameOf, event.lease), reason, by, ...said(note) };
    }
    case 'lease-ended':
      return ended(nameOf, event);
    case 'lease-reduced':
      return partly(nameOf, event);
    case 'resource-forgotten':
    case 'id-spent':
    case 'ids-forgotten':
      return null;
    default:
      return event satisfies never;
  }
}

function ended(nameOf: NameOf, event: Extract<StoredEvent, { type: 'lease-ended' }>): Told {
  const { reason, by, at } = event.ended;
  const held = seconds(at - event.lease.grantedAt);
  return { type: event.type, ...leased(nameOf, event.lease), held, reason, by, ...said(event.why), ...exited(event) };
}

/** For what was given back it is the same, whatever else was held together with it. */
function partly(nameOf: NameOf, { lease, resource, at }: Extract<StoredEvent, { type: 'lease-reduced' }>): Told {
  const held = seconds(at - lease.grantedAt);
  const about = { ...leased(nameOf, lease), resources: [nameOf(resource)] };
  return { type: 'lease-ended', ...about, held, reason: 'released', by: '', part: true };
}

function deed({ action, about, by, note }: Extract<StoredEvent, { type: 'audited' }>): Told {
  return { type: action, about, by, ...(note === '' ? {} : { note }) };
}

function wentOffline(name: string, { reason, by, until }: Offline): Told {
  return { type: 'resource-offline', resources: [name], reason, by, until: isoOrNull(until) };
}

/** What people put in service again may be silent: only the reason has changed then. */
function cameOnline({ catalogue }: State, { id, name, by }: Extract<StoredEvent, { type: 'resource-online' }>): Told {
  const silence = catalogue.byId.get(id)?.silence;
  return silence ? wentOffline(name, silence.offline) : { type: 'resource-online', resources: [name], by };
}

/** Told as what it is for whoever waits; where people took it out of service, nothing changes. */
function silenceTold(
  { catalogue }: State,
  event: Extract<StoredEvent, { type: 'resource-silent' | 'resource-heard' }>,
): Told | null {
  if (catalogue.byId.get(event.id)?.resource.offline) return null;
  if (event.type === 'resource-silent') return wentOffline(event.name, event.silence.offline);
  return { type: 'resource-online', resources: [event.name], by: '' };
}

function asked({ id, holder, note, wants, principal }: Request): Omit<Told, 'type'> {
  return { lease: id, holder, note, want: describeWants(wants), ...owned(principal) };
}

/** On a daemon without identities nobody in particular. */
function owned(principal: string): { readonly owner?: string } {
  return principal === '' ? {} : { owner: principal };
}

function said(note: string | undefined): { readonly why?: string } {
  return note ? { why: note } : {};
}

/** Said only where it is known. */
function exited({ exit }: { readonly exit: number | null }): { readonly exit?: number } {
  return exit === null ? {} : { exit };
}

function granted({ request, offeredUntil, endsAt }: Lease, at: Millis): Partial<Told> {
  const told = { waited: seconds(at - request.askedAt), until: isoOrNull(endsAt) };
  if (request.claim === undefined) return told;
  const claim = { ...told, claim: true };
  return offeredUntil === undefined ? { ...claim, ...theft(request) } : { ...claim, offered: true };
}

/** Why somebody takes over what others hold. */
function theft({ steals }: Request): Partial<Told> {
  return steals === undefined ? {} : { reason: steals };
}

function leased(nameOf: NameOf, { request, uses, fence }: Lease): Omit<Told, 'type'> {
  const resources = uses.map(({ resource }) => nameOf(resource));
  const { id, holder, note, principal } = request;
  return { lease: id, holder, note, resources, fence, ...owned(principal) };
}
