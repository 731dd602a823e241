import type { Entry } from './catalogue.ts';
import type { Command } from './command.ts';
import { type Refusal, refuse } from './error.ts';
import type { Event, StoredEvent } from './event.ts';
import { runsOn, type Seen, seenIso, seenText } from './machine.ts';
import type { Lease, Millis, Resource } from './model.ts';
import type { State } from './state.ts';

/** Clocks differ; what claims to be further ahead of ours than this is a mistake, and would keep what is dead in service. */
const MOST_AHEAD: Millis = 5 * 60_000;

/**
 * When a resource goes silent: so long after its machine was last seen as its description allows. 0 where the machine was
 * never seen, null where nobody watches it.
 */
export function silentFrom({ machines }: State, { machine, staleAfter }: Resource): Millis | null {
  if (machine === undefined || staleAfter === undefined) return null;
  const seen = machines.get(machine);
  return seen === undefined ? 0 : Math.ceil(seen.at + staleAfter);
}

/** Machines were seen. Never goes backwards; all of the list counts, or nothing of it. */
export function see(
  state: State,
  { seen }: Extract<Command, { type: 'see' }>,
  now: Millis,
): readonly Event[] | Refusal {
  const newer = new Map<string, Seen>();
  let added = 0;
  for (const one of seen) {
    if (one.at > now + MOST_AHEAD) return ahead(one);
    const known = newer.get(one.machine) ?? state.machines.get(one.machine);
    if (known === undefined) added += 1;
    if (known === undefined || known.at < one.at) newer.set(one.machine, one);
  }
  const { machines: limit } = state.rules.limits;
  const size = state.machines.size + added;
  if (added > 0 && size > limit) return refuse('limit', `${size} machines, and the limit (machines) is ${limit}`);
  return [...newer.values()].flatMap((one) => heard(state, one, now));
}

/** A holder that renews from the machine of what it holds is a sign of life of that machine. */
export function seenByRenewal(state: State, { request, uses }: Lease, now: Millis): readonly Event[] {
  const events: Event[] = [];
  for (const use of uses) {
    const machine = state.catalogue.byId.get(use.resource)?.resource.machine;
    if (machine === undefined || !runsOn(machine, request.holder.host)) continue;
    events.push(...heard(state, { machine, text: seenText(now), at: now }, now));
  }
  return events;
}

/** Whether what was just described, or described anew, is silent: to be asked before the queue is served. */
export function* judgeDescribed(state: State, now: Millis): Generator<StoredEvent> {
  for (const entry of [...state.stirred.entries]) {
    const { resource, silence } = entry;
    const from = silentFrom(state, resource);
    const isSilent = from !== null && from <= now;
    if (silence !== null && isSilent && silence.machine === resource.machine) continue;
    if (silence !== null) yield { type: 'resource-heard', id: resource.id, name: resource.name };
    if (isSilent) yield fallSilent(state, entry, now);
  }
}

/** To be asked only of what is silent. */
export function fallSilent(
  state: State,
  { resource }: Entry,
  now: Millis,
): Extract<StoredEvent, { type: 'resource-silent' }> {
  const { id, name, machine = '' } = resource;
  const seen = state.machines.get(machine);
  const reason = seen
    ? `machine ${machine} has been silent since ${seenIso(seen)}`
    : `machine ${machine} was never seen`;
  const since = (seen && silentFrom(state, resource)) ?? now;
  return { type: 'resource-silent', id, name, silence: { machine, offline: { reason, by: '', since, until: null } } };
}

function heard(state: State, seen: Seen, now: Millis): Event[] {
  const events: Event[] = [{ type: 'machine-seen', seen }];
  for (const { resource } of state.silent.get(seen.machine) ?? []) {
    if (seen.at + (resource.staleAfter ?? 0) <= now) continue;
    events.push({ type: 'resource-heard', id: resource.id, name: resource.name });
  }
  return events;
}

function ahead({ machine, text }: Seen): Refusal {
  return refuse(
    'usage',
    `${machine}: ${text} is more than ${MOST_AHEAD / 60_000} minutes ahead of the daemon's clock`,
    {
      status: 422,
      hint: 'times are in UTC; nothing of the list was taken',
    },
  );
}
