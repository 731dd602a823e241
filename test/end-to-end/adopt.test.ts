import { chmodSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Account, isAlive, type Result, type Run, renewed, type Served, until } from '../support/cli.ts';

/** A lease that passes from one lock to the next: left in a file, and taken over from there. */
let account: Account;
let served: Served;
let env: Record<string, string>;

/** One for each test, so that none meets what another left. */
const BOARDS = Array.from({ length: 40 }, (_, i) => `b${i}`);
const YAML = BOARDS.map(
  (name) => `${name}: { endpoint: 'tcp://b1', properties: { soc: imx8 }, env: { BOARD: one } }\n`,
).join('');
let board = '';

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: YAML });
  env = { RENTABOT_URL: served.url, RB: `${process.execPath} ${account.script}` };
});

beforeEach(() => {
  board = BOARDS.pop() ?? '';
});

const lock = (args: readonly string[], more: Record<string, string | undefined> = {}): Promise<Result> =>
  account.run(['lock', ...args], { env: { ...env, ...more } });

const stateOf = async (name = board): Promise<string> =>
  (await account.status(env)).resources.find((one) => one.name === name)?.state ?? '';

const path = (name: string): string => join(account.work, name);

interface Detached {
  readonly lease: string;
  readonly secret: string;
  readonly url: string;
  readonly fence: number;
  readonly ttl: number;
  readonly expiresAt: string;
  readonly resources: readonly { readonly name: string }[];
}

