import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../../src/daemon/engine.ts';
import { MIGRATIONS } from '../../../src/daemon/store/migrations.ts';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { comparable } from '../../store.cases.ts';
import { acquire, declare, description, release, rules } from '../../support/builders.ts';
import { eventually, temporaryFolder } from '../../support/daemon.ts';
import { Turns } from '../../support/turns.ts';

let folder: ReturnType<typeof temporaryFolder>;
let store: SqliteStore;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  store = new SqliteStore(folder.path);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await store.close();
  folder.remove();
});

const file = (): string => join(folder.path, 'rentabot.db');
/** The connection that the store itself uses: some settings are a connection's, not the file's. */
const connection = (of = store): Database.Database => (of as unknown as { db: Database.Database }).db;

async function begun(): Promise<Turns> {
  const turns = new Turns(store, await store.open());
  await turns.turn(declare([description('a'), description('b')]), acquire('one', 'name:a'));
  return turns;
}

describe('every open', () => {
  test('sets write-ahead log and full syncs, also on a file that is there already', async () => {
    for (let i = 0; i < 3; i += 1) {
      await store.open();
      expect(connection().pragma('journal_mode', { simple: true })).toBe('wal');
      expect(connection().pragma('synchronous', { simple: true })).toBe(2);
      await store.close();
    }
  });

  test('keeps every file for the owner alone', async () => {
    await begun();
    for (const name of ['rentabot.db', 'rentabot.db-wal', 'rentabot.db-shm', 'owner.db']) {
      expect(statSync(join(folder.path, name)).mode & 0o077, name).toBe(0);
    }
    await store.close();
    chmodSync(file(), 0o644);
    await store.open();
    expect(statSync(file()).mode & 0o077).toBe(0);
  });

  test('makes its folder, for the owner alone', async () => {
    const deep = join(folder.path, 'x', 'y');
    const other = new SqliteStore(deep);
    await other.open();
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    await other.close();
  });
});

describe('the schema', () => {
  test('of a newer release is refused by both numbers, and the file is as it was', async () => {
    await begun();
    await store.close();
    for (const mode of ['WAL', 'DELETE']) {
      const db = new Database(file());
      db.pragma(`journal_mode = ${mode}`);
      db.pragma('user_version = 99');
      db.close();
      const before = readFileSync(file());
      const problem = {
        code: 'config',
        detail: expect.stringMatching(/newer rentabot \(schema 99; this one knows \d+\)/),
      };
      await expect(store.open()).rejects.toMatchObject({ refusal: problem });
      expect(readFileSync(file()).equals(before)).toBe(true);
      // Nor is the folder kept from the newer one.
      await expect(store.open()).rejects.toMatchObject({ refusal: problem });
    }
  });

  test('of every earlier release is brought up to date, once', async () => {
    for (let version = 0; version <= MIGRATIONS.length; version += 1) {
      const old = temporaryFolder();
      const db = new Database(join(old.path, 'rentabot.db'));
      for (const sql of MIGRATIONS.slice(0, version)) db.exec(sql);
      db.pragma(`user_version = ${version}`);
      db.close();
      const upgraded = new SqliteStore(old.path);
      await upgraded.open();
      expect(connection(upgraded).pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
      await upgraded.close();
      old.remove();
    }
  });
});

describe('a second owner', () => {
  test('is told who the first is and how to use it', async () => {
    await store.open();
    const second = new SqliteStore(folder.path);
    await expect(second.open()).rejects.toMatchObject({
      refusal: { code: 'config', detail: expect.stringContaining('is in use by another daemon') },
    });
    const owner = { pid: 4711, host: 'lab', version: '1.2.3', since: '2026-01-31T12:00:00Z', socket: null };
    store.announce({ ...owner, url: 'http://127.0.0.1:5000' });
    await expect(second.open()).rejects.toMatchObject({
      refusal: {
        code: 'config',
        detail: `the data folder ${folder.path} is in use by a daemon of version 1.2.3, pid 4711 on lab, since 2026-01-31T12:00:00Z`,
        hint: expect.stringContaining('--url http://127.0.0.1:5000'),
      },
    });
    await store.close();
    expect(existsSync(join(folder.path, 'owner.json'))).toBe(false);
  });

  test('is refused by a lock, not by the note beside it', async () => {
    writeFileSync(
      join(folder.path, 'owner.json'),
      '{"pid":1,"host":"x","version":"0","since":"","url":null,"socket":null}',
    );
    await store.open();
  });

  test('may come as soon as the first was killed', async () => {
    const child = writer();
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    await expect(store.open()).rejects.toMatchObject({ refusal: { code: 'config' } });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await store.open()).leases.length + 1).toBeGreaterThan(0);
  });
});

