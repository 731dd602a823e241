import { describe, expect, test } from 'vitest';
import type { Description, Want } from '../../src/core/model.ts';
import { acquire, declare, description, release, SECOND, tagged, want } from '../support/builders.ts';
import { World } from '../support/world.ts';

function of(...fleet: Description[]): World {
  const world = new World();
  world.turn(declare(fleet));
  return world;
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, i) => permutations(list.filter((_, j) => j !== i)).map((rest) => [first, ...rest]));
}

describe('matching', () => {
  /** As labgrid's scheduler is tested: whatever the order of wants and of resources, there is one way to have it all. */
  const things = [
    description('any-of-two', { tags: ['imx6', 'usb'] }),
    description('only-imx6', { tags: ['imx6'] }),
    description('only-usb', { tags: ['usb'] }),
    description('everything', { tags: ['imx6', 'usb', 'can'] }),
  ];
  const wants: Want[] = [want('imx6'), want('usb && !can'), want('name:only-usb'), want('can')];

  test('in all orders of wants and of resources, each want gets its own kind', () => {
    for (const order of permutations(wants)) {
      for (const fleet of permutations(things)) {
        const world = of(...fleet);
        expect(world.answer(acquire('a', order))).toBe('held');
        const got = new Map(order.map((one, i) => [one.key, world.has('a')[i]]));
        expect(Object.fromEntries(got)).toEqual({
          'where:imx6': 'only-imx6',
          'where:usb && !can': 'any-of-two',
          'name:"only-usb"': 'only-usb',
          'where:can': 'everything',
        });
      }
    }
  });

  test('a particular want is not robbed by a general one before it', () => {
    const world = of(description('x', { tags: ['gpu', 'a100'] }), description('y', { tags: ['gpu'] }));
    world.ask(acquire('a', ['gpu', 'a100']));
    expect(world.has('a')).toEqual(['y', 'x']);
  });

  test('a chain of three gives way to the fourth', () => {
    const world = of(
      description('w', { tags: ['a'] }),
      description('x', { tags: ['a', 'b'] }),
      description('y', { tags: ['b', 'c'] }),
      description('z', { tags: ['c', 'd'] }),
    );
    world.ask(acquire('h', ['a', 'b', 'c', 'd']));
    expect(world.has('h')).toEqual(['w', 'x', 'y', 'z']);
  });

  test('all or nothing: while one is missing nothing is taken', () => {
    const world = of(description('x', { tags: ['gpu'] }), description('y', { tags: ['board'] }));
    world.ask(acquire('h', 'board'));
    world.ask(acquire('a', ['gpu', 'board']));
    expect(world.standing('a')).toBe('waiting');
    expect(world.state.catalogue.byName.get('x')?.leases.size).toBe(0);
    world.ask(release('h'));
    expect(world.has('a')).toEqual(['x', 'y']);
  });

  test('a count takes so many different ones, listed where the want stands', () => {
    const world = of(...['x', 'y', 'z'].map((name) => description(name, { tags: ['gpu'] })), description('b'));
    world.ask(acquire('a', ['name:b', tagged(['gpu'], 2)]));
    expect(world.has('a')).toEqual(['b', 'x', 'y']);
  });

  test('one resource never serves two wants, however many slots it has', () => {
    const world = of(description('x', { slots: 9, tags: ['gpu'] }));
    expect(world.answer(acquire('a', ['gpu', 'gpu']))).toBe('impossible');
    expect(world.answer(acquire('b', '2*gpu'))).toBe('impossible');
  });

  test('each want has a mode of its own', () => {
    const world = of(description('x'), description('y'));
    world.ask(acquire('a', [want('name:x', 'shared'), want('name:y')]));
    world.ask(acquire('b', [want('name:x', 'shared')]));
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'held']);
    expect(world.answer(acquire('c', 'name:y'))).toBe('waiting');
  });

  test('a hundred at once, each next to particular ones', () => {
    const world = of(...Array.from({ length: 130 }, (_, i) => description(`r-${i}`, { tags: ['r', `k${i % 13}`] })));
    world.ask(acquire('a', [tagged(['r'], 100), tagged(['k3'], 10), tagged(['k5'], 10)]));
    expect(new Set(world.has('a')).size).toBe(120);
  });

  test('a tag written twice in a description counts once', () => {
    const world = of(description('x', { tags: ['gpu', 'gpu'] }), description('y', { tags: ['gpu'] }));
    expect(world.answer(acquire('a', '2*gpu'))).toBe('held');
    expect(world.has('a')).toEqual(['x', 'y']);
  });
});

describe('choice', () => {
  const gpus = (...names: string[]) => of(...names.map((name) => description(name, { tags: ['gpu'] })));

  test('never used comes first, and among those the lowest id', () => {
    const world = gpus('x', 'y', 'z');
    world.ask(acquire('a', 'gpu'));
    expect(world.has('a')).toEqual(['x']);
    world.ask(release('a'));
    world.ask(acquire('b', 'gpu'));
    expect(world.has('b')).toEqual(['y']);
  });

  test('then the one that has been idle for longest', () => {
    const world = gpus('x', 'y');
    world.turn(acquire('a', 'name:x'), acquire('b', 'name:y'));
    world.ask(release('b'));
    world.pass(SECOND);
    world.ask(release('a'));
    world.ask(acquire('c', 'gpu'));
    expect(world.has('c')).toEqual(['y']);
  });

  test('before all that, the one that the fewest others could use', () => {
    const world = of(
      description('x', { tags: ['gpu', 'a100'] }),
      description('y', { tags: ['gpu'] }),
      description('b', { tags: ['board'] }),
    );
    world.turn(acquire('h', 'board'));
    world.turn(acquire('a', 'gpu', { priority: 1 }), acquire('b', ['a100', 'board']));
    expect(world.has('a')).toEqual(['y']);
  });

  test('and it holds after a restart', () => {
    const world = gpus('x', 'y');
    world.turn(acquire('a', 'name:x'), acquire('b', 'name:y'));
    world.ask(release('b'));
    world.pass(SECOND);
    world.ask(release('a'));
    world.restart();
    world.ask(acquire('c', 'gpu'));
    expect(world.has('c')).toEqual(['y']);
  });
});
