import type { Millis } from '../../core/model.ts';
import type { Store } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';

/** So many events a picture is made of at most; those of a busier time are told from there on. */
const MOST_EVENTS = 20_000;
/** So many are read in one go: others want to be answered in between. */
const AT_ONCE = 1000;

export interface Past {
  /** The newest first. */
  readonly events: readonly EventJson[];
  /** From when on they are complete. */
  readonly since: Millis;
}

/** What happened since then, of one resource or of all. */
export async function readPast(store: Store, since: Millis, resource: string | null): Promise<Past> {
  const events: EventJson[] = [];
  for (let before: number | null = null; events.length < MOST_EVENTS; ) {
    const found: EventJson[] = await store.history({ resource, since, before, limit: AT_ONCE });
    events.push(...found);
    if (found.length < AT_ONCE) return { events, since };
    before = found.at(-1)?.id ?? 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { events, since: Date.parse(events.at(-1)?.at ?? '') };
}

/** The last so many that are wanted, the newest first; in a busy lab they are looked for some way back. */
export async function readLast(
  store: Store,
  isWanted: (event: EventJson) => boolean,
  most: number,
): Promise<EventJson[]> {
  const wanted: EventJson[] = [];
  let before: number | null = null;
  for (let looked = 0; looked < MOST_EVENTS && wanted.length < most; looked += AT_ONCE) {
    const found: EventJson[] = await store.history({ resource: null, since: null, before, limit: AT_ONCE });
    wanted.push(...found.filter(isWanted));
    if (found.length < AT_ONCE) break;
    before = found.at(-1)?.id ?? 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return wanted.slice(0, most);
}
