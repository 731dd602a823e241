import { expect, test } from 'vitest';
import { Schedule } from '../../../src/daemon/notify/schedule.ts';
import { acquire, declare, description, release, SECOND } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const HOUR = 3600 * SECOND;

/** A world, and a schedule that follows it. */
function follow() {
  const world = new World();
  const schedule = new Schedule({ spans: [HOUR, 2 * HOUR], claims: true });
  const turn = (...commands: Parameters<World['turn']>): void => {
    world.turn(...commands);
    schedule.hear(world.events, world.now);
  };
  turn(declare([description('x')]));
  return { world, schedule, turn };
}

test('what is over leaves nothing behind', () => {
  const { schedule, turn } = follow();
  const claim = { for: HOUR, accept: null };
  turn(acquire('a', 'name:x', { claim }), acquire('b', 'name:x'), acquire('c', 'name:x', { claim }));
  expect(schedule.size).toBe(5);
  turn(release('b'));
  expect(schedule.size).toBe(3);
  turn(release('a'));
  expect(schedule.size).toBe(1);
  turn(release('c'));
  expect(schedule.size).toBe(0);
});

test('what is read back from the state is what was followed', () => {
  const { world, schedule, turn } = follow();
  turn(acquire('a', 'name:x', { claim: { for: HOUR, accept: null } }), acquire('b', 'name:x'));
  const { next, size } = schedule;
  schedule.restart(world.state, world.now);
  expect({ next: schedule.next, size: schedule.size }).toEqual({ next, size });
});

test('whoever gives up before it is too long is not waited for', () => {
  const { schedule, turn } = follow();
  turn(acquire('a', 'name:x'), acquire('b', 'name:x', { wait: 1.5 * HOUR }));
  expect(schedule.size).toBe(1);
});
