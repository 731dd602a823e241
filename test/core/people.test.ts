import { expect, test } from 'vitest';
import type { Command } from '../../src/core/command.ts';
import type { Description } from '../../src/core/model.ts';
import { isClaim, messagesFor, warningBefore } from '../../src/core/view.ts';
import {
  ADMIN,
  ALICE,
  accept,
  acquire,
  askFor,
  BOB,
  declare,
  description,
  extend,
  release,
  SECOND,
  share,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

const HOUR = 3600 * SECOND;

function boards(...names: string[]): World {
  return having(...names.map((name) => description(name, { tags: ['board'] })));
}

function having(...resources: Description[]): World {
  const world = new World();
  world.turn(declare(resources));
  return world;
}

/** The codes of the refusals. */
function codes(world: World, ...commands: Command[]): (string | null)[] {
  return world.turn(...commands).map((refusal) => refusal?.code ?? null);
}

const claim = { for: HOUR, accept: null };
const offer = { for: HOUR, accept: 900 * SECOND };

test('a claim lasts its time without a word, and no longer', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim }));
  expect(isClaim(world.lease('a'))).toBe(true);
  world.pass(HOUR - 1);
  expect(world.standing('a')).toBe('held');
  world.pass(1);
  expect(world.standing('a')).toBe('lost');
});

test('a claim for no time in particular lasts until it is given back, over restarts too', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim: { for: null, accept: null } }));
  world.pass(1000 * HOUR);
  world.restart();
  world.pass(1000 * HOUR);
  expect([world.standing('a'), isClaim(world.lease('a'))]).toEqual(['held', true]);
  expect(codes(world, extend('a', HOUR), release('a'))).toEqual([null, null]);
  expect(world.standing('a')).toBe('lost');
});

test('offered first, it passes on unless it is accepted, and then lasts until it is given back', () => {
  const world = boards('b-1');
  const endless = { for: null, accept: 900 * SECOND };
  world.turn(acquire('a', 'name:b-1', { claim: endless }), acquire('b', 'name:b-1', { claim: endless }));
  world.pass(900 * SECOND);
  expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'held']);
  world.turn(accept('b'));
  world.pass(1000 * HOUR);
  expect(world.standing('b')).toBe('held');
});

test('a claim for no time in particular ends when it has been held for as long as one may', () => {
  const world = having(description('b-1', { maxHold: 60 * SECOND }));
  world.turn(acquire('a', 'name:b-1', { claim: { for: null, accept: null } }));
  expect(world.lease('a').endsAt).toBe(world.now + 60 * SECOND);
});

test('who waits for a claim keeps the place without a client, over restarts too', () => {
  const world = boards('b-1');
  world.turn(acquire('holder', 'name:b-1', { claim }));
  world.turn(acquire('a', 'name:b-1', { claim: offer }));
  world.pass(HOUR / 2);
  world.restart();
  world.pass(HOUR / 2);
  expect(world.standing('a')).toBe('held');
});

test('what is offered and not accepted passes on to the next', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim: offer }), acquire('b', 'name:b-1', { claim: offer }));
  expect(world.lease('a').offeredUntil).toBe(world.now + offer.accept);
  world.pass(offer.accept);
  expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'held']);
});

test('an hour that is accepted late is a whole hour, and is accepted once', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim: offer }));
  world.pass(10 * SECOND);
  world.turn(accept('a'));
  const { endsAt, offeredUntil } = world.lease('a');
  expect([endsAt, offeredUntil]).toEqual([world.now + HOUR, undefined]);
  world.pass(10 * SECOND);
  expect(codes(world, accept('a'))).toEqual([null]);
  expect(world.lease('a').endsAt).toBe(endsAt);
});

test('an offer is accepted by its owner, an admin, or whom it is shared with', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim: offer }));
  const byBob = accept('a', { secretHash: null, principal: BOB });
  expect(codes(world, byBob)).toEqual(['denied']);
  expect(codes(world, share('a', 'bob'), byBob)).toEqual([null, null]);
});

test('longer than a resource may be held is no claim', () => {
  const world = having(description('b-1', { maxHold: 60 * SECOND }));
  world.turn(acquire('a', 'name:b-1', { claim: offer }), accept('a'));
  world.pass(60 * SECOND);
  expect(world.standing('a')).toBe('lost');
});

test('to extend an offer is to take it', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { claim: offer }));
  world.turn(extend('a', 2 * HOUR));
  expect(world.lease('a')).toMatchObject({ endsAt: world.now + 2 * HOUR });
  expect(world.lease('a').offeredUntil).toBeUndefined();
});

test('a claim has no command behind it, and only a claim steals, only by name, and only where one may', () => {
  const world = boards('b-1');
  const thief = { claim, steals: 'a demo', principal: ADMIN };
  expect(codes(world, acquire('a', 'name:b-1', { claim, guarded: true }))).toEqual(['usage']);
  expect(codes(world, acquire('b', 'name:b-1', { ...thief, claim: null }))).toEqual(['usage']);
  expect(codes(world, acquire('c', 'board', thief))).toEqual(['usage']);
  expect(codes(world, acquire('d', 'name:b-1', { ...thief, principal: ALICE }))).toEqual(['denied']);
  expect(codes(world, acquire('e', 'name:b-1', thief))).toEqual([null]);
});

