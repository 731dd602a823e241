import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LeasesJson } from '../../src/core/wire.ts';
import { Account, makeFolder, type Result, type Run, type Served, until } from '../support/cli.ts';
import { Http, jsonOf, whereOf } from '../support/http.ts';

const PASSWORD = 'correct horse';
const hasScript = spawnSync('script', ['--version']).status === 0;

let account: Account;
let served: Served;
/** Everything that was said in this file: no password and no token may be in it. */
const said: string[] = [];
let ci = 'rb_not-made-yet';

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: '{ a: {}, b: {}, c: {} }', data: join(account.base, 'serve') });
});
afterAll(() => {
  said.push(served.run.err);
  for (const text of said) for (const secret of [PASSWORD, ci]) expect(text).not.toContain(secret);
});

/** Where the daemon's data is, as its owner has it; and nothing else about which daemon. */
function atHome(): Record<string, string | undefined> {
  return { RENTABOT_URL: undefined, STATE_DIRECTORY: served.data };
}

/** Runs rentabot without a word about which daemon. */
async function run(
  args: readonly string[],
  more: { env?: Record<string, string>; input?: string } = {},
): Promise<Result> {
  const { env = {}, ...rest } = more;
  const result = await account.run(args, { env: { ...atHome(), ...env }, ...rest });
  if (args[0] !== 'token' || args[1] !== 'create') said.push(result.out);
  said.push(result.err);
  return result;
}

function asCi(more: Record<string, string> = {}): Record<string, string> {
  return { RENTABOT_URL: served.url, RENTABOT_TOKEN: ci, ...more };
}

describe('the first admin', () => {
  test('is made on the host itself, and from then on everybody is asked', async () => {
    const early = await run(['login', served.url], { input: `${PASSWORD}\n` });
    expect([early.code, early.err]).toEqual([64, expect.stringContaining('knows nobody')]);
    const user = await run(['user', 'add', 'eve', '--role', 'user'], { input: `${PASSWORD}\n` });
    expect([user.code, user.err]).toEqual([64, expect.stringContaining('has to be an admin')]);
    const added = await run(['user', 'add', 'alice', '--role', 'admin'], { input: `${PASSWORD}\n` });
    expect([added.code, added.err]).toEqual([0, expect.stringContaining('from now on')]);
    const status = await run(['status', '--url', served.url]);
    expect([status.code, status.err]).toEqual([77, expect.stringContaining('rentabot login')]);
  });

  test('leaves a way in for the owner of the data, and for nobody else', async () => {
    const socket = join(served.data, 'admin.sock');
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const who = await run(['whoami', '--url', `unix:${socket}`]);
    expect(who.out).toBe(`host admin (admin) at unix:${socket}\n`);
    expect((await run(['user', 'list'])).out).toMatch(/^NAME .*\nalice +admin/);
    const stranger = await run(['user', 'list', '--url', served.url]);
    expect(stranger.code).toBe(77);
  });
});

