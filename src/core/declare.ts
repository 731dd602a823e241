import { everPossible } from './assign.ts';
import type { Declare } from './command.ts';
import { forgetting } from './describe.ts';
import { merged, offlineOf, resourceFrom } from './description.ts';
import { leaveQueue } from './ending.ts';
import { type Refusal, refuse } from './error.ts';
import type { StoredEvent } from './event.ts';
import type { Description, Millis, Resource } from './model.ts';
import { removal } from './removal.ts';
import type { State } from './state.ts';
import { ASKED } from './undeclared.ts';
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
    if ((!known || known.source === ASKED) && staysAway(state, description, command.source)) continue;
    if (!known) {
      const resource = made(nextId, description, command.source, now);
      events.push(...forgetting(state, description.name), { type: 'resource-added', resource });
      nextId += 1;
      size += 1;
    } else {
      const changes = redescribed(known, description, command.source, now);
      if (changes.length > 0) events.push(...forgetting(state, description.name), ...changes);
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
    if (leases.size === 0 && drainedAt === null) yield removal(resource);
    else yield { type: 'resource-changed', resource: { ...resource, retiring: true } };
  }
  for (const known of state.removed.values()) {
    if (known.source === source && !described.has(known.name)) yield* forgetting(state, known.name);
  }
}

function made(id: number, description: Description, source: string, now: Millis): Resource {
  const offline = offlineOf(description, now);
  const declared = JSON.stringify(description);
  return resourceFrom({ id, offline, source, declared, lastUsedAt: null }, description.name, description);
}

/**
 * What a new description changes; that it goes out of service, or comes back, is told apart. See `merged` for what people
 * changed since the last one.
 */
function redescribed(known: Resource, description: Description, source: string, now: Millis): StoredEvent[] {
  const declared = JSON.stringify(description);
  const isSame = known.declared === declared && known.source === source;
  if (isSame && (!known.retiring || known.removed)) return [];
  const { id, offline, lastUsedAt } = known;
  const before = known.declared === '' || known.removed ? null : (JSON.parse(known.declared) as Description);
  const { name } = description;
  const traits = before === null ? description : merged(before, known, description);
  const resource = resourceFrom({ id, offline, source, declared, lastUsedAt }, name, traits);
  const changed: StoredEvent = { type: 'resource-changed', resource };
  if (JSON.stringify(before?.offline ?? null) === JSON.stringify(description.offline)) return [changed];
  const after = offlineOf(description, now);
  if (after !== null) return [changed, { type: 'resource-offline', id, name, offline: after }];
  return offline === null ? [changed] : [changed, { type: 'resource-online', id, name, by: source }];
}

/** People took it away, and the file says of it what it said then. */
function staysAway({ removed }: State, description: Description, source: string): boolean {
  const known = removed.get(description.name);
  return known !== undefined && known.source === source && known.declared === JSON.stringify(description);
}
