import { everPossible } from './assign.ts';
import type { Declare } from './command.ts';
import { leaveQueue } from './ending.ts';
import { type Refusal, refuse } from './error.ts';
import type { StoredEvent } from './event.ts';
import type { Description, Millis, Offline, Resource } from './model.ts';
import type { State } from './state.ts';
import { shapeOf } from './want.ts';

/**
 * Applies what a source describes, by difference. Ids stay; what is held is never freed; what the source no longer has
 * is retired: nobody new gets it, and it goes when its holder is done.
 */
export function declare(state: State, command: Declare, now: Millis): readonly StoredEvent[] | Refusal {
  const described = new Map(command.resources.map((description) => [description.name, description]));
  const events: StoredEvent[] = [];
  let nextId = state.counters.resourceId + 1;
  let size = state.catalogue.size;
  for (const description of described.values()) {
    const known = state.catalogue.byName.get(description.name)?.resource;
    if (!known) {
      events.push({ type: 'resource-added', resource: made(nextId, description, command.source, now) });
      nextId += 1;
      size += 1;
    } else {
      events.push(...redescribed(known, description, command.source, now));
    }
  }
  if (!command.additive) events.push(...dropped(state, command.source, described));
  const { resources: limit } = state.rules.limits;
  if (size > limit) return refuse('limit', `${size} resources, and the limit (resources) is ${limit}`);
  return events;
}

/** Waiters whose wants no longer exist: refused at once, as they would be if they asked now. Each event has to happen before the next is asked for. */
export function* stranded(state: State, now: Millis): Generator<StoredEvent> {
  const possible = new Map<string, boolean>();
  for (const { request } of state.queue.order) {
    const shape = shapeOf(request.wants);
    if (!possible.has(shape)) possible.set(shape, everPossible(state, request.wants));
    if (possible.get(shape)) continue;
    yield leaveQueue(state, request, 'impossible', { reason: 'expired', by: '' }, now);
  }
}

function* dropped(state: State, source: string, described: ReadonlyMap<string, unknown>): Generator<StoredEvent> {
  for (const { resource, leases, drainedAt } of state.catalogue.byId.values()) {
    if (resource.source !== source || described.has(resource.name) || resource.retiring) continue;
    if (leases.size === 0 && drainedAt === null) yield { type: 'resource-removed', resource };
    else yield { type: 'resource-changed', resource: { ...resource, retiring: true } };
  }
}

function made(id: number, description: Description, source: string, now: Millis): Resource {
  const offline = offlineOf(description, now);
  const declared = JSON.stringify(description);
  return described({ id, offline, source, declared, lastUsedAt: null }, description);
}

/** Written out: of objects that are spread together each has a shape of its own, which is half a kilobyte a resource. */
function described(
  own: Omit<Resource, keyof Description | 'retiring'> & { offline: Offline | null },
  of: Description,
): Resource {
  const { name, description, endpoint, tags, properties, env, slots, maxHold } = of;
  const { id, offline, source, declared, lastUsedAt } = own;
  return {
    id,
    name,
    description,
    endpoint,
    tags,
    properties,
    env,
    slots,
    maxHold,
    offline,
    source,
    declared,
    retiring: false,
    lastUsedAt,
  };
}

/** What a new description changes; that it goes out of service, or comes back, is told apart. */
function redescribed(known: Resource, description: Description, source: string, now: Millis): StoredEvent[] {
  const declared = JSON.stringify(description);
  if (known.declared === declared && known.source === source && !known.retiring) return [];
  const { id, offline, lastUsedAt } = known;
  const resource = described({ id, offline, source, declared, lastUsedAt }, description);
  const changed: StoredEvent = { type: 'resource-changed', resource };
  const before = known.declared === '' ? null : (JSON.parse(known.declared) as Description).offline;
  if (JSON.stringify(before) === JSON.stringify(description.offline)) return [changed];
  const { name } = description;
  const after = offlineOf(description, now);
  if (after !== null) return [changed, { type: 'resource-offline', id, name, offline: after }];
  return offline === null ? [changed] : [changed, { type: 'resource-online', id, name, by: source }];
}

function offlineOf({ offline }: Description, now: Millis): Offline | null {
  if (offline === null || (offline.until !== null && offline.until <= now)) return null;
  return { ...offline, by: '', since: now };
}
