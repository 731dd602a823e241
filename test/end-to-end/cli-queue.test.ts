import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Account, type Run, type Served, until } from '../support/cli.ts';
import { inSomeSpan } from '../support/spans.ts';

/** Who gets what and when, and how it ends for those who do not. */
let account: Account;
let served: Served;
let env: Record<string, string>;

const YAML = `
resources:
  a: { tags: [x] }
  b: { tags: [x] }
  c: {}
  d: {}
  e: {}
  f: {}
  licence: { slots: 2 }
  down: { offline: fan broken }
`;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: YAML });
  env = { RENTABOT_URL: served.url };
});

const lock = (args: readonly string[], more: Record<string, string> = {}) =>
  account.run(['lock', ...args], { env: { ...env, ...more } });

/** Holds until `letGo` is called. */
async function hold(
  wants: readonly string[],
  more: Record<string, string> = {},
): Promise<{ run: Run; letGo: () => Promise<number | null> }> {
  const child = account.start(
    ['lock', ...wants, '--', 'sh', '-c', 'trap "exit 0" TERM; echo held; while :; do sleep 0.05; done'],
    { env: { ...env, ...more } },
  );
  await child.said('held');
  const letGo = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    return (await child.ended).code;
  };
  return { run: child, letGo };
}

const waiting = async (name: string): Promise<number> =>
  (await account.status(env)).resources.find((one) => one.name === name)?.waiting ?? -1;

function resultOf(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(account.work, name), 'utf8'));
}

