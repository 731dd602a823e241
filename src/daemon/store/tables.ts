import type { Database, Statement } from 'better-sqlite3';
import type { Counters, Ended, Lease, Millis, Request, Resource } from '../../core/model.ts';
import { EMPTY_SNAPSHOT, type Snapshot } from '../../core/state.ts';
import type { Batch, Retention } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';
import { readMachines } from './machine-sqlite.ts';
import type { Rows } from './rows.ts';

/** Past holds that are read back for estimates. */
const HOLDS = 2000;
/** Most events in one row of the history: a bound for what has to be read to find one of them. */
export const EVENTS_IN_A_ROW = 250;

export type Statements = ReturnType<typeof prepare>;

export function prepare(db: Database) {
  const sql = (text: string): Statement => db.prepare(text);
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    putJournal: sql('INSERT INTO journal (body) VALUES (?)'),
    journal: sql('SELECT body FROM journal ORDER BY seq'),
    dropJournal: sql('DELETE FROM journal'),
    putResource: sql('INSERT OR REPLACE INTO resource (id, body, last_used_at) VALUES (?, ?, ?)'),
    dropResource: sql('DELETE FROM resource WHERE id = ?'),
    setOffline: sql(`UPDATE resource SET body = json_set(body, '$.offline', json(?)) WHERE id = ?`),
    setLastUsed: sql('UPDATE resource SET last_used_at = ? WHERE id = ?'),
    putLive: sql('INSERT OR REPLACE INTO live (id, kind, body) VALUES (?, ?, ?)'),
    dropLive: sql('DELETE FROM live WHERE id = ?'),
    putEnded: sql('INSERT OR REPLACE INTO ended (seq, body) VALUES (?, ?)'),
    dropEnded: sql('DELETE FROM ended WHERE seq <= ?'),
    firstEnded: sql('SELECT seq, body FROM ended ORDER BY seq LIMIT 1'),
    putEvents: sql('INSERT INTO event (id, at, body) VALUES (?, ?, ?)'),
    dropEvents: sql('DELETE FROM event WHERE id <= ?'),
    // Looked for from the oldest on: times grow with ids, and mostly the very first is not too old.
    dropOldEvents: sql(`DELETE FROM event
      WHERE id < coalesce((SELECT id FROM event WHERE at >= ? ORDER BY id LIMIT 1), 9223372036854775807)`),
    putCounters: sql(`INSERT OR REPLACE INTO counter (name, value) VALUES ('all', ?)`),
    history: sql('SELECT at, body FROM event WHERE id < ? ORDER BY id DESC'),
    historyLike: sql(`SELECT at, body FROM event
      WHERE id < ? AND at >= ? AND body LIKE ? ESCAPE '\\' ORDER BY id DESC`),
    eventsAfter: sql('SELECT body FROM event WHERE id > ? ORDER BY id'),
  };
}

/** Writes what no later event changes: spent ids, and the history. Inside the caller's transaction. */
export function append(statements: Statements, { events, told, at }: Batch): void {
  const ended: Ended[] = [];
  for (const event of events) if ('ended' in event) ended.push(event.ended);
  const last = ended.at(-1);
  if (last) statements.putEnded.run(last.seq, JSON.stringify(ended));
  for (let i = 0; i < told.length; i += EVENTS_IN_A_ROW) {
    const some = told.slice(i, i + EVENTS_IN_A_ROW);
    statements.putEvents.run((some.at(-1) as EventJson).id, at, JSON.stringify(some));
  }
}

/** Writes changes into the tables, inside the caller's transaction. */
export function fold(statements: Statements, rows: Rows, retention: Retention): void {
  for (const [id, resource] of rows.resources) {
    if (resource === null) statements.dropResource.run(id);
    else statements.putResource.run(id, JSON.stringify(resource), resource.lastUsedAt);
  }
  for (const [id, offline] of rows.offline) statements.setOffline.run(JSON.stringify(offline), id);
  for (const [id, at] of rows.lastUsed) statements.setLastUsed.run(at, id);
  for (const [id, live] of rows.live) {
    if (live === null) statements.dropLive.run(id);
    else statements.putLive.run(id, live.kind, JSON.stringify(live.body));
  }
  if (rows.forgottenUpTo > 0) forget(statements, rows.forgottenUpTo);
  if (!rows.counters) return;
  forgetHistory(statements, rows.counters.event, rows.at, retention);
  statements.putCounters.run(JSON.stringify({ ...rows.counters, latest: rows.at }));
}

/** To the id: one that came back from the dead would hide a lease that was given the same id since. */
function forget(statements: Statements, upTo: number): void {
  statements.dropEnded.run(upTo);
  const first = statements.firstEnded.get() as { readonly seq: number; readonly body: string } | undefined;
  if (!first) return;
  const list = JSON.parse(first.body) as Ended[];
  const kept = list.filter(({ seq }) => seq > upTo);
  if (kept.length < list.length) statements.putEnded.run(first.seq, JSON.stringify(kept));
}

function forgetHistory(statements: Statements, newest: number, at: Millis, retention: Retention): void {
  statements.dropEvents.run(newest - retention.events);
  statements.dropOldEvents.run(at - retention.keepFor);
}

/** What the tables say. */
export function readSnapshot(db: Database): Snapshot {
  const bodies = <T>(text: string): T[] =>
    (db.prepare(text).all() as { body: string }[]).map(({ body }) => JSON.parse(body) as T);
  const resources = (db.prepare('SELECT body, last_used_at FROM resource').all() as ResourceRow[]).map(resourceOf);
  const stored = db.prepare(`SELECT value FROM counter WHERE name = 'all'`).get() as { value: string } | undefined;
  const numbers = stored
    ? (JSON.parse(stored.value) as Counters & { latest: Millis })
    : { ...EMPTY_SNAPSHOT.counters, latest: 0 };
  const { latest, ...counters } = numbers;
  return {
    counters,
    resources,
    requests: bodies<Request>(`SELECT body FROM live WHERE kind = 'waiter'`),
    leases: bodies<Lease>(`SELECT body FROM live WHERE kind = 'lease'`),
    ended: bodies<Ended[]>('SELECT body FROM ended ORDER BY seq').flat(),
    holds: readHolds(db, resources),
    machines: readMachines(db),
    latest,
  };
}

/** The events of one row, oldest first. */
export function eventsIn(row: unknown): EventJson[] {
  return JSON.parse((row as { body: string }).body) as EventJson[];
}

interface ResourceRow {
  readonly body: string;
  readonly last_used_at: Millis | null;
}

function resourceOf({ body, last_used_at }: ResourceRow): Resource {
  return { ...(JSON.parse(body) as Resource), lastUsedAt: last_used_at };
}

function readHolds(db: Database, resources: readonly Resource[]): Snapshot['holds'] {
  const ids = new Map(resources.map(({ id, name }) => [name, id]));
  const holds: { resource: number; held: Millis }[] = [];
  for (const row of db.prepare('SELECT body FROM event ORDER BY id DESC').iterate()) {
    for (const { type, held, resources: names } of eventsIn(row).reverse()) {
      if (type !== 'lease-ended' || held === undefined) continue;
      for (const name of names ?? []) {
        const resource = ids.get(name);
        if (resource !== undefined) holds.push({ resource, held: held * 1000 });
      }
    }
    if (holds.length >= HOLDS) break;
  }
  return holds.reverse();
}
