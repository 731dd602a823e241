import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { Client } from '../../src/cli/client.ts';
import { type DaemonChoice, findDaemon } from '../../src/cli/find-daemon.ts';
import { loginFile, readLogin, writeLogin } from '../../src/cli/login-file.ts';
import type { Machine } from '../../src/cli/machine.ts';
import { ensurePrivateDaemon, replacePrivateDaemon } from '../../src/cli/private-daemon.ts';
import { Talk } from '../../src/cli/talk.ts';
import { type Endpoint, httpTransport } from '../../src/cli/transport.ts';
import { places } from '../../src/core/places.ts';
import { Ear, temporaryFolder } from './support/world.ts';

const FAKE = join(import.meta.dirname, 'support/fake-daemon.cjs');
const closers: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) close();
});

/** A machine of its own in a folder; what it starts in the background is ended with the test. */
function machine(env: Record<string, string> = {}, folder = temporaryFolder()): Machine {
  const variables = {
    XDG_RUNTIME_DIR: join(folder, 'run'),
    XDG_STATE_HOME: join(folder, 'state'),
    TMPDIR: folder,
    ...env,
  };
  mkdirSync(join(folder, 'here'), { recursive: true });
  const uid = process.getuid?.() ?? null;
  const all = places(variables, { uid, home: folder, tmp: folder });
  const here: Machine = {
    env: { PATH: process.env.PATH, SECRET_OF_A_JOB: 'x', ...variables },
    cwd: join(folder, 'here'),
    home: folder,
    uid,
    places: {
      ...all,
      hostSockets: all.hostSockets.map((path) => (path.startsWith(folder) ? path : join(folder, 'host/r.sock'))),
    },
    self: [process.execPath, FAKE],
  };
  closers.push(() => {
    const owner = join(here.places.privateData, 'owner.json');
    if (!existsSync(owner)) return;
    try {
      process.kill(JSON.parse(readFileSync(owner, 'utf8')).pid);
    } catch {
      // It has gone by itself.
    }
  });
  return here;
}

