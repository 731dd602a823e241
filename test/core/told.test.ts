import { expect, test } from 'vitest';
import { tell } from '../../src/core/told.ts';
import { acquire, declare, description, release } from '../support/builders.ts';
import { World } from '../support/world.ts';

function told(world: World, ...commands: Parameters<World['turn']>) {
  world.turn(...commands);
  return tell(world.state, world.events, world.now);
}

test('what people are told has numbers that grow, and no secrets', () => {
  const world = new World();
  const first = told(world, declare([description('x')]), acquire('a', 'name:x', { note: 'nightly' }));
  const second = told(world, release('a'));
  expect([...first, ...second].map(({ id, type }) => `${id} ${type}`)).toEqual([
    '1 resource-added',
    '2 lease-granted',
    '3 lease-ended',
  ]);
  expect(first[1]).toMatchObject({ lease: 'a', resources: ['x'], note: 'nightly', fence: 1, waited: 0 });
  expect(JSON.stringify([first, second])).not.toContain('hash of');
});

test('the end of a lease names its resource, although that goes with it', () => {
  const world = new World();
  world.turn(declare([description('x')]), acquire('a', 'name:x'));
  world.turn(declare([]));
  const ending = told(world, release('a'));
  expect(ending).toMatchObject([
    { type: 'lease-ended', resources: ['x'] },
    { type: 'resource-removed', resources: ['x'] },
  ]);
});

test('who waits is told of, who is served at once is not', () => {
  const world = new World();
  world.turn(declare([description('x')]));
  const found = told(world, acquire('a', 'name:x'), acquire('b', 'name:x'));
  expect(found.map(({ type, lease }) => `${type} ${lease}`)).toEqual(['waiter-joined b', 'lease-granted a']);
});