test('a thief passes the queue, which keeps its order; the command it takes from ends first', () => {
  const world = boards('b-1');
  world.turn(acquire('holder', 'name:b-1', { guarded: true }));
  world.turn(acquire('first', 'name:b-1', { priority: 100 }));
  world.turn(acquire('thief', 'name:b-1', { claim, steals: 'a demo', principal: ADMIN }));
  expect([world.standing('holder'), world.standing('thief')]).toEqual(['ending', 'waiting']);
  expect(messagesFor(world.lease('holder'), world.now)).toMatchObject([
    { type: 'ending', by: 'root', reason: 'stolen: a demo' },
  ]);
  world.turn(release('holder', { ended: true }));
  expect([world.standing('thief'), world.standing('first')]).toEqual(['held', 'waiting']);
  world.turn(release('thief'));
  expect(world.standing('first')).toBe('held');
});

test('a claim is stolen at once; a second thief hears of the first', () => {
  const world = boards('b-1');
  const thief = { claim, steals: 'a demo', principal: ADMIN };
  world.turn(acquire('holder', 'name:b-1', { claim }));
  world.turn(acquire('thief', 'name:b-1', thief));
  expect([world.standing('holder'), world.standing('thief')]).toEqual(['lost', 'held']);
  world.turn(release('thief'));
  world.turn(acquire('guarded', 'name:b-1', { guarded: true }));
  world.turn(acquire('one', 'name:b-1', thief));
  expect(codes(world, acquire('two', 'name:b-1', thief))).toEqual(['busy']);
});

test('of several slots a thief takes one, from who came last', () => {
  const world = having(description('licence', { slots: 2 }));
  world.turn(acquire('a', 'name:licence', { claim }), acquire('b', 'name:licence', { claim }));
  world.turn(acquire('thief', 'name:licence', { claim, steals: 'a demo', principal: ADMIN }));
  expect([world.standing('a'), world.standing('b'), world.standing('thief')]).toEqual(['held', 'lost', 'held']);
});

test('a holder is told who asks, once for each question', () => {
  const world = boards('b-1');
  world.turn(acquire('a', 'name:b-1', { guarded: true }));
  world.turn(askFor('b-1'), askFor('b-1'), askFor('b-1', { note: 'now' }));
  expect(messagesFor(world.lease('a'), world.now)).toMatchObject([
    { type: 'asked', by: 'bob', reason: 'please' },
    { type: 'asked', by: 'bob', reason: 'now' },
  ]);
  expect(codes(world, askFor('b-9'))).toEqual(['impossible']);
});

test('people are warned a quarter of an hour before, or a quarter of a short claim', () => {
  const world = boards('b-1', 'b-2');
  world.turn(acquire('long', 'name:b-1', { claim: { for: 8 * HOUR, accept: null } }));
  world.turn(acquire('short', 'name:b-2', { claim: { for: HOUR / 10, accept: null } }));
  const [long, short] = [world.lease('long'), world.lease('short')];
  expect(warningBefore(long, long.endsAt ?? 0)).toBe(900 * SECOND);
  expect(warningBefore(short, short.endsAt ?? 0)).toBe(90 * SECOND);
  expect(messagesFor(long, (long.endsAt ?? 0) - 900 * SECOND)).toMatchObject([{ type: 'expiring' }]);
  expect(messagesFor(long, (long.endsAt ?? 0) - 900 * SECOND - 1)).toEqual([]);
});

test('an end that is set anew may come sooner, and ends what had none', () => {
  const world = boards('b-1', 'b-2');
  world.turn(acquire('a', 'name:b-1', { claim }), acquire('b', 'name:b-2', { claim: { for: null, accept: null } }));
  world.turn(extend('a', 60 * SECOND, { exact: true }), extend('b', 60 * SECOND, { exact: true }));
  world.pass(60 * SECOND);
  expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'lost']);
});

test('one of several resources is given back alone, and goes to the next', () => {
  const world = boards('b-1', 'b-2');
  world.turn(acquire('a', '2*board', { claim }), acquire('b', 'name:b-1', { claim }));
  expect(codes(world, release('a', { only: 1 }), release('a', { only: 1 }))).toEqual([null, null]);
  expect([world.standing('b'), world.lease('a').uses]).toEqual(['held', [{ resource: 2, mode: 'slot' }]]);
  world.turn(release('a', { only: 2 }));
  expect(world.standing('a')).toBe('lost');
});

test('what a command runs on is not given back in parts', () => {
  const world = boards('b-1', 'b-2');
  world.turn(acquire('a', '2*board', { guarded: true }));
  expect(codes(world, release('a', { only: 1 }))).toEqual(['usage']);
});