test('eight that wait are served by priority, then in the order of arrival', async () => {
  const holder = await hold(['-n', 'a']);
  const log = account.file('order', '');
  const priorities = [0, 5, 0, -1, 5, 0, 7, 0];
  const runs: Run[] = [];
  for (const [i, priority] of priorities.entries()) {
    runs.push(
      account.start(
        ['lock', '-q', '-n', 'a', '--priority', String(priority), '--', 'sh', '-c', `echo ${i} >> ${log}`],
        { env },
      ),
    );
    await until(`${i + 1} wait`, async () => (await waiting('a')) === i + 1);
  }
  const queue = await account.run(['queue', '--json'], { env });
  const { waiting: entries } = JSON.parse(queue.out);
  expect(entries.map((one: { position: number }) => one.position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(entries[0]).toMatchObject({
    priority: 7,
    want: 'a',
    note: '',
    blockers: [{ resource: 'a', holder: { name: expect.any(String) } }],
  });
  expect(await holder.letGo()).toBe(0);
  for (const run of runs) expect(await run.ended).toEqual({ code: 0, signal: null, out: '', err: '' });
  expect(account.read('order').trim().split('\n').map(Number)).toEqual([6, 1, 4, 0, 2, 5, 7, 3]);
});

test('busy: --no-wait is 75 at once and says who has it', async () => {
  const holder = await hold(['-n', 'b', '--note', 'nightly']);
  // It asks for the holder with little patience; a daemon that has no turn in that second leaves it at the bare fact.
  await inSomeSpan(async () => {
    const found = await lock(['-n', 'b', '--no-wait', '--result-file', 'busy.json', '--', 'true']);
    expect(found.code).toBe(75);
    expect(found.err).toMatch(/^rentabot: busy: b is held by \S+ since (\w+ \d+ )?\d\d:\d\d \(nightly\)/);
  });
  expect(resultOf('busy.json')).toEqual({
    outcome: 'busy',
    exitCode: 75,
    signal: null,
    waited: expect.any(Number),
    held: 0,
    lease: null,
  });
  const other = await lock([
    '-n',
    'b',
    '--no-wait',
    '--exit-code',
    'busy=0',
    '--exit-code',
    'timeout=1',
    '-q',
    '--',
    'false',
  ]);
  expect(other.code).toBe(0);
  const json = await lock(['-n', 'b', '--no-wait', '--json', '--', 'true']);
  expect(JSON.parse(json.err)).toMatchObject({ event: 'busy', code: 'busy' });
  expect(json.out).toBe('');
  await holder.letGo();
});

test('timeout: --wait that runs out is 124 and says who has it', async () => {
  const holder = await hold(['-n', 'b', '--note', 'nightly']);
  // A daemon that has no turn within the wait is unreachable.
  await inSomeSpan(async (span) => {
    const started = performance.now();
    const found = await lock(['-n', 'b', '--wait', `${span}s`, '--result-file', 'wait.json', '--', 'true']);
    expect(found.code).toBe(124);
    expect(performance.now() - started).toBeGreaterThan(1000 * span);
    const lines = found.err.trim().split('\n');
    expect(lines[0]).toMatch(/^rentabot: waiting for b: next in line; held by .* \(nightly\)/);
    expect(lines.at(-1)).toMatch(/^rentabot: timeout: gave up waiting for b after \w+: held by .* \(nightly\)/);
    const result = resultOf('wait.json');
    expect(result).toEqual({
      outcome: 'timeout',
      exitCode: 124,
      signal: null,
      waited: expect.any(Number),
      held: 0,
      lease: null,
    });
    expect(result.waited).toBeGreaterThanOrEqual(span);
    expect(await waiting('b')).toBe(0);
  });
  await holder.letGo();
});

test.each([
  [['-n', 'aa'], /aa/],
  [['-t', 'x', '--count', '3'], /3/],
  [['-t', 'nope'], /nope/],
  [['--id', '99'], /99/],
  [['-w', 'x && !x'], /x/],
  [['-n', 'c', '-w', 'name=c'], /c/],
])('impossible: %j is 65 at once', async (wants, message) => {
  const found = await lock([...wants, '--result-file', 'imp.json', '--', 'true']);
  expect(found.code).toBe(65);
  expect(found.err).toMatch(/^rentabot: impossible: /);
  expect(found.err).toMatch(message);
  expect(resultOf('imp.json')).toMatchObject({ outcome: 'impossible', exitCode: 65, lease: null, held: 0 });
});

test('what is offline is waited for, and the waiter is told why', async () => {
  await inSomeSpan(async (span) => {
    const found = await lock(['-n', 'down', '--wait', `${span}s`, '--', 'true']);
    expect(found.code).toBe(124);
    expect(found.err).toMatch(/offline: fan broken/);
  });
  expect((await lock(['-n', 'down', '--no-wait', '--', 'true'])).code).toBe(75);
});

test.each([
  [['lock', '-n', 'a', '--bogus', 'true']],
  [['lock', '-n', 'a', '--ttl', '1s', 'true']],
  [['lock', '-n', 'a', '--wait', 'soon', 'true']],
  [['lock', '-w', 'a &&', 'true']],
  [['lock', '-n', 'a', '--priority', '1.5', 'true']],
  [['lock', '-n', 'a', '--shared', '--exclusive', 'true']],
  [['lock', '-n', 'a', '--exit-code', 'busy=256', 'true']],
  [['lock', '-n', 'a', '--']],
  [['lock', '-n', 'a\u0007b', 'true']],
  [['lock', '-n', 'x'.repeat(300), 'true']],
  [['lock', '-n', 'a', '--note', 'x'.repeat(100_000), 'true']],
  [['lock', ...Array.from({ length: 65 }, (_, i) => ['-n', `n${i}`]).flat(), 'true']],
  [['bogus']],
  [[]],
])('usage: %j is 64, without a stack trace', async (line) => {
  const found = await account.run(line, { env });
  expect(found.code).toBe(64);
  expect(found.out).toBe('');
  expect(found.err).not.toMatch(/\n\s+at /);
  expect(found.err.length).toBeGreaterThan(20);
  expect(found.err.length).toBeLessThan(3000);
});

test('unreachable: no daemon at the url is 69 once the connect timeout is over', async () => {
  for (const url of ['http://127.0.0.1:9', `unix:${account.base}/nobody.sock`]) {
    const found = await lock([
      '-n',
      'a',
      '--url',
      url,
      '--connect-timeout',
      '1s',
      '--result-file',
      'un.json',
      '-q',
      '--',
      'true',
    ]);
    expect(found.code).toBe(69);
    expect(found.err).toContain(url);
    expect(resultOf('un.json')).toMatchObject({ outcome: 'unreachable', exitCode: 69, lease: null });
  }
  const status = await account.run(['status', '--url', 'http://127.0.0.1:9', '--connect-timeout', '1s'], { env });
  expect(status.code).toBe(69);
});

test('unreachable: something else that answers there is 69 at once', async () => {
  const { createServer } = await import('node:http');
  const other = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const found = await lock(['-n', 'a', '--url', `http://127.0.0.1:${port}`, '--', 'true']);
  other.close();
  expect(found.code).toBe(69);
  expect(found.err).toMatch(/no rentabot daemon/);
});

test('shared holders hold together, and an exclusive one waits for all of them', async () => {
  const one = await hold(['-n', 'c', '--shared']);
  const two = await hold(['-n', 'c', '--shared']);
  expect((await account.status(env)).resources.find(({ name }) => name === 'c')).toMatchObject({
    leases: [{ mode: 'shared' }, { mode: 'shared' }],
  });
  expect((await lock(['-n', 'c', '--no-wait', '--', 'true'])).code).toBe(75);
  const writer = account.start(['lock', '-q', '-n', 'c', '--', 'echo', 'written'], { env });
  await until('the writer waits', async () => (await waiting('c')) === 1);
  // A later reader does not pass the writer.
  expect((await lock(['-n', 'c', '--shared', '--no-wait', '--', 'true'])).code).toBe(75);
  await one.letGo();
  expect(writer.hasEnded).toBe(false);
  await two.letGo();
  expect((await writer.ended).out).toBe('written\n');
});

test('a resource with two slots takes two plain leases, or one with --exclusive', async () => {
  const one = await hold(['-n', 'licence']);
  expect((await lock(['-n', 'licence', '--exclusive', '--no-wait', '--', 'true'])).code).toBe(75);
  const two = await hold(['-n', 'licence']);
  expect((await lock(['-n', 'licence', '--no-wait', '--', 'true'])).code).toBe(75);
  await one.letGo();
  await two.letGo();
  expect((await lock(['-n', 'licence', '--exclusive', '--no-wait', '--', 'true'])).code).toBe(0);
});

test.each(['INT', 'TERM', 'HUP', 'QUIT'] as const)(
  'SIG%s while waiting leaves the queue at once and starts nothing',
  async (name) => {
    const holder = await hold(['-n', 'd']);
    const run = account.start(['lock', '-n', 'd', '--result-file', 'int.json', '--', 'echo', 'ran'], { env });
    await run.said('waiting for d', 'err');
    run.kill(`SIG${name}`);
    const code = { INT: 130, TERM: 143, HUP: 129, QUIT: 131 }[name];
    expect(await run.ended).toMatchObject({ code, out: '', signal: null });
    // Long before its silence would tell, which takes 30 s.
    await until('it has left', async () => (await waiting('d')) === 0, 20_000);
    expect(resultOf('int.json')).toMatchObject({
      outcome: 'not-started',
      exitCode: code,
      signal: `SIG${name}`,
      lease: null,
    });
    await holder.letGo();
  },
);

test('TERM in the very moment of the grant leaves nothing held, and a command that had not started never starts', async () => {
  const outcomes: number[] = [];
  for (let delay = 20; delay < 160; delay += 12) {
    const run = account.start(['lock', '-n', 'e', '--', 'sh', '-c', 'echo started; exec sleep 60'], { env });
    await new Promise((resolve) => setTimeout(resolve, delay));
    run.kill('SIGTERM');
    const { code, signal } = await run.ended;
    // Before node has its handlers the signal ends the wrapper itself.
    outcomes.push(code ?? 0);
    expect([143, null]).toContain(code);
    if (code === null) expect(signal).toBe('SIGTERM');
  }
  // Sooner than by its ttl, which takes 30 s.
  await until(
    'nothing is left',
    async () => (await account.status(env)).resources.find(({ name }) => name === 'e')?.state === 'free',
    20_000,
  );
  expect(outcomes.length).toBe(12);
});

test('a grant that meets a signal on its way never starts the command', async () => {
  for (let round = 0; round < 6; round += 1) {
    const holder = await hold(['-n', 'e']);
    const run = account.start(['lock', '-q', '-n', 'e', '--', 'sh', '-c', 'echo started; sleep 60'], { env });
    await until('it waits', async () => (await waiting('e')) === 1);
    holder.run.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, round * 20));
    run.kill('SIGTERM');
    await holder.run.ended;
    const { code, out } = await run.ended;
    expect(code).toBe(143);
    if (out === '') continue;
    expect(out).toBe('started\n');
  }
  // Not by a ttl that ran out, which takes 30 s.
  expect((await lock(['-n', 'e', '--wait', '20s', '--', 'true'])).code).toBe(0);
});