describe('a login', () => {
  const file = () => join(account.home, '.config', 'rentabot', 'login.json');

  test('with a wrong password is refused and leaves nothing', async () => {
    const wrong = await run(['login', served.url, '--name', 'alice'], { input: 'not the one\n' });
    expect([wrong.code, wrong.err]).toEqual([77, expect.stringContaining('the name or the password is wrong')]);
    expect(statSync(file(), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('is kept for its owner alone, and used by every command from then on', async () => {
    const done = await run(['login', served.url, '--name', 'alice'], { input: `${PASSWORD}\n` });
    expect([done.code, done.err]).toEqual([0, `rentabot: logged in at ${served.url} as alice\n`]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect((await run(['whoami'])).out).toBe(`alice (admin) at ${served.url}\n`);
    expect((await run(['status'])).code).toBe(0);
    expect((await run(['status'], { env: { RENTABOT_URL: served.url } })).code).toBe(0);
    const locked = await run(['lock', '-n', 'a', '--', 'sh', '-c', 'echo held $RENTABOT_RESOURCE']);
    expect([locked.code, locked.out]).toEqual([0, 'held a\n']);
  });

  test('is shown to no other daemon', async () => {
    const other = await account.serve({ yaml: '{ a: {} }', data: join(account.base, 'other') });
    expect((await run(['whoami', '--url', other.url])).out).toContain('the daemon knows nobody');
    await run(['user', 'add', 'bob', '--role', 'admin', '--url', other.url], { input: `${PASSWORD}\n` });
    const who = await run(['whoami', '--json', '--url', other.url]);
    expect([who.code, JSON.parse(who.out)]).toMatchObject([77, { name: '', role: 'nobody', identities: true }]);
    other.run.kill('SIGTERM');
  });

  test('makes tokens, prints each once, and lists them without what they are', async () => {
    const made = await run(['token', 'create', 'ci', '--role', 'user', '--expires', '90d']);
    expect(made.err).toBe('');
    expect(made.out).toMatch(/^rb_[\w-]{32}\n$/);
    ci = made.out.trim();
    const list = await run(['token', 'list']);
    expect(list.out).toMatch(/^alice \(login\) +admin/m);
    expect(list.out).toMatch(/^ci +user/m);
    expect((await run(['whoami'], { env: asCi() })).out).toBe(`ci (user) at ${served.url}\n`);
  });

  test('ends with logout, here and at the daemon', async () => {
    const before = JSON.parse(readFileSync(file(), 'utf8')).token as string;
    const left = await run(['logout']);
    expect([left.code, left.err]).toEqual([0, `rentabot: logged out of ${served.url}\n`]);
    expect(statSync(file(), { throwIfNoEntry: false })).toBeUndefined();
    const late = await run(['whoami'], { env: { RENTABOT_URL: served.url, RENTABOT_TOKEN: before } });
    expect([late.code, late.err]).toEqual([77, expect.stringContaining('not known here, or was revoked')]);
    expect((await run(['logout'])).err).toContain('not logged in');
  });
});

describe('with a token', () => {
  async function isFree(name: string): Promise<boolean> {
    const { out } = await run(['status', '-n', name, '--json'], { env: asCi() });
    return JSON.parse(out).resources[0].state === 'free';
  }

  test('a command runs under a lock, checks it, and locks more inside of it', async () => {
    const script = `${process.execPath} ${account.script} check -q && ${process.execPath} ${account.script} lock -n b -n a --no-wait -q -- echo both`;
    const locked = await run(['lock', '-n', 'a', '-q', '--', 'sh', '-c', script], { env: asCi() });
    expect([locked.code, locked.out, locked.err]).toEqual([0, 'both\n', '']);
    expect(await isFree('a')).toBe(true);
  });

  /** A command that runs under a lock of this resource until it is told to end. */
  async function hold(name: string, env: Record<string, string>, options: readonly string[] = []) {
    const file = join(makeFolder(), 'go');
    const waits = `echo in; until [ -e ${file} ]; do sleep 0.1; done; echo done`;
    const lock = account.start(['lock', '-n', name, '--ttl', '9', '-q', ...options, '--', 'sh', '-c', waits], { env });
    await lock.said('in\n');
    return { lock, end: () => writeFileSync(file, '') };
  }

  async function renewed(): Promise<void> {
    const http = new Http(whereOf(served.url));
    const headers = { authorization: `Bearer ${ci}` };
    const ends = async (): Promise<string> => {
      const { leases } = jsonOf<LeasesJson>(await http.get('/api/v2/leases', { headers }));
      return leases.map(({ id, expiresAt }) => `${id} ${expiresAt}`).join();
    };
    const before = await ends();
    await until('renewed', async () => (await ends()) !== before);
    http.close();
  }

  test('a lock is renewed, left and adopted, and given back', async () => {
    const file = join(account.work, 'lease.json');
    const { lock, end } = await hold('a', asCi(), ['--detach-lease', file]);
    await renewed();
    end();
    const { code, out, err } = await lock.ended;
    expect([code, out, err]).toEqual([0, 'in\ndone\n', '']);
    expect(await isFree('a')).toBe(false);
    const adopted = await run(['lock', '--adopt', file, '-q', '--', 'echo', 'adopted'], { env: asCi() });
    expect([adopted.code, adopted.out, adopted.err]).toEqual([0, 'adopted\n', '']);
    expect(await isFree('a')).toBe(true);
  });

  test('what a killed wrapper held is given back by its guard', async () => {
    const holder: Run = account.start(
      ['lock', '-n', 'a', '--ttl', '600', '--', 'sh', '-c', 'echo in; exec sleep 600'],
      {
        env: asCi(),
      },
    );
    await holder.said('in\n');
    holder.kill('SIGKILL');
    await until('a is free again', () => isFree('a'));
  });

  test('that is revoked while a command runs, the command ends as if nothing were, and the next is denied', async () => {
    const made = await run(['token', 'create', 'brief', '--role', 'user']);
    const env = { RENTABOT_URL: served.url, RENTABOT_TOKEN: made.out.trim() };
    const { lock, end } = await hold('b', env);
    expect((await run(['token', 'revoke', 'brief'])).code).toBe(0);
    await renewed();
    end();
    expect((await lock.ended).code).toBe(0);
    await until('b is free again', () => isFree('b'));
    const next = await run(['lock', '-n', 'b', '--', 'true'], { env });
    expect([next.code, next.err]).toEqual([77, expect.stringContaining('not known here, or was revoked')]);
    said.push(lock.err);
  });

  test('whoever is known by another name is named by both, wherever they are named', async () => {
    const made = await run(['token', 'create', 'lab', '--role', 'user']);
    const lab = { RENTABOT_URL: served.url, RENTABOT_TOKEN: made.out.trim() };
    const { lock, end } = await hold('c', asCi());
    const claim = account.start(['claim', 'c', '--next', '--for', '1h'], { env: lab });
    await claim.said(/c: next in line; held by \S+@\S+ \(ci\) since/, 'err');
    const shown = async (...args: string[]) => (await run(args, { env: lab })).out;
    expect(await shown('queue')).toMatch(/1 +c +\S+@\S+ \(lab\) .* c is held by \S+@\S+ \(ci\) since/);
    expect(await shown('why', '-n', 'c')).toMatch(/c is held by \S+@\S+ \(ci\) since/);
    expect(await shown('history', 'c')).toMatch(/lease-granted +c +\S+@\S+ \(ci\) /);
    expect((await run(['lock', '-n', 'c', '--no-wait', '--', 'true'], { env: lab })).err).toMatch(/held by \S+ \(ci\)/);
    const out = await run(['offline', 'c', '--reason', 'fan']);
    expect(out.err).toMatch(/c is offline; \S+@\S+ \(ci\) may keep it until done/);
    await run(['online', 'c']);
    claim.kill('SIGTERM');
    await claim.ended;
    end();
    await lock.ended;
    said.push(claim.err, lock.err);
  });

  test('a viewer sees, and takes nothing', async () => {
    const made = await run(['token', 'create', 'wall', '--role', 'viewer']);
    const env = { RENTABOT_URL: served.url, RENTABOT_TOKEN: made.out.trim() };
    expect((await run(['status'], { env })).code).toBe(0);
    const refused = await run(['lock', '-n', 'a', '--', 'true'], { env });
    expect([refused.code, refused.err]).toEqual([77, expect.stringContaining('needs the role user; wall is a viewer')]);
  });
});

describe('users', () => {
  test('change their passwords, and are changed and removed by an admin', async () => {
    expect((await run(['user', 'add', 'bob', '--mail', 'bob@lab.example'], { input: `${PASSWORD}\n` })).code).toBe(0);
    await run(['login', served.url, '--name', 'bob'], { input: `${PASSWORD}\n` });
    const wrong = await run(['user', 'passwd'], { input: 'not the one\nbattery staple\n' });
    expect([wrong.code, wrong.err]).toEqual([77, expect.stringContaining('the password until now is wrong')]);
    const short = await run(['user', 'passwd'], { input: `${PASSWORD}\nshort\n` });
    expect(short.code).toBe(64);
    expect((await run(['user', 'passwd'], { input: `${PASSWORD}\nbattery staple\n` })).code).toBe(0);
    expect((await run(['whoami'])).out).toContain('bob (user)');
    expect((await run(['user', 'list'])).code).toBe(77);
    await run(['logout']);
    const edited = await run(['user', 'edit', 'bob', '--role', 'viewer', '--mail', '']);
    expect([edited.code, edited.err]).toEqual([0, 'rentabot: bob is a viewer\n']);
    expect((await run(['user', 'remove', 'bob'])).code).toBe(0);
    expect((await run(['user', 'remove', 'bob'])).code).toBe(65);
    expect((await run(['user', 'add', 'x'], { input: '' })).err).toContain('a password is missing');
  });

  test.skipIf(!hasScript)('type their password where nobody can read it', async () => {
    const command = `${process.execPath} ${account.script} user add carol`;
    const terminal = account.spawn(['script', '-qfec', command, '/dev/null'], {
      env: { ...atHome(), TERM: 'xterm' },
      input: null,
    });
    await terminal.said('Password for carol: ');
    terminal.child.stdin?.write(`${PASSWORD}x\u007f\r`);
    await terminal.said('Once more: ');
    terminal.child.stdin?.write(`${PASSWORD}\r`);
    await terminal.said('added carol, a user');
    await terminal.ended;
    said.push(terminal.out);
  });
});

describe('beyond this host', () => {
  test('a daemon that knows nobody does not listen; one that knows somebody does, and lets in nobody else', async () => {
    const data = join(makeFolder(), 'data');
    const config = account.file('far.yaml', '{ a: {} }');
    const args = ['serve', '-c', config, '--data', data, '--socket', 'none', '--listen'];
    const refused = await account.run([...args, '0.0.0.0:0']);
    expect([refused.code, refused.err]).toEqual([78, expect.stringContaining('rentabot user add NAME --role admin')]);
    const near = account.start([...args, '127.0.0.1:0']);
    await near.said('\n');
    const admin = `unix:${join(data, 'admin.sock')}`;
    await run(['user', 'add', 'alice', '--role', 'admin', '--url', admin], { input: `${PASSWORD}\n` });
    near.kill('SIGTERM');
    await near.ended;
    const far = account.start([...args, '0.0.0.0:0']);
    await far.said('\n');
    const url = far.out.replace('listening on ', '').replace('0.0.0.0', '127.0.0.1').trim();
    expect((await run(['status', '--url', url])).code).toBe(77);
    expect((await run(['status', '--url', admin])).code).toBe(0);
    const last = await run(['user', 'remove', 'alice', '--url', admin]);
    expect([last.code, last.err]).toEqual([64, expect.stringContaining('alice is the last admin')]);
    far.kill('SIGTERM');
    expect((await far.ended).code).toBe(0);
    said.push(far.err, near.err);
  });
});

test('a private daemon takes no users', async () => {
  const own = await Account.make();
  await own.run(['lock', '-n', 'a', '-q', '--', 'true'], { env: { RENTABOT_URL: undefined } });
  const env = { RENTABOT_URL: `unix:${own.privateSocket}` };
  const refused = await own.run(['user', 'add', 'alice', '--role', 'admin'], { env, input: `${PASSWORD}\n` });
  expect([refused.code, refused.err]).toEqual([77, expect.stringContaining('a private daemon has one user')]);
  await own.close();
});
