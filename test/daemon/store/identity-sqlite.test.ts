import type Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { identityStoreCases, tokenOf, userOf } from '../../identity-store.cases.ts';
import { acquire, declare, description } from '../../support/builders.ts';
import { temporaryFolder } from '../../support/daemon.ts';
import { Turns } from '../../support/turns.ts';

describe('identities in SQLite', () => {
  identityStoreCases(() => {
    const folder = temporaryFolder();
    let store = new SqliteStore(folder.path);
    const open = async () => {
      await store.open();
      return store.identities;
    };
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

test('a write that fails half way leaves nothing of itself, and the store goes on', async () => {
  const folder = temporaryFolder();
  const store = new SqliteStore(folder.path);
  const turns = new Turns(store, await store.open());
  store.identities.write([{ type: 'put-user', user: userOf('alice') }]);
  const { db } = store as unknown as { db: Database.Database };
  db.exec(
    `CREATE TRIGGER full BEFORE INSERT ON identity WHEN new.kind = 'token' BEGIN SELECT raise(ABORT, 'full'); END`,
  );
  expect(() =>
    store.identities.write([
      { type: 'put-user', user: userOf('bob') },
      { type: 'put-token', token: tokenOf('ci') },
    ]),
  ).toThrow('the daemon cannot write to its store');
  expect(store.identities.load().users.map(({ name }) => name)).toEqual(['alice']);
  await turns.turn(declare([description('a')]), acquire('one', 'name:a'));
  await store.close();
  expect(() => store.identities.load()).toThrow('the store is not open');
  const again = new SqliteStore(folder.path);
  expect((await again.open()).leases).toHaveLength(1);
  expect(again.identities.load().users).toHaveLength(1);
  await again.close();
  folder.remove();
});
