import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Account, isAlive, type Result, type Run, type Served, until } from '../support/cli.ts';

/** A lock inside a lock: it uses what is held around it, and never waits for ever for more. */
let account: Account;
let served: Served;
let env: Record<string, string>;

const YAML = `
resources:
  gpu-0: { tags: [gpu], endpoint: 'pci:0', properties: { mem: 40 }, env: { CUDA_VISIBLE_DEVICES: 0 } }
  gpu-1: { tags: [gpu], endpoint: 'pci:1', properties: { mem: 80 }, env: { CUDA_VISIBLE_DEVICES: 1 } }
  gpu-2: { tags: [gpu, spare] }
  board-1: { tags: [board] }
  board-2: { tags: [board] }
  licence: { slots: 3 }
`;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: YAML });
  env = { RENTABOT_URL: served.url, RB: `${process.execPath} ${account.script}` };
});

/** Runs a script of the shell inside of a lock. */
const inside = (wants: readonly string[], script: string, more: Record<string, string> = {}): Promise<Result> =>
  account.run(['lock', ...wants, '--', 'sh', '-c', script], { env: { ...env, ...more } });

const stateOf = async (name: string): Promise<string> =>
  (await account.status(env)).resources.find((one) => one.name === name)?.state ?? '';

/** How often a lease was granted so far. */
async function grants(): Promise<number> {
  const { out } = await account.run(['history', '--json', '--limit', '1000'], { env });
  return JSON.parse(out).events.filter(({ type }: { type: string }) => type === 'lease-granted').length;
}

test.each([
  ['name', '-n gpu-1'],
  ['number', '--id 2'],
  ['tag', '-t gpu'],
  ['expression', "-w 'gpu && mem>=24'"],
])('what the outer lock holds is used at once, by %s, without a request', async (_, wants) => {
  const before = await grants();
  const found = await inside(
    ['-n', 'gpu-1'],
    `$RB lock ${wants} -- sh -c 'echo $RENTABOT_RESOURCES $RENTABOT_0_MEM $RENTABOT_ENDPOINT $CUDA_VISIBLE_DEVICES; exit 7'`,
  );
  expect(found).toEqual({ code: 7, signal: null, out: 'gpu-1 80 pci:1 1\n', err: '' });
  expect(await grants()).toBe(before + 1);
  expect(await stateOf('gpu-1')).toBe('free');
});

test('the command is told exactly what this call asked for, under the lease of the outer one', async () => {
  const script = `echo $RENTABOT_LEASE $RENTABOT_FENCE; $RB lock -n gpu-1 -- sh -c 'echo $RENTABOT_LEASE $RENTABOT_FENCE; env | grep -c "^RENTABOT_[0-9]*_NAME"; echo $CUDA_VISIBLE_DEVICES'`;
  const { code, out } = await inside(['-n', 'gpu-0', '-n', 'gpu-1', '-n', 'board-1'], script);
  const [outer, inner, count, cuda] = out.split('\n');
  expect({ code, inner, count, cuda }).toEqual({ code: 0, inner: outer, count: '1', cuda: '1' });
});

test('what an inner lock is done with goes on being held by the outer one', async () => {
  const run = account.start(
    ['lock', '-n', 'board-1', '--', 'sh', '-c', '$RB lock -n board-1 -- true; echo inner is over; cat >/dev/null'],
    { env, input: null },
  );
  await run.said('inner is over');
  expect(await stateOf('board-1')).toBe('held');
  run.child.stdin?.end();
  expect((await run.ended).code).toBe(0);
});

test('three deep, the innermost lease is used first, and the outer ones after it', async () => {
  const deepest = `$RB lock -t gpu --count 2 -- sh -c 'echo $RENTABOT_RESOURCES $CUDA_VISIBLE_DEVICES'`;
  account.file('deepest.sh', deepest);
  const { code, out, err } = await inside(['-n', 'gpu-1'], '$RB lock -n gpu-0 --no-wait -- sh deepest.sh');
  expect({ code, out, err }).toEqual({ code: 0, out: 'gpu-0,gpu-1 0,1\n', err: '' });
});

test('a signal reaches the innermost command, whose own code counts', async () => {
  account.file('trap.sh', `trap 'exit 9' TERM; echo go; while :; do sleep 0.05; done`);
  const run = account.start(['lock', '-n', 'board-1', '--', 'sh', '-c', 'exec $RB lock -n board-1 -- sh trap.sh'], {
    env,
  });
  await run.said('go');
  run.kill('SIGTERM');
  expect((await run.ended).code).toBe(9);
});

