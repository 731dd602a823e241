import { describe, expect, test } from 'vitest';
import { positionOf, queueToJson, waitingToJson } from '../../src/core/queue-view.ts';
import { ALICE, acquire, declare, description, offline, release, SECOND, want } from '../support/builders.ts';
import { World } from '../support/world.ts';

function fleet(...names: string[]): World {
  const world = new World();
  world.turn(declare(names.map((name) => description(name, { tags: [name.split('-')[0] ?? ''] }))));
  return world;
}

function place(world: World, id: string) {
  const queued = world.state.queue.byId.get(id);
  if (!queued) throw new Error(`${id} does not wait`);
  return waitingToJson(world.state, queued, world.now);
}

const whole = { limit: Number.POSITIVE_INFINITY, after: null };

describe('position', () => {
  test('1 is next, and counts those ahead that want something of what I want', () => {
    const world = fleet('gpu-0', 'gpu-1', 'board-0');
    world.turn(acquire('h', '2*gpu'), acquire('i', 'board'));
    world.turn(
      acquire('a', 'gpu'),
      acquire('x', 'board'),
      acquire('b', 'name:gpu-1'),
      acquire('c', 'gpu'),
      acquire('d', ['board', 'gpu']),
    );
    const positions = Object.fromEntries(['a', 'x', 'b', 'c', 'd'].map((id) => [id, place(world, id).position]));
    expect(positions).toEqual({ a: 1, x: 1, b: 2, c: 3, d: 5 });
  });

  test('a name and another name have nothing in common', () => {
    const world = fleet('gpu-0', 'gpu-1');
    world.turn(acquire('h', '2*gpu'));
    world.turn(acquire('a', 'name:gpu-0'), acquire('b', 'name:gpu-1'));
    expect([place(world, 'a').position, place(world, 'b').position]).toEqual([1, 1]);
  });

  test('a higher priority that arrives later stands before', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('h', 'gpu'));
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu', { priority: 1 }));
    expect([place(world, 'a').position, place(world, 'b').position]).toEqual([2, 1]);
  });

  test('follows new descriptions', () => {
    const world = fleet('gpu-0', 'gpu-1');
    world.turn(acquire('h', '2*gpu'));
    world.turn(acquire('a', 'board || name=gpu-0'), acquire('b', 'name:gpu-1'));
    expect(place(world, 'b').position).toBe(1);
    world.turn(declare([description('gpu-0', { tags: ['gpu'] }), description('gpu-1', { tags: ['gpu', 'board'] })]));
    expect(place(world, 'b').position).toBe(2);
  });

  test('the whole queue tells what each is told alone', () => {
    const world = fleet('gpu-0', 'gpu-1', 'board-0');
    world.turn(acquire('h', '2*gpu'), acquire('i', 'board'));
    for (let i = 0; i < 30; i += 1) {
      const wants = [['gpu'], ['board'], ['gpu', 'board'], ['name:gpu-1'], ['!board']][i % 5] as string[];
      world.turn(acquire(`w-${i}`, wants, { priority: i % 3 }));
    }
    for (const { id, position, blockers, eta } of queueToJson(world.state, world.now, whole)) {
      const queued = world.state.queue.byId.get(id);
      expect(queued && positionOf(world.state, queued), id).toBe(position);
      expect(place(world, id), id).toEqual({ state: 'waiting', id, position, eta, blockers });
    }
  });

  test('the queue comes in pages', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('h', 'gpu'), ...['a', 'b', 'c', 'd'].map((id) => acquire(id, 'gpu')));
    const ids = (limit: number, after: string | null) =>
      queueToJson(world.state, world.now, { limit, after }).map(({ id }) => id);
    expect([ids(2, null), ids(2, 'b'), ids(2, 'd'), ids(9, 'gone')]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      [],
      ['a', 'b', 'c', 'd'],
    ]);
  });
});

