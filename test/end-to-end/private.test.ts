import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, expect, test as oneByOne } from 'vitest';
import { Account, isAlive, program, renewed, signal, until } from '../support/cli.ts';

/** The daemon that starts by itself. Each test has an account of its own, and most of them wait most of the time. */
const test = oneByOne.concurrent;
const accounts: Account[] = [];

async function account(script?: string): Promise<Account> {
  const made = await Account.make(script);
  accounts.push(made);
  return made;
}

afterAll(async () => {
  for (const one of accounts) await one.close();
});

const ADD = 'n=$(cat counter); sleep 0.01; echo $((n+1)) > counter';

/** Of a crowd, on a slow machine, somebody has to wait for a turn. */
const PATIENT = ['--connect-timeout', '150s'];

test('the first call on a bare machine starts a daemon and makes up the name', async () => {
  const me = await account();
  const first = await me.run(['lock', '-n', 'demo', '--', 'printenv', 'RENTABOT_RESOURCE', 'RENTABOT_URL']);
  expect(first).toEqual({ code: 0, signal: null, out: `demo\nunix:${me.privateSocket}\n`, err: '' });
  expect(statSync(me.privateSocket).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(me.privateSocket)).mode & 0o777).toBe(0o700);
  expect(statSync(me.privateData).mode & 0o777).toBe(0o700);
  for (const file of ['rentabot.db', 'owner.json', 'daemon.log'])
    expect(statSync(join(me.privateData, file)).mode & 0o077).toBe(0);
  const log = readFileSync(join(me.privateData, 'daemon.log'), 'utf8');
  expect(log).toMatch(/listening on unix:/);
  expect(log).not.toMatch(/error|warn/i);
});

test('twenty first calls at once start one daemon, all succeed, and each has the resource to itself', async () => {
  const me = await account();
  me.file('counter', '0');
  const args = ['lock', '-q', '-n', 'board', ...PATIENT, '--', 'sh', '-c', ADD];
  const runs = Array.from({ length: 20 }, () => me.start(args));
  for (const run of runs) expect(await run.ended).toEqual({ code: 0, signal: null, out: '', err: '' });
  expect(me.read('counter')).toBe('20\n');
  const log = readFileSync(join(me.privateData, 'daemon.log'), 'utf8');
  expect(log.match(/listening on/g)).toHaveLength(1);
  expect(existsSync(join(me.runtime, 'rentabot', 'starting.lock'))).toBe(false);
});

test('it stops by itself when nothing is held and nobody asks, but not while something is held', async () => {
  const me = await account();
  const run = me.start(['lock', '-n', 'a', '--', 'sh', '-c', 'echo in; while [ ! -e done ]; do sleep 0.05; done'], {
    env: { RENTABOT_IDLE: '1' },
  });
  await run.said('in');
  const pid = me.privatePid as number;
  const since = performance.now();
  await until('it would have left', () => performance.now() - since > 2500);
  expect([me.privatePid, isAlive(pid)]).toEqual([pid, true]);
  me.file('done', '');
  expect((await run.ended).code).toBe(0);
  await until('it has left', () => !isAlive(pid));
  expect(existsSync(me.privateSocket)).toBe(false);
  expect(me.privatePid).toBe(null);
  expect((await me.run(['lock', '-n', 'a', '--', 'true'])).code).toBe(0);
});

test('calls that meet the daemon as it stops by itself all get their lock', async () => {
  const me = await account();
  me.file('counter', '0');
  const env = { RENTABOT_IDLE: '1' };
  await me.run(['lock', '-n', 'a', '--', 'true'], { env });
  const first = me.privatePid as number;
  for (let i = 0; i < 14; i += 1) {
    // Around the second at which it stops.
    const at = performance.now() + 950 + i * 8;
    await until('about to stop', () => performance.now() > at);
    const run = await me.run(['lock', '-q', '-n', 'a', '--', 'sh', '-c', ADD], { env });
    expect(run).toEqual({ code: 0, signal: null, out: '', err: '' });
    if (i >= 4 && me.privatePid !== first) break;
  }
  expect(Number(me.read('counter'))).toBeGreaterThan(3);
});

