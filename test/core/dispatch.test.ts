import { describe, expect, test } from 'vitest';
import {
  acquire,
  declare,
  description,
  listen,
  offline,
  online,
  release,
  SECOND,
  tagged,
  want,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

function fleet(...names: string[]): World {
  const world = new World();
  world.turn(declare(names.map((name) => description(name, { tags: [name.split('-')[0] ?? ''] }))));
  return world;
}

function slotted(slots: number): World {
  const world = new World();
  world.turn(declare([description('licence', { slots })]));
  return world;
}

const slot = 'name:licence';
const shared = want(slot, 'shared');
const whole = want(slot, 'exclusive');

describe('modes', () => {
  test('as many plain leases fit as there are slots', () => {
    const world = slotted(3);
    world.turn(...['a', 'b', 'c', 'd'].map((id) => acquire(id, slot)));
    expect(['a', 'b', 'c', 'd'].map((id) => world.standing(id))).toEqual(['held', 'held', 'held', 'waiting']);
    world.ask(release('b'));
    expect(world.standing('d')).toBe('held');
  });

  test('all who share take one slot between them', () => {
    const world = slotted(2);
    world.turn(acquire('r1', [shared]), acquire('r2', [shared]), acquire('a', slot), acquire('r3', [shared]));
    expect(['r1', 'r2', 'a', 'r3'].map((id) => world.standing(id))).toEqual(['held', 'held', 'held', 'held']);
    expect(world.answer(acquire('b', slot))).toBe('waiting');
    world.turn(release('r1'), release('r2'));
    expect(world.standing('b')).toBe('waiting');
    world.ask(release('r3'));
    expect(world.standing('b')).toBe('held');
  });

  test('who wants it whole waits for the last of all others, and then keeps everybody out', () => {
    const world = slotted(3);
    world.turn(acquire('a', slot), acquire('r', [shared]), acquire('w', [whole]));
    world.ask(release('a'));
    expect(world.standing('w')).toBe('waiting');
    world.ask(release('r'));
    expect(world.standing('w')).toBe('held');
    world.turn(acquire('b', slot), acquire('s', [shared]));
    expect([world.standing('b'), world.standing('s')]).toEqual(['waiting', 'waiting']);
    world.ask(release('w'));
    expect([world.standing('b'), world.standing('s')]).toEqual(['held', 'held']);
  });

  test('readers do not starve a writer: those who come after it wait behind it', () => {
    const world = slotted(1);
    world.turn(acquire('r1', [shared]), acquire('r2', [shared]), acquire('w', slot), acquire('r3', [shared]));
    expect(world.standing('r3')).toBe('waiting');
    world.turn(release('r1'), acquire('r4', [shared]));
    expect(world.standing('w')).toBe('waiting');
    world.ask(release('r2'));
    expect([world.standing('w'), world.standing('r3')]).toEqual(['held', 'waiting']);
    world.ask(release('w'));
    expect([world.standing('r3'), world.standing('r4')]).toEqual(['held', 'held']);
  });

  test('when the writer gives up, the readers behind it join those before it', () => {
    const world = slotted(1);
    world.turn(acquire('r1', [shared]), acquire('w', slot), acquire('r2', [shared]), acquire('r3', [shared]));
    world.ask(release('w'));
    expect([world.standing('r2'), world.standing('r3')]).toEqual(['held', 'held']);
  });
});

describe('shadowing', () => {
  test('whoever waits for two keeps the first that is free: later ones for one do not pass', () => {
    const world = fleet('gpu-0', 'gpu-1');
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu'), acquire('big', '2*gpu'), acquire('small', 'gpu'));
    world.ask(release('a'));
    expect([world.standing('big'), world.standing('small')]).toEqual(['waiting', 'waiting']);
    world.ask(release('b'));
    expect([world.standing('big'), world.standing('small')]).toEqual(['held', 'waiting']);
  });

  test('whoever wants something else passes', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu'));
    expect(world.answer(acquire('c', 'board'))).toBe('held');
  });

  test('a free resource is kept for an older waiter that wants more than that', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('a', 'board'), acquire('both', ['gpu', 'board']), acquire('c', 'gpu'));
    expect(world.standing('c')).toBe('waiting');
    world.ask(release('both'));
    expect(world.standing('c')).toBe('held');
  });

  test('what several wanted at once unblocks a chain, each in its order', () => {
    const world = fleet('a-0', 'b-0', 'c-0');
    world.turn(acquire('x', 'a'), acquire('ab', ['a', 'b']), acquire('bc', ['b', 'c']), acquire('c', 'c'));
    expect(world.queue()).toEqual(['ab', 'bc', 'c']);
    world.ask(release('x'));
    expect(world.queue()).toEqual(['bc', 'c']);
    world.ask(release('ab'));
    expect(world.queue()).toEqual(['c']);
  });

  test('what is offline is shadowed as well, and when it returns it goes to the oldest', () => {
    const world = fleet('gpu-0');
    world.turn(offline('gpu-0'), acquire('a', 'gpu'), acquire('b', 'name:gpu-0'));
    world.ask(online('gpu-0'));
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'waiting']);
  });

  test('when the first of a line leaves, those who want the same by other words are next', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(
      acquire('x', 'board'),
      acquire('a', ['gpu', 'board']),
      acquire('b', 'name:gpu-0'),
      acquire('c', 'name=gpu-*'),
    );
    world.ask(release('a'));
    expect([world.standing('b'), world.standing('c')]).toEqual(['held', 'waiting']);
  });
});

