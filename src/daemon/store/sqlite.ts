import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';
import type { Millis } from '../../core/model.ts';
import type { Snapshot } from '../../core/state.ts';
import { type Batch, DEFAULT_RETENTION, type HistoryQuery, type Retention, type Store } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';
import { flawOf } from '../runtime.ts';
import { SqliteIdentities } from './identity-sqlite.ts';
import { keepAlive } from './keep-alive.ts';
import { SqliteMachines } from './machine-sqlite.ts';
import { migrate, refuseNewer } from './migrations.ts';
import { SqliteNodes } from './node-sqlite.ts';
import { type Owner, Ownership } from './ownership.ts';
import { decode, encode, merge, noRows, type Rows, rowsOf } from './rows.ts';
import { append, EVENTS_IN_A_ROW, eventsIn, fold, prepare, readSnapshot, type Statements } from './tables.ts';

type Database = BetterSqlite3.Database;

/** The journal is folded into the tables after so many events: some hundred operations, so that no fold takes long. */
const FOLD_AT = 2000;
/** SQLite's page cache: the tables are read at the start and then only written. */
const CACHE_KIB = 2048;
/** Pages in the log before SQLite copies them into the database, which takes two more syncs: 16 MB. */
const CHECKPOINT_PAGES = 4000;

/** One file, one writer, every commit synced. See core/store.ts for what it promises. */
export class SqliteStore implements Store {
  /** Who is known: in the same file, for as long as it is open. */
  readonly identities = new SqliteIdentities(() => this.db);
  readonly nodes = new SqliteNodes(() => this.db);
  readonly machines = new SqliteMachines(() => this.db);
  private db: Database | null = null;
  private ownership: Ownership | null = null;
  private owner: Owner | null = null;
  private statements: Statements | null = null;
  /** What is in the journal but not yet in the tables. */
  private pending: Rows = noRows();

  constructor(
    private readonly folder: string,
    private readonly retention: Retention = DEFAULT_RETENTION,
  ) {}

  async open(): Promise<Snapshot> {
    const Binding = loadBinding();
    this.ownership ??= Ownership.take(this.folder, Binding);
    if (this.owner) this.ownership.tryAnnounce(this.owner);
    const file = join(this.folder, 'rentabot.db');
    try {
      this.db = openDatabase(Binding, file);
      this.statements = prepare(this.db);
      this.replay(this.db, this.statements);
      return readSnapshot(this.db);
    } catch (error) {
      await this.close();
      throw error instanceof RentabotError ? error : unreadable(file, error);
    }
  }

  /** Says who the owner is and where it listens; said again whenever the store is opened again. */
  announce(owner: Owner): void {
    this.owner = owner;
    this.ownership?.announce(owner);
  }

  async commit(batch: Batch): Promise<void> {
    const { db, statements, pending } = this;
    if (!db || !statements) throw new Error('the store is not open');
    const rows = rowsOf(batch);
    merge(pending, rows);
    const folds = pending.size >= FOLD_AT;
    statements.begin.run();
    try {
      append(statements, batch);
      if (folds) this.foldPending(statements);
      else statements.putJournal.run(encode(rows));
      statements.commit.run();
    } catch (error) {
      // What is pending is ahead of the file now: nothing more is told or taken from here until it is opened again.
      this.statements = null;
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
    if (folds) this.pending = noRows();
  }

  async history({ resource, since, before, limit }: HistoryQuery): Promise<EventJson[]> {
    const wanted = ({ id, at, resources }: EventJson): boolean =>
      (before === null || id < before) &&
      (since === null || Date.parse(at) >= since) &&
      (resource === null || (resources?.includes(resource) ?? false));
    const { history, historyLike } = this.opened();
    // A row has the number of its last event; those before it may be in it too.
    const below = before === null ? Number.MAX_SAFE_INTEGER : before + EVENTS_IN_A_ROW;
    const rows =
      resource === null
        ? history.iterate(below)
        : historyLike.iterate(below, since ?? 0, `%${escapeLike(JSON.stringify(resource))}%`);
    const found: EventJson[] = [];
    for (const row of rows) {
      // Times grow with numbers: what is older is not even read.
      if (found.length >= limit || (row as { at: Millis }).at < (since ?? 0)) break;
      // The pattern may also have found the name in a note.
      found.push(...eventsIn(row).reverse().filter(wanted));
    }
    return found.slice(0, limit);
  }

  async eventsAfter(after: number, limit: number): Promise<EventJson[]> {
    const found: EventJson[] = [];
    for (const row of this.opened().eventsAfter.iterate(after)) {
      found.push(...eventsIn(row).filter(({ id }) => id > after));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async close(): Promise<void> {
    this.statements = null;
    this.pending = noRows();
    this.db?.close();
    this.db = null;
    this.ownership?.release();
    this.ownership = null;
  }

  private opened(): Statements {
    if (!this.statements) throw new RentabotError(refuse('unavailable', 'the store is not open', { retryAfter: 1 }));
    return this.statements;
  }

  /** Into the tables, inside the caller's transaction. */
  private foldPending(statements: Statements): void {
    fold(statements, this.pending, this.retention);
    statements.dropJournal.run();
  }

  /** What was committed since the last fold is folded now: the tables are the truth again. */
  private replay(db: Database, statements: Statements): void {
    const journal = (statements.journal.all() as { body: string }[]).map(({ body }) => decode(body));
    if (journal.length === 0) return;
    db.transaction(() => {
      for (const rows of journal) merge(this.pending, rows);
      this.foldPending(statements);
    }).immediate();
    this.pending = noRows();
  }
}

let isProbed = false;

/** The package can be there without its compiled part, which is looked for only now. */
function probe(Binding: typeof BetterSqlite3): void {
  const db = new Binding(':memory:');
  if (flawOf(process.versions.node) !== null) keepAlive(db);
  db.close();
}

/** Loaded here and nowhere else: clients run, and install, without it. */
export function loadBinding(): typeof BetterSqlite3 {
  try {
    const Binding = createRequire(__filename)('better-sqlite3') as typeof BetterSqlite3;
    if (!isProbed) probe(Binding);
    isProbed = true;
    return Binding;
  } catch (error) {
    throw new RentabotError(
      refuse('config', `the SQLite binding cannot be loaded: ${(error as Error).message.split('\n')[0]}`, {
        hint: 'a daemon needs the optional package better-sqlite3 (`npm install better-sqlite3`, with a compiler); clients do not',
      }),
      { cause: error },
    );
  }
}

function openDatabase(Binding: typeof BetterSqlite3, file: string): Database {
  const db = new Binding(file, { timeout: 2000 });
  try {
    chmodSync(file, 0o600);
    refuseNewer(db, file);
    const mode = db.pragma('journal_mode = WAL', { simple: true });
    // The binding is built to fall back to NORMAL whenever it opens a file in WAL mode: set it each time, believe nothing.
    db.pragma('synchronous = FULL');
    const sync = db.pragma('synchronous', { simple: true });
    if (mode !== 'wal' || sync !== 2)
      throw new Error(`journal_mode is ${mode} and synchronous is ${sync}, not wal and 2`);
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function unreadable(file: string, error: unknown): RentabotError {
  const { message, code } = error as Error & { code?: unknown };
  const full = /SQLITE_(FULL|IOERR)|ENOSPC/.test(String(code));
  const hint = full
    ? 'make room on the disk and start again; nothing is lost'
    : 'see docs/operations.md for how to restore a backup';
  return new RentabotError(refuse('config', `cannot open ${file}: ${message}`, { hint }), { cause: error });
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
