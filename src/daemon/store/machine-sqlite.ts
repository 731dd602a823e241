import type { Database } from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';
import type { MachineStore, Seen } from '../../core/machine.ts';

/** Rows in the table `machine` of the store's own database: many at a time, now and then, in a transaction of their own. */
export class SqliteMachines implements MachineStore {
  /** `db` answers with the open database, or null while the store is closed. */
  constructor(private readonly db: () => Database | null) {}

  load(): readonly Seen[] {
    return readMachines(this.opened());
  }

  write(seen: readonly Seen[]): void {
    const db = this.opened();
    const put = db.prepare('INSERT OR REPLACE INTO machine (id, seen, at) VALUES (?, ?, ?)');
    try {
      db.transaction(() => {
        for (const { machine, text, at } of seen) put.run(machine, text, at);
      }).immediate();
    } catch (error) {
      const refusal = refuse('unavailable', 'the daemon cannot write to its store', { retryAfter: 1 });
      throw new RentabotError(refusal, { cause: error });
    }
  }

  private opened(): Database {
    const db = this.db();
    if (!db) throw new RentabotError(refuse('unavailable', 'the store is not open', { retryAfter: 1 }));
    return db;
  }
}

/** In the order of their ids. */
export function readMachines(db: Database): readonly Seen[] {
  return db.prepare('SELECT id AS machine, seen AS text, at FROM machine ORDER BY id').all() as Seen[];
}
