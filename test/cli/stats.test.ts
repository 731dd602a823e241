import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { ResourceFiguresJson, StatsJson } from '../../src/core/wire.ts';
import { json, StubDaemon } from './support/stub-daemon.ts';
import { testShell } from './support/world.ts';

const row = (
  id: number,
  name: string,
  tags: readonly string[],
  more: Partial<ResourceFiguresJson>,
): ResourceFiguresJson => ({
  id,
  name,
  tags: [...tags],
  grants: 0,
  held: 0,
  utilisation: null,
  offline: 0,
  waitP50: null,
  waitP90: null,
  finished: 0,
  failed: 0,
  failureRate: null,
  othersFailureRate: null,
  ...more,
});
const ROWS = [
  row(1, 'board-7', ['board'], {
    grants: 40,
    utilisation: 0.614,
    offline: 7500,
    waitP50: 0.25,
    waitP90: 340,
    finished: 39,
    failed: 12,
    failureRate: 0.3077,
    othersFailureRate: 0.0435,
  }),
  row(2, 'board-8', ['board'], { finished: 20, failed: 0, failureRate: 0, othersFailureRate: 0.2115 }),
  row(3, 'gpu-0', ['gpu'], { finished: 65, failed: 4, failureRate: 0.0615, othersFailureRate: 0.2034 }),
];
const STATS: StatsJson = {
  from: '2026-01-24T12:00:00.000Z',
  to: '2026-01-31T12:00:00.000Z',
  resources: ROWS,
  all: { ...row(0, '', [], { finished: 124, failed: 16, failureRate: 0.129, grants: 41 }), unserved: 2 },
};

let stub: StubDaemon;
beforeEach(async () => {
  stub = await new StubDaemon().start();
  stub.on('GET /api/v2/stats', (_, response) => json(response, 200, STATS));
  const resources = ROWS.map(({ id, name, tags }) => ({ id, name, tags, properties: {}, leases: [] }));
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources }));
});
afterEach(() => stub.stop());

async function stats(...options: string[]) {
  const shell = testShell({ RENTABOT_URL: stub.url });
  const code = await run(['stats', ...options], shell);
  return { code, out: shell.out, said: shell.ear.text, lines: shell.out.trimEnd().split('\n') };
}

test('the table has each resource beside the others, and all together', async () => {
  const { code, lines } = await stats();
  expect(code).toBe(0);
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ['NAME', 'USED', 'OFFLINE', 'GRANTS', 'WAIT P50', 'P90', 'FAILED', 'OTHERS'],
    ['board-7', '61 %', '2h5m', '40', '250ms', '5m40s', '31 % (12 of 39)', '4 %'],
    ['board-8', '-', '-', '0', '-', '-', '0 % (0 of 20)', '21 %'],
    ['gpu-0', '-', '-', '0', '-', '-', '6 % (4 of 65)', '20 %'],
    ['(all)', '-', '-', '41', '-', '-', '13 % (16 of 124)'],
  ]);
});

test('the last week is asked for, or what --since says', async () => {
  const spans: number[] = [];
  stub.on('GET /api/v2/stats', ({ path }, response) => {
    spans.push(Date.now() - Date.parse(new URL(path, 'http://x').searchParams.get('since') ?? ''));
    json(response, 200, STATS);
  });
  await stats();
  await stats('--since', '1h30m');
  expect(spans.map((span) => Math.floor(span / 60_000))).toEqual([7 * 24 * 60, 90]);
});

test.each<[readonly string[], readonly [string, number | null][]]>([
  [
    ['-t', 'board'],
    [
      ['board-7', 0],
      ['board-8', 0.3077],
    ],
  ],
  [
    ['board-8', 'gpu-0'],
    [
      ['board-8', 0.0615],
      ['gpu-0', 0],
    ],
  ],
  // Alone it stands beside all the others.
  [['-w', 'name=*-7'], [['board-7', 0.0435]]],
  [['-n', 'nothing'], []],
])('with %j only those are shown, and are each other’s others', async (options, expected) => {
  const { out } = await stats(...options, '--json');
  const body = JSON.parse(out) as StatsJson;
  expect(body.resources.map(({ name, othersFailureRate }) => [name, othersFailureRate])).toEqual(expected);
  expect(body.from).toBe(STATS.from);
});

test('--csv is for a spreadsheet', async () => {
  const { lines } = await stats('--csv', '-t', 'gpu');
  expect(lines).toEqual([expect.stringMatching(/^resource,grants,held_seconds,/), 'gpu-0,0,0,,0,,,65,4,0.0615,0.2034']);
});

test.each([
  [['--since', 'soon'], /--since/],
  [['--csv', '--json'], /--json and --csv exclude each other/],
  [['--id', 'x'], /--id/],
])('%j is a wrong call, and nothing is asked', async (options, sentence) => {
  const { code, said } = await stats(...options);
  expect([code, stub.asked.length]).toEqual([64, 0]);
  expect(said).toMatch(sentence);
});
