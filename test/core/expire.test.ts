import { describe, expect, test } from 'vitest';
import { nextDeadline } from '../../src/core/expire.ts';
import { acquire, declare, description, listen, offline, release, renew, rules, SECOND } from '../support/builders.ts';
import { World } from '../support/world.ts';

function board(world = new World()): World {
  world.turn(declare([description('board')]));
  return world;
}

describe('the next deadline', () => {
  test('is never where nothing depends on time', () => {
    const world = board();
    expect(nextDeadline(world.state)).toBeNull();
    world.turn(acquire('a', 'name:board'));
    world.ask(release('a'));
    expect(nextDeadline(world.state)).toBeNull();
  });

  test('is never, not infinitely late, where somebody waits for ever over an open connection', () => {
    const world = board();
    world.turn(offline('board'), acquire('a', 'name:board'), listen('a'));
    expect(nextDeadline(world.state)).toBeNull();
  });

  test('is the earliest of ttl, hold, wait, silence and the return of what is offline', () => {
    const world = board();
    const start = world.now;
    world.turn(acquire('a', 'name:board', { ttl: 90 * SECOND }));
    expect(nextDeadline(world.state)).toBe(start + 90 * SECOND);
    world.ask(acquire('b', 'name:board', { wait: 20 * SECOND }));
    expect(nextDeadline(world.state)).toBe(start + 20 * SECOND);
    world.ask(offline('board', { until: start + 10 * SECOND }));
    expect(nextDeadline(world.state)).toBe(start + 10 * SECOND);
  });

  test('moves on with a renewal', () => {
    const world = board();
    world.ask(acquire('a', 'name:board'));
    world.now += 20 * SECOND;
    world.ask(renew('a'));
    expect(nextDeadline(world.state)).toBe(world.now + 30 * SECOND);
    world.pass(10 * SECOND);
    expect(world.standing('a')).toBe('held');
    expect(nextDeadline(world.state)).toBe(world.now + 20 * SECOND);
  });
});

describe('spent ids', () => {
  const spend = (world: World, from: number, count: number) =>
    world.turn(...Array.from({ length: count }, (_, i) => release(`id-${from + i}`)));

  test('are remembered for an hour, then forgotten', () => {
    const world = board();
    spend(world, 0, 1);
    world.pass(3_600_000 - 1);
    expect(world.ask(acquire('id-0', 'name:board'))?.code).toBe('lost');
    world.pass(1);
    expect(world.typesOfEvents()).toEqual(['ids-forgotten']);
    expect(world.answer(acquire('id-0', 'name:board'))).toBe('held');
  });

  test('are forgotten oldest first where there are too many', () => {
    const world = board(new World(rules({ remembered: 500 })));
    spend(world, 0, 1500);
    world.turn();
    expect(world.state.ended.has('id-0')).toBe(false);
    expect(world.state.ended.has('id-1499')).toBe(true);
    expect(world.state.ended.size).toBeGreaterThanOrEqual(500);
  });

  test('stay bounded however many end in one turn', () => {
    const world = board(new World(rules({ remembered: 500 })));
    for (let turn = 0; turn < 10; turn += 1) spend(world, turn * 5000, 5000);
    world.turn();
    expect(world.state.ended.size).toBeLessThan(500 + 1000 + 5000);
  });
});

test('a leap of time ends each thing once', () => {
  const world = board();
  world.turn(acquire('a', 'name:board'), acquire('b', 'name:board'), acquire('c', 'name:board', { wait: 5 * SECOND }));
  world.pass(1_000_000 * SECOND);
  expect(['a', 'b', 'c'].map((id) => world.standing(id))).toEqual(['lost', 'lost', 'timeout']);
  expect(world.typesOfEvents().sort()).toEqual(['lease-ended', 'waiter-left', 'waiter-left']);
});
