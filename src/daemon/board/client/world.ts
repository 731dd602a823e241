import { type Change, inOrder, type News, type Row, type RowLease, type Waiter, type Whole } from '../view/model.ts';
import { type Queues, queuesOf } from '../view/queues.ts';

/** What this browser knows of the state of things. */
export class LiveWorld {
  readonly rows = new Map<number, Row>();
  readonly waiters = new Map<string, Waiter>();
  queues: Queues = new Map();
  unseen = 0;
  private readonly watchers = new Set<() => void>();

  /** The lease of this id, on whatever resource; null where there is none any more. */
  lease(id: string): RowLease | null {
    for (const { leases } of this.rows.values()) {
      const found = leases.find((lease) => lease.id === id);
      if (found) return found;
    }
    return null;
  }

  /** Resolves once it is so, or after so many milliseconds: whatever was answered is shown within a moment. */
  until(holds: (world: LiveWorld) => boolean, longest: number): Promise<void> {
    if (holds(this)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve();
      };
      const look = (): void => {
        if (holds(this)) done();
      };
      const timer = setTimeout(done, longest);
      this.watchers.add(look);
    });
  }

  /** To be called when what changed is drawn. */
  drawn(): void {
    for (const look of [...this.watchers]) look();
  }

  /** Answers with the ids of the resources that may look different now. */
  replace({ rows, waiters, unseen }: Whole): Iterable<number> {
    this.rows.clear();
    this.waiters.clear();
    for (const row of rows) this.rows.set(row.id, row);
    for (const waiter of waiters) this.waiters.set(waiter.id, waiter);
    this.unseen = unseen;
    this.line();
    return this.rows.keys();
  }

  apply({ rows, gone, waiters, left, unseen }: Change): Iterable<number> {
    for (const row of rows) this.rows.set(row.id, row);
    for (const id of gone) this.rows.delete(id);
    for (const waiter of waiters) this.waiters.set(waiter.id, waiter);
    for (const id of left) this.waiters.delete(id);
    this.unseen = unseen;
    const changed = new Set([...rows.map(({ id }) => id), ...gone]);
    // Who waits for what is worked out anew only where a waiter, or what it could match, has changed.
    if (waiters.length + left.length + gone.length + (this.waiters.size > 0 ? rows.length : 0) === 0) return changed;
    const before = this.queues;
    this.line();
    for (const id of this.rows.keys()) if (differ(before.get(id), this.queues.get(id))) changed.add(id);
    return changed;
  }

  /** Answers with the ids of what is on these machines. */
  see({ seen }: News): Iterable<number> {
    const changed: number[] = [];
    for (const row of this.rows.values()) {
      const lastSeen = row.machine && seen[row.machine];
      if (!lastSeen) continue;
      this.rows.set(row.id, { ...row, lastSeen });
      changed.push(row.id);
    }
    return changed;
  }

  private line(): void {
    this.queues = queuesOf(this.rows.values(), [...this.waiters.values()].sort(inOrder));
  }
}

function differ(a: readonly Waiter[] = [], b: readonly Waiter[] = []): boolean {
  return a.length !== b.length || a.some(({ id }, i) => id !== b[i]?.id);
}
