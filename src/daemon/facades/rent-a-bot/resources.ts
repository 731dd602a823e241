import type { EventJson } from '../../../core/wire.ts';
import { type Answer, json } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Ask } from '../../requests.ts';
import { type Dialect, offsetStamp, viewOf } from './dialect.ts';
import { pathId } from './locks.ts';

/** How far back the history is looked at for how locks ended: a bound, so that a list costs the same on a busy daemon. */
const LOOK_AT = 500;

/** `GET …/resources` */
export async function listResources(daemon: Daemon, dialect: Dialect): Promise<Answer> {
  const ends = await endsOf(daemon, null);
  return daemon.engine.read(({ state }) => {
    const entries = [...state.catalogue.byId.values()].sort((a, b) => a.resource.id - b.resource.id);
    const view = (entry: (typeof entries)[number]) =>
      viewOf(daemon, state, entry, dialect, { ended: ends.get(entry.resource.name) ?? null });
    return json({ resources: entries.map(view) });
  });
}

/** `GET …/resources/{id}` */
export async function showResource(daemon: Daemon, ask: Ask, dialect: Dialect): Promise<Answer> {
  const id = pathId(ask, dialect);
  if ('fault' in id) return id.fault;
  const name = await daemon.engine.read(({ state }) => state.catalogue.byId.get(id.value)?.resource.name ?? null);
  const ends = name === null ? new Map<string, string>() : await endsOf(daemon, name);
  return daemon.engine.read(({ state }) => {
    const entry = state.catalogue.byId.get(id.value);
    if (!entry) return json({ resource_id: id.value, message: 'Resource not found' }, 404);
    return json({ resource: viewOf(daemon, state, entry, dialect, { ended: ends.get(entry.resource.name) ?? null }) });
  });
}

/** How the last lock of each resource ended, as far as the history goes back that is looked at. */
async function endsOf({ store }: Daemon, resource: string | null): Promise<ReadonlyMap<string, string>> {
  const events = await store.history({ resource, since: null, before: null, limit: LOOK_AT });
  const ends = new Map<string, string>();
  for (const event of events) {
    if (event.type !== 'lease-ended') continue;
    for (const name of event.resources ?? []) if (!ends.has(name)) ends.set(name, endOf(event));
  }
  return ends;
}

function endOf({ reason, at }: EventJson): string {
  return reason === 'expired' ? `Auto-expired at ${offsetStamp(Date.parse(at))}` : 'Resource available';
}
