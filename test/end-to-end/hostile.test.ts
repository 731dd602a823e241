import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Account, makeFolder, processesWith, type Result, type Run, signal, until } from '../support/cli.ts';

/** Crowds, murder, and installations with parts missing. */
const SEED = Number(process.env.SEED ?? Date.now() % 1e6);

/** A generator as good as needed here; see "mulberry32". */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('of a hundred that do not wait, those that get it have it to themselves, and the others are told busy', async () => {
  const account = await Account.make();
  const { url } = await account.serve({ yaml: '{ a: {} }' });
  account.file('counter', '0');
  const add = 'n=$(cat counter); sleep 0.05; echo $((n+1)) > counter';
  const args = ['lock', '-n', 'a', '--no-wait', '--', 'sh', '-c', add];
  const results: Result[] = [];
  // So many at once that a slow machine still has a turn for each within the time that one answer may take.
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 5; i += 1) results.push(await account.run(args, { env: { RENTABOT_URL: url } }));
    }),
  );
  expect(results).toHaveLength(100);
  const done = results.filter(({ code }) => code === 0).length;
  expect(results.filter(({ code }) => code !== 0 && code !== 75)).toEqual([]);
  expect(done).toBeGreaterThan(0);
  expect(Number(account.read('counter'))).toBe(done);
  for (const { code, err } of results)
    expect(err).toMatch(code === 0 ? /^$/ : /^rentabot: busy: a (is held by|was taken)[^\n]+\n$/);
  expect((await account.status({ RENTABOT_URL: url })).resources[0]).toMatchObject({
    state: 'free',
    waiting: 0,
    leases: [],
  });
});

test(`no lease and no waiter outlives its killed wrapper by more than its ttl (seed ${SEED})`, async () => {
  const account = await Account.make();
  const served = await account.serve({ yaml: '{ a: {}, b: {}, c: { slots: 2 } }' });
  const env = { RENTABOT_URL: served.url };
  const next = random(SEED);
  const runs: Run[] = [];
  const end = performance.now() + 2500;
  const mark = `${1_000_000 + SEED}.${process.pid}`;
  while (performance.now() < end) {
    const name = 'abc'[Math.floor(next() * 3)] as string;
    const shared = next() < 0.2 ? ['--shared'] : [];
    const run = account.start(
      ['lock', '-q', '-n', name, '--ttl', '2s', '--wait', '2s', ...shared, '--', 'sleep', next() < 0.5 ? '0.02' : mark],
      { env },
    );
    runs.push(run);
    const victim = runs[Math.floor(next() * runs.length)];
    if (next() < 0.7) victim?.kill(next() < 0.7 ? 'SIGKILL' : 'SIGTERM');
    const live = (): number => runs.filter(({ hasEnded, child }) => !hasEnded && child.signalCode === null).length;
    if (live() > 12) for (const one of runs) one.kill('SIGKILL');
    const pause = performance.now() + next() * 60;
    await until('a little later', () => performance.now() >= pause);
  }
  for (const run of runs) run.kill('SIGKILL');
  for (const pid of processesWith(mark)) signal(pid, 'SIGKILL');
  // Sooner than by any other time that would end it: those are 30 s.
  await until(
    'nothing is held',
    async () => {
      const { resources } = await account.status(env);
      return resources.every(({ state, leases }) => state === 'free' && leases.length === 0);
    },
    25_000,
  );
  for (const name of ['a', 'b', 'c']) {
    const found = await account.run(['lock', '-q', '-n', name, '--exclusive', '--wait', '20s', '--', 'true'], { env });
    expect(found).toMatchObject({ code: 0, err: '' });
  }
  const queue = await account.run(['queue', '--json'], { env });
  expect(JSON.parse(queue.out)).toEqual({ waiting: [] });
  expect(served.run.err).not.toMatch(/ error /);
});

test('the client runs without the native parts, and serve says what is missing', async () => {
  const account = await Account.make();
  const served = await account.serve({ yaml: '{ a: {} }' });
  const folder = makeFolder();
  const from = join(account.script, '..', '..');
  for (const name of ['bin', 'dist']) cpSync(join(from, name), join(folder, name), { recursive: true });
  const script = join(folder, 'bin', 'rentabot.js');
  const found = await account.run(['lock', '-n', 'a', '--', 'echo', 'x'], {
    script,
    env: { RENTABOT_URL: served.url },
  });
  expect(found).toEqual({ code: 0, signal: null, out: 'x\n', err: '' });
  const serve = await account.run(
    ['serve', '--listen', '127.0.0.1:0', '--socket', 'none', '--data', join(account.base, 'd2')],
    { script },
  );
  expect(serve.code).toBe(78);
  expect(serve.out).toBe('');
  expect(serve.err).toMatch(/better-sqlite3/);
  expect(serve.err).not.toMatch(/\n\s+at /);
  // With no daemon to be found it cannot start one, and says why at once.
  const alone = await account.run(['lock', '-n', 'a', '--', 'true'], { script });
  expect(alone.code).toBe(78);
  expect(alone.err).toMatch(/better-sqlite3/);
});

test('an installation in a folder with blanks and quotes works', async () => {
  const account = await Account.make();
  const folder = join(makeFolder(), `it's a "folder" $HOME`);
  mkdirSync(folder);
  const from = join(account.script, '..', '..');
  for (const name of ['bin', 'dist', 'node_modules']) cpSync(join(from, name), join(folder, name), { recursive: true });
  const found = await account.run(['lock', '-n', 'a', '--', 'echo', 'x'], {
    script: join(folder, 'bin', 'rentabot.js'),
  });
  await account.close();
  expect(found).toEqual({ code: 0, signal: null, out: 'x\n', err: '' });
});
