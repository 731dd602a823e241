import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { Account, isAlive, type Result, type Served } from '../support/cli.ts';

/** A lease that is held on to after a failure, for somebody to look at what failed. */
let account: Account;
let served: Served;
let env: Record<string, string>;
const BOARDS = Array.from({ length: 20 }, (_, i) => `b${i}`);
let board = '';

beforeAll(async () => {
  account = await Account.make();
  const yaml = [...BOARDS.map((name) => `${name}: {}`), 'brief: { max_hold: 1m }'].join('\n');
  served = await account.serve({ yaml });
  env = { RENTABOT_URL: served.url };
});
beforeEach(() => {
  board = BOARDS.pop() ?? '';
});

const lock = (options: readonly string[], argv: readonly string[], name = board): Promise<Result> =>
  account.run(['lock', '-n', name, ...options, '--', ...argv], { env });

const stateOf = async (name = board): Promise<string> =>
  (await account.status(env)).resources.find((one) => one.name === name)?.state ?? '';

async function leaseOf(name = board): Promise<{ guarded: boolean; expiresAt: string; id: string; note: string }> {
  const { leases } = (await (await fetch(`${served.url}/api/v2/leases`)).json()) as {
    leases: { id: string; guarded: boolean; expiresAt: string; note: string; resources: { name: string }[] }[];
  };
  const found = leases.find(({ resources }) => resources.some((one) => one.name === name));
  if (!found) throw new Error(`nobody holds ${name}`);
  return found;
}

test.each<[string, readonly string[], readonly string[], number]>([
  ['exits with a code', [], ['sh', '-c', 'exit 3'], 3],
  ['a signal ends', [], ['sh', '-c', 'kill -KILL $$'], 137],
  ['runs into --timeout', ['--timeout', '300ms'], ['sleep', '1009'], 124],
])(
  'after a command that %s the resource is kept as a claim, and the code is the same',
  async (_, options, argv, code) => {
    const found = await lock(
      ['--keep-on-failure', '1h', '--note', 'nightly', '--result-file', 'r.json', ...options],
      argv,
    );
    expect(found.code).toBe(code);
    expect(found.err).toMatch(
      new RegExp(
        `^rentabot: .* failed, so ${board} is kept until .*; \`rentabot release ${board}\` gives it back$`,
        'm',
      ),
    );
    expect(JSON.parse(readFileSync(join(account.work, 'r.json'), 'utf8'))).toMatchObject({ exitCode: code });
    const lease = await leaseOf();
    expect(lease.guarded).toBe(false);
    expect(Date.parse(lease.expiresAt)).toBeGreaterThan(Date.now() + 3_000_000);
    // No command is behind it, so whoever releases it has it at once.
    expect((await fetch(`${served.url}/api/v2/leases/${lease.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await stateOf()).toBe('free');
  },
);

test('what the command left running is gone all the same', async () => {
  const found = await lock(['--keep-on-failure', '1h'], ['sh', '-c', 'sleep 1010 & echo $!; exit 3']);
  expect(found.code).toBe(3);
  expect(await stateOf()).toBe('held');
  expect(isAlive(Number(found.out))).toBe(false);
});

test.each<[string, readonly string[], number]>([
  ['ends well', ['true'], 0],
  ['was not found', ['no-such-command'], 127],
  ['is no program', ['/'], 126],
])('after a command that %s nothing is kept', async (_, argv, code) => {
  const found = await lock(['--keep-on-failure', '1h'], argv);
  expect(found.code).toBe(code);
  expect(found.err).not.toContain('kept');
  expect(await stateOf()).toBe('free');
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'what is stopped with %s has not failed, and is given back',
  async (signal) => {
    const run = account.start(
      ['lock', '-n', board, '--keep-on-failure', '1h', '--', 'sh', '-c', 'echo go; sleep 1012'],
      {
        env,
      },
    );
    await run.said('go');
    run.kill(signal);
    const { code, err } = await run.ended;
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(err).toMatch(new RegExp(`was stopped \\(${signal}\\), so ${board} is given back`));
    expect(await stateOf()).toBe('free');
  },
);

test('a lost lease is not kept', async () => {
  const script = 'echo $RENTABOT_LEASE; trap "exit 3" TERM; while :; do sleep 0.05; done';
  const run = account.start(['lock', '-n', board, '--keep-on-failure', '1h', '--', 'sh', '-c', script], { env });
  await run.said('\n');
  await fetch(`${served.url}/api/v2/leases/${run.out.trim()}`, { method: 'DELETE' });
  expect((await run.ended).code).toBe(76);
  expect(await stateOf()).toBe('free');
});

test('what the daemon does not keep for longer is said as it is', async () => {
  await lock(['--keep-on-failure', '1h'], ['false'], 'brief');
  expect(Date.parse((await leaseOf('brief')).expiresAt)).toBeLessThanOrEqual(Date.now() + 60_000);
});

test.each<[string, readonly string[], readonly string[], string, number | undefined]>([
  ['exits with a code', [], ['sh', '-c', 'exit 3'], 'lease-ended', 3],
  ['ends well', [], ['true'], 'lease-ended', 0],
  ['a signal ends', [], ['sh', '-c', 'kill -KILL $$'], 'lease-ended', 137],
  // What the caller wants to see is no business of the statistics.
  ['runs into --timeout', ['--timeout', '300ms', '--exit-code', 'timeout=0'], ['sleep', '1011'], 'lease-ended', 124],
  ['never ran', [], ['no-such-command'], 'lease-ended', undefined],
  ['failed, and is kept', ['--keep-on-failure', '1h'], ['sh', '-c', 'exit 4'], 'lease-kept', 4],
])('the history says how a command ended that %s', async (_, options, argv, type, exit) => {
  await lock(options, argv);
  const { out } = await account.run(['history', board, '--json'], { env });
  const { events } = JSON.parse(out) as { events: { type: string; exit?: number }[] };
  expect(events.find((event) => event.type === type)?.exit).toBe(exit);
  const table = await account.run(['history', board], { env });
  expect(/\bexit \d+/.exec(table.out)?.[0]).toBe(exit === undefined ? undefined : `exit ${exit}`);
});
