import { type Change, inOrder, type Row, type Waiter, type Whole } from '../view/model.ts';
import { type Queues, queuesOf } from '../view/queues.ts';

/** What this browser knows of the state of things. */
export class LiveWorld {
  readonly rows = new Map<number, Row>();
  readonly waiters = new Map<string, Waiter>();
  queues: Queues = new Map();
  unseen = 0;

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

  private line(): void {
    this.queues = queuesOf(this.rows.values(), [...this.waiters.values()].sort(inOrder));
  }
}

function differ(a: readonly Waiter[] = [], b: readonly Waiter[] = []): boolean {
  return a.length !== b.length || a.some(({ id }, i) => id !== b[i]?.id);
}