describe('what was said to be written', () => {
  test('is there after kill -9, wherever it strikes', async () => {
    for (let round = 0; round < 3; round += 1) {
      const child = writer();
      let said = '';
      child.stdout?.on('data', (chunk) => {
        said += chunk;
      });
      // Far enough, in some rounds, for several folds of the journal.
      await eventually('it has written', () => said.length > 500 + round * 4000);
      child.kill('SIGKILL');
      // Not its exit: what it said last may still be on its way.
      await once(child, 'close');
      const [fence = 0, ticket = 0, event = 0] = (said.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number);
      const snapshot = await store.open();
      expect(snapshot.counters.fence).toBeGreaterThanOrEqual(fence);
      expect(snapshot.counters.ticket).toBeGreaterThanOrEqual(ticket);
      expect(snapshot.counters.event).toBeGreaterThanOrEqual(event);
      // At most the turn after the last that it spoke of is there too.
      expect(snapshot.counters.fence - fence).toBeLessThanOrEqual(2);
      const { counters, leases, requests, ended } = snapshot;
      const ids = new Set([
        ...leases.map(({ request }) => request.id),
        ...requests.map(({ id }) => id),
        ...ended.map(({ id }) => id),
      ]);
      expect(ids.size).toBe(leases.length + requests.length + ended.length);
      expect(ids.size).toBe(counters.ticket);
      const history = await store.eventsAfter(0, 1_000_000);
      expect(history.map(({ id }) => id)).toEqual(history.map((_, i) => i + 1));
      expect(history.length).toBe(counters.event);
      await store.close();
    }
  });

  test('is folded at the next open, whatever of it is in the journal', async () => {
    const turns = await begun();
    for (let i = 0; i < 100; i += 1) await turns.turn(acquire(`${i}`, 'name:b'), release(`${i}`));
    expect(rowsIn('journal')).toBeGreaterThan(90);
    await store.close();
    expect(comparable(await store.open())).toEqual(comparable(turns.facts.snapshot()));
    expect(rowsIn('journal')).toBe(0);
  });
});

