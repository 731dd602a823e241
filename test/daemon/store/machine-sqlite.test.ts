import type Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { machineStoreCases, seenOf } from '../../machine-store.cases.ts';
import { temporaryFolder } from '../../support/daemon.ts';

describe('machines in SQLite', () => {
  machineStoreCases(() => {
    const folder = temporaryFolder();
    let store = new SqliteStore(folder.path);
    const open = async () => ({ snapshot: await store.open(), machines: store.machines });
    return {
      open,
      reopen: async () => {
        await store.close();
        store = new SqliteStore(folder.path);
        return open();
      },
      remove: async () => {
        await store.close();
        folder.remove();
      },
    };
  });
});

test('a write that fails half way leaves nothing of itself; nothing is written to a store that is closed', async () => {
  const folder = temporaryFolder();
  const store = new SqliteStore(folder.path);
  await store.open();
  const { db } = store as unknown as { db: Database.Database };
  db.exec(`CREATE TRIGGER full BEFORE INSERT ON machine WHEN new.id = 'b:b' BEGIN SELECT raise(ABORT, 'full'); END`);
  expect(() => store.machines.write([seenOf('a:a'), seenOf('b:b')])).toThrow('the daemon cannot write to its store');
  expect(store.machines.load()).toEqual([]);
  await store.close();
  expect(() => store.machines.write([seenOf('a:a')])).toThrow('the store is not open');
  folder.remove();
});
