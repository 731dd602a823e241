import { describe, expect, test } from 'vitest';
import { besideOthers, type Standing, Tally } from '../../src/core/stats.ts';
import { statsToCsv } from '../../src/core/stats-csv.ts';
import type { EventJson, ResourceFiguresJson, StatsJson } from '../../src/core/wire.ts';
import { Chance } from '../simulation/random.ts';

/** Moments are seconds from here. */
const START = Date.parse('2026-01-31T12:00:00Z');
const at = (second: number): number => START + second * 1000;

type Happening = Omit<EventJson, 'id' | 'at'> & { readonly second: number };

const granted = (second: number, resource: string, waited = 0): Happening => ({
  second,
  type: 'lease-granted',
  resources: resource.split(' '),
  waited,
});
const ended = (second: number, resource: string, held: number, more: Partial<EventJson> = {}): Happening => ({
  second,
  type: 'lease-ended',
  resources: resource.split(' '),
  held,
  reason: 'released',
  ...more,
});
const offline = (second: number, resource: string): Happening => ({
  second,
  type: 'resource-offline',
  resources: [resource],
});
const online = (second: number, resource: string): Happening => ({
  second,
  type: 'resource-online',
  resources: [resource],
});
const added = (second: number, resource: string): Happening => ({
  second,
  type: 'resource-added',
  resources: [resource],
});

interface World {
  readonly from?: number;
  readonly to?: number;
  readonly resources?: Readonly<Record<string, Partial<Standing>>>;
}

/** What a history, given from its oldest event on, comes to. */
function statsOf(
  happenings: readonly Happening[],
  { from = 0, to = 100, resources = { a: {} } }: World = {},
): StatsJson {
  const standings = Object.entries(resources).map(
    ([name, more], i): Standing => ({ id: i + 1, name, tags: [], offlineSince: null, grantedAt: [], ...more }),
  );
  const tally = new Tally(standings, { from: at(from), to: at(to) });
  const events = happenings.map(
    ({ second, ...event }, i): EventJson => ({ id: i + 1, at: new Date(at(second)).toISOString(), ...event }),
  );
  for (const event of events.reverse()) tally.add(event);
  return tally.result();
}

function rowOf(happenings: readonly Happening[], world: World = {}): ResourceFiguresJson {
  return statsOf(happenings, world).resources[0] as ResourceFiguresJson;
}

