import type { Database } from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';
import type { NodeStore } from '../../core/nodes.ts';

/** Rows in the table `node` of the store's own database, each written once. */
export class SqliteNodes implements NodeStore {
  /** `db` answers with the open database, or null while the store is closed. */
  constructor(private readonly db: () => Database | null) {}

  load(): readonly string[] {
    const rows = this.opened().prepare('SELECT name FROM node ORDER BY id').all() as { readonly name: string }[];
    return rows.map(({ name }) => name);
  }

  add(names: readonly string[]): void {
    const db = this.opened();
    const put = db.prepare('INSERT INTO node (name) VALUES (?)');
    try {
      db.transaction(() => {
        for (const name of names) put.run(name);
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
