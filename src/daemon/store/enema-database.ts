import type { Database } from 'better-sqlite3';
import { loadBinding } from './sqlite.ts';

/** A cell of SQLite. */
export type Cell = string | number | bigint | Uint8Array | null;

/** One of Enema's subsystems with its node, as its `GET /status` has it. */
export type SubsystemRow = Readonly<Record<(typeof COLUMNS)[number], Cell>>;

const COLUMNS = [
  ...['subsystem_id', 'subsystem_name', 'kind', 'subsystem_description', 'is_busy'],
  ...['ip_address', 'node_name', 'node_description'],
] as const;
const TABLES = ['nodes', 'subsystems'] as const;

/** The two bytes of the header that say how the file is written: 2 is with a log beside it, 1 without. */
const VERSIONS_AT = [18, 19] as const;

/**
 * The subsystems in a database of Enema's, by number. It is looked at in memory, so nothing is written beside the user's file,
 * and of its tables only those two: the others have passwords and tokens. Throws a RentabotError where there is no binding, and
 * an Error where it is another database or more than `most`.
 */
export function readEnemaDatabase(bytes: Uint8Array, most: number): readonly SubsystemRow[] {
  const Binding = loadBinding();
  const copy = Buffer.from(bytes);
  // In memory there is no log; what is in one, the caller has looked at.
  for (const at of VERSIONS_AT) copy[at] = 1;
  const db = new Binding(copy);
  try {
    db.pragma('trusted_schema = OFF');
    const missing = TABLES.find((table) => !hasTable(db, table));
    if (missing !== undefined) throw new Error(`it has no table ${missing}, so it is no app.db of Enema`);
    const rows = db
      .prepare(
        `SELECT subsystem_id, subsystem_name, kind, subsystem_description, is_busy, ip_address, node_name, node_description
         FROM subsystems LEFT JOIN nodes USING (node_id) ORDER BY subsystem_id LIMIT ?`,
      )
      .all(most + 1) as SubsystemRow[];
    if (rows.length > most) throw new Error(`it has more than ${most} subsystems`);
    return rows;
  } finally {
    db.close();
  }
}

/** A view could be anything, and take any time. */
function hasTable(db: Database, table: string): boolean {
  const find = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? AND sql NOT LIKE '%VIRTUAL%'");
  return find.get(table) !== undefined;
}
