import { describe, expect, test } from 'vitest';
import { census } from '../../src/core/advice.ts';
import { availableNow } from '../../src/core/assign.ts';
import { nextDeadline } from '../../src/core/expire.ts';
import { DEFAULT_DRAIN } from '../../src/core/model.ts';
import { obstaclesTo, waitingToJson } from '../../src/core/queue-view.ts';
import { tell } from '../../src/core/told.ts';
import { resourceToJson } from '../../src/core/view.ts';
import {
  ADMIN,
  acquire,
  declare,
  description,
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

const TTL = 30 * SECOND;

function boards(more = {}, world = new World()): World {
  world.turn(declare([description('board', more)]));
  return world;
}

/** `a` held it with a command behind it, and has just fallen silent for its whole ttl. */
function silent(more = {}, world = boards(more)): World {
  world.turn(acquire('a', 'name:board', { guarded: true, ttl: TTL }));
  world.pass(TTL);
  expect(world.standing('a')).toBe('lost');
  return world;
}

function seen(world: World) {
  const entry = world.state.catalogue.byName.get('board');
  return entry ? resourceToJson(world.state, entry) : null;
}

function state(world: World): string {
  return seen(world)?.state ?? 'gone';
}

describe('what a silent holder had', () => {
  test('is held back for the drain, and then goes to the next at once', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }), acquire('b', 'name:board'), listen('b'));
    world.pass(TTL);
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'waiting']);
    expect(nextDeadline(world.state)).toBe(world.now + DEFAULT_DRAIN);
    world.pass(DEFAULT_DRAIN - 1);
    expect(world.standing('b')).toBe('waiting');
    world.pass(1);
    expect(world.standing('b')).toBe('held');
    expect(world.typesOfEvents()).toEqual(['resource-drained', 'lease-granted']);
  });

  test('is held back as well where the holder was told to end and never answered', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.ask(release('a', { secretHash: null, principal: ADMIN }));
    world.pass(TTL);
    expect([world.standing('a'), state(world)]).toEqual(['lost', 'draining']);
    world.pass(DEFAULT_DRAIN);
    expect(state(world)).toBe('free');
  });

  test.each([
    ['a command that was reported dead', { guarded: true }, [release('a', { ended: true })], 0],
    ['one that was told to end and confirms', { guarded: true }, [release('a'), release('a', { ended: true })], 0],
    ['a lease without a command that is given back', {}, [release('a')], 0],
    ['a lease without a command that expires', {}, [], TTL],
    ['a longest hold of a lease without a command', { hold: SECOND }, [], SECOND],
  ])('is not held back after %s', (_, more, commands, span) => {
    const world = boards();
    world.turn(acquire('a', 'name:board', more));
    for (const command of commands) world.ask(command);
    world.pass(span);
    expect([world.standing('a'), state(world)]).toEqual(['lost', 'free']);
    expect(nextDeadline(world.state)).toBeNull();
  });

  test('is not held back where the drain is switched off', () => {
    const world = silent({}, boards({}, new World(rules({}, 'refuse', 0))));
    expect(state(world)).toBe('free');
    expect(world.answer(acquire('b', 'name:board'))).toBe('held');
  });

  test('is drained from when the daemon ends the lease, however late that is', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.pass(1000 * SECOND);
    expect(seen(world)).toMatchObject({
      state: 'draining',
      drainedAt: new Date(world.now + DEFAULT_DRAIN).toISOString(),
    });
  });

  test('is not free for anybody meanwhile, and everybody is told why', () => {
    const world = silent();
    const since = new Date(world.now).toISOString();
    const until = new Date(world.now + DEFAULT_DRAIN).toISOString();
    const blocker = { resource: 'board', cause: 'draining', holder: null, note: '', since, until };
    expect(world.answer(acquire('once', 'name:board', { wait: 0 }))).toBe('busy');
    expect(availableNow(world.state, [want('name:board')])).toBe(false);
    expect(obstaclesTo(world.state, [want('name:board')], null, world.now)).toEqual([blocker]);
    expect(census(world.state, want('name:board'))).toBe('1 exists, 0 free');
    expect(seen(world)).toMatchObject({ state: 'draining', drainedAt: until, leases: [] });
    world.turn(acquire('b', 'name:board'), acquire('c', 'name:board'));
    const places = ['b', 'c'].map((id) => {
      const queued = world.state.queue.byId.get(id);
      return queued && waitingToJson(world.state, queued, world.now);
    });
    expect(places[0]).toEqual({ state: 'waiting', id: 'b', position: 1, eta: until, blockers: [blocker] });
    expect(places[1]).toMatchObject({ position: 2, blockers: [blocker] });
    world.pass(DEFAULT_DRAIN);
    expect(seen(world)).toMatchObject({ state: 'held', drainedAt: null });
  });

  test('does not keep others from what is free beside it', () => {
    const world = silent({}, boards({}));
    world.turn(declare([description('board'), description('other')]));
    expect(world.answer(acquire('b', 'name:other'))).toBe('held');
    expect(world.answer(acquire('c', 'name=board || name=other', { wait: 0 }))).toBe('busy');
    world.ask(release('b'));
    expect(world.answer(acquire('d', 'name=board || name=other'))).toBe('held');
    expect(world.has('d')).toEqual(['other']);
  });

  test('is told of in the history when it is free again', () => {
    const world = silent();
    world.pass(DEFAULT_DRAIN);
    expect(tell(world.state, world.events, world.now)).toMatchObject([
      { type: 'resource-drained', resources: ['board'] },
    ]);
  });
});