test('an older daemon is replaced, and what is held and waited for stays', async () => {
  const old = await program('0.0.1');
  const me = await account();
  const holder = me.start(
    ['lock', '-n', 'a', '--ttl', '300s', '--', 'sh', '-c', 'echo in; while [ ! -e done ]; do sleep 0.05; done'],
    { script: old },
  );
  await holder.said('in');
  const pid = me.privatePid as number;
  const early = me.start(['lock', '-n', 'a', '--', 'sh', '-c', 'echo early >> order'], { script: old });
  await early.said('next in line', 'err');
  const late = me.start(['lock', '-n', 'a', '--', 'sh', '-c', 'echo late >> order']);
  await until('a new daemon', () => me.privatePid !== null && me.privatePid !== pid);
  await late.said('position 2', 'err');
  expect(JSON.parse(readFileSync(join(me.privateData, 'owner.json'), 'utf8')).version).toBe('0.1.0');
  expect((await me.run(['lock', '-n', 'a', '--no-wait', '--', 'true'])).code).toBe(75);
  me.file('done', '');
  expect((await holder.ended).code).toBe(0);
  expect((await early.ended).code).toBe(0);
  expect((await late.ended).code).toBe(0);
  expect(me.read('order')).toBe('early\nlate\n');
  await until('the old one has ended', () => !isAlive(pid));
});

test('an older daemon that does not step down is spoken to', async () => {
  const me = await account();
  mkdirSync(dirname(me.privateSocket), { mode: 0o700 });
  const resource = { id: 1, name: 'a', endpoint: '', properties: {}, fence: 1, mode: 'exclusive' };
  let stops = 0;
  const older = createHttpServer((question, answer) => {
    const headers = { 'rentabot-version': '0.0.1', 'rentabot-protocol': '2', 'content-type': 'application/json' };
    const id = question.url?.split(/[/?]/)[4];
    const lease = { id, fence: 1, resources: [resource], ttl: 30, ending: null };
    if (question.method === 'PUT') answer.writeHead(200, headers).end(JSON.stringify({ state: 'held', lease }));
    else if (question.method === 'DELETE') answer.writeHead(204, headers).end();
    else {
      stops += 1;
      answer.writeHead(404, headers).end('{}');
    }
  });
  await new Promise<void>((resolve) => older.listen(me.privateSocket, resolve));
  const found = await me.run(['lock', '-n', 'a', '--', 'echo', 'x']);
  older.closeAllConnections();
  older.close();
  expect(found).toEqual({ code: 0, signal: null, out: 'x\n', err: '' });
  expect(stops).toBe(1);
});

test('twenty calls that find an older daemon replace it once', async () => {
  const old = await program('0.0.1');
  const me = await account();
  await me.run(['lock', '-n', 'a', '--', 'true'], { script: old });
  me.file('counter', '0');
  const args = ['lock', '-q', '-n', 'a', ...PATIENT, '--', 'sh', '-c', ADD];
  const runs = Array.from({ length: 20 }, () => me.start(args));
  for (const run of runs) expect(await run.ended).toEqual({ code: 0, signal: null, out: '', err: '' });
  expect(me.read('counter')).toBe('20\n');
  const log = readFileSync(join(me.privateData, 'daemon.log'), 'utf8');
  expect(log.match(/listening on/g)).toHaveLength(2);
});

test('a newer daemon is spoken to', async () => {
  const young = await program('9.0.0');
  const me = await account();
  await me.run(['lock', '-n', 'a', '--', 'true'], { script: young });
  const pid = me.privatePid;
  expect(await me.run(['lock', '-n', 'a', '--', 'true'])).toMatchObject({ code: 0, err: '' });
  expect(me.privatePid).toBe(pid);
});

test('what a killed daemon left does not stand in the way', async () => {
  const me = await account();
  await me.run(['lock', '-n', 'a', '--', 'true']);
  const pid = me.privatePid as number;
  signal(pid, 'SIGKILL');
  await until('it is dead', () => !isAlive(pid));
  writeFileSync(join(me.runtime, 'rentabot', 'starting.lock'), String(pid));
  expect(existsSync(me.privateSocket)).toBe(true);
  expect(existsSync(join(me.privateData, 'owner.json'))).toBe(true);
  expect(await me.run(['lock', '-n', 'a', '--', 'true'])).toEqual({ code: 0, signal: null, out: '', err: '' });
  expect(me.privatePid).not.toBe(pid);
});

test('an owner.json that is no JSON, or points to something else, does not stand in the way', async () => {
  const me = await account();
  mkdirSync(me.privateData, { recursive: true, mode: 0o700 });
  const texts = ['', '{', '[]', 'null', '{"socket":7}', JSON.stringify({ pid: 1, socket: `${me.base}/gone.sock` })];
  for (const text of texts) {
    writeFileSync(join(me.privateData, 'owner.json'), text);
    expect(await me.run(['lock', '-n', 'a', '--', 'true'])).toMatchObject({ code: 0, err: '' });
    await me.close();
  }
});

