import { expect, test } from 'vitest';
import type { Principal } from '../../src/core/model.ts';
import { tell } from '../../src/core/told.ts';
import { acquire, declare, description, release, SECOND } from '../support/builders.ts';
import { World } from '../support/world.ts';

function admin(name: string): Principal {
  return { name, role: 'admin' };
}

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

test('of a claim it is told that it is one and whose, and of a theft what the thief said', () => {
  const world = new World();
  const [alice, bob] = [admin('alice'), admin('bob')];
  world.turn(declare([description('x')]));
  const claim = { for: 3600 * SECOND, accept: null };
  const first = told(world, acquire('a', 'name:x', { claim, principal: alice }));
  const second = told(world, acquire('b', 'name:x', { claim, steals: 'the release', principal: bob }));
  expect(first).toMatchObject([{ type: 'lease-granted', claim: true, owner: 'alice' }]);
  expect(second).toMatchObject([
    { type: 'lease-ended', lease: 'a', owner: 'alice', reason: 'stolen', by: 'bob', why: 'the release' },
    { type: 'lease-granted', lease: 'b', owner: 'bob', claim: true, reason: 'the release' },
  ]);
});

test('a command that is taken from is told why at once, and the end says it again', () => {
  const world = new World();
  world.turn(declare([description('x')]), acquire('a', 'name:x', { guarded: true }));
  const claim = { for: 3600 * SECOND, accept: null };
  const taken = told(world, acquire('b', 'name:x', { claim, steals: 'the release', principal: admin('bob') }));
  const ended = told(world, release('a', { ended: true }));
  expect(taken.find(({ type }) => type === 'lease-ending')).toMatchObject({ reason: 'stolen', why: 'the release' });
  expect(ended.find(({ type }) => type === 'lease-ended')).toMatchObject({ reason: 'stolen', why: 'the release' });
});
