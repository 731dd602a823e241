import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { LeaseJson, ResourceJson } from '../../src/core/wire.ts';
import { json, leaseJson, problem, StubDaemon, waitingJson } from './support/stub-daemon.ts';
import { testShell } from './support/world.ts';

let stub: StubDaemon;
beforeEach(async () => {
  stub = await new StubDaemon().start();
});
afterEach(async () => {
  vi.useRealTimers();
  await stub.stop();
});

/** One command line against the stub, and what came of it. */
async function rentabot(line: readonly string[], env: Record<string, string> = {}) {
  const shell = testShell({ RENTABOT_URL: stub.url, ...env });
  const code = await run(line, shell);
  return { code, out: shell.out, said: shell.ear.text, folder: shell.machine.cwd };
}

const words = (line: string): string[] => line.split(' ');

test.each([
  ['lock -n a', /there is no command to run/],
  ['lock -- true', /nothing is wanted.*-n NAME/],
  ['lock true', /nothing is wanted/],
  ['lock -n a --tll 3 -- true', /unknown option '--tll'; did you mean --ttl\? `rentabot lock --help`/],
  ['lock -n', /argument missing/],
  ['lock -n a --ttl 1 -- true', /--ttl is 2s to 1d/],
  ['lock -n a --exit-code nope=1 -- true', /"nope" is none of/],
  ['lock -n a --count 2 -- true', /--count/],
  ['lock -w a&& -- true', /--want: .*\n {2}a&&\n {5}\^/],
  ['lock -n a --url nowhere -- true', /--url: "nowhere" is not the url/],
  ['lock -n a --result-file /nonexistent/r.json -- true', /--result-file/],
  ['lokc -n a', /unknown command 'lokc'; did you mean lock\?/],
  ['status --id x', /--id/],
  ['history --since soon', /--since/],
  ['history --limit 0', /--limit/],
  ['why', /nothing to ask about/],
  ['check', /not inside of a lock/],
  ['queue extra', /too many arguments/],
])('rentabot %s is a wrong call: 64, one sentence, nothing asked', async (line, message) => {
  const { code, said, out } = await rentabot(words(line));
  expect(code).toBe(64);
  expect(said).toMatch(message);
  expect(said).toMatch(/^rentabot: usage: /);
  expect(said).not.toMatch(/\n\s+at /);
  expect(out).toBe('');
  expect(stub.asked).toEqual([]);
});

test('rentabot alone shows what there is, and is a wrong call', async () => {
  const { code, said } = await rentabot([]);
  expect(code).toBe(64);
  expect(said).toContain('Usage: rentabot');
});

test.each(['--version', '--help', 'help', 'help lock', 'lock --help', 'ls --help', 'serve --help'])(
  'rentabot %s prints to stdout and is fine',
  async (line) => {
    const { code, out, said } = await rentabot(words(line));
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(3);
    expect(said).toBe('');
  },
);

test.each(['lock', 'status', 'queue', 'why', 'history', 'check', 'serve'])(
  'the help of %s has a synopsis, sentences and an example',
  async (name) => {
    const { out } = await rentabot([name, '--help']);
    expect(out).toMatch(new RegExp(`^Usage: rentabot ${name}`));
    expect(out).toMatch(/\w[.]\s/);
    expect(out).toMatch(/Examples?:\n {2}rentabot /);
  },
);

test('the help of lock names every exit code', async () => {
  const { out } = await rentabot(['lock', '--help']);
  for (const code of [64, 65, 69, 70, 75, 76, 77, 78, 124, 126, 127]) expect(out).toContain(String(code));
});

test.each<[string[], string[]]>([
  [
    ['lock', '-n', 'a', '--', 'CMD', '-n', '--', '-x'],
    ['-n', '--', '-x'],
  ],
  [
    ['lock', '-n', 'a', 'CMD', '-n', '--help', '--', 'b'],
    ['-n', '--help', '--', 'b'],
  ],
  [['lock', '-q', '-na', 'CMD', '--version'], ['--version']],
  [['lock', '--name=a', '--no-wait', 'CMD'], []],
])('%j: options end at the first other word, and the rest is the command as it stands', async (line, rest) => {
  const shell = testShell({ RENTABOT_URL: stub.url });
  const out = join(shell.machine.cwd, 'argv');
  const script = join(shell.machine.cwd, 'cmd');
  mkdirSync(shell.machine.cwd, { recursive: true });
  writeFileSync(script, `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done > ${out}\n`, { mode: 0o755 });
  expect(
    await run(
      line.map((word) => (word === 'CMD' ? script : word)),
      shell,
    ),
  ).toBe(0);
  expect(readFileSync(out, 'utf8')).toBe(rest.map((word) => `${word}\n`).join(''));
});

