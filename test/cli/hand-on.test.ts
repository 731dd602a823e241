import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Guard } from '../../src/cli/guard.ts';
import { runLock } from '../../src/cli/run-lock.ts';
import { cutOff, losesFirstReplies } from './support/bad-line.ts';
import { type Asked, idIn, json, problem, StubDaemon } from './support/stub-daemon.ts';
import { clientAt, lockPlan, lockWorld, temporaryFolder } from './support/world.ts';

/** What becomes of a lease when its command has ended, other than being given back. */
let stub: StubDaemon;
let extended: Asked[];
beforeEach(async () => {
  extended = [];
  stub = await new StubDaemon().start();
});
afterEach(() => stub.stop());

const folder = temporaryFolder();
let files = 0;
function file(): string {
  files += 1;
  return join(folder, String(files));
}

/** The daemon extends, or refuses to. */
function extends_(answer: 'yes' | 'conflict' | 'usage' | 'unavailable once'): void {
  stub.on('POST extend', (asked, response) => {
    extended.push(asked);
    if (answer === 'conflict' || answer === 'usage') return problem(response, answer, 'not that one');
    if (answer === 'unavailable once' && extended.length === 1) return problem(response, 'unavailable', 'not now');
    const lease = stub.leases.get(idIn(asked.path));
    json(response, 200, { lease: { ...lease, guarded: false, expiresAt: '2036-11-20T14:00:00.000Z' }, messages: [] });
  });
}

const FAILS = ['sh', '-c', 'exit 3'] as const;

test('after a failure the lease becomes a claim, which is told once and not given back', async () => {
  extends_('yes');
  const world = lockWorld(clientAt(stub.url));
  const result = await runLock(lockPlan(FAILS, { keepFor: 3_600_000, note: 'nightly' }), world);
  expect(result).toMatchObject({ outcome: 'completed', exitCode: 3 });
  expect(extended.map(({ body }) => body)).toEqual([{ for: 3600, guarded: false, note: 'sh -c exit 3 failed' }]);
  expect(extended[0]?.headers.authorization).toMatch(/^Lease [\w-]{43}$/);
  expect(stub.count('DELETE lease')).toBe(0);
  expect(world.ear.text).toMatch(
    /^rentabot: sh -c exit 3 failed, so gpu-0 is kept until Nov 20 2036; `rentabot release gpu-0` gives it back\n$/,
  );
});

test('a daemon that cannot answer just now is asked again', async () => {
  extends_('unavailable once');
  await runLock(lockPlan(FAILS, { keepFor: 1000 }), lockWorld(clientAt(stub.url)));
  expect(extended).toHaveLength(2);
  expect(stub.count('DELETE lease')).toBe(0);
});

test('over a line that loses its first replies a lease is kept as over a good one', async () => {
  extends_('yes');
  const result = await runLock(lockPlan(FAILS, { keepFor: 1000 }), lockWorld(clientAt(stub.url, losesFirstReplies())));
  expect(result).toMatchObject({ exitCode: 3 });
  expect(new Set(extended.map(({ path }) => path)).size).toBe(1);
  expect(stub.count('DELETE lease')).toBe(0);
});

test.each(['conflict', 'usage'] as const)(
  'where the daemon says %s, the lease is given back, and that is said',
  async (code) => {
    extends_(code);
    const world = lockWorld(clientAt(stub.url));
    const result = await runLock(lockPlan(FAILS, { keepFor: 1000 }), world);
    expect(result).toMatchObject({ outcome: 'completed', exitCode: 3 });
    expect(stub.count('DELETE lease')).toBe(1);
    expect(world.ear.text).toBe(
      'rentabot: sh -c exit 3 failed, but gpu-0 could not be kept and is given back: not that one\n',
    );
  },
);

test('where nobody answers, the command’s code is the same, and it is said', async () => {
  let down = false;
  const world = lockWorld(
    clientAt(
      stub.url,
      cutOff(() => down),
    ),
  );
  stub.on('POST extend', () => {
    down = true;
  });
  const running = runLock(lockPlan(FAILS, { keepFor: 1000, ttl: 5000 }), world);
  await stub.until('POST extend');
  await stub.stop();
  expect(await running).toMatchObject({ outcome: 'completed', exitCode: 3 });
  expect(world.ear.text).toMatch(/but gpu-0 could not be kept and is given back: /);
});

