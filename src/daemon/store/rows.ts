import type { Counters, Lease, Millis, Offline, Request, Resource } from '../../core/model.ts';
import type { Batch } from '../../core/store.ts';

export type Live =
  | { readonly kind: 'waiter'; readonly body: Request }
  | { readonly kind: 'lease'; readonly body: Lease };

/** What batches change in tables whose rows change, by key: what is written twice is kept once. Null deletes. */
export interface Rows {
  readonly resources: Map<number, Resource | null>;
  /** Undefined where nothing changed, null where it came online. */
  readonly offline: Map<number, Offline | null>;
  readonly lastUsed: Map<number, Millis>;
  readonly live: Map<string, Live | null>;
  /** Of those in `live`, the ones that no table has: if they end before they are folded there is nothing to delete. */
  readonly born: Set<string>;
  forgottenUpTo: number;
  /** How many events it took: a measure of how much there is to write. */
  size: number;
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
    forgottenUpTo: 0,
    size: 0,
    counters: null,
    at: 0,
  };
}

/** The changes of one batch. */
export function rowsOf({ events, counters, at }: Batch): Rows {
  const rows = noRows();
  for (const event of events) {
    switch (event.type) {
      case 'resource-added':
      case 'resource-changed':
        rows.resources.set(event.resource.id, event.resource);
        rows.offline.delete(event.resource.id);
        break;
      case 'resource-removed':
        rows.resources.set(event.resource.id, event.resource.removed ? event.resource : null);
        break;
      case 'resource-forgotten':
        rows.resources.set(event.id, null);
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
      case 'lease-accepted':
      case 'lease-asked':
      case 'lease-shared':
      case 'lease-ending':
        rows.live.set(event.lease.request.id, { kind: 'lease', body: event.lease });
        break;
      case 'waiter-left':
        drop(rows, event.request.id);
        break;
      case 'lease-ended':
        drop(rows, event.lease.request.id);
        for (const { resource } of event.lease.uses) rows.lastUsed.set(resource, event.ended.at);
        break;
      case 'lease-reduced':
        rows.live.set(event.lease.request.id, { kind: 'lease', body: event.lease });
        rows.lastUsed.set(event.resource, event.at);
        break;
      case 'audited':
      case 'resource-drained':
      case 'resource-silent':
      case 'resource-heard':
        // Known by what ended, and when, and by when its machine was seen: see `restore` in core/evolve.ts.
        break;
      case 'id-spent':
        break;
      case 'ids-forgotten':
        rows.forgottenUpTo = event.upTo;
        break;
      default:
        event satisfies never;
    }
  }
  rows.size = events.length;
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
  rows.size += later.size;
  rows.forgottenUpTo = Math.max(rows.forgottenUpTo, later.forgottenUpTo);
  rows.counters = later.counters;
  rows.at = later.at;
}

function drop(rows: Rows, id: string): void {
  if (rows.born.delete(id)) rows.live.delete(id);
  else rows.live.set(id, null);
}

/** As JSON, for the journal. */
export function encode(rows: Rows): string {
  return JSON.stringify({
    ...rows,
    resources: [...rows.resources],
    offline: [...rows.offline],
    lastUsed: [...rows.lastUsed],
    live: [...rows.live],
    born: [...rows.born],
  });
}

export function decode(text: string): Rows {
  const rows = JSON.parse(text) as {
    [Key in keyof Rows]: Rows[Key] extends Map<infer K, infer V>
      ? [K, V][]
      : Rows[Key] extends Set<infer T>
        ? T[]
        : Rows[Key];
  };
  return {
    ...rows,
    resources: new Map(rows.resources),
    offline: new Map(rows.offline),
    lastUsed: new Map(rows.lastUsed),
    live: new Map(rows.live),
    born: new Set(rows.born),
  };
}