test('a runtime folder that others could read is made private, or refused under the temp folder', async () => {
  const me = await account();
  mkdirSync(join(me.runtime, 'rentabot'), { mode: 0o755 });
  expect((await me.run(['lock', '-n', 'a', '--', 'true'])).code).toBe(0);
  expect(statSync(join(me.runtime, 'rentabot')).mode & 0o777).toBe(0o700);

  const other = await account();
  const uid = process.getuid?.() ?? 0;
  const folder = join(other.base, `rentabot-${uid}`);
  mkdirSync(folder, { mode: 0o755 });
  chmodSync(folder, 0o755);
  const found = await other.run(['lock', '-n', 'a', '--', 'true'], { env: { XDG_RUNTIME_DIR: undefined } });
  expect(found.code).toBe(78);
  expect(found.err).toContain(folder);
  rmSync(folder, { recursive: true });
  symlinkSync(other.state, folder);
  expect((await other.run(['lock', '-n', 'a', '--', 'true'], { env: { XDG_RUNTIME_DIR: undefined } })).code).toBe(78);
});

test('without XDG_RUNTIME_DIR the socket is in a folder of mode 0700 under the temp folder', async () => {
  const me = await account();
  const found = await me.run(['lock', '-n', 'a', '--', 'printenv', 'RENTABOT_URL'], {
    env: { XDG_RUNTIME_DIR: undefined, XDG_STATE_HOME: '' },
  });
  const folder = join(me.base, `rentabot-${process.getuid?.()}`);
  expect(found).toEqual({ code: 0, signal: null, out: `unix:${folder}/private.sock\n`, err: '' });
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const owner = join(me.home, '.local/state/rentabot/private/owner.json');
  signal(JSON.parse(readFileSync(owner, 'utf8')).pid, 'SIGTERM');
  await until('it has left', () => !existsSync(owner));
});

test('two XDG_RUNTIME_DIRs with one state find one daemon', async () => {
  const me = await account();
  me.file('counter', '0');
  const other = me.folder('run2');
  const runs = Array.from({ length: 10 }, (_, i) =>
    me.start(['lock', '-q', '-n', 'a', ...PATIENT, '--', 'sh', '-c', ADD], {
      env: i % 2 === 0 ? {} : { XDG_RUNTIME_DIR: other },
    }),
  );
  for (const run of runs) expect(await run.ended).toEqual({ code: 0, signal: null, out: '', err: '' });
  expect(me.read('counter')).toBe('10\n');
  const cold = await me.run(['status', '--json'], { env: { XDG_RUNTIME_DIR: me.folder('run3') } });
  expect(JSON.parse(cold.out).resources).toHaveLength(1);
});

test('the nearest rentabot.yaml counts, from a subfolder too, and two projects exclude each other', async () => {
  const me = await account();
  const [one, two] = [me.folder('one/deep/er'), me.folder('two')] as [string, string];
  writeFileSync(join(me.base, 'one', 'rentabot.yaml'), 'board-1: { endpoint: one, tags: [x] }\n');
  writeFileSync(
    join(me.base, 'two', '.rentabot.yaml'),
    'board-1: { endpoint: two, tags: [x] }\nboard-2: { endpoint: b2 }\n',
  );
  const holder = me.start(
    ['lock', '-t', 'x', '--', 'sh', '-c', 'echo $RENTABOT_ENDPOINT; while [ ! -e done ]; do sleep 0.05; done'],
    { cwd: one },
  );
  await holder.said('one');
  expect((await me.run(['lock', '-n', 'board-1', '--no-wait', '--', 'true'], { cwd: two })).code).toBe(75);
  expect((await me.run(['lock', '-n', 'board-2', '--', 'printenv', 'RENTABOT_ENDPOINT'], { cwd: two })).out).toBe(
    'b2\n',
  );
  writeFileSync(join(one, 'done'), '');
  expect((await holder.ended).code).toBe(0);
  expect((await me.run(['lock', '-n', 'board-1', '--', 'printenv', 'RENTABOT_ENDPOINT'], { cwd: two })).out).toBe(
    'two\n',
  );
  // Added to what it knows, never taken away.
  expect((await me.status()).resources.map(({ name }) => name)).toEqual(['board-1', 'board-2']);
});