test.each<[string, readonly [string, ...string[]]]>([
  ['ends well', ['true']],
  ['never ran', ['no-such-command']],
])('nothing is kept after a command that %s', async (_, argv) => {
  extends_('yes');
  await runLock(lockPlan(argv, { keepFor: 1000 }), lockWorld(clientAt(stub.url)));
  expect(extended).toEqual([]);
  expect(stub.count('DELETE lease')).toBe(1);
});

test('a lease is left in a file after one last renewal, and not given back', async () => {
  const path = file();
  const world = lockWorld(clientAt(stub.url));
  const result = await runLock(lockPlan(['sh', '-c', 'exit 4'], { detachTo: path }), world);
  expect(result).toMatchObject({ outcome: 'completed', exitCode: 4 });
  expect(stub.asked.map(({ method, path: at }) => `${method} ${at.endsWith('/renew')}`)).toEqual([
    'PUT false',
    'POST true',
  ]);
  const [lease] = stub.leases.values();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    lease: lease?.id,
    secret: (stub.asked[0] as Asked & { body: { secret: string } }).body.secret,
    url: stub.url,
    fence: 1,
    ttl: 60,
    expiresAt: lease?.expiresAt,
    resources: [{ id: 1, name: 'gpu-0', fence: 1 }],
  });
  expect(world.ear.text).toBe('');
});

test('the last renewal that finds the lease gone is a loss: no file, and 76', async () => {
  const path = file();
  stub.on('POST renew', (_, response) => problem(response, 'lost', 'it expired', { reason: 'expired' }));
  const world = lockWorld(clientAt(stub.url), { overrides: { lost: 5 } });
  const result = await runLock(lockPlan(['true'], { detachTo: path }), world);
  expect(result).toMatchObject({ outcome: 'lost', exitCode: 5 });
  expect(existsSync(path)).toBe(false);
  expect(world.ear.text).toMatch(/^rentabot: lost: the lease of gpu-0 expired before it could be left in /);
});

test('without an answer to the last renewal the lease is lost by its deadline, and in no file', async () => {
  const path = file();
  let down = false;
  const world = lockWorld(
    clientAt(
      stub.url,
      cutOff(() => down),
    ),
  );
  stub.on('POST renew', () => {
    down = true;
  });
  const result = await runLock(lockPlan(['true'], { detachTo: path, ttl: 2000 }), world);
  expect(result).toMatchObject({ outcome: 'lost', exitCode: 76 });
  expect(existsSync(path)).toBe(false);
});

test('the secret of a lease that is left is in no word that is said, with -v', async () => {
  const path = file();
  const world = lockWorld(clientAt(stub.url), { manner: { level: 'verbose', json: true } });
  await runLock(lockPlan(['true'], { detachTo: path }), world);
  expect(world.ear.text).toContain('can be adopted from');
  expect(world.ear.text).not.toContain(JSON.parse(readFileSync(path, 'utf8')).secret);
});

test('the guard gives nothing back from before the lease is handed on, should we be killed just then', async () => {
  const keep = vi.spyOn(Guard.prototype, 'keep');
  try {
    const kept: number[] = [];
    stub.on('POST extend', (asked, response) => {
      kept.push(keep.mock.calls.length);
      json(response, 200, { lease: stub.leases.get(idIn(asked.path)), messages: [] });
    });
    await runLock(lockPlan(FAILS, { keepFor: 1000 }), lockWorld(clientAt(stub.url)));
    expect(kept).toEqual([1]);
    await runLock(lockPlan(FAILS, { detachTo: file() }), lockWorld(clientAt(stub.url)));
    expect(keep).toHaveBeenCalledTimes(2);
    await runLock(lockPlan(FAILS), lockWorld(clientAt(stub.url)));
    expect(keep).toHaveBeenCalledTimes(2);
  } finally {
    keep.mockRestore();
  }
});
