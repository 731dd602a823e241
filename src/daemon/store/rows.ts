import type { Counters, Ended, Lease, Millis, Offline, Request, Resource } from '../../core/model.ts';
import type { Batch } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';

export type Live =
  | { readonly kind: 'waiter'; readonly body: Request }
  | { readonly kind: 'lease'; readonly body: Lease };

/** What batches change in the tables, by key: what is written twice is kept once. Null deletes. */
export interface Rows {
  readonly resources: Map<number, Resource | null>;
  /** Undefined where nothing changed, null where it came online. */
  readonly offline: Map<number, Offline | null>;
  readonly lastUsed: Map<number, Millis>;
  readonly live: Map<string, Live | null>;
  ended: Ended[];
  told: EventJson[];
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
    ended: [],
    told: [],
    forgottenUpTo: 0,
    counters: null,
    at: 0,
  };
}

/** How much there is to write; a measure, not a count of rows. */
export function sizeOf({ live, ended, told }: Rows): number {
  return live.size + ended.length + told.length;
}

/** The changes of one batch. */
export function rowsOf({ events, told, counters, at }: Batch): Rows {
  const rows = noRows();
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
        break;
      case 'lease-granted':
      case 'lease-extended':
      case 'lease-ending':
        rows.live.set(event.lease.request.id, { kind: 'lease', body: event.lease });
        break;
      case 'waiter-left':
        rows.live.set(event.request.id, null);
        rows.ended.push(event.ended);
        break;
      case 'lease-ended':
        rows.live.set(event.lease.request.id, null);
        rows.ended.push(event.ended);
        for (const { resource } of event.lease.uses) rows.lastUsed.set(resource, event.ended.at);
        break;
      case 'resource-drained':
        // Nothing of it is kept: see `restore` in core/evolve.ts.
        break;
      case 'id-spent':
        rows.ended.push(event.ended);
        break;
      case 'ids-forgotten':
        rows.forgottenUpTo = event.upTo;
        break;
      default:
        event satisfies never;
    }
  }
  rows.told = [...told];
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
  for (const [id, live] of later.live) rows.live.set(id, live);
  for (const ended of later.ended) rows.ended.push(ended);
  for (const told of later.told) rows.told.push(told);
  rows.forgottenUpTo = Math.max(rows.forgottenUpTo, later.forgottenUpTo);
  rows.counters = later.counters;
  rows.at = later.at;
}

/** As JSON, for the journal. */
export function encode(rows: Rows): string {
  return JSON.stringify({
    ...rows,
    resources: [...rows.resources],
    offline: [...rows.offline],
    lastUsed: [...rows.lastUsed],
    live: [...rows.live],
  });
}

export function decode(text: string): Rows {
  const rows = JSON.parse(text) as {
    [Key in keyof Rows]: Rows[Key] extends Map<infer K, infer V> ? [K, V][] : Rows[Key];
  };
  return {
    ...rows,
    resources: new Map(rows.resources),
    offline: new Map(rows.offline),
    lastUsed: new Map(rows.lastUsed),
    live: new Map(rows.live),
  };
}