describe('with several slots or sharers', () => {
  test('the whole resource is held back, and its other holders stay', () => {
    const world = boards({ slots: 3 });
    world.turn(acquire('a', 'name:board', { guarded: true }), acquire('b', 'name:board', { ttl: 900 * SECOND }));
    world.pass(TTL);
    world.turn(acquire('c', 'name:board'));
    expect(['a', 'b', 'c'].map((id) => world.standing(id))).toEqual(['lost', 'held', 'waiting']);
    expect(state(world)).toBe('draining');
    const queued = world.state.queue.byId.get('c');
    const blockers = queued ? waitingToJson(world.state, queued, world.now).blockers : [];
    expect(blockers.map(({ cause }) => cause)).toEqual(['draining']);
    world.turn(release('b'));
    expect(world.standing('c')).toBe('waiting');
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('c')).toBe('held');
  });

  test('of two silent holders the last counts', () => {
    const world = boards({ slots: 2 });
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.pass(SECOND);
    world.turn(acquire('b', 'name:board', { guarded: true }));
    world.pass(TTL - SECOND);
    world.pass(SECOND);
    world.turn(acquire('c', 'name:board'));
    world.pass(DEFAULT_DRAIN - 1);
    expect(world.standing('c')).toBe('waiting');
    world.pass(1);
    expect(world.standing('c')).toBe('held');
  });

  test('who wants it whole is told of the drain and of the holders that are left, and when both are over', () => {
    const world = boards({ slots: 2 });
    world.turn(
      acquire('a', 'name:board', { guarded: true }),
      acquire('b', 'name:board', { ttl: 900 * SECOND, hold: 900 * SECOND }),
    );
    const end = new Date(world.now + 900 * SECOND).toISOString();
    world.pass(TTL);
    world.turn(acquire('c', [want('name:board', 'exclusive')]));
    const queued = world.state.queue.byId.get('c');
    const place = queued && waitingToJson(world.state, queued, world.now);
    expect(place?.blockers.map(({ cause }) => cause)).toEqual(['draining', 'held']);
    expect(place?.eta).toBe(end);
  });

  test('a sharer that falls silent lets the others go on, and nobody new in', () => {
    const world = boards();
    world.turn(
      acquire('a', [want('name:board', 'shared')], { guarded: true }),
      acquire('b', [want('name:board', 'shared')], { ttl: 900 * SECOND }),
    );
    world.pass(TTL);
    world.turn(acquire('c', [want('name:board', 'shared')]));
    expect([world.standing('b'), world.standing('c'), state(world)]).toEqual(['held', 'waiting', 'draining']);
    world.pass(DEFAULT_DRAIN);
    expect([world.standing('c'), state(world)]).toEqual(['held', 'shared']);
  });
});

