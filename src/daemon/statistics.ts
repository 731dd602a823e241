import { outOfService } from '../core/catalogue.ts';
import type { Millis } from '../core/model.ts';
import { type Standing, Tally } from '../core/stats.ts';
import type { Store } from '../core/store.ts';
import type { StatsJson } from '../core/wire.ts';
import type { Engine, Sight } from './engine.ts';

/** Events that are read at once: a millisecond or two, after which a turn may come between. */
const EVENTS_AT_ONCE = 250;

/**
 * What the history comes to. It is read in slices, with the daemon's turns between them, for one caller at a time, and
 * nothing of it is kept but the sums and the waits.
 */
export class Statistics {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly engine: Engine,
    private readonly store: Store,
  ) {}

  /** From this moment, or from where the history begins if that is later, until now. */
  since(since: Millis | null): Promise<StatsJson> {
    const result = this.last.then(() => this.read(since ?? 0));
    this.last = result.catch(() => null);
    return result;
  }

  private async read(since: Millis): Promise<StatsJson> {
    // What a turn under way has done is not history yet; what comes later does not count.
    const { now, newest, standings } = await this.engine.read(standingNow);
    const [oldest] = await this.store.eventsAfter(0, 1);
    const from = Math.min(now, Math.max(since, oldest ? Date.parse(oldest.at) : now));
    const tally = new Tally(standings, { from, to: now });
    for (let before = newest + 1; ; ) {
      const page = await this.store.history({ resource: null, since: from, before, limit: EVENTS_AT_ONCE });
      for (const event of page) tally.add(event);
      before = page.at(-1)?.id ?? 0;
      if (page.length < EVENTS_AT_ONCE) return tally.result();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function standingNow({ state, now }: Sight): {
  readonly now: Millis;
  readonly newest: number;
  readonly standings: readonly Standing[];
} {
  const standings: Standing[] = [];
  for (const entry of state.catalogue.byId.values()) {
    const { resource, leases } = entry;
    const { id, name, tags } = resource;
    const grantedAt = [...leases.keys()].map((lease) => state.leases.get(lease)?.lease.grantedAt ?? now);
    standings.push({ id, name, tags, offlineSince: outOfService(entry)?.since ?? null, grantedAt });
  }
  standings.sort((a, b) => a.id - b.id);
  return { now, newest: state.counters.event, standings };
}