test('what the inner command leaves behind is ended with it, and what the outer one runs is not', async () => {
  const script = `sleep 1005 & echo $!; $RB lock -n board-1 -- sh -c 'sleep 1006 & echo $!; exit 3'; echo code $?; cat >/dev/null`;
  const run = account.start(['lock', '-n', 'board-1', '--', 'sh', '-c', script], { env, input: null });
  await run.said('code 3');
  const [outer, inner] = run.out.split('\n').map(Number);
  expect([isAlive(outer ?? 0), isAlive(inner ?? 0)]).toEqual([true, false]);
  run.child.stdin?.end();
  expect((await run.ended).code).toBe(0);
});

test.each<[string, readonly string[], NodeJS.Signals | null]>([
  ['runs into its --timeout', ['--timeout', '8s'], null],
  ['is killed', [], 'SIGKILL'],
])('the command of an inner lock does not outlive an outer one that %s', async (_, options, name) => {
  account.file('stays.sh', 'echo $$; trap "" TERM INT; while :; do sleep 0.05; done');
  const script = '$RB lock -n board-2 -- sh stays.sh; cat';
  const run = account.start(['lock', '-n', 'board-2', '--grace', '200ms', ...options, '--', 'sh', '-c', script], {
    env,
  });
  await run.said('\n');
  if (name) run.kill(name);
  await until('the inner command is dead', () => !isAlive(Number(run.out)));
  await until('it is free', async () => (await stateOf('board-2')) === 'free');
  run.drop();
  await run.ended;
});

test.each([
  ['not held at all', '-n board-2', /does not hold board-2/],
  ['held in part', '-t gpu --count 2', /does not hold gpu/],
])('what is %s is not waited for without end', async (_, wants, message) => {
  const { code, out, err } = await inside(['-n', 'gpu-0'], `$RB lock ${wants} -- echo never`);
  expect({ code, out }).toEqual({ code: 64, out: '' });
  expect(err).toMatch(message);
  expect(err).toMatch(/--wait 10m.*--no-wait/);
});

test.each(['--no-wait', '--wait 20s'])(
  'with %s it is asked for, and joins what is held, in the order typed',
  async (how) => {
    const seen = 'echo $RENTABOT_RESOURCES $RENTABOT_0_NAME $RENTABOT_1_NAME $RENTABOT_2_NAME $RENTABOT_LEASE';
    const script = `echo $RENTABOT_LEASE; $RB lock ${how} -n board-2 -n gpu-0 -t spare --result-file r.json -- sh -c '${seen}'`;
    const { code, out, err } = await inside(['-n', 'gpu-0'], script);
    const [outer, inner = ''] = out.split('\n');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(inner).toMatch(/^board-2,gpu-0,gpu-2 board-2 gpu-0 gpu-2 /);
    expect(inner).not.toContain(outer);
    expect(JSON.parse(account.read('r.json'))).toMatchObject({
      outcome: 'completed',
      lease: { id: inner.split(' ').at(-1) },
    });
    expect(await stateOf('board-2')).toBe('free');
  },
);

test('what somebody else holds is busy in here as everywhere', async () => {
  const holder = account.start(['lock', '-n', 'board-2', '--', 'sh', '-c', 'echo held; cat >/dev/null'], {
    env,
    input: null,
  });
  await holder.said('held');
  const { code } = await inside(['-n', 'gpu-0'], '$RB lock --no-wait -n board-2 -n gpu-0 -- true');
  expect(code).toBe(75);
  holder.child.stdin?.end();
  await holder.ended;
});

test.each([
  ['one that is held shared, exclusively', ['-n', 'board-1', '--shared'], '-n board-1', /holds board-1 \(shared\)/],
  ['all slots, of which one is held', ['-n', 'licence'], '-n licence --exclusive', /holds licence \(one slot of it\)/],
  [
    'more of a kind than there are beside it',
    ['-n', 'board-1', '--shared'],
    '-t board --count 2 --exclusive',
    /holds board-1/,
  ],
])('what would wait for itself is refused at once: %s', async (_, outer, wants, message) => {
  const { code, err } = await inside(outer, `$RB lock --wait 1h ${wants} -- true`);
  expect(code).toBe(64);
  expect(err).toMatch(message);
});

test('what could never be had says so, as it does outside', async () => {
  const { code, err } = await inside(['-n', 'gpu-0'], '$RB lock --wait 1h -t gpu --count 4 -- true');
  expect(code).toBe(65);
  expect(err).toMatch(/impossible: 4 of gpu were asked for/);
});

test('another slot of the same resource is asked for, and never one more of what is used', async () => {
  const script = `$RB lock --no-wait -n licence --shared -- sh -c 'echo shared $RENTABOT_RESOURCES'; $RB lock --no-wait -w '2*name=licence' -- true; echo code $?`;
  const { out } = await inside(['-n', 'licence'], script);
  expect(out).toBe('shared licence\ncode 65\n');
});

