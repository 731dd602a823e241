import { matches } from '../../../core/want.ts';
import type { Row, Waiter } from './model.ts';

/** Who waits for a resource, in order. */
export type Queues = ReadonlyMap<number, readonly Waiter[]>;

/** Matches each different want against the resources once, however many wait for the same. `waiters` is in order. */
export function queuesOf(rows: Iterable<Row>, waiters: readonly Waiter[]): Queues {
  const queues = new Map<number, Waiter[]>();
  if (waiters.length === 0) return queues;
  const all = [...rows];
  const byKey = new Map<string, readonly number[]>();
  for (const waiter of waiters) {
    for (const id of wantedBy(waiter, all, byKey)) {
      const queue = queues.get(id);
      if (queue) queue.push(waiter);
      else queues.set(id, [waiter]);
    }
  }
  return queues;
}

/** Each once, also where several of its wants would take it. */
function wantedBy({ wants }: Waiter, rows: readonly Row[], byKey: Map<string, readonly number[]>): Iterable<number> {
  const found = wants.map(({ key, selector }) => {
    const known = byKey.get(key);
    if (known) return known;
    const ids = rows.filter((row) => matches(selector, row)).map(({ id }) => id);
    byKey.set(key, ids);
    return ids;
  });
  return found.length === 1 ? (found[0] ?? []) : new Set(found.flat());
}