describe('what happens to it meanwhile', () => {
  test('offline it stays when it is drained, and online it still drains', () => {
    const world = silent();
    world.turn(offline('board'), acquire('b', 'name:board'));
    expect(state(world)).toBe('offline');
    world.turn(online('board'));
    expect([state(world), world.standing('b')]).toEqual(['draining', 'waiting']);
    world.turn(offline('board'));
    world.pass(DEFAULT_DRAIN);
    expect([state(world), world.standing('b')]).toEqual(['offline', 'waiting']);
    world.turn(online('board'));
    expect(world.standing('b')).toBe('held');
  });

  test('left behind by its file it goes once it is drained', () => {
    const world = silent();
    world.turn(declare([]));
    expect(state(world)).toBe('retiring');
    world.pass(DEFAULT_DRAIN);
    expect(world.typesOfEvents()).toEqual(['resource-drained', 'resource-removed']);
    expect(world.state.timers.size).toBe(0);
  });

  test('retiring when its last holder falls silent, it goes once it is drained', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.turn(declare([]));
    world.pass(TTL);
    expect(state(world)).toBe('retiring');
    world.pass(DEFAULT_DRAIN);
    expect(state(world)).toBe('gone');
  });

  test('retiring, it does not go with its last holder before it is drained', () => {
    const world = boards({ slots: 2 });
    world.turn(acquire('a', 'name:board', { guarded: true }), acquire('b', 'name:board', { ttl: 900 * SECOND }));
    world.turn(declare([]));
    world.pass(TTL);
    world.turn(release('b'));
    expect(state(world)).toBe('retiring');
    world.pass(DEFAULT_DRAIN);
    expect(state(world)).toBe('gone');
  });

  test('back in its file it is the one that it was, and still drains', () => {
    const world = silent();
    const { id } = world.resource('board');
    world.turn(declare([]));
    world.turn(declare([description('board')]), acquire('b', 'name:board'));
    expect([world.resource('board').id, state(world), world.standing('b')]).toEqual([id, 'draining', 'waiting']);
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('made up on demand it does not make place for others before it is drained', () => {
    const world = new World(rules({ undeclared: 1 }, 'create'));
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.pass(TTL);
    world.turn(acquire('x', 'name:other', { guarded: true }));
    expect(state(world)).toBe('draining');
    world.turn(release('x', { ended: true }));
    world.turn(acquire('y', 'name:third'));
    expect([...world.state.catalogue.byName.keys()]).toEqual(['board', 'third']);
    world.pass(DEFAULT_DRAIN);
    world.turn(acquire('z', 'name:fourth'));
    expect(state(world)).toBe('gone');
  });
});

describe('over a restart', () => {
  test('it is held back for the rest of the drain', () => {
    const world = silent();
    world.turn(acquire('b', 'name:board'));
    world.restart(DEFAULT_DRAIN - 500);
    world.pass(499);
    expect([state(world), world.standing('b')]).toEqual(['draining', 'waiting']);
    world.pass(1);
    expect(world.standing('b')).toBe('held');
  });

  test('that took longer than the drain it is free', () => {
    const world = silent();
    world.turn(acquire('b', 'name:board'));
    world.restart(DEFAULT_DRAIN);
    world.pass(0);
    expect(world.standing('b')).toBe('held');
  });

  test('a holder that fell silent while the daemon was away has its full ttl, and then the drain begins', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }), acquire('b', 'name:board'));
    world.restart(1000 * SECOND);
    world.turn(listen('b'));
    world.pass(TTL - 1);
    expect(world.standing('a')).toBe('held');
    world.pass(1);
    expect([world.standing('a'), state(world)]).toEqual(['lost', 'draining']);
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('what is in use is not held back from its holder, nor what was given back a moment before', () => {
    const world = boards();
    world.turn(acquire('a', 'name:board', { guarded: true }));
    world.restart();
    expect([state(world), world.ask(renew('a'))]).toEqual(['held', null]);
    world.turn(release('a', { ended: true }));
    world.restart();
    expect(state(world)).toBe('free');
  });

  test('it is held back although more ids have ended since than are remembered', () => {
    const world = silent({}, boards({}, new World(rules({ remembered: 1000 }))));
    world.turn(...Array.from({ length: 5000 }, (_, i) => release(`id-${i}`)));
    world.pass(1);
    world.restart();
    expect(state(world)).toBe('draining');
    world.pass(DEFAULT_DRAIN);
    world.pass(0);
    expect(world.state.ended.size).toBeLessThan(5000);
  });

  test.each([
    ['shorter', DEFAULT_DRAIN - 1, 1],
    ['longer', 1000 * SECOND, 0],
  ])('%s than the drain, what only waited for that to go, goes', (_, away, left) => {
    const world = silent();
    world.turn(declare([]));
    world.restart(away);
    expect(state(world)).toBe('retiring');
    world.pass(left);
    expect(state(world)).toBe('gone');
  });

  test('with the drain switched off meanwhile, nothing is held back and what was to go goes', () => {
    const world = new World(rules({}, 'refuse', 0));
    world.turn(declare([description('board')]), acquire('a', 'name:board', { guarded: true }));
    world.turn(release('a', { ended: true }));
    world.restart();
    expect(state(world)).toBe('free');
    const other = silent();
    other.turn(declare([]));
    const later = new World(rules({}, 'refuse', 0));
    Object.assign(later, { rows: other.rows, now: other.now });
    later.restart();
    later.pass(0);
    expect(state(later)).toBe('gone');
  });
});
