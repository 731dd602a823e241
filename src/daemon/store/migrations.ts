import type { Database } from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';

/**
 * Forward only. Once released, a step is never edited; a new one is appended.
 *
 * A commit only ever appends: to `ended` (spent ids) and `event` (the history) a list each, by the number of the last in
 * it; and to `journal` one row, what it changes in the other tables, as JSON. Now and then, and at every start, the journal
 * is folded into those and emptied. So a commit is a small sequential write whatever it changes, and a lease that was short
 * never touches `live`, which has a row for each waiter and lease. `identity` (who is known) and `machine` (when which was
 * last seen) and `node` (numbers for a facade) are written directly.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE journal (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE counter (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE resource (id INTEGER PRIMARY KEY, body TEXT NOT NULL, last_used_at INTEGER);
   CREATE TABLE live (id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE ended (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);`,
  'CREATE TABLE identity (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;',
  'CREATE TABLE machine (id TEXT PRIMARY KEY, seen TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;',
  'CREATE TABLE node (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);',
];

/** Throws a RentabotError if a newer release has written it. To be asked before anything is changed. */
export function refuseNewer(db: Database, file: string): void {
  const version = versionOf(db);
  if (version <= MIGRATIONS.length) return;
  const detail = `${file} was written by a newer rentabot (schema ${version}; this one knows ${MIGRATIONS.length})`;
  const hint = 'start the newer release, or give this one another --data folder';
  throw new RentabotError(refuse('config', detail, { hint }));
}

/** Brings a database up to date, in one transaction. */
export function migrate(db: Database): void {
  const version = versionOf(db);
  if (version === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}
