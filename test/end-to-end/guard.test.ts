import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Account, isAlive, type Run, type Served, signal, until } from '../support/cli.ts';

// A wrapper that is killed ends nothing by itself; the guard beside it does. Leases are so long here that whoever comes
// next within the time of a test has not waited for one to run out.

let account: Account;
let served: Served;
let env: Record<string, string>;
let boards = 0;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({
    yaml: `resources:\n${Array.from({ length: 20 }, (_, i) => `  b${i}: {}\n`).join('')}`,
  });
  env = { RENTABOT_URL: served.url };
});

/** One that no other test holds. */
function board(): string {
  boards += 1;
  return `b${boards}`;
}

/** The number of each process of the command, one that left its session included, is written into a file of this name. */
const FAMILY = `
  sleep 600 & echo $! >> "$1"
  setsid sh -c '(sh -c "echo \\$\\$ >> \\"$1\\"; trap \\"\\" TERM; while :; do sleep 0.1; done" &)' sh "$1"
  echo $$ >> "$1"
  echo up
  while [ $# -gt 0 ]; do sleep 0.1; done
`;

async function hold(name: string, ...options: readonly string[]): Promise<{ run: Run; pids: number[] }> {
  const file = `${name}.pids`;
  const run = account.start(['lock', '-n', name, '--ttl', '10m', ...options, '--', 'sh', '-c', FAMILY, 'sh', file], {
    env,
  });
  await run.said('up');
  const pids = (): number[] =>
    existsSync(join(account.work, file)) ? account.read(file).trim().split('\n').map(Number) : [];
  await until('all of them run', () => pids().length === 3);
  return { run, pids: pids() };
}

/** Guards, by the name they go under, of the lease that holds this. */
async function guardsOf(name: string): Promise<number[]> {
  const { resources } = await account.status(env);
  const lease = resources.find((one) => one.name === name)?.leases[0]?.id ?? 'nothing is held';
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`lease-guard\0${lease}`))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const next = (name: string): Promise<unknown> => account.run(['lock', '-n', name, '--', 'true'], { env });

test('kill -9 of the wrapper: the tree is dead, and then the next holder comes without waiting for the ttl', async () => {
  const name = board();
  const { run, pids } = await hold(name);
  const waiting = account.start(['lock', '-n', name, '--', 'sh', '-c', `cat ${name}.pids; exit 5`], { env });
  await waiting.said('waiting', 'err');
  run.kill('SIGKILL');
  // What the next command sees of them as it starts is what counts.
  const { code } = await waiting.ended;
  expect(pids.filter(isAlive)).toEqual([]);
  expect(code).toBe(5);
});

test('also a wrapper that waits gives up its place', async () => {
  const name = board();
  const holder = await hold(name);
  const waiting = account.start(['lock', '-n', name, '--ttl', '10m', '--', 'true'], { env });
  await waiting.said('waiting', 'err');
  const waits = async (): Promise<number> =>
    (await account.status(env)).resources.find((one) => one.name === name)?.waiting ?? 0;
  expect(await waits()).toBe(1);
  waiting.kill('SIGKILL');
  // Not by its silence, which takes 30 s.
  await until('its place is given up', async () => (await waits()) === 0, 20_000);
  holder.run.kill('SIGTERM');
  await holder.run.ended;
});

test('a guard that was killed is replaced', async () => {
  const name = board();
  const { run, pids } = await hold(name);
  const first = await guardsOf(name);
  expect(first.length).toBeGreaterThan(0);
  for (const pid of first) signal(pid, 'SIGKILL');
  await until('there is another', async () => (await guardsOf(name)).some((pid) => !first.includes(pid)));
  expect(pids.every(isAlive)).toBe(true);
  run.kill('SIGKILL');
  await next(name);
  expect(pids.filter(isAlive)).toEqual([]);
});

test('`pkill -f rentabot` does not hit the guard', async () => {
  const name = board();
  const { run } = await hold(name);
  for (const pid of await guardsOf(name)) expect(commandLine(String(pid))).not.toMatch(/rentabot/);
  run.kill('SIGTERM');
  await run.ended;
  expect(await guardsOf(name)).toEqual([]);
});

test('what the command leaves behind is ended before the next holder comes', async () => {
  const name = board();
  const file = `${name}.left`;
  const script = `setsid sh -c 'echo $$ > "$1"; exec sleep 600' sh ${file} & while [ ! -s ${file} ]; do sleep 0.01; done; exit 4`;
  const found = await account.run(['lock', '-n', name, '--ttl', '10m', '--', 'sh', '-c', script], { env });
  expect(found.code).toBe(4);
  expect(isAlive(Number(account.read(file)))).toBe(false);
});

test('nothing of the guard is left once a command has ended', async () => {
  const name = board();
  const lease = account.start(['lock', '-n', name, '--', 'sh', '-c', 'echo $RENTABOT_LEASE'], { env });
  const { out } = await lease.ended;
  const guards = (): string[] =>
    readdirSync('/proc').filter((pid) => commandLine(pid).includes(`lease-guard\0${out.trim()}`));
  await until('the guard has left', () => guards().length === 0);
});

test('the secret is in no argument list and no environment', async () => {
  const name = board();
  const { run } = await hold(name);
  const all = await guardsOf(name);
  for (const pid of [...all, run.pid]) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    expect(`${commandLine(String(pid))} ${environment}`).not.toMatch(/[\w-]{43}/);
  }
  run.kill('SIGTERM');
  await run.ended;
});
