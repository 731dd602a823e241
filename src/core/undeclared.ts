import type { Acquire } from './command.ts';
import type { StoredEvent } from './event.ts';
import type { Resource } from './model.ts';
import { removal } from './removal.ts';
import type { State } from './state.ts';

/** The source of resources that nobody described. */
export const ASKED = 'asked';

type Added = Extract<StoredEvent, { type: 'resource-added' }>;

/**
 * Resources for the names in a request that nobody declared, where the rules say so: as flock(1) makes its file. Beyond
 * the limit, those idle for longest make place (see `surplus`).
 */
export function makeUp(state: State, { wants }: Acquire): readonly Added[] {
  if (state.rules.undeclared !== 'create') return [];
  const names = new Set(wants.flatMap(({ selector }) => (selector.type === 'name' ? [selector.name] : [])));
  const missing = [...names].filter((name) => !state.catalogue.byName.has(name));
  return missing.map((name, i) => ({
    type: 'resource-added',
    resource: plain(state.counters.resourceId + 1 + i, name),
  }));
}

/** Made-up resources beyond the limit that nobody holds or waits for, those idle for longest first. */
export function surplus(state: State): readonly StoredEvent[] {
  const made = [...state.catalogue.byId.values()].filter(({ resource }) => resource.source === ASKED);
  const excess = made.length - state.rules.limits.undeclared;
  if (excess <= 0) return [];
  return made
    .filter((entry) => entry.leases.size === 0 && entry.drainedAt === null && state.queue.headOf(entry) === null)
    .sort((a, b) => (a.resource.lastUsedAt ?? 0) - (b.resource.lastUsedAt ?? 0) || a.resource.id - b.resource.id)
    .slice(0, excess)
    .map(({ resource }) => removal(resource));
}

function plain(id: number, name: string): Resource {
  return {
    id,
    name,
    description: '',
    endpoint: '',
    tags: [],
    properties: {},
    env: {},
    slots: 1,
    maxHold: null,
    offline: null,
    source: ASKED,
    declared: '',
    retiring: false,
    lastUsedAt: null,
  };
}