describe('the use of a resource', () => {
  test.each<[string, readonly Happening[], World, { utilisation: number | null; held: number; offline: number }]>([
    ['nothing happened', [], {}, { utilisation: 0, held: 0, offline: 0 }],
    ['a lease in the span', [granted(10, 'a'), ended(35, 'a', 25)], {}, { utilisation: 0.25, held: 25, offline: 0 }],
    ['a lease that began before it', [ended(30, 'a', 500)], {}, { utilisation: 0.3, held: 30, offline: 0 }],
    [
      'a lease that still runs',
      [granted(60, 'a')],
      { resources: { a: { grantedAt: [at(60)] } } },
      { utilisation: 0.4, held: 40, offline: 0 },
    ],
    [
      'a lease that began before it and still runs',
      [],
      { resources: { a: { grantedAt: [at(-500)] } } },
      { utilisation: 1, held: 100, offline: 0 },
    ],
    [
      'two holders at a time are one use, and twice the hold',
      [ended(30, 'a', 20), ended(40, 'a', 20), ended(80, 'a', 10)],
      { resources: { a: { grantedAt: [at(75), at(90)] } } },
      { utilisation: 0.6, held: 20 + 20 + 10 + 25 + 10, offline: 0 },
    ],
    [
      'a long lease around short ones',
      [ended(20, 'a', 5), ended(30, 'a', 5), ended(50, 'a', 45), ended(60, 'a', 5)],
      {},
      { utilisation: 0.5, held: 60, offline: 0 },
    ],
    [
      'time offline is not time in service',
      [offline(20, 'a'), online(70, 'a'), ended(95, 'a', 25)],
      {},
      { utilisation: 0.5, held: 25, offline: 50 },
    ],
    [
      'whoever holds it while it is offline uses it',
      [granted(10, 'a'), offline(20, 'a'), ended(40, 'a', 30), online(60, 'a')],
      {},
      { utilisation: 0.375, held: 30, offline: 20 },
    ],
    ['offline since before the span', [online(40, 'a')], {}, { utilisation: 0, held: 0, offline: 40 }],
    [
      'offline since then',
      [offline(70, 'a')],
      { resources: { a: { offlineSince: at(70) } } },
      { utilisation: 0, held: 0, offline: 30 },
    ],
    [
      'offline all the time',
      [],
      { resources: { a: { offlineSince: at(-70) } } },
      { utilisation: null, held: 0, offline: 100 },
    ],
    [
      'offline with another reason is no other outage',
      [offline(20, 'a'), offline(30, 'a'), online(60, 'a')],
      {},
      { utilisation: 0, held: 0, offline: 40 },
    ],
    [
      'a resource that came later is measured from then on',
      [ended(10, 'a', 10), added(50, 'a'), ended(80, 'a', 25)],
      {},
      { utilisation: 0.5, held: 25, offline: 0 },
    ],
    ['offline from its beginning', [added(50, 'a'), online(75, 'a')], {}, { utilisation: 0, held: 0, offline: 25 }],
    ['a span of no length', [], { from: 100 }, { utilisation: null, held: 0, offline: 0 }],
  ])('%s', (_, happenings, world, expected) => {
    expect(rowOf(happenings, world)).toMatchObject(expected);
  });

  const seed = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
  test(`is what looking every second would find (RENTABOT_SEED=${seed})`, () => {
    const chance = new Chance(seed);
    for (let round = 0; round < 300; round += 1) {
      const [from, to] = [chance.below(150), 200];
      const { happenings, standing, held, isOffline } = aLife(chance, to);
      const inSpan = happenings.filter(({ second }) => second >= from);
      const row = rowOf(inSpan, { from, to, resources: { a: standing } });
      const seconds = Array.from({ length: to - from }, (_, i) => from + i);
      const used = seconds.filter((second) => held(second) > 0).length;
      const off = seconds.filter((second) => held(second) === 0 && isOffline(second)).length;
      const inService = to - from - off;
      expect(
        [row.held, row.offline, row.utilisation],
        `round ${round}, from ${from}: ${JSON.stringify(inSpan)}`,
      ).toEqual([
        seconds.reduce((sum, second) => sum + held(second), 0),
        off,
        inService === 0 ? null : Math.round((used / inService) * 10_000) / 10_000,
      ]);
    }
  });
});

/** Up to three holders at a time, and now and then offline: whoever holds it then keeps it, and nobody else gets it. */
function aLife(chance: Chance, to: number) {
  const happenings: Happening[] = [];
  const leases: { readonly from: number; until: number }[] = [];
  const outages: { readonly from: number; until: number }[] = [];
  const open = <T extends { readonly until: number }>(list: readonly T[]): T[] =>
    list.filter(({ until }) => until > to);
  for (let second = 1; second < to; second += 1) {
    const running = open(leases);
    const [outage] = open(outages);
    if (chance.maybe(0.06)) {
      happenings.push(outage ? online(second, 'a') : offline(second, 'a'));
      if (outage) outage.until = second;
      else outages.push({ from: second, until: to + 1 });
    } else if (running.length > 0 && chance.maybe(0.1)) {
      const lease = chance.pick(running);
      lease.until = second;
      happenings.push(ended(second, 'a', second - lease.from));
    } else if (!outage && running.length < 3 && chance.maybe(0.15)) {
      leases.push({ from: second, until: to + 1 });
      happenings.push(granted(second, 'a'));
    }
  }
  const standing = {
    offlineSince: open(outages)[0] ? at(open(outages)[0]?.from ?? 0) : null,
    grantedAt: open(leases).map((lease) => at(lease.from)),
  };
  const covering = (list: readonly { readonly from: number; readonly until: number }[], second: number): number =>
    list.filter((one) => one.from <= second && second < one.until).length;
  return {
    happenings,
    standing,
    held: (second: number) => covering(leases, second),
    isOffline: (second: number) => covering(outages, second) > 0,
  };
}