test('wants are asked for in the order of typing', async () => {
  await rentabot(words('lock -w 2*gpu -n b -t x --id 4 -t y --count 3 --shared true'));
  expect(stub.asked[0]?.body).toMatchObject({
    want: [
      { where: 'gpu', count: 2, mode: 'shared' },
      { name: 'b', mode: 'shared' },
      { tags: ['x', 'y'], count: 3, mode: 'shared' },
      { id: 4, mode: 'shared' },
    ],
  });
});

test.each([
  [
    'a run',
    ['--', 'sh', '-c', 'exit 4'],
    4,
    { outcome: 'completed', exitCode: 4, lease: { fence: 1, resources: [{ id: 1, name: 'a', fence: 1 }] } },
  ],
  ['a missing command', ['--', 'no-such-command'], 127, { outcome: 'not-started', exitCode: 127 }],
  [
    'a wrong call',
    ['--ttl', '1s', '--', 'true'],
    64,
    { outcome: 'usage', exitCode: 64, lease: null, waited: 0, held: 0 },
  ],
  ['an unknown option', ['--nope', '--', 'true'], 64, { outcome: 'usage', exitCode: 64 }],
  [
    'an overridden wrong call',
    ['--exit-code', 'usage=9', '--nope', '--', 'true'],
    9,
    { outcome: 'usage', exitCode: 9 },
  ],
])('the result file tells of %s', async (_, line, exit, result) => {
  const shell = testShell({ RENTABOT_URL: stub.url });
  const path = join(shell.machine.cwd, 'r.json');
  expect(await run(['lock', '-n', 'a', '--result-file', path, ...line], shell)).toBe(exit);
  const written = JSON.parse(readFileSync(path, 'utf8'));
  expect(written).toMatchObject(result);
  expect(Object.keys(written)).toEqual(['outcome', 'exitCode', 'signal', 'waited', 'held', 'lease']);
});

test('a daemon with a bug is 70, and no stack is shown', async () => {
  stub.on('PUT lease', (_, response) => problem(response, 'internal', 'it broke'));
  const { code, said } = await rentabot(words('lock -n a true'));
  expect(code).toBe(70);
  expect(said).toMatch(/^rentabot: internal: it broke/);
});

/** Of no day in particular, far from midnight. */
const NOW = new Date(2026, 5, 15, 14, 0).getTime();
const MINUTE_AGO = new Date(NOW - 60_000).toISOString();

