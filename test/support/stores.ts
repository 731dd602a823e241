import type { Snapshot } from '../../src/core/state.ts';
import type { Batch, HistoryQuery, Store } from '../../src/core/store.ts';
import type { EventJson } from '../../src/core/wire.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';

/** A store that passes everything on; what it does on the way, a test decides. */
export class WrappedStore implements Store {
  constructor(protected readonly inner: Store = new MemoryStore()) {}

  open(): Promise<Snapshot> {
    return this.inner.open();
  }

  commit(batch: Batch): Promise<void> {
    return this.inner.commit(batch);
  }

  history(query: HistoryQuery): Promise<EventJson[]> {
    return this.inner.history(query);
  }

  eventsAfter(id: number, limit: number): Promise<EventJson[]> {
    return this.inner.eventsAfter(id, limit);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** A store whose commits the test holds up: `hold`, ask, `reached`, look, and then let go. */
export class HeldStore extends WrappedStore {
  readonly batches: Batch[] = [];
  private gate: Promise<void> = Promise.resolve();
  private waiting = 0;
  private readonly watchers = new Set<() => void>();

  /** From now on no commit happens until the answer is called. */
  hold(): () => void {
    let letGo: () => void = () => {};
    this.gate = new Promise((resolve) => {
      letGo = resolve;
    });
    return letGo;
  }

  /** Resolves once a commit waits at the gate. */
  reached(): Promise<void> {
    if (this.waiting > 0) return Promise.resolve();
    return new Promise((resolve) => this.watchers.add(resolve));
  }

  override async commit(batch: Batch): Promise<void> {
    this.batches.push(batch);
    this.waiting += 1;
    for (const watcher of this.watchers) watcher();
    this.watchers.clear();
    await this.gate;
    this.waiting -= 1;
    await this.inner.commit(batch);
  }
}

/** A store that fails as often as the test says: each commit and each open asks first. */
export class FailingStore extends WrappedStore {
  /** How many of the next commits fail before anything was written, or after all of it was. */
  before = 0;
  after = 0;
  /** How many of the next opens fail. */
  opens = 0;
  opened = 0;
  closed = 0;

  override async open(): Promise<Snapshot> {
    this.opened += 1;
    if (this.opens > 0) {
      this.opens -= 1;
      throw new Error('the disk is gone');
    }
    return this.inner.open();
  }

  override async commit(batch: Batch): Promise<void> {
    if (this.before > 0) {
      this.before -= 1;
      throw new Error('the disk is full');
    }
    await this.inner.commit(batch);
    if (this.after > 0) {
      this.after -= 1;
      throw new Error('the disk did not say');
    }
  }

  override async close(): Promise<void> {
    this.closed += 1;
    return this.inner.close();
  }
}