describe('blockers', () => {
  test('who holds it, why, since when and until when', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('h', 'gpu', { note: 'nightly', hold: 90 * SECOND }));
    const since = world.now;
    world.now += SECOND;
    world.turn(acquire('a', 'gpu'));
    expect(place(world, 'a').blockers).toEqual([
      {
        resource: 'gpu-0',
        cause: 'held',
        holder: { name: 'h', host: 'runner', link: null },
        owner: 'alice',
        note: 'nightly',
        since: new Date(since).toISOString(),
        until: new Date(since + 90 * SECOND).toISOString(),
      },
    ]);
  });

  test('what is offline, with the reason, by whom, until when', () => {
    const world = fleet('gpu-0');
    world.turn(offline('gpu-0', { until: world.now + 60 * SECOND }));
    world.turn(acquire('a', 'gpu'));
    expect(place(world, 'a').blockers).toMatchObject([
      {
        resource: 'gpu-0',
        cause: 'offline',
        holder: { name: 'bob' },
        note: 'fan broken',
        until: new Date(world.now + 60 * SECOND).toISOString(),
      },
    ]);
  });

  test('what is free but kept for somebody earlier', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('h', 'board'));
    world.turn(acquire('a', ['gpu', 'board']), acquire('b', 'gpu'));
    expect(place(world, 'b').blockers).toMatchObject([{ resource: 'gpu-0', cause: 'queue', holder: { name: 'a' } }]);
    expect(place(world, 'a').blockers).toMatchObject([{ resource: 'board-0', cause: 'held', holder: { name: 'h' } }]);
  });

  test('nobody in particular where nobody is known by name', () => {
    const world = fleet('gpu-0', 'board-0');
    const principal = { ...ALICE, name: '' };
    world.turn(acquire('h', 'board', { principal }));
    world.turn(acquire('a', ['gpu', 'board'], { principal }), acquire('b', 'gpu'));
    for (const id of ['a', 'b']) for (const one of place(world, id).blockers) expect(one).not.toHaveProperty('owner');
  });

  test('two of one name who are known by others are two', () => {
    const world = fleet('gpu-0');
    const holder = { name: 'root', host: 'ws', link: null };
    const reading = (id: string, name: string) =>
      acquire(id, [want('gpu', 'shared')], { holder, principal: { ...ALICE, name } });
    world.turn(reading('r1', 'alice'), reading('r2', 'bob'), acquire('w', 'gpu'));
    expect(place(world, 'w').blockers.map(({ owner }) => owner)).toEqual(['alice', 'bob']);
  });

  test('readers block a writer, all of them', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('r1', [want('gpu', 'shared')]), acquire('r2', [want('gpu', 'shared')]), acquire('w', 'gpu'));
    expect(place(world, 'w').blockers.map(({ holder }) => holder?.name)).toEqual(['r1', 'r2']);
  });

  test('at most ten, those that should be free soonest first', () => {
    const world = fleet(...Array.from({ length: 20 }, (_, i) => `gpu-${i}`));
    world.turn(
      ...Array.from({ length: 20 }, (_, i) => acquire(`h-${i}`, `name:gpu-${i}`, { hold: (100 - i) * SECOND })),
    );
    world.turn(acquire('a', 'gpu'));
    const { blockers } = place(world, 'a');
    expect(blockers.map(({ resource }) => resource)).toEqual(Array.from({ length: 10 }, (_, i) => `gpu-${19 - i}`));
  });

  test('what is retiring stands in nobody’s way, for nobody will get it', () => {
    const world = fleet('gpu-0', 'gpu-1');
    world.turn(acquire('h', '2*gpu'));
    world.turn(declare([description('gpu-1', { tags: ['gpu'] })]), acquire('a', 'gpu'));
    expect(place(world, 'a').blockers.map(({ resource }) => resource)).toEqual(['gpu-1']);
  });
});

describe('the estimate', () => {
  /** One GPU that was held for 100 s, and is held again. */
  const learned = () => {
    const world = fleet('gpu-0');
    world.turn(acquire('x', 'gpu', { ttl: 1000 * SECOND }));
    world.now += 100 * SECOND;
    world.turn(release('x'), acquire('h', 'gpu', { ttl: 1000 * SECOND }));
    return world;
  };
  const eta = (world: World, id: string) => {
    const at = place(world, id).eta;
    return at === null ? null : (Date.parse(at) - world.now) / SECOND;
  };

  test('is none without a history to go by', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('h', 'gpu'), acquire('a', 'gpu'));
    expect(eta(world, 'a')).toBeNull();
  });

  test('is when the holder is usually done, and a typical hold later for each further ahead', () => {
    const world = learned();
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu'), acquire('c', 'gpu'));
    world.now += 20 * SECOND;
    expect(['a', 'b', 'c'].map((id) => eta(world, id))).toEqual([80, 180, 280]);
  });

  test('is never in the past', () => {
    const world = learned();
    world.turn(acquire('a', 'gpu'));
    world.now += 500 * SECOND;
    expect(eta(world, 'a')).toBe(0);
  });

  test('follows a fixed end where there is one', () => {
    const world = learned();
    world.turn(release('h'), acquire('i', 'gpu', { hold: 30 * SECOND }), acquire('a', 'gpu'));
    expect(eta(world, 'a')).toBe(30);
  });

  test('follows the return of what is offline', () => {
    const world = learned();
    world.turn(release('h'), offline('gpu-0', { until: world.now + 45 * SECOND }), acquire('a', 'gpu'));
    expect(eta(world, 'a')).toBe(45);
  });

  test('survives a restart', () => {
    const world = learned();
    world.turn(acquire('a', 'gpu'));
    world.restart();
    expect(eta(world, 'a')).toBe(100);
  });

  test('of two things is that of the later', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('x', ['gpu', 'board'], { ttl: 1000 * SECOND }));
    world.now += 100 * SECOND;
    world.turn(release('x'));
    world.turn(acquire('h', 'gpu', { hold: 10 * SECOND }), acquire('i', 'board', { hold: 70 * SECOND }));
    world.turn(acquire('a', ['gpu', 'board']));
    expect(eta(world, 'a')).toBe(70);
  });

  test('of what has to be had whole is that of its last holder', () => {
    const world = new World();
    world.turn(declare([description('licence', { slots: 2 })]));
    world.turn(acquire('x', 'name:licence'));
    world.now += 10 * SECOND;
    world.turn(release('x'));
    world.turn(
      acquire('h', 'name:licence', { hold: 20 * SECOND }),
      acquire('i', 'name:licence', { hold: 50 * SECOND }),
    );
    world.turn(acquire('a', [want('name:licence', 'exclusive')]));
    expect(eta(world, 'a')).toBe(50);
  });
});
