import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { keepAlive } from '../../../src/daemon/store/keep-alive.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('nothing of a binding that is kept alive is collected, and all of it works as before', async () => {
  const probe = new BetterSqlite3(':memory:');
  keepAlive(probe);
  const db = new BetterSqlite3(':memory:');
  db.exec('CREATE TABLE t (a)');
  const forgotten = [1, 2, 3].map((a) => {
    const put = db.prepare('INSERT INTO t VALUES (?)');
    put.run(a);
    db.pragma(`cache_size = ${a}`);
    return new WeakRef(put);
  });
  // What a WeakRef has shown stays for the rest of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(forgotten.map((one) => one.deref() !== undefined)).toEqual([true, true, true]);

  expect(db.prepare('INSERT INTO t VALUES (?)')).toBe(forgotten[0]?.deref());
  const read = db.prepare('SELECT a FROM t WHERE a > ? ORDER BY a');
  expect([...read.iterate(1)]).toEqual([{ a: 2 }, { a: 3 }]);
  for (const row of read.iterate(0)) {
    expect(row).toEqual({ a: 1 });
    break;
  }
  expect(db.pragma('user_version', { simple: true })).toBe(0);
  db.transaction(() => db.exec('DELETE FROM t'))();
  expect(read.all(0)).toEqual([]);
  db.close();
  probe.close();
});

test('a binding that is not the one that is known is refused', () => {
  expect(() => keepAlive({} as BetterSqlite3.Database)).toThrow('not the one that is known');
});