/** A lock whose command goes on for a while when it is told to end. */
async function holding(): Promise<{ run: Run; held: string; lease: string }> {
  const script = 'trap "echo told" TERM; echo $RENTABOT_HELD; while [ ! -e let-go ]; do sleep 0.05; done';
  const run = account.start(['lock', '-n', 'gpu-0', '--grace', '1m', '--ttl', '5m', '--', 'sh', '-c', script], { env });
  await run.said('\n');
  const held = run.out.trim();
  return { run, held, lease: held.split(':')[0] ?? '' };
}

test.each([
  ['is being taken away', '', /the lock around this one has lost its lease .* is ending: revoked/],
  ['was taken away', '?ended=true', /the lock around this one has lost its lease .* has ended: revoked/],
])('inside of a lock whose lease %s nothing runs, and it is 76', async (_, query, message) => {
  const { run, held, lease } = await holding();
  await fetch(`${served.url}/api/v2/leases/${lease}${query}`, { method: 'DELETE' });
  await (query === '' ? run.said('told') : run.ended);
  // The mark of another run: what carries that of the outer lock is ended with it, and would be this call as well.
  expect(held).not.toBe(`${lease}:another0`);
  const found = await account.run(['lock', '-n', 'gpu-0', '--', 'echo', 'never'], {
    env: { ...env, RENTABOT_HELD: `${lease}:another0` },
  });
  expect(found).toMatchObject({ code: 76, out: '' });
  expect(found.err).toMatch(message);
  account.file('let-go', '');
  await run.ended;
  rmSync(join(account.work, 'let-go'));
});

test('a lease that was given back long ago counts for nothing', async () => {
  const { out } = await inside(['-n', 'gpu-0'], 'echo $RENTABOT_HELD');
  const { code, out: name } = await account.run(
    ['lock', '-n', 'board-1', '--', 'sh', '-c', 'echo $RENTABOT_RESOURCE'],
    {
      env: { ...env, RENTABOT_HELD: out.trim() },
    },
  );
  expect({ code, name }).toEqual({ code: 0, name: 'board-1\n' });
});

test('leases of another daemon are not looked for here', async () => {
  const other = await Account.make();
  const { url } = await other.serve({ yaml: '{ gpu-0: {} }' });
  const script = `$RB lock --url ${url} -n gpu-0 -- sh -c 'echo $RENTABOT_URL; echo $RENTABOT_HELD | tr , "\\n" | wc -l'`;
  const { code, out } = await inside(['-n', 'gpu-0'], script);
  expect({ code, out }).toEqual({ code: 0, out: `${url}\n2\n` });
});

test('a result of a lock inside is that of the command, with the lease around', async () => {
  const script = `echo $RENTABOT_LEASE; $RB lock -n gpu-0 --result-file inner.json -- sh -c 'exit 5'`;
  const { code, out } = await inside(['-n', 'gpu-0'], script);
  expect(code).toBe(5);
  const result = JSON.parse(readFileSync(join(account.work, 'inner.json'), 'utf8'));
  expect(result).toMatchObject({
    outcome: 'completed',
    exitCode: 5,
    waited: 0,
    lease: { id: out.trim(), resources: [{ name: 'gpu-0' }] },
  });
});

test('what is kept or left by the outer lock cannot be kept or left by an inner one', async () => {
  const detach = await inside(['-n', 'gpu-0'], '$RB lock -n gpu-0 --detach-lease f.json -- echo never');
  expect(detach).toMatchObject({ code: 64, out: '' });
  expect(detach.err).toMatch(/--detach-lease: all of this is held by the lock around this one/);
  const keep = await inside(['-n', 'gpu-0'], '$RB lock -n gpu-0 --keep-on-failure 1h -- sh -c "exit 4"');
  expect(keep.code).toBe(4);
  expect(keep.err).toMatch(/the lock around this one holds gpu-0, so --keep-on-failure is for that one/);
  expect(await stateOf('gpu-0')).toBe('free');
});

test('a daemon that is away for a moment does not make us queue behind ourselves', async () => {
  // Of another account: a second daemon of ours would have the descriptor of the first.
  const other = await Account.make();
  // A port could be somebody else's while nobody listens on it.
  const place = { yaml: '{ a: {} }', listen: 'none', socket: join(other.base, 's') };
  const first = await other.serve(place);
  const run = other.start(
    ['lock', '-n', 'a', '--', 'sh', '-c', 'echo held; read line; $RB lock -n a -- echo $RENTABOT_RESOURCE again'],
    { env: { ...env, RENTABOT_URL: first.url }, input: null },
  );
  await run.said('held');
  first.run.kill('SIGKILL');
  await first.run.ended;
  run.child.stdin?.end('go\n');
  await other.serve(place);
  expect(await run.ended).toMatchObject({ code: 0, out: 'held\na again\n' });
});