test('a descriptor with a mistake is 78 with file, line and column, and mended it works at once', async () => {
  const me = await account();
  const path = me.file('rentabot.yaml', 'board-1:\n  tags: [a]\n  slots: many\n');
  const found = await me.run(['lock', '-n', 'board-1', '--result-file', 'r.json', '--', 'true']);
  expect(found.code).toBe(78);
  expect(found.err).toMatch(/^rentabot: config: /);
  expect(found.err).toContain(`${path}:3:10`);
  expect(JSON.parse(me.read('r.json'))).toMatchObject({ outcome: 'config', exitCode: 78, lease: null });
  expect((await me.run(['status'])).code).toBe(78);
  me.file('rentabot.yaml', 'board-1:\n  tags: [a]\n  slots: 2\n');
  expect(await me.run(['lock', '-t', 'a', '--', 'true'])).toMatchObject({ code: 0, err: '' });
  me.file('rentabot.yaml', '');
  expect((await me.run(['lock', '-n', 'board-1', '--', 'true'])).code).toBe(78);
});

test('status in a folder without a descriptor starts no daemon', async () => {
  const me = await account();
  const found = await me.run(['status', '--json']);
  expect(found).toMatchObject({ code: 0, out: '{"resources":[]}\n' });
  expect(me.privatePid).toBe(null);
});

test('the daemon killed while a lock runs is started again, and the lease goes on', async () => {
  const me = await account();
  // Renewed every 5 s, and without a grace lost only when a new daemon takes 9 s more.
  const spans = ['--ttl', '15s', '--grace', '0'];
  const run = me.start([
    'lock',
    '-n',
    'a',
    ...spans,
    '--',
    'sh',
    '-c',
    'echo in; while [ ! -e done ]; do sleep 0.05; done',
  ]);
  await run.said('in');
  const pid = me.privatePid as number;
  signal(pid, 'SIGKILL');
  await until('another daemon', () => me.privatePid !== null && me.privatePid !== pid && isAlive(me.privatePid));
  await until('it listens', () => listens(me.privateSocket));
  await renewed(`unix:${me.privateSocket}`);
  await renewed(`unix:${me.privateSocket}`);
  expect((await me.run(['lock', '-n', 'a', '--no-wait', '--', 'true'])).code).toBe(75);
  me.file('done', '');
  expect(await run.ended).toMatchObject({ code: 0 });
  expect((await me.run(['lock', '-n', 'a', '--no-wait', '--', 'true'])).code).toBe(0);
});

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

test('the daemon survives the terminal and the job that started it', async () => {
  const me = await account();
  const run = me.start(['lock', '-n', 'a', '--', 'true']);
  await run.ended;
  const pid = me.privatePid as number;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [, , group, session] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  expect([group, session]).toEqual([pid, pid]);
  expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).not.toMatch(/RENTABOT_TOKEN|CI=/);
});

test('a state folder that cannot be used is 78 and says which', async () => {
  const me = await account();
  rmSync(me.state, { recursive: true });
  writeFileSync(me.state, 'a file');
  const found = await me.run(['lock', '-n', 'a', '--', 'true']);
  expect(found.code).toBe(78);
  expect(found.err).toContain(me.state);
  expect(found.err).not.toMatch(/\n\s+at /);
});

test('a database that is none is 78 and says which, within seconds', async () => {
  const me = await account();
  mkdirSync(me.privateData, { recursive: true, mode: 0o700 });
  writeFileSync(join(me.privateData, 'rentabot.db'), 'no database '.repeat(1000));
  const found = await me.run(['lock', '-n', 'a', '--', 'true']);
  expect(found.code).toBe(78);
  expect(found.err).toContain(me.privateData);
  expect(found.err.trim().split('\n').length).toBeLessThan(4);
});

test('something else on the private socket is told apart from a daemon', async () => {
  const me = await account();
  mkdirSync(dirname(me.privateSocket), { mode: 0o700 });
  const other = createServer((socket) => socket.on('error', () => {}).end('hello'));
  await new Promise<void>((resolve) => other.listen(me.privateSocket, resolve));
  const found = await me.run(['lock', '-n', 'a', '--connect-timeout', '2s', '--', 'true']);
  other.close();
  expect(found.code).toBe(69);
  expect(found.err).toContain(me.privateSocket);
});

test('a socket path that is too long is 78 and says what to do', async () => {
  const me = await account();
  const long = me.folder(`x${'y'.repeat(110)}`);
  const found = await me.run(['lock', '-n', 'a', '--', 'true'], { env: { XDG_RUNTIME_DIR: long } });
  expect(found.code).toBe(78);
  expect(found.err).toMatch(/XDG_RUNTIME_DIR/);
});
