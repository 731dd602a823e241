import { describe, expect, test } from 'vitest';
import { census } from '../../src/core/advice.ts';
import { nextDeadline } from '../../src/core/expire.ts';
import { parseSeen, seenText } from '../../src/core/machine.ts';
import type { Description, Millis } from '../../src/core/model.ts';
import { obstaclesTo } from '../../src/core/queue-view.ts';
import { tell } from '../../src/core/told.ts';
import { resourceToJson } from '../../src/core/view.ts';
import {
  ADMIN,
  acquire,
  declare,
  description,
  edit,
  listen,
  offline,
  online,
  release,
  renew,
  rules,
  SECOND,
  want,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

const MACHINE = 'mdc1:t-linux64-ms-100';
const STALE = 60 * SECOND;

/** A board on a machine that was never seen. */
function watched(more: Partial<Description> = {}, world = new World()): World {
  world.turn(declare([description('board', { machine: MACHINE, staleAfter: STALE, ...more })]));
  return world;
}

/** The same, and its machine was seen just now. */
function alive(more: Partial<Description> = {}): World {
  const world = watched(more);
  beat(world);
  return world;
}

function beat(world: World, at: Millis = world.now, machine = MACHINE) {
  return world.ask({ type: 'see', seen: [{ machine, text: seenText(at), at }], principal: ADMIN });
}

function shown(world: World) {
  const entry = world.state.catalogue.byName.get('board');
  if (!entry) throw new Error('there is no board');
  return resourceToJson(world.state, entry);
}

function told(world: World) {
  return tell(world.state, world.events, world.now).map(({ type, reason }) => [type, ...(reason ? [reason] : [])]);
}

describe('what is on a machine that is silent', () => {
  test('is not handed out before that was seen for the first time, not even in the turn that describes it', () => {
    const world = new World();
    world.turn(
      declare([description('board', { machine: MACHINE, staleAfter: STALE })]),
      acquire('a', 'name:board', { wait: 0 }),
    );
    expect(world.standing('a')).toBe('busy');
    expect(shown(world)).toMatchObject({
      state: 'offline',
      machine: MACHINE,
      lastSeen: null,
      staleAfter: 60,
      offline: { reason: `machine ${MACHINE} was never seen`, by: '', until: null },
    });
  });

  test('goes to the next as soon as it is seen, in the same turn', () => {
    const world = watched();
    world.turn(acquire('a', 'name:board'), listen('a'));
    expect(world.standing('a')).toBe('waiting');
    beat(world);
    expect(world.standing('a')).toBe('held');
    expect(shown(world)).toMatchObject({ state: 'held', offline: null, lastSeen: '1970-01-01T00:16:40Z' });
  });

  test('is handed out until the last moment of its patience, and not in the moment when that ends', () => {
    const world = alive();
    world.pass(STALE - 1);
    expect(world.answer(acquire('a', 'name:board', { wait: 0 }))).toBe('held');
    world.turn(release('a'));
    expect(nextDeadline(world.state)).toBe(world.now + 1);
    world.now += 1;
    expect(world.answer(acquire('b', 'name:board', { wait: 0 }))).toBe('busy');
    expect(shown(world).offline).toMatchObject({
      reason: `machine ${MACHINE} has been silent since 1970-01-01T00:16:40Z`,
      since: new Date(world.now).toISOString(),
    });
  });

  test('counts from when it was last seen, however often that was', () => {
    const world = alive();
    for (let i = 0; i < 5; i += 1) {
      world.pass(STALE - 1);
      beat(world);
      expect(shown(world).state).toBe('free');
    }
    world.pass(STALE);
    expect(shown(world).state).toBe('offline');
  });

  test('stays with whoever holds it, who is not disturbed', () => {
    const world = alive();
    world.turn(acquire('a', 'name:board', { ttl: 10 * STALE }));
    world.pass(STALE);
    expect([world.standing('a'), shown(world).state]).toEqual(['held', 'offline']);
    world.turn(release('a'));
    expect(world.answer(acquire('b', 'name:board', { wait: 0 }))).toBe('busy');
  });

  test('leaves those who want any to the others', () => {
    const world = alive({ tags: ['board'] });
    world.turn(declare([description('other', { tags: ['board'] })], { source: 'file:b' }));
    world.pass(STALE);
    world.turn(acquire('a', 'board'));
    expect(world.has('a')).toEqual(['other']);
    expect(census(world.state, want('board'))).toMatch(/^2 exist, 0 free, 1 offline: machine mdc1:.* has been silent/);
  });

  test('is what waiters are told they wait for', () => {
    const world = watched();
    expect(obstaclesTo(world.state, [want('name:board')], null, world.now)).toMatchObject([
      { resource: 'board', cause: 'offline', holder: null, note: `machine ${MACHINE} was never seen` },
    ]);
  });

  test('is told as going out of service and coming back', () => {
    const world = alive();
    expect(told(world)).toEqual([['resource-online']]);
    world.pass(STALE);
    expect(told(world)).toEqual([
      ['resource-offline', `machine ${MACHINE} has been silent since 1970-01-01T00:16:40Z`],
    ]);
    world.pass(STALE);
    expect(told(world)).toEqual([]);
  });

  test('is of no matter where the description has no patience for it', () => {
    const world = new World();
    world.turn(declare([description('board', { machine: MACHINE })]));
    world.pass(1000 * STALE);
    expect(shown(world)).toMatchObject({ state: 'free', machine: MACHINE, lastSeen: null });
    expect(Object.keys(shown(world))).not.toContain('staleAfter');
  });
});

describe('people and silence', () => {
  test('what somebody took out of service is not brought back by a sign of life', () => {
    const world = alive();
    world.turn(offline('board'));
    world.pass(STALE);
    expect(told(world)).toEqual([]);
    beat(world);
    expect(told(world)).toEqual([]);
    expect(shown(world).offline).toMatchObject({ reason: 'fan broken', by: 'bob' });
    world.turn(online('board'));
    expect(shown(world).state).toBe('free');
  });

  test('what somebody puts in service while it is silent is not handed out, and its waiters are told why', () => {
    const world = alive();
    world.turn(offline('board'));
    world.pass(STALE);
    world.turn(online('board'), acquire('a', 'name:board', { wait: 0 }));
    expect(world.standing('a')).toBe('busy');
    expect(told(world)[0]).toEqual([
      'resource-offline',
      `machine ${MACHINE} has been silent since 1970-01-01T00:16:40Z`,
    ]);
    beat(world);
    expect(shown(world).state).toBe('free');
  });
});

describe('a sign of life', () => {
  test('is a renewal from that machine, by the name of its host or by its whole id', () => {
    for (const host of ['t-linux64-ms-100', 'T-Linux64-MS-100', MACHINE]) {
      const world = alive();
      world.turn(acquire('a', 'name:board', { ttl: 10 * STALE, holder: { name: 'ci', host, link: null } }));
      world.pass(STALE + 500);
      expect(shown(world).state).toBe('offline');
      world.turn(renew('a'));
      expect(shown(world)).toMatchObject({ state: 'held', lastSeen: seenText(world.now).concat('Z') });
    }
  });

  test.each(['runner', '', 'ms-100'])('is no renewal from elsewhere: %j', (host) => {
    const world = alive();
    world.turn(acquire('a', 'name:board', { ttl: 10 * STALE, holder: { name: 'ci', host, link: null } }));
    world.pass(STALE);
    world.turn(renew('a'));
    expect(shown(world)).toMatchObject({ state: 'offline', lastSeen: '1970-01-01T00:16:40Z' });
  });

  test('is none if it is older than what is known, or so old that it says nothing', () => {
    const world = watched();
    world.now += 10 * STALE;
    expect(beat(world, world.now - STALE)).toBeNull();
    expect(shown(world)).toMatchObject({ state: 'offline', lastSeen: expect.any(String) });
    beat(world, world.now - STALE - 1);
    expect(shown(world).lastSeen).toBe(`${seenText(world.now - STALE)}Z`);
    beat(world, world.now - STALE + 1);
    expect(shown(world).state).toBe('free');
  });

  test('is refused where it is more than five minutes ahead, and then all that came with it', () => {
    const world = watched();
    const good = { machine: MACHINE, text: seenText(world.now), at: world.now };
    const at = world.now + 300_001;
    const bad = { machine: 'mdc1:fast', text: seenText(at), at };
    const refusal = world.ask({ type: 'see', seen: [good, bad], principal: ADMIN });
    expect(refusal).toMatchObject({ code: 'usage', detail: expect.stringContaining('mdc1:fast') });
    expect(world.state.machines.size).toBe(0);
    expect(beat(world, world.now + 300_000)).toBeNull();
    expect(shown(world).state).toBe('free');
  });

  test('of the same machine twice counts once, and the latest', () => {
    const world = new World(rules({ machines: 1 }));
    const seen = [3, 5, 4].map((at) => ({ machine: MACHINE, text: seenText(at), at }));
    expect(world.ask({ type: 'see', seen, principal: ADMIN })).toBeNull();
    expect(world.state.machines.get(MACHINE)?.at).toBe(5);
  });

  test('of more machines than the limit is refused; of those that are known it is not', () => {
    const world = new World(rules({ machines: 1 }));
    beat(world);
    world.now += 1;
    expect(beat(world, world.now, 'mdc1:another')).toMatchObject({ code: 'limit' });
    expect(beat(world)).toBeNull();
    expect([...world.state.machines.keys()]).toEqual([MACHINE]);
  });
});

describe('a restart', () => {
  test('keeps what was silent silent, waiters included, and its reason', () => {
    const world = alive();
    world.pass(STALE);
    world.turn(acquire('a', 'name:board'), listen('a'));
    world.restart(1000);
    world.turn();
    expect(world.standing('a')).toBe('waiting');
    expect(shown(world).offline?.reason).toMatch(/silent since 1970-01-01T00:16:40Z$/);
    beat(world);
    expect(world.standing('a')).toBe('held');
  });

  test('finds out what fell silent while nobody looked', () => {
    const world = alive();
    world.restart(STALE);
    expect(shown(world).state).toBe('offline');
  });

  test('lets what was seen go on, and watches it further', () => {
    const world = alive();
    world.restart(STALE - 1);
    expect(shown(world).state).toBe('free');
    world.pass(1);
    expect(shown(world).state).toBe('offline');
  });
});

describe('another description', () => {
  test('with more patience brings back what is silent, with less it goes', () => {
    const world = alive();
    world.pass(STALE);
    world.turn(edit('board', { staleAfter: 2 * STALE }));
    expect(told(world).map(([type]) => type)).toEqual(['resource-changed', 'resource-online']);
    expect(shown(world).state).toBe('free');
    world.turn(edit('board', { staleAfter: STALE }), acquire('a', 'name:board', { wait: 0 }));
    expect([shown(world).state, world.standing('a')]).toEqual(['offline', 'busy']);
  });

  test('with another machine is about that one', () => {
    const world = alive();
    world.turn(edit('board', { machine: 'mdc2:other' }));
    expect(shown(world).offline?.reason).toBe('machine mdc2:other was never seen');
    beat(world);
    expect(shown(world).state).toBe('offline');
    beat(world, world.now, 'mdc2:other');
    expect(shown(world).state).toBe('free');
  });

  test('without a machine does not ask for one any longer, and leaves nothing behind', () => {
    const world = watched();
    world.turn(edit('board', { machine: null }));
    expect(shown(world).state).toBe('free');
    expect(Object.keys(shown(world))).not.toContain('machine');
    expect([world.state.silent.size, world.state.silenceTimers.size, world.state.timers.size]).toEqual([0, 0, 0]);
  });

  test('that has it no longer leaves nothing behind', () => {
    for (const world of [watched(), alive()]) {
      world.turn(declare([]));
      expect([world.state.silent.size, world.state.silenceTimers.size, world.state.timers.size]).toEqual([0, 0, 0]);
    }
  });
});

describe('the time that a machine was seen', () => {
  test.each([
    ['2018-11-08T08:47:50.939514', 1_541_666_870_939.514],
    ['2018-11-08T08:47:50.9', 1_541_666_870_900],
    ['2018-11-08T08:47:50', 1_541_666_870_000],
    ['2018-11-08T08:47:50.939514Z', 1_541_666_870_939.514],
  ])('is read to the microsecond: %s', (text, at) => expect(parseSeen(text)).toBe(at));

  test.each([
    '',
    'today',
    '2018-11-08',
    '2018-11-08 08:47:50',
    '2018-02-30T00:00:00',
    '2018-11-08T24:00:00',
    '2018-11-08T08:47:50+01:00',
    '2018-11-08T08:47:50.1234567',
    ' 2018-11-08T08:47:50',
  ])('is none: %j', (text) => expect(parseSeen(text)).toBeNull());

  test('is written as Python writes it: without decimals where there are none, else with six', () => {
    expect(seenText(1_541_666_870_939)).toBe('2018-11-08T08:47:50.939000');
    expect(seenText(1_541_666_870_000)).toBe('2018-11-08T08:47:50');
  });
});