describe('a commit that fails', () => {
  test('in the middle of a fold is rejected whole, and nothing before it is lost', async () => {
    const turns = await begun();
    connection().exec(`CREATE TRIGGER broken BEFORE INSERT ON counter BEGIN SELECT RAISE(ABORT, 'broken'); END`);
    let failed = 0;
    for (let i = 0; failed === 0 && i < 5000; i += 1) {
      await turns.turn(acquire(`${i}`, 'name:b'), release(`${i}`)).catch(() => {
        failed += 1;
      });
    }
    expect(failed).toBe(1);
    await expect(store.history({ resource: null, since: null, before: null, limit: 10 })).rejects.toMatchObject({
      refusal: { code: 'unavailable' },
    });
    await expect(store.commit(turns.batch(release('one')))).rejects.toThrow();
    await store.close();
    mend('DROP TRIGGER broken');
    expect(comparable(await store.open())).toEqual(comparable(turns.facts.snapshot()));
  });

  test('for want of space is answered unavailable, half nothing, and the daemon goes on when there is space', async () => {
    const engine = new Engine({
      store,
      rules: rules(),
      onTrouble: () => {},
      recovery: { attempts: 5, pauseMs: 1 },
    });
    await engine.open();
    await engine.submit(declare([description('a'), description('b')]), () => null);
    const held = await engine.submit(acquire('one', 'name:a'), ({ state }) => state.leases.get('one')?.lease.fence);
    connection().pragma(`max_page_count = ${Number(connection().pragma('page_count', { simple: true }))}`);
    let refused = 0;
    const note = 'x'.repeat(500);
    for (let i = 0; refused === 0 && i < 1000; i += 1) {
      const asked = [`a${i}`, `b${i}`].map((id) => engine.submit(acquire(id, 'name:b', { note }), () => 'answered'));
      const outcomes = await Promise.allSettled(asked);
      refused = outcomes.filter(({ status }) => status === 'rejected').length;
      if (refused === 0) continue;
      expect(outcomes).toMatchObject(Array(2).fill({ reason: { refusal: { code: 'unavailable', retryAfter: 1 } } }));
      // The limit was the connection's: opened again, the store has room.
      for (const id of [`a${i}`, `b${i}`]) {
        expect(await engine.read(({ state }) => state.queue.byId.has(id) || state.leases.has(id))).toBe(false);
        await engine.submit(acquire(id, 'name:b', { note }), () => null);
      }
    }
    expect(refused).toBe(2);
    expect(await engine.read(({ state }) => state.leases.get('one')?.lease.fence)).toBe(held);
    const size = await engine.read(({ state }) => state.queue.size + state.leases.size);
    await engine.close();
    const { leases, requests } = await store.open();
    expect(leases.length + requests.length).toBe(size);
  });

  test('on a disk that is really full recovers once there is space', async ({ skip }) => {
    const disk = join(folder.path, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      skip(`a small disk cannot be mounted: ${(error as Error).message.split('\n')[0]}`);
    }
    try {
      await fillAndFree(disk);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  async function fillAndFree(disk: string): Promise<void> {
    const troubles: string[] = [];
    const engine = new Engine({
      store: new SqliteStore(disk),
      rules: rules(),
      onTrouble: (message, error) => troubles.push(`${message}: ${(error as Error).message}`),
      recovery: { attempts: 200, pauseMs: 1 },
    });
    await engine.open();
    await engine.submit(declare([description('a'), description('b')]), () => null);
    const fence = await engine.submit(acquire('one', 'name:a'), ({ state }) => state.leases.get('one')?.lease.fence);
    const ballast = join(disk, 'ballast');
    for (let _size = 0; ; _size += 4096) {
      try {
        writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
      } catch {
        break;
      }
    }
    const answered = new Set<string>();
    const refused = new Set<string>();
    for (let i = 0; refused.size === 0; i += 1) {
      const id = `${i}`;
      const asked = engine.submit(acquire(id, 'name:b', { note: 'x'.repeat(500) }), () => answered.add(id));
      await asked.catch(() => refused.add(id));
    }
    expect(troubles.length).toBeGreaterThan(0);
    truncateSync(ballast, 0);
    await eventually('it is open again', () => engine.isOpen);
    for (const id of refused) await engine.submit(acquire(id, 'name:b'), () => answered.add(id));
    const known = await engine.read(({ state }) => [...state.leases.keys(), ...state.queue.byId.keys()]);
    expect(known.sort()).toEqual(['one', ...answered].sort());
    expect(await engine.read(({ state }) => state.leases.get('one')?.lease.fence)).toBe(fence);
    await engine.close();
  }
});

describe('a file that is no good', () => {
  const refusal = { code: 'config', detail: expect.stringContaining('cannot open') };

  test.each([
    ['is something else', () => writeFileSync(file(), 'a shopping list\n'.repeat(1000))],
    ['is a folder', () => mkdirSync(file())],
    ['was cut off', () => truncateSync(file(), 10_000)],
    ['was scribbled over', () => scribble()],
    ['has rows of something else', () => mend(`UPDATE counter SET value = 'x'`)],
    ['has lost a table', () => mend('DROP TABLE live')],
  ])('because it %s is a refusal with what to do, and leaves the folder free', async (what, spoil) => {
    if (what !== 'is something else' && what !== 'is a folder') {
      const turns = await begun();
      for (let i = 0; i < 300; i += 1) await turns.turn(acquire(`w ${i}`, 'name:a'));
      await store.close();
      await store.open();
      await store.close();
    }
    spoil();
    await expect(store.open()).rejects.toMatchObject({ refusal });
    await expect(store.open()).rejects.toMatchObject({ refusal });
  });

  test('because its folder cannot be made or written is a refusal with what to do', async () => {
    writeFileSync(join(folder.path, 'file'), '');
    const below = new SqliteStore(join(folder.path, 'file', 'data'));
    await expect(below.open()).rejects.toMatchObject({
      refusal: { code: 'config', hint: expect.stringContaining('--data') },
    });
    const isFile = new SqliteStore(join(folder.path, 'file'));
    await expect(isFile.open()).rejects.toMatchObject({ refusal: { code: 'config' } });
  });

  function scribble(): void {
    const bytes = readFileSync(file());
    bytes.fill(0x5a, 4096, bytes.length - 4096);
    writeFileSync(file(), bytes);
  }
});

function writer(): ChildProcess {
  const program = resolve(import.meta.dirname, 'writer.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

function rowsIn(table: string): number {
  return (connection().prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
}

function mend(sql: string): void {
  const db = new Database(file());
  mended.push(db);
  db.exec(sql);
  db.close();
}

/** Not to be collected: see src/daemon/store/keep-alive.ts. */
const mended: Database.Database[] = [];
