import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Account, isAlive, type Result, renewed, type Served, signal, until } from '../support/cli.ts';
import { inSomeSpan } from '../support/spans.ts';

/** What happens when a command has ended: to what it left running, and to a lease that was lost unseen. */
let account: Account;
let served: Served;
let env: Record<string, string>;
const BOARDS = Array.from({ length: 20 }, (_, i) => `b${i}`);
let board = '';

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: BOARDS.map((name) => `${name}: {}\n`).join('') });
  env = { RENTABOT_URL: served.url };
});
beforeEach(() => {
  board = BOARDS.pop() ?? '';
  for (const name of ['go', 'pid']) rmSync(join(account.work, name), { force: true });
});

const start = (options: readonly string[], script: string) =>
  account.start(['lock', '-n', board, ...options, '--', 'sh', '-c', script], { env });

const stateOf = async (): Promise<string> =>
  (await account.status(env)).resources.find((one) => one.name === board)?.state ?? '';

const GOES_ON = `sh -c 'while [ ! -e go ]; do sleep 0.05; done' & echo $! >pid; `;

function leftover(): number {
  return Number(account.read('pid'));
}

describe('--leftovers wait', () => {
  test('holds on until the last of what the command started has ended, and exits with the code of the command', async () => {
    const run = start(['--leftovers', 'wait', '--ttl', '12s', '--grace', '0'], `${GOES_ON} exit 3`);
    await run.said(/sh -c .* has ended; waiting for what it left running/, 'err');
    expect(await stateOf()).toBe('held');
    expect(isAlive(leftover())).toBe(true);
    await renewed(served.url);
    account.file('go', '');
    expect((await run.ended).code).toBe(3);
    expect(await stateOf()).toBe('free');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends what is left, and the code is still that of the command',
    async (name) => {
      const run = start(['--leftovers', 'wait'], `trap '' INT; ${GOES_ON} exit 3`);
      await run.said('waiting for what it left running', 'err');
      run.kill(name);
      expect((await run.ended).code).toBe(3);
      expect(isAlive(leftover())).toBe(false);
      expect(await stateOf()).toBe('free');
    },
  );

  test('other signals go on reaching what is left', async () => {
    const listens = `sh -c 'trap "touch heard; exit" USR1; echo ready; while :; do sleep 0.05; done' & `;
    const run = start(['--leftovers', 'wait'], listens);
    await run.said('ready');
    await run.said('waiting for what it left running', 'err');
    run.kill('SIGUSR1');
    expect((await run.ended).code).toBe(0);
    expect(existsSync(join(account.work, 'heard'))).toBe(true);
  });

  test('--timeout counts on', async () => {
    await inSomeSpan(async (span) => {
      const run = start(['--leftovers', 'wait', '--timeout', `${2 * span}s`], `${GOES_ON} exit 3`);
      expect((await run.ended).code).toBe(124);
      expect(isAlive(leftover())).toBe(false);
    });
  });

  test('a lease that is lost meanwhile ends it, with 76', async () => {
    const run = start(['--leftovers', 'wait'], `echo $RENTABOT_LEASE; ${GOES_ON} exit 0`);
    await run.said('waiting for what it left running', 'err');
    await fetch(`${served.url}/api/v2/leases/${run.out.trim()}`, { method: 'DELETE' });
    expect((await run.ended).code).toBe(76);
    expect(isAlive(leftover())).toBe(false);
    expect(await stateOf()).toBe('free');
  });

  test('without leftovers it waits for nothing', async () => {
    expect(await start(['--leftovers', 'wait'], 'exit 4').ended).toMatchObject({ code: 4, err: '' });
  });
});

test('--leftovers ignore gives back at once, and leaves what goes on alone', async () => {
  const script = `sh -c 'while [ ! -e go ]; do sleep 0.05; done' >/dev/null 2>&1 & echo $! >pid; exit 3`;
  const found: Result = await start(['--leftovers', 'ignore', '-v'], script).ended;
  expect(found.code).toBe(3);
  expect(found.err).toMatch(/what it left running goes on without the lease/);
  expect(await stateOf()).toBe('free');
  expect(isAlive(leftover())).toBe(true);
  account.file('go', '');
  await until('it has ended', () => !isAlive(leftover()));
});

test('--leftovers ignore ends all of a command that runs too long', async () => {
  await inSomeSpan(async (span) => {
    const run = start(['--leftovers', 'ignore', '--timeout', `${span}s`], `${GOES_ON} cat go; wait`);
    expect((await run.ended).code).toBe(124);
    expect(isAlive(leftover())).toBe(false);
  });
});

test('--leftovers kill, as without it, ends what is left before the release', async () => {
  const run = start(['--leftovers', 'kill'], `${GOES_ON} exit 3`);
  expect((await run.ended).code).toBe(3);
  expect(isAlive(leftover())).toBe(false);
});

test('a command that ends well while we are stopped beyond its lease is no success', async () => {
  const script = 'echo $$; while [ ! -e go ]; do sleep 0.02; done';
  const run = account.start(['lock', '-n', board, '--ttl', '5s', '--result-file', 'r.json', '--', 'sh', '-c', script], {
    env,
  });
  await run.said('\n');
  run.kill('SIGSTOP');
  account.file('go', '');
  await until('the command has ended', () => !isAlive(Number(run.out)));
  await until('the lease has passed on', async () => (await stateOf()) === 'free');
  signal(run.pid, 'SIGCONT');
  const found = await run.ended;
  expect(found.code).toBe(76);
  expect(found.err).toMatch(/lost: no renewal of b\d+ was answered for \w+, so somebody else might have got it/);
  expect(JSON.parse(readFileSync(join(account.work, 'r.json'), 'utf8'))).toMatchObject({
    outcome: 'lost',
    exitCode: 76,
  });
});

test('a command that ends well while we are stopped for a moment is one', async () => {
  const run = start(['--ttl', '5m'], 'echo $$; while [ ! -e go ]; do sleep 0.02; done');
  await run.said('\n');
  run.kill('SIGSTOP');
  account.file('go', '');
  await until('the command has ended', () => !isAlive(Number(run.out)));
  signal(run.pid, 'SIGCONT');
  expect(await run.ended).toMatchObject({ code: 0, err: '' });
});
