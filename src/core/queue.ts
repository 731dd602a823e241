import { type Catalogue, type Entry, isSingle } from './catalogue.ts';
import { certainOf } from './expression.ts';
import type { Resource, Selector, Waiter, Want } from './model.ts';
import { Ordered, type Place } from './ordered.ts';
import type { Timer } from './timers.ts';
import { matches } from './want.ts';

/** A waiter in its places. */
export interface Queued extends Waiter {
  readonly place: Place<Queued>;
  /** Its place among those who want the same, for each of the different things it wants. */
  readonly lines: readonly { readonly line: Line; readonly place: Place<Queued> }[];
  timer: Timer | null;
}

/**
 * All waiters that want the same: one line for each selector in use. Who may use a resource is then a question about the
 * first of each line that matches it, not about everybody who waits.
 */
export interface Line {
  readonly key: string;
  readonly selector: Selector;
  readonly waiters: Ordered<Queued>;
  readonly home: Home;
  /** Which other lines can want the same resource as this one; thrown away when resources change. */
  overlaps: WeakMap<Line, boolean> | null;
  overlapsVersion: number;
}

/** Lines by something that a resource must certainly have to match them, and what that is. */
interface Home {
  readonly index: Map<string | number, Set<Line>>;
  readonly key: string | number;
}

/** The one key of `anywhere`. */
const ANY = '*';

/** Everybody who waits, in order: priority first, then arrival. */
export class Queue {
  readonly byId = new Map<string, Queued>();
  readonly order = new Ordered<Queued>(comesBefore);
  readonly lines = new Map<string, Line>();
  /** Lines by the name, id or tag that a resource must have to match; in `anywhere` where nothing is certain. */
  private readonly names: Home['index'] = new Map();
  private readonly ids: Home['index'] = new Map();
  private readonly tags: Home['index'] = new Map();
  private readonly anywhere: Home['index'] = new Map();

  get size(): number {
    return this.byId.size;
  }

  join(waiter: Waiter): Queued {
    const { request, connections, heardAt } = waiter;
    const lines: { readonly line: Line; readonly place: Place<Queued> }[] = [];
    const queued = { request, connections, heardAt, place: null as unknown as Place<Queued>, lines, timer: null };
    queued.place = this.order.insert(queued);
    for (const want of request.wants) {
      const line = this.lineOf(want);
      if (!lines.some((own) => own.line === line)) lines.push({ line, place: line.waiters.insert(queued) });
    }
    this.byId.set(request.id, queued);
    return queued;
  }

  /** Takes a waiter out; returns the lines it was first in, unless nobody is behind it whom that could concern. */
  leave(queued: Queued): readonly Line[] {
    const wasLast = this.order.last === queued;
    const headed = wasLast ? [] : queued.lines.filter(({ line }) => line.waiters.first === queued);
    this.byId.delete(queued.request.id);
    this.order.remove(queued.place);
    for (const { line, place } of queued.lines) {
      line.waiters.remove(place);
      if (line.waiters.size === 0) this.close(line);
    }
    return headed.map(({ line }) => line);
  }

  /** Calls back with each line that wants this resource. */
  forEachLine(resource: Resource, visit: (line: Line) => void): void {
    if (this.lines.size === 0) return;
    visitHome(this.names.get(resource.name), resource, visit);
    visitHome(this.ids.get(resource.id), resource, visit);
    if (this.tags.size > 0) for (const tag of resource.tags) visitHome(this.tags.get(tag), resource, visit);
    visitHome(this.anywhere.get(ANY), resource, visit);
  }

  /** The first in the queue that wants this resource: nobody else may have it. */
  headOf(entry: Entry): Queued | null {
    let head: Queued | null = null;
    this.forEachLine(entry.resource, ({ waiters }) => {
      const first = waiters.first;
      if (first && (head === null || comesBefore(first, head))) head = first;
    });
    return head;
  }

  /**
   * Whether this waiter is the first of all that want the resource, and how many others want it. With shadowing, the
   * first is the only one who may take it; the others tell how scarce it is. Null stands for somebody behind them all.
   */
  standing(queued: Queued | null, entry: Entry): { readonly first: boolean; readonly others: number } {
    let first = true;
    let others = 0;
    this.forEachLine(entry.resource, (line) => {
      const head = line.waiters.first as Queued;
      if (head !== queued && (queued === null || comesBefore(head, queued))) first = false;
      others += line.waiters.size - (queued?.lines.some((own) => own.line === line) ? 1 : 0);
    });
    return { first, others };
  }

  private lineOf({ key, selector }: Want): Line {
    const known = this.lines.get(key);
    if (known) return known;
    const home = this.homeOf(selector);
    const waiters = new Ordered<Queued>(comesBefore);
    const line: Line = { key, selector, waiters, home, overlaps: null, overlapsVersion: -1 };
    this.lines.set(key, line);
    const neighbours = home.index.get(home.key);
    if (neighbours) neighbours.add(line);
    else home.index.set(home.key, new Set([line]));
    return line;
  }

  private close(line: Line): void {
    this.lines.delete(line.key);
    const { index, key } = line.home;
    const neighbours = index.get(key);
    neighbours?.delete(line);
    if (neighbours?.size === 0) index.delete(key);
  }

  /** Where a line lives: what a resource must certainly have for the line to match it. */
  private homeOf(selector: Selector): Home {
    switch (selector.type) {
      case 'name':
        return { index: this.names, key: selector.name };
      case 'id':
        return { index: this.ids, key: selector.id };
      case 'tags': {
        const last = selector.tags.at(-1);
        return last === undefined ? { index: this.anywhere, key: ANY } : { index: this.tags, key: last };
      }
      case 'where': {
        const certain = certainOf(selector.where);
        if (certain === null) return { index: this.anywhere, key: ANY };
        return 'name' in certain ? { index: this.names, key: certain.name } : { index: this.tags, key: certain.tag };
      }
      default:
        return selector satisfies never;
    }
  }
}

/** Higher priority first, then the older ticket. */
export function comesBefore(a: Waiter, b: Waiter): boolean {
  const p = a.request.priority;
  const q = b.request.priority;
  return p === q ? a.request.ticket < b.request.ticket : p > q;
}

/** Whether some resource could serve either line. */
export function overlap(a: Line, b: Line, catalogue: Catalogue): boolean {
  if (a === b) return true;
  // Lines for one resource are many, and asking is cheaper than remembering the answer for every two of them.
  const single = isSingle(a.selector) ? a : isSingle(b.selector) ? b : null;
  if (single !== null) {
    const entry = catalogue.single(single.selector);
    return entry !== undefined && matches(a.selector, entry.resource) && matches(b.selector, entry.resource);
  }
  if (a.overlaps === null || a.overlapsVersion !== catalogue.version) {
    a.overlaps = new WeakMap();
    a.overlapsVersion = catalogue.version;
  }
  const known = a.overlaps.get(b);
  if (known !== undefined) return known;
  const [p, q] = [catalogue.pool(a.selector, a.key), catalogue.pool(b.selector, b.key)];
  const smaller = p.size <= q.size ? p : q;
  let found = false;
  for (const { resource } of smaller.members) {
    if (matches(a.selector, resource) && matches(b.selector, resource)) {
      found = true;
      break;
    }
  }
  a.overlaps.set(b, found);
  return found;
}

function visitHome(lines: ReadonlySet<Line> | undefined, resource: Resource, visit: (line: Line) => void): void {
  if (lines) for (const line of lines) if (matches(line.selector, resource)) visit(line);
}