describe('order', () => {
  test('the oldest is served first', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu'), acquire('c', 'name:gpu-0'));
    const served: string[] = [];
    for (const id of ['a', 'b', 'c']) {
      served.push(...world.state.leases.keys());
      world.ask(release(id));
    }
    expect(served).toEqual(['a', 'b', 'c']);
  });

  test('a higher priority goes before, and among equals the older', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('a', 'gpu'));
    world.turn(
      acquire('b', 'gpu'),
      acquire('c', 'gpu', { priority: 5 }),
      acquire('d', 'gpu', { priority: -1 }),
      acquire('e', 'gpu', { priority: 5 }),
    );
    expect(world.queue()).toEqual(['c', 'e', 'b', 'd']);
    world.ask(release('a'));
    expect(world.standing('c')).toBe('held');
  });

  test('a higher priority takes nothing from a holder', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('a', 'gpu'));
    world.ask(acquire('b', 'gpu', { priority: 100 }));
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'waiting']);
  });

  test('in one batch, too, the higher priority gets the last one', () => {
    const world = fleet('gpu-0');
    world.turn(acquire('low', 'gpu'), acquire('high', 'gpu', { priority: 1 }));
    expect([world.standing('low'), world.standing('high')]).toEqual(['waiting', 'held']);
  });

  test('an expired lease goes to the oldest waiter that fits', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(
      acquire('a', 'gpu'),
      acquire('x', 'board', { ttl: 300 * SECOND }),
      acquire('y', 'board'),
      acquire('b', 'gpu'),
      acquire('c', 'gpu'),
    );
    world.turn(listen('b'), listen('c'), listen('y'));
    world.pass(30 * SECOND);
    expect(['y', 'b', 'c'].map((id) => world.standing(id))).toEqual(['waiting', 'held', 'waiting']);
  });
});

describe('asking once', () => {
  test('is a wait of no time: what is free is had, what is taken is busy', () => {
    const world = fleet('gpu-0');
    expect(world.answer(acquire('a', 'gpu', { wait: 0 }))).toBe('held');
    expect(world.answer(acquire('b', 'gpu', { wait: 0 }))).toBe('busy');
  });

  test('is not a way past the queue', () => {
    const world = fleet('gpu-0', 'gpu-1');
    world.turn(acquire('a', 'gpu'), acquire('big', '2*gpu'));
    expect(world.answer(acquire('b', 'gpu', { wait: 0 }))).toBe('busy');
  });

  test('keeps nothing from others who asked in the same moment', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('x', 'board'));
    world.turn(acquire('a', ['gpu', 'board'], { wait: 0 }), acquire('b', 'gpu'));
    expect([world.standing('a'), world.standing('b')]).toEqual(['busy', 'held']);
  });

  test('is not answered busy because of another who asked once and got nothing', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('x', 'board'));
    world.turn(acquire('a', ['gpu', 'board'], { wait: 0 }), acquire('b', 'gpu', { wait: 0 }));
    expect([world.standing('a'), world.standing('b')]).toEqual(['busy', 'held']);
  });

  test('is answered busy in the order of the queue, so that a higher priority keeps nothing either', () => {
    const world = fleet('gpu-0', 'board-0');
    world.turn(acquire('x', 'board'));
    world.turn(acquire('b', 'gpu', { wait: 0 }), acquire('a', ['gpu', 'board'], { wait: 0, priority: 1 }));
    expect([world.standing('a'), world.standing('b')]).toEqual(['busy', 'held']);
  });
});

describe('fences', () => {
  test('each grant has a number greater than any before, the same for all its resources', () => {
    const world = fleet('gpu-0', 'gpu-1', 'board-0');
    world.turn(acquire('a', '2*gpu'), acquire('b', 'board'));
    const [a, b] = [world.lease('a').fence, world.lease('b').fence];
    expect(b).toBeGreaterThan(a);
    world.turn(release('a'), acquire('c', [tagged(['gpu'])]));
    expect(world.lease('c').fence).toBeGreaterThan(b);
  });
});

describe('the longest hold', () => {
  test('is the shortest of what was asked for and what each resource allows', () => {
    const world = new World();
    world.turn(declare([description('x', { maxHold: 50 * SECOND }), description('y', { maxHold: 20 * SECOND })]));
    world.turn(acquire('a', 'name:x', { hold: 90 * SECOND }), acquire('b', 'name:y', { hold: 5 * SECOND }));
    expect(world.lease('a').endsAt).toBe(world.now + 50 * SECOND);
    expect(world.lease('b').endsAt).toBe(world.now + 5 * SECOND);
    world.turn(release('a'), release('b'), acquire('c', ['name:x', 'name:y']));
    expect(world.lease('c').endsAt).toBe(world.now + 20 * SECOND);
  });

  test('renewals do not move it', () => {
    const world = fleet('gpu-0');
    world.ask(acquire('a', 'gpu', { hold: 40 * SECOND }));
    world.pass(20 * SECOND);
    world.ask(acquire('a', 'gpu', { hold: 40 * SECOND }));
    world.pass(20 * SECOND);
    expect(world.standing('a')).toBe('lost');
  });
});
