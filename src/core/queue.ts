import type { Catalogue, Entry } from './catalogue.ts';
import { certainOf } from './expression.ts';
import type { Resource, Selector, Waiter } from './model.ts';
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
  readonly home: string;
  /** Which other lines can want the same resource as this one; thrown away when resources change. */
  overlaps: WeakMap<Line, boolean>;
  overlapsVersion: number;
}

/** Everybody who waits, in order: priority first, then arrival. */
export class Queue {
  readonly byId = new Map<string, Queued>();
  readonly order = new Ordered<Queued>(comesBefore);
  readonly lines = new Map<string, Line>();
  /** Lines by the name, id or tag that a resource must have to match; `*` where nothing is certain. */
  private readonly homes = new Map<string, Set<Line>>();

  get size(): number {
    return this.byId.size;
  }

  join(waiter: Waiter): Queued {
    const queued: Queued = Object.assign(waiter, { lines: [], timer: null }) as never;
    const lines = new Map(waiter.request.wants.map((want) => [want.key, want.selector]));
    const mutable = queued as { lines: Queued['lines']; place: Queued['place'] };
    mutable.place = this.order.insert(queued);
    mutable.lines = [...lines].map(([key, selector]) => {
      const line = this.lineOf(key, selector);
      return { line, place: line.waiters.insert(queued) };
    });
    this.byId.set(waiter.request.id, queued);
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
    this.visitHome(`name:${resource.name}`, resource, visit);
    this.visitHome(`id:${resource.id}`, resource, visit);
    for (const tag of resource.tags) this.visitHome(`tag:${tag}`, resource, visit);
    this.visitHome('*', resource, visit);
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

  private visitHome(home: string, resource: Resource, visit: (line: Line) => void): void {
    const lines = this.homes.get(home);
    if (lines) for (const line of lines) if (matches(line.selector, resource)) visit(line);
  }

  private lineOf(key: string, selector: Selector): Line {
    const known = this.lines.get(key);
    if (known) return known;
    const home = homeOf(selector);
    const waiters = new Ordered<Queued>(comesBefore);
    const line: Line = { key, selector, waiters, home, overlaps: new WeakMap(), overlapsVersion: -1 };
    this.lines.set(key, line);
    const neighbours = this.homes.get(home);
    if (neighbours) neighbours.add(line);
    else this.homes.set(home, new Set([line]));
    return line;
  }

  private close(line: Line): void {
    this.lines.delete(line.key);
    const neighbours = this.homes.get(line.home);
    neighbours?.delete(line);
    if (neighbours?.size === 0) this.homes.delete(line.home);
  }
}

/** Higher priority first, then the older ticket. */
export function comesBefore(a: Waiter, b: Waiter): boolean {
  const [p, q] = [a.request.priority, b.request.priority];
  return p === q ? a.request.ticket < b.request.ticket : p > q;
}

/** Whether some resource could serve either line. */
export function overlap(a: Line, b: Line, catalogue: Catalogue): boolean {
  if (a === b) return true;
  // Lines for one resource are many, and asking is cheaper than remembering the answer for every two of them.
  const single = isSingle(a.selector) ? a : isSingle(b.selector) ? b : null;
  if (single !== null) {
    const entry = onlyMatch(single.selector, catalogue);
    return entry !== undefined && matches(a.selector, entry.resource) && matches(b.selector, entry.resource);
  }
  if (a.overlapsVersion !== catalogue.version) {
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

function isSingle({ type }: Selector): boolean {
  return type === 'name' || type === 'id';
}

function onlyMatch(selector: Selector, catalogue: Catalogue): Entry | undefined {
  if (selector.type === 'name') return catalogue.byName.get(selector.name);
  return selector.type === 'id' ? catalogue.byId.get(selector.id) : undefined;
}

/** Where a line lives: what a resource must certainly have for the line to match it. */
function homeOf(selector: Selector): string {
  switch (selector.type) {
    case 'name':
      return `name:${selector.name}`;
    case 'id':
      return `id:${selector.id}`;
    case 'tags':
      return selector.tags.length > 0 ? `tag:${selector.tags[selector.tags.length - 1]}` : '*';
    case 'where': {
      const certain = certainOf(selector.where);
      if (certain === null) return '*';
      return 'name' in certain ? `name:${certain.name}` : `tag:${certain.tag}`;
    }
    default:
      return selector satisfies never;
  }
}
