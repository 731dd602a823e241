import type { Counters, Ended, Lease, Millis, Offline, Request, Resource } from '../../core/model.ts';
import type { Batch } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';

/** Items in one chunk: a bound for what has to be read to find one of them. */
const MOST_IN_A_CHUNK = 250;

export type Live =
  | { readonly kind: 'waiter'; readonly body: Request }
  | { readonly kind: 'lease'; readonly body: Lease };

/**
 * Some items of a list as JSON, with commas between them and no brackets around: made once, for the journal, and put into
 * a table as it is. As text it is also far less to look after than all its objects would be until the next fold.
 */
export interface Chunk {
  readonly text: string;
  readonly count: number;
  /** The number of its last item. */
  readonly last: number;
  readonly at: Millis;
}

/** What batches change in the tables, by key: what is written twice is kept once. Null deletes. */
export interface Rows {
  readonly resources: Map<number, Resource | null>;
  /** Undefined where nothing changed, null where it came online. */
  readonly offline: Map<number, Offline | null>;
  readonly lastUsed: Map<number, Millis>;
  readonly live: Map<string, Live | null>;
  /** Of those in `live`, the ones that no table has: if they end before they are folded there is nothing to delete. */
  readonly born: Set<string>;
  /** Of Ended. */
  readonly ended: Chunk[];
  /** Of EventJson. */
  readonly told: Chunk[];
  forgottenUpTo: number;
  counters: Counters | null;
  at: Millis;
}

export function noRows(): Rows {
  return {
    resources: new Map(),
    offline: new Map(),
    lastUsed: new Map(),
    live: new Map(),
    born: new Set(),
    ended: [],
    told: [],
    forgottenUpTo: 0,
    counters: null,
    at: 0,
  };
}

/** How much there is to write; a measure, not a count of rows. */
export function sizeOf({ live, ended, told }: Rows): number {
  let size = live.size;
  for (const { count } of ended) size += count;
  for (const { count } of told) size += count;
  return size;
}

/** The changes of one batch. */
export function rowsOf({ events, told, counters, at }: Batch): Rows {
  const rows = noRows();
  const ended: Ended[] = [];
  for (const event of events) {
    switch (event.type) {
      case 'resource-added':
      case 'resource-changed':
        rows.resources.set(event.resource.id, event.resource);
        rows.offline.delete(event.resource.id);
        break;
      case 'resource-removed':
        rows.resources.set(event.resource.id, null);
        break;
      case 'resource-offline':
        rows.offline.set(event.id, event.offline);
        break;
      case 'resource-online':
        rows.offline.set(event.id, null);
        break;
      case 'waiter-joined':
        rows.live.set(event.request.id, { kind: 'waiter', body: event.request });
        rows.born.add(event.request.id);
        break;
      case 'lease-granted':
      case 'lease-extended':
      case 'lease-kept':
      case 'lease-ending':
        rows.live.set(event.lease.request.id, { kind: 'lease', body: event.lease });
        break;
      case 'waiter-left':
        drop(rows, event.request.id);
        ended.push(event.ended);
        break;
      case 'lease-ended':
        drop(rows, event.lease.request.id);
        ended.push(event.ended);
        for (const { resource } of event.lease.uses) rows.lastUsed.set(resource, event.ended.at);
        break;
      case 'resource-drained':
        // Nothing of it is kept: see `restore` in core/evolve.ts.
        break;
      case 'id-spent':
        ended.push(event.ended);
        break;
      case 'ids-forgotten':
        rows.forgottenUpTo = event.upTo;
        break;
      default:
        event satisfies never;
    }
  }
  addChunks(rows.ended, ended, ({ seq }) => seq, at);
  addChunks(rows.told, told, ({ id }) => id, at);
  rows.counters = { ...counters };
  rows.at = at;
  return rows;
}

/** Adds later changes to earlier ones. */
export function merge(rows: Rows, later: Rows): void {
  for (const [id, resource] of later.resources) {
    rows.resources.set(id, resource);
    rows.offline.delete(id);
  }
  for (const [id, offline] of later.offline) rows.offline.set(id, offline);
  for (const [id, at] of later.lastUsed) rows.lastUsed.set(id, at);
  for (const [id, live] of later.live) {
    if (live === null) drop(rows, id);
    else {
      // One that ended is not born again: its old row may be in a table.
      if (later.born.has(id) && !rows.live.has(id)) rows.born.add(id);
      rows.live.set(id, live);
    }
  }
  rows.ended.push(...later.ended);
  rows.told.push(...later.told);
  rows.forgottenUpTo = Math.max(rows.forgottenUpTo, later.forgottenUpTo);
  rows.counters = later.counters;
  rows.at = later.at;
}

function drop(rows: Rows, id: string): void {
  if (rows.born.delete(id)) rows.live.delete(id);
  else rows.live.set(id, null);
}

function addChunks<T>(chunks: Chunk[], items: readonly T[], numberOf: (item: T) => number, at: Millis): void {
  for (let i = 0; i < items.length; i += MOST_IN_A_CHUNK) {
    const some = items.slice(i, i + MOST_IN_A_CHUNK);
    const text = JSON.stringify(some).slice(1, -1);
    chunks.push({ text, count: some.length, last: numberOf(some.at(-1) as T), at });
  }
}

/** The list that chunks are of, as JSON. */
export function listOf(chunks: readonly Chunk[]): string {
  return `[${chunks.map(({ text }) => text).join(',')}]`;
}

/** As JSON, for the journal. */
export function encode(rows: Rows): string {
  const { resources, offline, lastUsed, live, born, ended, told, ...rest } = rows;
  const maps = { resources: [...resources], offline: [...offline], lastUsed: [...lastUsed], live: [...live] };
  const head = JSON.stringify({ ...maps, born: [...born], ...rest });
  return `${head.slice(0, -1)},"ended":${listOf(ended)},"told":${listOf(told)}}`;
}

/** Rows as `encode` writes them. */
interface Written extends Pick<Rows, 'forgottenUpTo' | 'counters' | 'at'> {
  readonly resources: [number, Resource | null][];
  readonly offline: [number, Offline | null][];
  readonly lastUsed: [number, Millis][];
  readonly live: [string, Live | null][];
  readonly born: string[];
  readonly ended: Ended[];
  readonly told: EventJson[];
}

export function decode(text: string): Rows {
  const { resources, offline, lastUsed, live, born, ended, told, ...rest } = JSON.parse(text) as Written;
  const rows: Rows = {
    ...rest,
    resources: new Map(resources),
    offline: new Map(offline),
    lastUsed: new Map(lastUsed),
    live: new Map(live),
    born: new Set(born),
    ended: [],
    told: [],
  };
  addChunks(rows.ended, ended, ({ seq }) => seq, rows.at);
  addChunks(rows.told, told, ({ id }) => id, rows.at);
  return rows;
}
