import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createListener } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseJson } from '../../src/core/wire.ts';
import type { LeaseClient } from '../support/builders-daemon.ts';
import { startDaemon, type TestDaemon, temporaryFolder } from '../support/daemon.ts';
import { ROOT, readDocument } from './support/markdown.ts';

/** The three recipes of docs/fencing.md, against a daemon in this process: each lets the holder in, and refuses who is late. */
const GATE = join(ROOT, 'examples/fencing-ssh/gate.sh');
const WRITE = join(ROOT, 'examples/fencing-sql/write.mjs');
const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(existsSync);
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
const REFUSED = 77;

let daemon: TestDaemon;
let folder: ReturnType<typeof temporaryFolder>;
const running: ChildProcess[] = [];
beforeEach(async () => {
  folder = temporaryFolder();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'] });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(stopped));
  await daemon.close();
  folder.remove();
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(file: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const child = spawn(file, argv, {
    env: { PATH: process.env.PATH ?? '', HOME: folder.path, SHELL: '/bin/sh', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...said }));
  });
}

/** Resolves with what it says up to the sign, or with all of it where it ends without. */
function started(child: ChildProcess, sign: RegExp): Promise<string> {
  running.push(child);
  let said = '';
  return new Promise((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (sign.test(said)) resolve(said);
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => resolve(said));
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('close', () => resolve());
    child.kill('SIGTERM');
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createListener().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function url(): string {
  const { where } = daemon.http;
  return 'port' in where ? `http://127.0.0.1:${where.port}` : '';
}

/** What `rentabot lock` gives its command. */
function environment({ id, fence }: Pick<LeaseJson, 'id' | 'fence'>): Record<string, string> {
  return { RENTABOT_LEASE: id, RENTABOT_FENCE: String(fence) };
}

interface Holder {
  readonly client: LeaseClient;
  readonly env: Record<string, string>;
}

async function hold(what = 'board-1'): Promise<Holder> {
  const client = daemon.lease();
  return { client, env: environment(await client.hold(what)) };
}

/** Two holders after each other: the first was stopped, lost its lease, and knows nothing of it. */
async function twoHolders(): Promise<{ readonly first: Holder; readonly second: Holder }> {
  const first = await hold();
  await first.client.release();
  return { first, second: await hold() };
}

describe('the gate of ssh', () => {
  /** As sshd runs it. */
  function enter(command: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return run('/bin/sh', [GATE, 'board-1', url(), join(folder.path, 'fence')], {
      ...env,
      SSH_ORIGINAL_COMMAND: command,
    });
  }

  test('lets in who holds the board, by the environment or by what stands in front of the command', async () => {
    const { env } = await hold();
    expect(await enter('echo in', env)).toMatchObject({ code: 0, out: 'in\n' });
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(await enter(`${words.join(' ')} echo in`)).toMatchObject({ code: 0, out: 'in\n' });
    expect(readFileSync(join(folder.path, 'fence'), 'utf8').trim()).toBe(env.RENTABOT_FENCE);
  });

  test('runs the command as sshd would: the same words, the same exit code', async () => {
    const { env } = await hold();
    const command = `printf '<%s>' 'a  b' "c'd" \\* "$((6 * 7))" '$(touch here)' "$RENTABOT_FENCE"; exit 3`;
    const plain = await run('/bin/sh', ['-c', command], env);
    expect(plain.code).toBe(3);
    expect(await enter(command, env)).toEqual(plain);
  });

  test('without a command it is a login, in the user’s shell', async () => {
    const { env } = await hold();
    const gate = [GATE, 'board-1', url(), join(folder.path, 'fence')];
    const shell = join(folder.path, 'shell');
    writeFileSync(shell, '#!/bin/sh\necho "shell with $*"\n', { mode: 0o755 });
    expect(await run('/bin/sh', gate, { ...env, SHELL: shell })).toMatchObject({ code: 0, out: 'shell with -l\n' });
  });

  test('refuses who has no lease, and what is none', async () => {
    const { env } = await hold();
    const lies = [
      {},
      { ...env, RENTABOT_LEASE: '' },
      { ...env, RENTABOT_FENCE: '' },
      { ...env, RENTABOT_LEASE: '../resources/board-1' },
      { ...env, RENTABOT_LEASE: `${env.RENTABOT_LEASE}" "` },
      { ...env, RENTABOT_LEASE: '*' },
      { ...env, RENTABOT_LEASE: '$(echo in >&2)' },
      { ...env, RENTABOT_FENCE: '1; echo in' },
      { ...env, RENTABOT_FENCE: '-1' },
      { ...env, RENTABOT_FENCE: '01' },
      { ...env, RENTABOT_FENCE: '9'.repeat(30) },
      { ...env, RENTABOT_FENCE: `${env.RENTABOT_FENCE}\n` },
    ];
    for (const lie of lies) {
      const ran = await enter('echo in', lie);
      expect(ran, JSON.stringify(lie)).toMatchObject({ code: REFUSED, out: '' });
      expect(ran.err).toMatch(/^board-1: refused: RENTABOT_(LEASE|FENCE) is not/);
    }
    expect(existsSync(join(folder.path, 'fence'))).toBe(false);
  });

  test('refuses a lease of something else, whatever its holder is called', async () => {
    const other = daemon.lease();
    const lease = await other.hold('board-2', { holder: { name: 'board-1' }, note: '"name":"board-1"' });
    expect(await enter('echo in', environment(lease))).toMatchObject({ code: REFUSED, out: '' });
  });

  test('refuses who only waits', async () => {
    const { env } = await hold();
    const waiter = daemon.lease();
    await waiter.wait('board-1');
    const claimed = { RENTABOT_LEASE: waiter.id, RENTABOT_FENCE: env.RENTABOT_FENCE ?? '' };
    expect(await enter('echo in', claimed)).toMatchObject({ code: REFUSED, out: '' });
  });

  test('refuses a fence that is not the one of the grant: nobody closes the gate with a great number', async () => {
    const { env } = await hold();
    expect(await enter('echo in', { ...env, RENTABOT_FENCE: '999999' })).toMatchObject({ code: REFUSED, out: '' });
    expect(await enter('echo in', env)).toMatchObject({ code: 0 });
  });

  test('refuses a lease that has ended, also before the next holder was there', async () => {
    const { client, env } = await hold();
    await client.release();
    expect(await enter('echo in', env)).toMatchObject({ code: REFUSED, out: '' });
  });

  test('with the daemon away it refuses older holders, and newer ones that it does not know; the last one may come again', async () => {
    const { first, second } = await twoHolders();
    expect(await enter('echo in', second.env)).toMatchObject({ code: 0 });
    await second.client.release();
    const third = await hold();
    await daemon.close();
    expect(await enter('echo in', first.env)).toMatchObject({
      code: REFUSED,
      out: '',
      err: expect.stringMatching(/is older than/),
    });
    expect(await enter('echo in', third.env)).toMatchObject({
      code: REFUSED,
      out: '',
      err: expect.stringMatching(/does not answer/),
    });
    expect(await enter('echo in', second.env)).toMatchObject({ code: 0, out: 'in\n' });
    daemon = await startDaemon();
  });

  test('many at once leave the fence whole', async () => {
    const { env } = await hold();
    const all = await Promise.all(Array.from({ length: 8 }, () => enter('echo in', env)));
    expect(all.map(({ code, out }) => [code, out])).toEqual(all.map(() => [0, 'in\n']));
    expect(readFileSync(join(folder.path, 'fence'), 'utf8').trim()).toBe(env.RENTABOT_FENCE);
  });

  test('a real sshd lets in the holder, and not who is late', async (context) => {
    if (SSHD === undefined) return context.skip('openssh-server is not installed');
    const { port, said } = await startSshd(SSHD);
    if (!said.includes('Server listening')) return context.skip(`sshd does not start here: ${said}`);
    const { first, second } = await twoHolders();
    const ssh = (env: Record<string, string>, ...command: string[]): Promise<Ran> => {
      const options = ['BatchMode=yes', 'StrictHostKeyChecking=no', 'LogLevel=ERROR', 'SendEnv=RENTABOT_*'];
      options.push(`UserKnownHostsFile=${join(folder.path, 'known')}`, 'IdentitiesOnly=yes');
      const flags = options.flatMap((option) => ['-o', option]);
      const where = ['-F', 'none', '-i', join(folder.path, 'key'), '-p', String(port)];
      return run('ssh', [...where, ...flags, `${userInfo().username}@127.0.0.1`, ...command], env);
    };
    const told = `echo "board says 'hello'" $RENTABOT_FENCE; exit 4`;
    expect(await ssh(second.env, told)).toEqual({
      code: 4,
      out: `board says 'hello' ${second.env.RENTABOT_FENCE}\n`,
      err: '',
    });
    const words = Object.entries(second.env).map(([name, value]) => `${name}=${value}`);
    expect(await ssh({}, ...words, 'echo', 'in')).toMatchObject({ code: 0, out: 'in\n' });
    expect(await ssh(first.env, 'echo in')).toMatchObject({
      code: REFUSED,
      out: '',
      err: expect.stringMatching(/is older than/),
    });
    expect(await ssh({}, 'echo in')).toMatchObject({ code: REFUSED, out: '' });
    expect(await ssh({})).toMatchObject({ code: REFUSED, out: '' });
  });

  /** With the example's own lines, on loopback, for the user of this test alone. */
  async function startSshd(file: string): Promise<{ readonly port: number; readonly said: string }> {
    const at = (name: string): string => join(folder.path, name);
    chmodSync(folder.path, 0o755);
    for (const name of ['host', 'key']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
    writeFileSync(at('authorized'), readFileSync(at('key.pub')));
    // Where nobody started the service, its folder is not there.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const example = readFileSync(join(ROOT, 'examples/fencing-ssh/sshd_config'), 'utf8');
    const force = /^ {2}ForceCommand .*$/m;
    expect(example).toMatch(force);
    const own = example
      .replace('Match User tester', `Match User ${userInfo().username}`)
      .replace(force, `  ForceCommand ${GATE} board-1 ${url()} ${at('fence')}`);
    const port = await freePort();
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
    ];
    lines.push('PidFile none', 'UsePAM no', 'StrictModes no', 'PermitRootLogin yes', 'PasswordAuthentication no');
    writeFileSync(at('sshd_config'), `${lines.join('\n')}\n${own}`);
    const child = spawn(file, ['-D', '-e', '-f', at('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    return { port, said: await started(child, /Server listening/) };
  }
});

describe('the question of nginx', () => {
  let app: Server;
  const called: string[] = [];
  beforeEach(async () => {
    called.length = 0;
    app = createServer((request, response) => {
      called.push(`${request.method} ${request.url}`);
      response.end('done');
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    app.closeAllConnections();
    return new Promise((resolve) => app.close(resolve));
  });

  test('a real nginx lets in who holds, and neither who is late, nor who waits, nor anybody while the daemon is away', async (context) => {
    if (NGINX === undefined) return context.skip('nginx is not installed');
    const { port, said } = await startNginx(NGINX);
    if (!said.includes('start worker')) return context.skip(`nginx does not start here: ${said}`);
    const call = async (lease: string | undefined, headers: Record<string, string> = {}): Promise<number> => {
      const given = lease === undefined ? {} : { 'rentabot-lease': lease };
      const sent = { method: 'POST', body: 'image', headers: { ...headers, ...given } };
      const answer = await fetch(`http://127.0.0.1:${port}/flash`, sent);
      await answer.text();
      return answer.status;
    };
    const { first, second } = await twoHolders();
    const waiter = daemon.lease();
    await waiter.wait('board-1');
    expect(await call(second.client.id)).toBe(200);
    // The daemon would refuse a page of another site; it is nginx that asks, in its own words.
    expect(await call(second.client.id, { origin: 'http://elsewhere.example', authorization: 'Lease x' })).toBe(200);
    expect(called).toEqual(['POST /flash', 'POST /flash']);
    expect(await call(first.client.id)).toBe(403);
    expect(await call(waiter.id)).toBe(403);
    expect(await call(undefined)).toBe(403);
    expect(await call(`${second.client.id}&limit=2`)).toBe(403);
    expect(await call('../../../../healthz')).toBe(403);
    await second.client.release();
    expect(await call(second.client.id)).toBe(403);
    expect(await call(waiter.id)).toBe(200);
    await daemon.close();
    expect(await call(waiter.id)).toBe(503);
    expect(called).toHaveLength(3);
    daemon = await startDaemon();
  });

  async function startNginx(file: string): Promise<{ readonly port: number; readonly said: string }> {
    const port = await freePort();
    const places = { 5000: url().replace('http://', ''), 8080: `127.0.0.1:${port}`, 9000: `127.0.0.1:${portOf(app)}` };
    let site = readFileSync(join(ROOT, 'examples/fencing-proxy/site.conf'), 'utf8').replace(/^#.*$/gm, '');
    for (const [known, own] of Object.entries(places)) {
      expect(site.split(`127.0.0.1:${known}`)).toHaveLength(2);
      site = site.replace(`127.0.0.1:${known}`, own);
    }
    writeFileSync(join(folder.path, 'site.conf'), site);
    mkdirSync(join(folder.path, 'tmp'));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path tmp/${kind};`,
    );
    const http = `http { access_log off; ${temporary.join(' ')} include site.conf; }`;
    // A worker of its own user may not come into the folder of root.
    const user = userInfo().uid === 0 ? 'user root;' : '';
    writeFileSync(
      join(folder.path, 'nginx.conf'),
      `${user} daemon off; pid nginx.pid; error_log stderr notice; worker_processes 1; events {} ${http}\n`,
    );
    const child = spawn(file, ['-p', folder.path, '-c', 'nginx.conf', '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return { port, said: await started(child, /start worker process \d/) };
  }

  function portOf(server: Server): number {
    return (server.address() as AddressInfo).port;
  }
});

describe('the comparison in SQL', () => {
  function write(image: string, env: Readonly<Record<string, string>>, board = 'board-1'): Promise<Ran> {
    return run(process.execPath, [WRITE, join(folder.path, 'boards.db'), board, image], env);
  }

  async function kept(): Promise<unknown> {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(join(folder.path, 'boards.db'), { readonly: true });
    try {
      return database.prepare('SELECT * FROM board').all();
    } finally {
      database.close();
    }
  }

  test('refuses the late write of the older of two holders, and changes nothing', async () => {
    const { first, second } = await twoHolders();
    const fence = Number(second.env.RENTABOT_FENCE);
    expect(await write('early', first.env)).toMatchObject({ code: 0 });
    expect(await write('one', second.env)).toMatchObject({ code: 0 });
    expect(await write('two', second.env)).toMatchObject({ code: 0 });
    expect(await write('late', first.env)).toMatchObject({ code: 76, out: expect.stringMatching(/late is refused/) });
    expect(await kept()).toEqual([{ id: 'board-1', image: 'two', fence }]);
  });

  test('tells a row that does not exist from one that somebody newer has written', async () => {
    const { env } = await hold();
    expect(await write('image', env, 'board-9')).toMatchObject({ code: 65, out: 'no board-9\n' });
  });

  test('does nothing without a fence', async () => {
    for (const fence of ['', '0', 'x']) expect((await write('image', { RENTABOT_FENCE: fence })).code).toBe(1);
    expect(existsSync(join(folder.path, 'boards.db'))).toBe(false);
  });

  test('is the one that docs/fencing.md shows', () => {
    const condition = 'fence = :fence WHERE id = :id AND fence <= :fence';
    expect(readDocument('docs/fencing.md')).toContain(condition);
    expect(readFileSync(WRITE, 'utf8')).toContain(condition);
  });
});