/** The clock on the wall stops at NOW. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
}

const RESOURCE: ResourceJson = {
  id: 1,
  name: 'gpu-0',
  state: 'held',
  description: 'the big one',
  tags: ['gpu', 'a100'],
  endpoint: '',
  properties: { mem: 80 },
  slots: 1,
  maxHold: null,
  offline: null,
  lastUsed: null,
  drainedAt: null,
  waiting: 2,
  leases: [
    {
      id: 'L',
      holder: { name: 'ann', host: 'ws', link: null },
      note: 'nightly',
      mode: 'exclusive',
      since: MINUTE_AGO,
      until: null,
      guarded: true,
      claim: false,
      ending: false,
      owner: '',
    },
  ],
};
const FREE: ResourceJson = {
  ...RESOURCE,
  id: 2,
  name: 'board-1',
  state: 'free',
  tags: ['board'],
  properties: {},
  waiting: 0,
  leases: [],
};
const OFFLINE: ResourceJson = {
  ...FREE,
  id: 3,
  name: 'board-2',
  state: 'offline',
  offline: { reason: 'fan broken', by: 'bob', since: MINUTE_AGO, until: null },
};

const DRAINING: ResourceJson = {
  ...FREE,
  id: 4,
  name: 'board-3',
  state: 'draining',
  lastUsed: MINUTE_AGO,
  drainedAt: new Date(NOW + 1000).toISOString(),
};

test('a resource that is draining is not shown as free, and says until when and why', async () => {
  stopClock();
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources: [DRAINING] }));
  const { out } = await rentabot(words('status'));
  const [, row = ''] = out.split('\n');
  expect(row).toMatch(/^board-3 {2}draining {2}- +13:59 \(1m\) +14:00 +- +draining: its last command may not have/);
});

test('nor is one that is offline said to come back when it is drained', async () => {
  stopClock();
  const { lastUsed, drainedAt } = DRAINING;
  stub.on('GET /api/v2/resources', (_, response) =>
    json(response, 200, { resources: [{ ...OFFLINE, lastUsed, drainedAt }] }),
  );
  const { out } = await rentabot(words('status'));
  expect(out.split('\n')[1]).toMatch(/^board-2 +offline +bob +\S.* \(1m\) +- +- +offline: fan broken; the big one$/);
});

test.each<[string, string[]]>([
  ['status', ['gpu-0', 'board-1', 'board-2']],
  ['ls', ['gpu-0', 'board-1', 'board-2']],
  ['status board-1', ['board-1']],
  ['status -t board', ['board-1', 'board-2']],
  ['status -w mem>=24 -n board-1', ['gpu-0', 'board-1']],
  ['status --id 3', ['board-2']],
  ['status nothing', []],
])('rentabot %s shows %j', async (line, names) => {
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources: [RESOURCE, FREE, OFFLINE] }));
  const people = await rentabot(words(line));
  expect(people.code).toBe(0);
  expect(
    people.out
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.split(' ')[0]),
  ).toEqual(names);
  const programs = await rentabot([...words(line), '--json']);
  expect(JSON.parse(programs.out).resources.map(({ name }: ResourceJson) => name)).toEqual(names);
});

test('the table says who, why and for whom else', async () => {
  stopClock();
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources: [RESOURCE, OFFLINE] }));
  const { out } = await rentabot(['status']);
  const [, held, offline] = out.split('\n');
  expect(held).toMatch(/^gpu-0 +held +ann@ws +13:59 \(1m\) +- +2 +nightly$/);
  expect(offline).toMatch(/^board-2 +offline +bob +13:59 \(1m\) +- +- +offline: fan broken; the big one$/);
});

test('when machines were last seen has a column where one of the resources is on a machine', async () => {
  stopClock();
  const seen = { ...FREE, machine: 'mdc1:a', lastSeen: MINUTE_AGO };
  const never = { ...OFFLINE, machine: 'mdc1:b', lastSeen: null };
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources: [RESOURCE, seen, never] }));
  const { out } = await rentabot(['status']);
  const [head, ...rows] = out.trimEnd().split('\n');
  expect(head).toMatch(/^NAME +STATE +HOLDER +SINCE +UNTIL +WAITING +LAST SEEN +NOTE$/);
  const at = head?.indexOf('LAST SEEN') ?? 0;
  expect(rows.map((row) => row.slice(at).split(/ {2,}/)[0])).toEqual(['-', '1m ago', 'never']);
  expect((await rentabot(['status', 'gpu-0'])).out).not.toContain('LAST SEEN');
});

test('--json of the queue is what the daemon said', async () => {
  const body = {
    waiting: [
      {
        ...waitingJson('01JD3X6T8Q5W0Z9Y7R2M4K1N3B', 2),
        holder: { name: 'ann', host: 'ws', link: null },
        want: '2*gpu',
        since: new Date().toISOString(),
        priority: 1,
        note: '',
        until: null,
      },
    ],
  };
  stub.on('GET /api/v2/queue', (_, response) => json(response, 200, body));
  expect(JSON.parse((await rentabot(['queue', '--json'])).out)).toEqual(body);
  const { out } = await rentabot(['queue']);
  expect(out).toMatch(/2 +2\*gpu +ann@ws .* gpu-0 is held by bob@ci-4/);
  const why = await rentabot(['why', '01JD3X6T8Q5W0Z9Y7R2M4K1N3B']);
  expect(why.out).toMatch(/^waiting for 2\*gpu: position 2; .*\n {2}gpu-0 is held by bob@ci-4/);
});

test('why tells of a want without asking for it', async () => {
  stub.on('POST /api/v2/why', (_, response) => {
    json(response, 200, { state: 'impossible', detail: 'there are only 2', hint: 'did you mean gpu-0?', blockers: [] });
  });
  const { code, out } = await rentabot(words('why -t gpu --count 4'));
  expect(code).toBe(0);
  expect(out).toBe('4*gpu: impossible\nthere are only 2\ndid you mean gpu-0?\n');
  expect(stub.asked[0]?.body).toEqual({ want: [{ tags: ['gpu'], count: 4, mode: null }] });
});

test('why of an id that is nowhere is 65', async () => {
  stub.on('GET /api/v2/queue', (_, response) => json(response, 200, { waiting: [] }));
  stub.on('GET lease', (_, response) => problem(response, 'not-found', 'no such lease'));
  expect((await rentabot(['why', '01JD3X6T8Q5W0Z9Y7R2M4K1N3B'])).code).toBe(65);
});

test('history is read page by page up to its limit, the newest last', async () => {
  stub.on('GET /api/v2/history', ({ path }, response) => {
    const query = new URL(path, 'http://x').searchParams;
    const before = Number(query.get('before') ?? 251);
    const count = Math.min(Number(query.get('limit')), before - 1);
    const events = Array.from({ length: count }, (_, i) => ({
      id: before - 1 - i,
      at: new Date().toISOString(),
      type: 'lease-ended',
      resources: ['a'],
    }));
    json(response, 200, { events, next: before - count > 1 ? before - count : null });
  });
  const { out } = await rentabot(words('history a --limit 220 --since 1h --json'));
  const ids = JSON.parse(out).events.map(({ id }: { id: number }) => id);
  expect(ids).toHaveLength(220);
  expect(ids[0]).toBe(250);
  expect(stub.asked).toHaveLength(3);
  expect(stub.asked[0]?.path).toMatch(/resource=a&since=\d{4}-.*Z&limit=100$/);
  const people = await rentabot(words('history'));
  expect(people.out.trim().split('\n')).toHaveLength(101);
});

test.each<[string, Partial<LeaseJson>, Record<string, string>, number]>([
  ['held', {}, {}, 0],
  ['held, with its fence', {}, { RENTABOT_FENCE: '7' }, 0],
  ['held by somebody later', {}, { RENTABOT_FENCE: '6' }, 76],
  ['told to end', { ending: { reason: 'stolen', by: 'bob', note: '', since: '' } }, {}, 76],
])('check of a lease that is %s', async (_, more, env, code) => {
  stub.leases.set('L', { ...leaseJson({ id: 'L', fence: 7, ttl: 30 }), ...more });
  expect((await rentabot(['check'], { RENTABOT_LEASE: 'L', ...env })).code).toBe(code);
  expect(stub.asked).toHaveLength(1);
});

test.each(['lost', 'not-found'] as const)('check of a lease that is %s is 76, and says so', async (code) => {
  stub.on('GET lease', (_, response) => problem(response, code, 'it was stolen by bob'));
  const checked = await rentabot(['check'], { RENTABOT_LEASE: 'L' });
  expect(checked).toMatchObject({ code: 76, said: 'rentabot: lost: it was stolen by bob\n' });
  expect((await rentabot(['check', '-q'], { RENTABOT_LEASE: 'L' })).said).toBe('');
});

test('check of a daemon that is away is 69, never 0', async () => {
  await stub.stop();
  expect((await rentabot(['check'], { RENTABOT_LEASE: 'L' })).code).toBe(69);
});

test('where nothing runs, looking starts nothing and says so', async () => {
  const { code, out, said } = await rentabot(['status'], { RENTABOT_URL: '' });
  expect(code).toBe(0);
  expect(out).toMatch(/^NAME .*\n$/);
  expect(said).toMatch(/no daemon is running here/);
  expect((await rentabot(['status', '--json'], { RENTABOT_URL: '' })).out).toBe('{"resources":[]}\n');
  expect((await rentabot(['queue', '--json'], { RENTABOT_URL: '' })).out).toBe('{"waiting":[]}\n');
});
