import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { Account, type Run, type Served, until } from '../support/cli.ts';

/** People and a command, with the real program. */
const hasScript = spawnSync('script', ['--version']).status === 0;
let account: Account;
let served: Served;
let env: Record<string, string>;
const BOARDS = Array.from({ length: 10 }, (_, i) => `b${i}`);
let board = '';

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: BOARDS.map((name) => `${name}: {}`).join('\n') });
  env = { RENTABOT_URL: served.url, TERM: 'xterm' };
});
beforeEach(() => {
  board = BOARDS.pop() ?? '';
});

const rentabot = (...line: string[]) => account.run(line, { env });

async function stateOf(name = board): Promise<string> {
  return (await account.status(env)).resources.find((one) => one.name === name)?.state ?? '';
}

/** A command that says when it has begun, and when it was told to end. */
async function command(): Promise<Run> {
  const script = 'trap "echo ending; exit 0" TERM; echo begun; while :; do sleep 0.05; done';
  const run = account.start(['lock', '-n', board, '--', 'sh', '-c', script], { env });
  await run.said('begun');
  return run;
}

test('a command is told who asks for its board, and goes on', async () => {
  const run = await command();
  expect((await rentabot('ask', board, '--note', 'five minutes?')).code).toBe(0);
  await run.said('asks for', 'err');
  expect(run.err).toMatch(new RegExp(`rentabot: \\S+ asks for ${board}: five minutes\\?`));
  expect(await stateOf()).toBe('held');
  run.kill('SIGTERM');
  await run.ended;
});

test('a command whose board is stolen is told why, ends first, and then it is the thief’s', async () => {
  const run = await command();
  const thief = await rentabot('steal', board, '--reason', 'customer demo', '--for', '1h');
  expect(thief).toMatchObject({ code: 0, out: `${board}\n` });
  const lost = await run.ended;
  expect(lost.code).toBe(76);
  expect(lost.out).toBe('begun\nending\n');
  expect(lost.err).toMatch(new RegExp(`lost: ${board} was stolen by \\S+ \\(customer demo\\)`));
  expect(await stateOf()).toBe('held');
  expect((await rentabot('release', board)).code).toBe(0);
});

test('a claim outlives the daemon', async () => {
  const own = await account.serve({ yaml: 'only: {}', data: join(account.base, 'claims') });
  const there = { env: { RENTABOT_URL: own.url } };
  expect((await account.run(['claim', 'only', '--for', '1h'], there)).code).toBe(0);
  own.run.kill('SIGKILL');
  await own.run.ended;
  const again = await account.serve({ yaml: 'only: {}', data: join(account.base, 'claims') });
  const { resources } = await account.status({ RENTABOT_URL: again.url });
  expect(resources).toMatchObject([{ state: 'held', leases: [{ claim: true }] }]);
});

test('whoever waits and is interrupted leaves the queue; whoever is next keeps the place', async () => {
  await rentabot('claim', board, '--for', '1h');
  const run = account.start(['claim', board, '--for', '1h'], { env });
  await run.said('waiting for', 'err');
  run.kill('SIGINT');
  expect((await run.ended).code).toBe(130);
  expect(JSON.parse((await rentabot('queue', '--json')).out)).toEqual({ waiting: [] });
  expect((await rentabot('claim', board, '--for', '1h', '--next')).code).toBe(0);
  expect(JSON.parse((await rentabot('queue', '--json')).out)).toMatchObject({ waiting: [{ want: board }] });
  await rentabot('release', board);
});

test.skipIf(!hasScript)('on a terminal the bell rings, and Enter takes it', async () => {
  await rentabot('claim', board, '--for', '1h');
  const line = `${process.execPath} ${account.script} claim ${board} --for 1h --next`;
  const run = account.spawn(['script', '-qfec', line, '/dev/null'], { env, input: null });
  await run.said('next in line');
  await rentabot('release', board);
  await run.said('press Enter to take it');
  expect(run.out).toContain('\u0007');
  run.child.stdin?.write('\r');
  expect((await run.ended).code).toBe(0);
  expect(run.out).toMatch(new RegExp(`${board} is yours until`));
  await until('it is held', async () => (await stateOf()) === 'held');
});