/** Leaves a lease of this test's board in a file. */
async function detached(name: string, options: readonly string[] = ['--ttl', '10m']): Promise<Detached> {
  const { code, err } = await lock(['-n', board, ...options, '--detach-lease', name, '--', 'true']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(account.read(name));
}

async function giveBack(name: string): Promise<void> {
  expect(await lock(['--adopt', name, '--', 'true'])).toMatchObject({ code: 0 });
}

describe('a lease that is left', () => {
  test.each([0, 3])('stays held after a command that exits with %i, in a file for its owner alone', async (code) => {
    const found = await lock([
      '-n',
      board,
      '--ttl',
      '10m',
      '--detach-lease',
      'left.json',
      '--',
      'sh',
      '-c',
      `exit ${code}`,
    ]);
    expect(found).toMatchObject({ code, err: '' });
    expect(await stateOf()).toBe('held');
    expect(statSync(path('left.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(account.work).filter((name) => name.startsWith('.left'))).toEqual([]);
    const file = JSON.parse(account.read('left.json'));
    expect(file).toMatchObject({ url: served.url, ttl: 600, resources: [{ name: board }] });
    expect(Date.parse(file.expiresAt)).toBeGreaterThan(Date.now() + 300_000);
    await giveBack('left.json');
  });

  test('has been renewed when the command ended, and whatever that left running is gone', async () => {
    const started = Date.now();
    const script = 'sleep 1007 & echo $!; while [ ! -e go ]; do sleep 0.05; done';
    const run = account.start(
      ['lock', '-n', board, '--ttl', '10m', '--detach-lease', 'x.json', '--', 'sh', '-c', script],
      { env },
    );
    await run.said('\n');
    await until('a second is over', () => Date.now() > started + 1500);
    account.file('go', '');
    expect((await run.ended).code).toBe(0);
    rmSync(path('go'));
    expect(Date.parse(JSON.parse(account.read('x.json')).expiresAt)).toBeGreaterThan(started + 600_000 + 1000);
    expect(isAlive(Number(run.out))).toBe(false);
    await giveBack('x.json');
  });

  test('is also left by a command that ran into its --timeout', async () => {
    const { code } = await lock(['-n', board, '--timeout', '300ms', '--detach-lease', 't.json', '--', 'sleep', '1008']);
    expect(code).toBe(124);
    await giveBack('t.json');
  });

  test.each([
    ['no such command', ['no-such-command'], 127],
    ['no program', ['/'], 126],
  ])('is none where the command never ran: %s', async (_, argv, code) => {
    expect(await lock(['-n', board, '--detach-lease', 'n.json', '--', ...argv])).toMatchObject({ code });
    expect(existsSync(path('n.json'))).toBe(false);
    expect(await stateOf()).toBe('free');
  });

  test.each([
    ['-', /--detach-lease needs a file/],
    ['/dev/null', /--detach-lease: \/dev\/null cannot be written: it is no file/],
    ['nowhere/x.json', /--detach-lease: nowhere\/x\.json cannot be written/],
  ])('cannot be left in %s, which is said before anything is asked', async (file, message) => {
    const { code, out, err } = await lock(['-n', board, '--detach-lease', file, '--', 'echo', 'never']);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toMatch(message);
  });

  test('is given back where the file cannot be written at the end, and that is no success', async () => {
    const folder = account.folder('work/gone');
    const found = await lock(['-n', board, '--detach-lease', 'gone/x.json', '--', 'rmdir', folder]);
    expect(found.code).toBe(78);
    expect(found.err).toContain(`config: --detach-lease: gone/x.json could not be written, so ${board} is given back`);
    expect(await stateOf()).toBe('free');
  });

  test('that was lost is in no file, and is 76', async () => {
    const script = 'echo $RENTABOT_LEASE; trap "exit 0" TERM; while :; do sleep 0.05; done';
    const run = account.start(['lock', '-n', board, '--detach-lease', 'lost.json', '--', 'sh', '-c', script], {
      env,
    });
    await run.said('\n');
    await fetch(`${served.url}/api/v2/leases/${run.out.trim()}`, { method: 'DELETE' });
    expect((await run.ended).code).toBe(76);
    expect(existsSync(path('lost.json'))).toBe(false);
  });

  test('survives a killed daemon', async () => {
    const other = await Account.make();
    const place = { yaml: '{ a: {} }', listen: 'none', socket: join(other.base, 's') };
    const first = await other.serve(place);
    const run = (args: readonly string[], url?: string): Promise<Result> =>
      other.run(['lock', ...args], { env: { RENTABOT_URL: url } });
    const left = await run(['-n', 'a', '--ttl', '10m', '--detach-lease', 'k.json', '--', 'true'], first.url);
    expect(left).toMatchObject({ code: 0 });
    first.run.kill('SIGKILL');
    await first.run.ended;
    await other.serve(place);
    expect(await run(['--adopt', 'k.json', '--', 'sh', '-c', 'echo $RENTABOT_RESOURCE'])).toMatchObject({
      code: 0,
      out: 'a\n',
    });
  });
});

describe('a lease that is adopted', () => {
  test('runs the next command with the same environment, and is given back, and its file goes', async () => {
    const seen = 'echo $RENTABOT_RESOURCE $RENTABOT_ENDPOINT $RENTABOT_0_SOC $BOARD $RENTABOT_LEASE $RENTABOT_FENCE';
    const { lease, fence } = await detached('a.json');
    const found = await lock(['--adopt', 'a.json', '--result-file', 'r.json', '--', 'sh', '-c', `${seen}; exit 6`], {
      RENTABOT_URL: undefined,
    });
    expect(found).toEqual({ code: 6, signal: null, err: '', out: `${board} tcp://b1 imx8 one ${lease} ${fence}\n` });
    expect(JSON.parse(account.read('r.json'))).toMatchObject({
      outcome: 'completed',
      exitCode: 6,
      lease: { id: lease, fence },
    });
    expect(existsSync(path('a.json'))).toBe(false);
    expect(await stateOf()).toBe('free');
  });

  test('passes through a whole pipeline, each step leaving it for the next', async () => {
    const { lease } = await detached('p.json');
    for (const step of [1, 2]) {
      const found = await lock([
        '--adopt',
        'p.json',
        '--detach-lease',
        'p.json',
        '--',
        'sh',
        '-c',
        `echo ${step} $RENTABOT_LEASE`,
      ]);
      expect(found).toMatchObject({ code: 0, out: `${step} ${lease}\n` });
      expect(await stateOf()).toBe('held');
    }
    await giveBack('p.json');
    expect(await stateOf()).toBe('free');
  });

  test.each(['--secret-file', 'RENTABOT_LEASE_SECRET'])(
    'can be named by its id, with the secret by %s, which the command does not see',
    async (how) => {
      const { lease, secret } = await detached('id.json');
      account.file('secret', `${secret}\n`, 0o600);
      const given = how === '--secret-file' ? ['--secret-file', 'secret'] : [];
      const variables: Record<string, string> = how === '--secret-file' ? {} : { RENTABOT_LEASE_SECRET: secret };
      const found = await lock(['--adopt', lease, ...given, '--', 'sh', '-c', 'echo $RENTABOT_LEASE; env'], variables);
      expect(found.code).toBe(0);
      expect(found.out).toMatch(new RegExp(`^${lease}\n`));
      expect(found.out).not.toContain(secret);
      expect(found.out).not.toContain('RENTABOT_LEASE_SECRET');
      expect(await stateOf()).toBe('free');
      rmSync(path('id.json'));
    },
  );

  test('is renewed while the command runs, again and again', async () => {
    // Without a grace a stall has to last for more than half of the ttl to lose it.
    const { lease } = await detached('s.json', ['--ttl', '12s', '--grace', '0']);
    const command = ['--grace', '0', '--', 'sh', '-c', 'echo on; cat >/dev/null'];
    const run = account.start(['lock', '--adopt', 's.json', ...command], { env, input: null });
    await run.said('on');
    for (let i = 0; i < 3; i += 1) await renewed(served.url, lease);
    expect(await stateOf()).toBe('held');
    run.child.stdin?.end();
    expect(await run.ended).toMatchObject({ code: 0 });
  });

  test('that has ended is 76, and nothing runs', async () => {
    await detached('e.json', ['--ttl', '6s', '--grace', '0']);
    await until('it has expired', async () => (await stateOf()) === 'free');
    const found = await lock(['--adopt', 'e.json', '--', 'echo', 'never']);
    expect(found).toMatchObject({ code: 76, out: '' });
    expect(found.err).toMatch(
      /^rentabot: lost: there was nothing left to adopt before the command could start: .*expired/,
    );
  });

  test('that this daemon never heard of is 76 as well', async () => {
    const found = await lock(['--adopt', '01JD3X6T8Q5W0Z9Y7R2M4K1N3B', '--', 'echo', 'never'], {
      RENTABOT_LEASE_SECRET: 'x'.repeat(43),
    });
    expect(found).toMatchObject({ code: 76, out: '' });
  });

  test('with another secret is denied, and goes on being held', async () => {
    const { lease } = await detached('d.json');
    const found = await lock(['--adopt', lease, '--', 'echo', 'never'], { RENTABOT_LEASE_SECRET: 'x'.repeat(43) });
    expect(found).toMatchObject({ code: 77, out: '' });
    expect(await stateOf()).toBe('held');
    await giveBack('d.json');
  });

  test('whose daemon is away is 69', async () => {
    account.file('away.json', JSON.stringify({ lease: 'L1', secret: 'x'.repeat(43), url: 'http://127.0.0.1:1' }));
    const found = await lock(['--adopt', 'away.json', '--connect-timeout', '300ms', '--', 'echo', 'never'], {
      RENTABOT_URL: undefined,
    });
    expect(found).toMatchObject({ code: 69, out: '' });
  });

  test('is held where the caller says, whatever its file says', async () => {
    const file = await detached('u.json');
    account.file('v.json', JSON.stringify({ ...file, url: 'http://127.0.0.1:1' }));
    expect(await lock(['--adopt', 'v.json', '--', 'true'])).toMatchObject({ code: 0 });
    rmSync(path('u.json'));
  });

  test('takes no wants, and needs its secret', async () => {
    expect(await lock(['--adopt', 'x', '-n', board, '--', 'true'])).toMatchObject({ code: 64 });
    const found = await lock(['--adopt', 'no-such-lease', '--', 'true']);
    expect(found.code).toBe(64);
    expect(found.err).toMatch(/needs its secret; give it with --secret-file, or in RENTABOT_LEASE_SECRET/);
  });
});

const SECRET = 'abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE';

test.each([
  ['there is none', null, /--adopt: there is no file \.\/broken\.json/],
  ['no JSON', `{"lease": "L1",\n  "secret": "${SECRET}" oops}`, /broken\.json: is no JSON \(line 2, column \d+\)/],
  ['cut off', `{"lease": "L1", "secret": "${SECRET}`, /broken\.json: is no JSON \(line 1, column \d+\)/],
  ['a list', '[]', /broken\.json: "lease" is missing/],
  ['a text', '"x"', /broken\.json: is no JSON object/],
  ['no lease', `{"secret":"${SECRET}"}`, /broken\.json: "lease" is missing/],
  ['no secret', '{"lease":"L1","url":"http://x"}', /broken\.json: "secret" is missing/],
  ['a bad url', `{"lease":"L1","secret":"${SECRET}","url":"ftp:x"}`, /broken\.json: "url": .*ftp/],
])('a file to adopt that is broken is 78: %s', async (_, text, message) => {
  rmSync(path('broken.json'), { force: true });
  if (text !== null) account.file('broken.json', text);
  const found = await lock(['--adopt', './broken.json', '--', 'echo', 'never']);
  expect(found).toMatchObject({ code: 78, out: '' });
  expect(found.err).toMatch(message);
  expect(found.err).not.toContain(SECRET.slice(0, 5));
});

test('a file to adopt that may not be read is 78', async () => {
  account.file('closed.json', '{}');
  chmodSync(path('closed.json'), 0);
  const found = await lock(['--adopt', 'closed.json', '--', 'echo', 'never']);
  expect(found).toMatchObject({ code: 78, out: '' });
});

test('whoever waits for a lease that is left gets it when it is given back, or when nobody adopted it in time', async () => {
  await detached('w.json');
  const waiter: Run = account.start(['lock', '-n', board, '--', 'echo', 'mine'], { env });
  await waiter.said(`waiting for ${board}`, 'err');
  await giveBack('w.json');
  expect(await waiter.ended).toMatchObject({ code: 0, out: 'mine\n' });
  await detached('z.json', ['--ttl', '6s', '--grace', '0']);
  expect(await lock(['-n', board, '-q', '--', 'echo', 'mine'])).toMatchObject({ code: 0, out: 'mine\n' });
});
