import { describe, expect, test } from 'vitest';
import { acquire, declare, description, extend, listen, offline, release, renew, SECOND } from '../support/builders.ts';
import { World } from '../support/world.ts';

function gpus(count: number): World {
  const world = new World();
  world.turn(declare(Array.from({ length: count }, (_, i) => description(`gpu-${i}`, { tags: ['gpu'] }))));
  return world;
}

describe('after a restart', () => {
  test('what was held is held, by the same fence, and for one full ttl', () => {
    const world = gpus(1);
    world.ask(acquire('a', 'gpu'));
    const before = world.lease('a');
    world.restart(1_000 * SECOND);
    expect(world.lease('a')).toEqual({ ...before, expiresAt: world.now + 30 * SECOND });
    world.pass(30 * SECOND - 1);
    expect(world.standing('a')).toBe('held');
    world.pass(1);
    expect(world.standing('a')).toBe('lost');
  });

  test('renewals were never written down, and are not missed', () => {
    const world = gpus(1);
    world.ask(acquire('a', 'gpu'));
    world.now += 20 * SECOND;
    world.ask(renew('a'));
    world.restart();
    expect(world.lease('a').expiresAt).toBe(world.now + 30 * SECOND);
  });

  test('the queue is as it was, and everybody has time to come back', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu', { ttl: 500 * SECOND }));
    world.turn(acquire('b', 'gpu'), acquire('c', 'gpu', { priority: 1 }), acquire('d', 'name:gpu-0'), listen('d'));
    world.restart(100 * SECOND);
    expect(world.queue()).toEqual(['c', 'b', 'd']);
    world.pass(29 * SECOND);
    expect(world.answer(acquire('b', 'gpu'))).toBe('waiting');
    world.pass(1 * SECOND);
    expect(world.queue()).toEqual(['b']);
  });

  test('the end of a wait does not move', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu', { ttl: 500 * SECOND }), acquire('b', 'gpu', { wait: 60 * SECOND }));
    world.restart(50 * SECOND);
    world.pass(10 * SECOND);
    expect(world.standing('b')).toBe('timeout');
  });

  test('ids, tickets and fences go on where they were, although nothing that had them is left', () => {
    const world = gpus(3);
    world.turn(acquire('a', 'gpu'), acquire('b', 'gpu'));
    world.turn(release('a'), release('b'), declare([]));
    const before = { ...world.state.counters };
    world.restart();
    expect(world.state.counters).toEqual(before);
    world.turn(declare([description('x')]), acquire('c', 'name:x'));
    expect(world.resource('x').id).toBe(before.resourceId + 1);
    expect(world.lease('c').fence).toBe(before.fence + 1);
    expect(world.lease('c').request.ticket).toBe(before.ticket + 1);
  });

  test('spent ids are still spent', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu'));
    world.turn(release('a'), release('never'));
    expect(world.answer(acquire('busy', 'name:gpu-0'))).toBe('held');
    expect(world.answer(acquire('b', 'gpu', { wait: 0 }))).toBe('busy');
    world.restart();
    expect(world.answer(acquire('a', 'gpu'))).toBe('lost');
    expect(world.answer(acquire('never', 'gpu'))).toBe('lost');
    expect(world.answer(acquire('b', 'gpu'))).toBe('busy');
    expect(world.ask(acquire('a', 'gpu', { secretHash: 'guessed' }))?.code).toBe('denied');
    expect(world.ask(acquire('a', '!gpu'))?.code).toBe('conflict');
  });

  test('an id is forgotten after the hour it had, not after another', () => {
    const world = gpus(1);
    world.turn(release('a'));
    world.restart(3_500 * SECOND);
    world.pass(100 * SECOND);
    expect(world.answer(acquire('a', 'gpu'))).toBe('held');
  });

  test('a lease that was told to end is still ending', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu', { guarded: true }), acquire('b', 'gpu'), listen('b'));
    world.turn(release('a'));
    world.restart();
    expect(world.standing('a')).toBe('ending');
    world.turn(release('a', { ended: true }));
    expect(world.standing('b')).toBe('held');
  });

  test('what was extended keeps its end', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu'));
    world.turn(extend('a', 500 * SECOND));
    const end = world.now + 500 * SECOND;
    world.restart(100 * SECOND);
    world.pass(end - world.now - 1);
    expect(world.standing('a')).toBe('held');
    world.pass(1);
    expect(world.standing('a')).toBe('lost');
  });

  test('a longest hold that ran out meanwhile ends the lease', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu', { hold: 60 * SECOND }));
    world.restart(60 * SECOND);
    world.pass(0);
    expect(world.standing('a')).toBe('lost');
  });

  test('what is offline comes back at its time, even when that has passed', () => {
    const world = gpus(2);
    world.turn(
      offline('gpu-0', { until: world.now + 10 * SECOND }),
      offline('gpu-1', { until: world.now + 99 * SECOND }),
    );
    world.restart(20 * SECOND);
    world.pass(0);
    expect(world.resource('gpu-0').offline).toBeNull();
    expect(world.resource('gpu-1').offline).not.toBeNull();
    world.pass(79 * SECOND);
    expect(world.resource('gpu-1').offline).toBeNull();
  });

  test('what is retiring still goes when its holder is done', () => {
    const world = gpus(1);
    world.turn(acquire('a', 'gpu'));
    world.turn(declare([]));
    world.restart();
    world.turn(release('a'));
    expect(world.state.catalogue.size).toBe(0);
  });

  test('nothing is stirred that could not be served before', () => {
    const world = gpus(2);
    world.turn(acquire('a', 'gpu'), acquire('b', '2*gpu'), acquire('c', 'gpu'));
    world.restart();
    world.pass(0);
    expect(world.queue()).toEqual(['b', 'c']);
  });
});
