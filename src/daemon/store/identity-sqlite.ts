import type { Database } from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';
import type { Identified, IdentityChange, IdentityStore, Session, Token, User } from '../../core/identity.ts';

type Kind = 'user' | 'token' | 'session' | 'key';

/**
 * Rows in the table `identity` of the store's own database. They change rarely, so they do not go through the journal:
 * each write is a transaction of its own, between two commits of the store.
 */
export class SqliteIdentities implements IdentityStore {
  /** `db` answers with the open database, or null while the store is closed. */
  constructor(private readonly db: () => Database | null) {}

  load(): Identified {
    const rows = this.opened().prepare('SELECT kind, body FROM identity ORDER BY kind, id').all() as Row[];
    const of = <T>(kind: Kind): T[] => rows.flatMap((row) => (row.kind === kind ? [JSON.parse(row.body) as T] : []));
    return {
      users: of<User>('user'),
      tokens: of<Token>('token'),
      sessions: of<Session>('session'),
      key: of<string>('key')[0] ?? null,
    };
  }

  write(changes: readonly IdentityChange[]): void {
    const db = this.opened();
    const put = db.prepare('INSERT OR REPLACE INTO identity (kind, id, body) VALUES (?, ?, ?)');
    const drop = db.prepare('DELETE FROM identity WHERE kind = ? AND id = ?');
    try {
      db.transaction(() => {
        for (const change of changes) {
          const [kind, id, body] = rowOf(change);
          if (body === null) drop.run(kind, id);
          else put.run(kind, id, JSON.stringify(body));
        }
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

interface Row {
  readonly kind: Kind;
  readonly body: string;
}

/** Null as the body deletes. */
function rowOf(change: IdentityChange): readonly [Kind, string, unknown] {
  switch (change.type) {
    case 'put-user':
      return ['user', change.user.name, change.user];
    case 'drop-user':
      return ['user', change.name, null];
    case 'put-token':
      return ['token', change.token.id, change.token];
    case 'drop-token':
      return ['token', change.id, null];
    case 'put-session':
      return ['session', change.session.id, change.session];
    case 'drop-session':
      return ['session', change.id, null];
    case 'put-key':
      return ['key', '', change.key];
    default:
      return change satisfies never;
  }
}
