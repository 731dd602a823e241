import { EMPTY_SNAPSHOT, type Snapshot } from '../../core/state.ts';
import type { Batch, HistoryQuery, Retention, Store } from '../../core/store.ts';
import { DEFAULT_RETENTION } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';
import { Facts } from './facts.ts';
import { MemoryMachines } from './machine-memory.ts';

/**
 * Keeps everything for as long as the process lives: for tests, and for a daemon that may forget. What was committed
 * survives close and open, as if it were on a disk.
 */
export class MemoryStore implements Store {
  readonly machines = new MemoryMachines();
  private readonly facts = new Facts(EMPTY_SNAPSHOT);
  private events: EventJson[] = [];

  constructor(private readonly retention: Retention = DEFAULT_RETENTION) {}

  async open(): Promise<Snapshot> {
    return { ...this.facts.snapshot(), machines: this.machines.load() };
  }

  async commit(batch: Batch): Promise<void> {
    this.facts.apply(structuredClone(batch));
    this.events.push(...structuredClone(batch.told));
    const oldest = new Date(batch.at - this.retention.keepFor).toISOString();
    const surplus = this.events.length - this.retention.events;
    this.events = this.events.filter(({ at }, i) => i >= surplus && at >= oldest);
  }

  async history({ resource, since, before, limit }: HistoryQuery): Promise<EventJson[]> {
    const from = since === null ? '' : new Date(since).toISOString();
    return this.events
      .filter(
        ({ id, at, resources }) => (before === null || id < before) && at >= from && concerns(resources, resource),
      )
      .reverse()
      .slice(0, limit);
  }

  async eventsAfter(after: number, limit: number): Promise<EventJson[]> {
    return this.events.filter(({ id }) => id > after).slice(0, limit);
  }

  async close(): Promise<void> {}
}

function concerns(resources: readonly string[] | undefined, resource: string | null): boolean {
  return resource === null || (resources?.includes(resource) ?? false);
}