describe('waits', () => {
  test.each<[string, readonly number[], number | null, number | null]>([
    ['none', [], null, null],
    ['one', [7], 7, 7],
    ['two', [9, 1], 1, 9],
    ['ten', [10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 5, 9],
    ['all the same', Array(99).fill(3), 3, 3],
    ['mostly none', [...Array(89).fill(0), ...Array(11).fill(60)], 0, 60],
  ])('of %s: p50 and p90', (_, waits, p50, p90) => {
    const happenings = waits.map((waited, i) => granted(i, 'a', waited));
    expect(rowOf(happenings)).toMatchObject({ grants: waits.length, waitP50: p50, waitP90: p90 });
  });

  test('are found among many as by sorting', () => {
    const chance = new Chance(7);
    for (const range of [3, 1000]) {
      const waits = Array.from({ length: 2001 }, () => chance.below(range));
      const sorted = [...waits].sort((a, b) => a - b);
      const row = rowOf(waits.map((waited) => granted(1, 'a', waited)));
      expect([row.waitP50, row.waitP90]).toEqual([sorted[1000], sorted[1800]]);
    }
  });
});

describe('failures', () => {
  test.each<[string, readonly Happening[], number, number]>([
    ['of exits', [0, 1, 255].map((exit) => ended(5, 'a', 1, { exit })), 3, 2],
    ['of a command that was stopped: no', [129, 130, 143].map((exit) => ended(5, 'a', 1, { exit })), 0, 0],
    ['of a crash: yes', [ended(5, 'a', 1, { exit: 139 })], 1, 1],
    ['of one that nobody said anything of: no', [ended(5, 'a', 1)], 0, 0],
    ['of one whose lease was lost: no', [ended(5, 'a', 1, { exit: 1, reason: 'stolen' })], 0, 0],
    [
      'of one that is kept to be looked at: yes, once',
      [{ second: 3, type: 'lease-kept', resources: ['a'], exit: 2 }, ended(5, 'a', 4)],
      1,
      1,
    ],
  ])('%s', (_, happenings, finished, failed) => {
    const { all, resources } = statsOf(happenings);
    expect(resources[0]).toMatchObject({ finished, failed });
    expect(all).toMatchObject({ finished, failed });
  });

  test('stand beside those of the others', () => {
    const run = (resource: string, count: number, exit: number) =>
      Array.from({ length: count }, (_, i) => ended(i, resource, 0, { exit }));
    const { resources, all } = statsOf(
      [...run('a', 9, 0), ...run('a', 4, 1), ...run('b', 48, 0), ...run('b', 2, 1), ...run('c', 50, 0)],
      { resources: { a: {}, b: {}, c: {}, d: {} } },
    );
    expect(resources.map(({ failureRate, othersFailureRate }) => [failureRate, othersFailureRate])).toEqual([
      [0.3077, 0.02],
      [0.04, 0.0635],
      [0, 0.0952],
      [null, 0.0531],
    ]);
    expect(all.failureRate).toBe(0.0531);
    expect(besideOthers(resources.slice(0, 2)).map((row) => row.othersFailureRate)).toEqual([0.04, 0.3077]);
  });
});

test('a lease with several resources counts once for all, and for each of them', () => {
  const happenings = [granted(10, 'a b', 5), ended(20, 'a b', 10, { exit: 1 })];
  const { all, resources } = statsOf(happenings, { resources: { a: {}, b: {} } });
  expect(all).toMatchObject({ grants: 1, held: 20, utilisation: 0.1, waitP50: 5, finished: 1, failed: 1 });
  for (const row of resources) expect(row).toMatchObject({ grants: 1, held: 10, utilisation: 0.1, failed: 1 });
});

test('who left the queue is counted, and what no longer exists has no row', () => {
  const happenings = [{ second: 1, type: 'waiter-left', want: 'a' }, granted(2, 'gone')];
  const { all, resources } = statsOf(happenings);
  expect(all).toMatchObject({ unserved: 1, grants: 1 });
  expect(resources.map(({ name, grants }) => [name, grants])).toEqual([['a', 0]]);
});

test('as CSV a name may have quotes, and what is not known is empty', () => {
  const { resources } = statsOf([ended(25, 'a', 25, { exit: 0 })], { resources: { a: {}, 'the "big" one': {} } });
  expect(statsToCsv(resources)).toBe(
    [
      'resource,grants,held_seconds,utilisation,offline_seconds,wait_p50_seconds,wait_p90_seconds,finished,failed,failure_rate,others_failure_rate',
      'a,0,25,0.25,0,,,1,0,0,',
      '"the ""big"" one",0,0,0,0,,,0,0,,0',
      '',
    ].join('\n'),
  );
});
