import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { RentabotError, refuse } from '../../core/error.ts';

/** Who owns a data folder, for whoever wants it too. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly version: string;
  readonly since: string;
  readonly url: string | null;
  readonly socket: string | null;
}

/**
 * One daemon a folder. The proof is a lock that the kernel keeps on a file of its own and drops however the owner dies;
 * `owner.json` beside it only says who that is. A file of its own, so that backups may read the database meanwhile.
 */
export class Ownership {
  private constructor(
    private readonly folder: string,
    private readonly lock: BetterSqlite3.Database,
  ) {}

  /** Throws a RentabotError that names the owner if there is one. */
  static take(folder: string, open: typeof BetterSqlite3): Ownership {
    makeFolder(folder);
    const file = join(folder, 'owner.db');
    let lock: BetterSqlite3.Database | null = null;
    try {
      lock = new open(file, { timeout: 0 });
      lock.pragma('journal_mode = DELETE');
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock?.close();
      if (/SQLITE_(BUSY|LOCKED)/.test(String((error as { code?: unknown }).code))) throw taken(folder);
      throw new RentabotError(refuse('config', `cannot use the data folder ${folder}: ${(error as Error).message}`), {
        cause: error,
      });
    }
    chmodSync(file, 0o600);
    return new Ownership(folder, lock);
  }

  /** Tells others who owns it and how to reach that. Atomic, so that nobody reads half of it. */
  announce(owner: Owner): void {
    const file = join(this.folder, 'owner.json');
    writeFileSync(`${file}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** It is only a note: a disk that is too full for it is not yet a reason to do without the store. */
  tryAnnounce(owner: Owner): void {
    try {
      this.announce(owner);
    } catch {
      // Whoever is refused hears of another daemon without its name.
    }
  }

  release(): void {
    if (!this.lock.open) return;
    rmSync(join(this.folder, 'owner.json'), { force: true });
    this.lock.close();
  }
}

export function readOwner(folder: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return null;
  }
}

function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new RentabotError(
      refuse('config', `cannot make the data folder ${folder}: ${(error as Error).message}`, {
        hint: 'name another with --data',
      }),
      { cause: error },
    );
  }
}

function taken(folder: string): RentabotError {
  const owner = readOwner(folder);
  const who =
    owner === null
      ? 'another daemon'
      : `a daemon of version ${owner.version}, pid ${owner.pid} on ${owner.host}, since ${owner.since}`;
  const where = owner?.url ?? (owner?.socket ? `unix:${owner.socket}` : null);
  return new RentabotError(
    refuse('config', `the data folder ${folder} is in use by ${who}`, {
      hint:
        where === null
          ? 'stop it first, or give this one another --data folder'
          : `use it with --url ${where}, or give this one another --data folder`,
    }),
  );
}
