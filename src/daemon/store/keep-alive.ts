import type { Database } from 'better-sqlite3';

/** Databases with their statements by their text, for as long as the process lives. */
const kept = new Map<Native, Map<string, NativeStatement>>();

interface Native {
  prepare(this: Native, sql: string, db: Database, isPragma: boolean): NativeStatement;
}

interface NativeStatement {
  all(...values: unknown[]): unknown[];
  iterate(...values: unknown[]): Iterator<unknown>;
}

/**
 * Keeps all objects of the binding from being collected, for a Node that ends the process when one is (runtime.ts). They
 * are few, because a text that is prepared again is the same statement. Rows that are read one by one are read at once
 * instead, as each such reading is an object of its own; so no statement is busy when it is used again. `db` is any database of the binding that is to be changed, once.
 */
export function keepAlive(db: Database): void {
  const inside = Object.getOwnPropertySymbols(db).map((key) => (db as unknown as Record<symbol, unknown>)[key]);
  const native = inside.find((one): one is Native => typeof (one as Native | null)?.prepare === 'function');
  if (native === undefined) throw new Error('the SQLite binding is not the one that is known here');
  const databases = Object.getPrototypeOf(native) as Native;
  const { prepare } = databases;
  databases.prepare = function (sql, owner, isPragma) {
    const own = kept.get(this) ?? new Map<string, NativeStatement>();
    kept.set(this, own);
    const key = `${isPragma} ${sql}`;
    const statement = own.get(key) ?? prepare.call(this, sql, owner, isPragma);
    own.set(key, statement);
    return statement;
  };
  const statements = Object.getPrototypeOf(native.prepare('SELECT 1', db, false)) as NativeStatement;
  statements.iterate = function (...values) {
    return this.all(...values)[Symbol.iterator]();
  };
}