test('the result file of a run tells all, and is written in one piece', async () => {
  const found = await lock(['-n', 'a', '-n', 'c', '--result-file', 'ok.json', '--', 'sh', '-c', 'sleep 0.3; exit 5']);
  expect(found.code).toBe(5);
  const result = resultOf('ok.json') as { held: number; lease: { fence: number; id: string } };
  expect(result).toEqual({
    outcome: 'completed',
    exitCode: 5,
    signal: null,
    waited: expect.any(Number),
    held: expect.any(Number),
    lease: {
      id: expect.any(String),
      fence: expect.any(Number),
      resources: [
        { id: 1, name: 'a', fence: result.lease.fence },
        { id: 3, name: 'c', fence: result.lease.fence },
      ],
    },
  });
  expect(result.held).toBeGreaterThanOrEqual(0.3);
});

test('-q says nothing, -v says more, --json speaks JSON lines, and none of it on stdout', async () => {
  expect(await lock(['-n', 'a', '-q', '--', 'echo', 'x'])).toEqual({ code: 0, signal: null, out: 'x\n', err: '' });
  const verbose = await lock(['-n', 'a', '-v', '--', 'echo', 'x']);
  expect(verbose).toMatchObject({ code: 0, out: 'x\n' });
  expect(verbose.err).toMatch(/got a at once[\s\S]*completed, exit code 0/);
  const json = await lock(['-n', 'a', '-v', '--json', '--', 'echo', 'x']);
  expect(json.out).toBe('x\n');
  for (const line of json.err.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event');
  expect(json.err).not.toMatch(/secret/i);
});

test('a CI job is shown with its name and link to whoever looks', async () => {
  const ci = {
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octo',
    GITHUB_REPOSITORY: 'o/r',
    GITHUB_RUN_ID: '17',
    GITHUB_WORKFLOW: 'CI',
    GITHUB_JOB: 'test',
    GITHUB_RUN_NUMBER: '4',
  };
  const holder = await hold(['-n', 'f'], ci);
  const [lease] = (await account.status(env)).resources.find(({ name }) => name === 'f')?.leases ?? [];
  expect(lease).toMatchObject({
    holder: { name: 'octo', host: hostname(), link: 'https://github.com/o/r/actions/runs/17' },
    note: 'o/r CI / test #4',
  });
  const table = await account.run(['status'], { env });
  expect(table.out).toMatch(/f\s+held\s+octo@/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
  expect(table.out).not.toMatch(/\u001b/);
  await holder.letGo();
});

test('twelve at once for one resource lose no update of a counter', async () => {
  account.file('counter', '0');
  const add = 'n=$(cat counter); sleep 0.01; echo $((n+1)) > counter';
  const runs = Array.from({ length: 12 }, () =>
    account.start(['lock', '-q', '-n', 'a', '--', 'sh', '-c', add], { env }),
  );
  for (const run of runs) expect((await run.ended).code).toBe(0);
  expect(account.read('counter')).toBe('12\n');
});