async function listenAt(path: string): Promise<Server> {
  mkdirSync(join(path, '..'), { recursive: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  closers.push(() => server.close());
  return server;
}

const choice = (more: Partial<DaemonChoice> = {}): DaemonChoice => ({
  url: null,
  token: null,
  connectTimeout: 90_000,
  ...more,
});

async function find(
  here: Machine,
  more: Partial<DaemonChoice> = {},
  ifNone: 'start' | 'start-if-known' | 'look' = 'start',
  asAdmin = false,
) {
  const ear = new Ear();
  const found = await findDaemon(here, choice(more), new Talk(ear, { level: 'normal', json: false, color: false }), {
    ifNone,
    asAdmin,
  });
  return { found, said: ear.text, url: found && 'endpoint' in found ? found.endpoint.url : null };
}

function starts(here: Machine): string[] {
  const path = join(here.places.privateData, 'starts');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

test('--url comes before RENTABOT_URL, and that before a socket of this host', async () => {
  const here = machine({ RENTABOT_URL: 'http://from-env:1', RENTABOT_TOKEN: 'from-env' });
  await listenAt(here.places.hostSockets[0] ?? '');
  expect(await find(here, { url: 'http://from-flag:1', token: 'flag' })).toMatchObject({
    url: 'http://from-flag:1',
    found: { token: 'flag' },
  });
  expect(await find(here)).toMatchObject({ url: 'http://from-env:1', found: { token: 'from-env' } });
  expect(starts(here)).toEqual([]);
});

test('a socket of this host is taken in the order of its places', async () => {
  const here = machine();
  const [system = '', own = ''] = here.places.hostSockets;
  await listenAt(own);
  expect(await find(here)).toMatchObject({ url: `unix:${own}` });
  await listenAt(system);
  expect(await find(here)).toMatchObject({ url: `unix:${system}` });
  expect(starts(here)).toEqual([]);
});

test("an empty RENTABOT_URL is none, and without a daemon the user's own is started", async () => {
  const here = machine({ RENTABOT_URL: '' });
  expect(await find(here)).toMatchObject({ url: `unix:${here.places.privateSocket}`, said: '' });
  expect(starts(here)).toHaveLength(1);
  expect(starts(here)[0]).toMatch(/^serve --private /);
});

test('the daemon in the background inherits no secret of a job', async () => {
  const here = machine({ RENTABOT_TOKEN: 't', RENTABOT_LEASE: 'x' });
  await find(here);
  expect(starts(here)[0]).not.toMatch(/SECRET|TOKEN|LEASE/);
});

test('of twenty first calls one starts it, and all find it', async () => {
  const here = machine();
  const found = await Promise.all(Array.from({ length: 20 }, () => find(here)));
  expect(new Set(found.map(({ url }) => url))).toEqual(new Set([`unix:${here.places.privateSocket}`]));
  // Whoever looked just before it listened may start another, which finds the state owned and leaves.
  expect(starts(here).length).toBeLessThanOrEqual(3);
  expect(existsSync(join(here.places.runtimeDir, 'starting.lock'))).toBe(false);
});

test.each([
  ['of a process that is gone', '999999999', 0],
  ['that is too old', String(process.pid), 60],
])('a start lock %s does not keep the daemon from being started', async (_, pid, age) => {
  const here = machine();
  mkdirSync(here.places.runtimeDir, { recursive: true });
  const lock = join(here.places.runtimeDir, 'starting.lock');
  writeFileSync(lock, pid);
  const { utimesSync } = await import('node:fs');
  utimesSync(lock, Date.now() / 1000 - age, Date.now() / 1000 - age);
  expect(await find(here)).toMatchObject({ url: `unix:${here.places.privateSocket}` });
});

test('a daemon that runs elsewhere owns the state, so it is the one', async () => {
  const here = machine({ RENTABOT_LOG_FAKE: 'elsewhere' });
  expect(await find(here)).toMatchObject({ url: `unix:${here.env.XDG_STATE_HOME}/elsewhere/private.sock` });
});

test('a daemon that cannot start says why, with its own exit code and where its log is', async () => {
  const here = machine({ RENTABOT_LOG_FAKE: 'fail' });
  const refusal = await ensurePrivateDaemon(here, 90_000);
  expect(refusal).toMatchObject({
    code: 'config',
    detail: expect.stringContaining('no room on this disk'),
    hint: expect.stringContaining('daemon.log'),
  });
});

test('a log that grew too long starts anew', async () => {
  const here = machine({ RENTABOT_LOG_FAKE: 'fail' });
  mkdirSync(here.places.privateData, { recursive: true });
  const log = join(here.places.privateData, 'daemon.log');
  writeFileSync(log, 'x'.repeat(1_100_000));
  await ensurePrivateDaemon(here, 90_000);
  expect(readFileSync(log, 'utf8')).toMatch(/^(no room on this disk\n)+$/);
});

test('to look at what an earlier daemon remembered, one is started', async () => {
  const here = machine();
  mkdirSync(here.places.privateData, { recursive: true });
  writeFileSync(join(here.places.privateData, 'rentabot.db'), '');
  expect(await find(here, {}, 'start-if-known')).toMatchObject({ url: `unix:${here.places.privateSocket}` });
});

// Failures are believed after three seconds, in which a machine that stalls does not get to the third start.
test('a predecessor that is still leaving is waited for: a start that failed is repeated', { retry: 4 }, async () => {
  const here = machine({ RENTABOT_LOG_FAKE: 'fail-twice' });
  expect(await find(here)).toMatchObject({ url: `unix:${here.places.privateSocket}` });
  expect(starts(here)).toHaveLength(3);
});

test('to look at nothing, no daemon is started; for a descriptor it is', async () => {
  const here = machine();
  expect(await find(here, {}, 'look')).toMatchObject({ found: null });
  expect(await find(here, {}, 'start-if-known')).toMatchObject({ found: null });
  expect(starts(here)).toEqual([]);
  writeFileSync(join(here.cwd, 'rentabot.yaml'), 'a: {}');
  expect(await find(here, {}, 'start-if-known')).toMatchObject({ url: `unix:${here.places.privateSocket}` });
});

test('only a private daemon is told of the descriptor, also where RENTABOT_URL names it', async () => {
  const here = machine();
  writeFileSync(join(here.cwd, 'rentabot.yaml'), 'a: {}');
  const descriptor = join(here.cwd, 'rentabot.yaml');
  expect(await find(here)).toMatchObject({ found: { descriptor } });
  expect(await find(here, { url: `unix:${here.places.privateSocket}` })).toMatchObject({ found: { descriptor } });
  expect(await find(here, { url: 'http://elsewhere:1' })).toMatchObject({
    found: { descriptor: null, revive: null, replace: null },
  });
});

test('a socket that a killed daemon left is waited for a moment, then said and passed over', async () => {
  const here = machine();
  const socket = here.places.hostSockets[0] ?? '';
  mkdirSync(join(socket, '..'), { recursive: true });
  writeFileSync(socket, '');
  const { url, said } = await find(here);
  expect(url).toBe(`unix:${here.places.privateSocket}`);
  expect(said).toMatch(/nobody listens at .*r\.sock any more, so your own private daemon is used/);
});

test('a daemon of this host that is back in a moment is the one', async () => {
  const here = machine();
  const socket = here.places.hostSockets[0] ?? '';
  mkdirSync(join(socket, '..'), { recursive: true });
  writeFileSync(socket, '');
  // Not more than a moment, however long it takes.
  vi.useFakeTimers({ toFake: ['hrtime'] });
  const finding = find(here);
  const { unlinkSync } = await import('node:fs');
  setTimeout(() => {
    unlinkSync(socket);
    void listenAt(socket);
  }, 20);
  expect(await finding).toMatchObject({ said: '' });
});

test('a folder under the temp folder that others may enter is refused', async () => {
  const folder = temporaryFolder();
  const here = machine({ XDG_RUNTIME_DIR: '' }, folder);
  expect(here.places.runtimeDirIsTemporary).toBe(true);
  mkdirSync(here.places.runtimeDir);
  chmodSync(here.places.runtimeDir, 0o755);
  expect(await find(here)).toMatchObject({
    found: { code: 'config', detail: expect.stringContaining('not yours alone') },
  });
  chmodSync(here.places.runtimeDir, 0o700);
  expect(await find(here)).toMatchObject({ url: `unix:${here.places.privateSocket}` });
});

test('an older daemon that steps down has a successor', async () => {
  const here = machine();
  const endpoint = (await ensurePrivateDaemon(here, 90_000)) as Endpoint;
  const first = JSON.parse(readFileSync(join(here.places.privateData, 'owner.json'), 'utf8')).pid;
  expect(await replacePrivateDaemon(here, endpoint, 90_000)).toMatchObject({ url: endpoint.url });
  const access = { endpoint, token: null, descriptor: null, revive: null, replace: null };
  expect(await new Client(access, httpTransport()).resources()).toMatchObject({ type: 'ok' });
  expect(starts(here)).toHaveLength(2);
  expect(JSON.parse(readFileSync(join(here.places.privateData, 'owner.json'), 'utf8')).pid).not.toBe(first);
});

const LOGIN = { url: 'http://lab:5000', name: 'alice', token: 'rb_alice' };

test('a login comes after what the call and its environment say, and before what runs on this host', async () => {
  const here = machine();
  writeLogin(loginFile(here.places), LOGIN);
  await listenAt(here.places.hostSockets[0] ?? '');
  expect((await find(here)).found).toMatchObject({ endpoint: { url: LOGIN.url }, token: 'rb_alice' });
  expect((await find(here, { token: 'other' })).found).toMatchObject({ endpoint: { url: LOGIN.url }, token: 'other' });
  expect((await find(here, { url: 'http://lab:5000/' })).found).toMatchObject({ token: 'rb_alice' });
  const elsewhere = ['http://lab:5001', 'https://lab:5000', 'http://lab.example:5000', 'http://lab:5000/so/mething'];
  for (const url of elsewhere) expect((await find(here, { url })).found, url).toMatchObject({ token: null });
});

test('a login is kept for its owner alone, and one that cannot be read is none', async () => {
  const here = machine();
  const path = loginFile(here.places);
  expect(readLogin(path)).toBeNull();
  writeLogin(path, LOGIN);
  chmodSync(path, 0o644);
  writeLogin(path, LOGIN);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readLogin(path)).toEqual(LOGIN);
  for (const broken of ['', '{', 'null', '[]', '{"url":1}', '{"url":"http://x","name":"x"}']) {
    writeFileSync(path, broken);
    expect(readLogin(path), broken).toBeNull();
  }
});

test('an admin of this host is let in by the data folder, unless something else was said', async () => {
  const here = machine({ STATE_DIRECTORY: join(temporaryFolder(), 'serve') });
  const path = `${here.places.serveData}/admin.sock`;
  await listenAt(here.places.hostSockets[0] ?? '');
  expect((await find(here, {}, 'look', true)).url).toBe(`unix:${here.places.hostSockets[0]}`);
  await listenAt(path);
  expect((await find(here, {}, 'look', true)).url).toBe(`unix:${path}`);
  expect((await find(here, { url: `unix:${here.places.hostSockets[0]}` }, 'look', true)).url).toBe(`unix:${path}`);
  expect((await find(here, { token: 'rb_x' }, 'look', true)).url).toBe(`unix:${here.places.hostSockets[0]}`);
  expect((await find(here, { url: 'http://lab:5000' }, 'look', true)).url).toBe('http://lab:5000');
  expect((await find(here, {}, 'look')).url).toBe(`unix:${here.places.hostSockets[0]}`);
});
