import { impossible } from './advice.ts';
import type { Command } from './command.ts';
import { changed, excess, offlineOf, resourceFrom, sameTraits } from './description.ts';
import { type Refusal, refuse } from './error.ts';
import type { StoredEvent } from './event.ts';
import type { Description, Millis, Principal, Resource } from './model.ts';
import { removal } from './removal.ts';
import type { State } from './state.ts';
import { ASKED } from './undeclared.ts';

/** The source of resources that people added while the daemon ran. */
export const API = 'api';

/**
 * Adds a resource. One that people took away before, though a file has it, is again that file's, changed by them: a reload
 * leaves it alone.
 */
export function describe(
  state: State,
  { description, principal }: Extract<Command, { type: 'describe' }>,
  now: Millis,
): readonly StoredEvent[] | Refusal {
  const { name } = description;
  const by = byWhom(principal);
  const known = state.catalogue.byName.get(name)?.resource;
  const free = known === undefined || known.retiring || known.source === ASKED;
  if (!free) return isSaidAlready(known, description) ? [] : exists(name);
  const taken = known?.removed ? known : state.removed.get(name);
  const { source, declared } = taken ?? { source: API, declared: JSON.stringify(description) };
  const offline = offlineOf(description, now);
  if (known) {
    const { id, lastUsedAt } = known;
    const resource = resourceFrom({ id, source, declared, offline: known.offline, lastUsedAt }, name, description);
    const changed: StoredEvent = { type: 'resource-changed', resource, by };
    const off: readonly StoredEvent[] = offline ? [{ type: 'resource-offline', id, name, offline }] : [];
    return [...forgetting(state, name), changed, ...off];
  }
  const { resources: limit } = state.rules.limits;
  const { size } = state.catalogue;
  if (size >= limit) return refuse('limit', `${size} resources exist, and the limit (resources) is ${limit}`);
  const id = state.counters.resourceId + 1;
  const resource = resourceFrom({ id, source, declared, offline, lastUsedAt: null }, name, description);
  return [...forgetting(state, name), { type: 'resource-added', resource, by }];
}

/** Changes what a resource is. Its number, who holds it and who waits stay; the queue is looked through afterwards. */
export function edit(
  state: State,
  { name, changes, was, principal }: Extract<Command, { type: 'edit' }>,
): readonly StoredEvent[] | Refusal {
  const known = state.catalogue.byName.get(name)?.resource;
  if (!known) return unknown(state, name);
  const traits = changed(known, changes);
  const tooMuch = excess(traits);
  if (tooMuch !== null) return refuse('usage', `${name} would have ${tooMuch}`, { status: 422 });
  if (changes.staleAfter != null && traits.machine === undefined)
    return refuse('usage', `${name} has no machine whose silence could matter`, {
      status: 422,
      hint: 'give its machine too',
    });
  // The same request again is no conflict with itself.
  if (sameTraits(known, traits)) return [];
  if (was && !sameTraits(known, was)) return changedMeanwhile(name);
  const source = known.source === ASKED ? API : known.source;
  const { id, offline, declared, lastUsedAt, retiring, removed } = known;
  const resource = resourceFrom({ id, source, declared, offline, lastUsedAt }, name, traits);
  const kept: Resource = { ...resource, retiring, ...(removed === undefined ? {} : { removed }) };
  return [{ type: 'resource-changed', resource: kept, by: byWhom(principal) }];
}

/** Takes a resource away: at once, or, where it is held, when its last holder is done; until then nobody new gets it. */
export function remove(
  state: State,
  { name, principal }: Extract<Command, { type: 'remove' }>,
): readonly StoredEvent[] | Refusal {
  const entry = state.catalogue.byName.get(name);
  if (!entry) return unknown(state, name);
  const { resource } = entry;
  if (resource.retiring && (resource.removed || !isOfFile(resource))) return [];
  const by = byWhom(principal);
  const leaving: Resource = { ...resource, retiring: true, ...(isOfFile(resource) ? { removed: true } : {}) };
  if (entry.leases.size === 0 && entry.drainedAt === null) return [removal(leaving, by)];
  return [{ type: 'resource-changed', resource: leaving, by }];
}

/** That this name was taken away by people need not be known any longer. */
export function forgetting({ removed }: State, name: string): readonly StoredEvent[] {
  const known = removed.get(name);
  return known ? [{ type: 'resource-forgotten', id: known.id, name }] : [];
}

/** Where nobody has a name, through what. */
function byWhom({ name }: Principal): string {
  return name || API;
}

/** The same request again, or one for what there is. */
function isSaidAlready(known: Resource, description: Description): boolean {
  if (known.source === API && known.declared === JSON.stringify(description)) return true;
  return sameTraits(known, description);
}

function isOfFile({ source }: Resource): boolean {
  return source.startsWith('file:');
}

function exists(name: string): Refusal {
  return refuse('conflict', `there is a resource ${name} already`, {
    hint: `\`rentabot edit ${name}\` changes it`,
  });
}

function changedMeanwhile(name: string): Refusal {
  return refuse('conflict', `somebody has changed ${name} meanwhile; nothing was changed`, {
    hint: 'look at what it is now, and try again',
  });
}

function unknown(state: State, name: string): Refusal {
  return impossible(state, [{ selector: { type: 'name', name }, key: '', count: 1, mode: 'slot' }]);
}
