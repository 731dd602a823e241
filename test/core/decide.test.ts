import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/core/command.ts';
import { DEFAULT_DRAIN } from '../../src/core/model.ts';
import {
  ADMIN,
  ALICE,
  acquire,
  BOB,
  declare,
  description,
  extend,
  listen,
  offline,
  online,
  release,
  renew,
  rules,
  SECOND,
  tagged,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

/** `n` boards, board-0 and so on. */
function boards(n = 1, more = {}): World {
  const world = new World();
  world.turn(declare(Array.from({ length: n }, (_, i) => description(`board-${i}`, { tags: ['board'], ...more }))));
  return world;
}

describe('acquire', () => {
  test('what is free is held at once', () => {
    const world = boards();
    expect(world.answer(acquire('a', 'board'))).toBe('held');
    expect(world.has('a')).toEqual(['board-0']);
  });

  test('asked again with the same id it renews what it holds, and takes nothing more', () => {
    const world = boards(2);
    world.ask(acquire('a', 'board'));
    const { fence, expiresAt } = world.lease('a');
    world.now += 10 * SECOND;
    expect(world.answer(acquire('a', 'board'))).toBe('held');
    expect(world.lease('a').fence).toBe(fence);
    expect(world.lease('a').expiresAt).toBe(expiresAt + 10 * SECOND);
    expect(world.events).toEqual([]);
    expect(world.state.leases.size).toBe(1);
  });

  test('twice in one batch it is one request', () => {
    const world = boards(2);
    expect(world.turn(acquire('a', 'board'), acquire('a', 'board'))).toEqual([null, null]);
    expect(world.typesOfEvents()).toEqual(['waiter-joined', 'lease-granted']);
  });

  test('asked again while it waits it keeps its place', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'), acquire('c', 'board'));
    expect(world.answer(acquire('b', 'board'))).toBe('waiting');
    expect(world.queue()).toEqual(['b', 'c']);
  });

  test('asked again with other patience, priority or note, the first request counts', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'), acquire('c', 'board'));
    world.ask(acquire('c', 'board', { priority: 9, wait: 0, note: 'now' }));
    expect(world.queue()).toEqual(['b', 'c']);
    expect(world.standing('c')).toBe('waiting');
  });

  test('the same id with another want is a conflict, held, waiting or ended', () => {
    const world = boards(2);
    world.turn(acquire('a', 'name:board-0'), acquire('b', 'name:board-0'), acquire('c', 'name:board-1'), release('c'));
    for (const id of ['a', 'b', 'c']) {
      expect(world.ask(acquire(id, 'board'))?.code, id).toBe('conflict');
      expect(world.ask(acquire(id, ['board', 'board']))?.code, id).toBe('conflict');
    }
    expect(world.ask(acquire('a', [tagged(['board'], 1, 'shared')]))?.code).toBe('conflict');
  });

  test('wants that are spelled differently and mean the same are the same want', () => {
    const world = boards(1, { tags: ['x', 'y'] });
    world.ask(acquire('a', [tagged(['x', 'y'])]));
    expect(world.answer(acquire('a', [tagged(['y', 'x', 'y'])]))).toBe('held');
    world.ask(acquire('b', ['x&&(y)']));
    expect(world.answer(acquire('b', ['x && y']))).toBe('waiting');
  });

  test('the same id with another secret is denied, held, waiting or ended', () => {
    const world = boards(2);
    world.turn(acquire('a', 'name:board-0'), acquire('b', 'name:board-0'), acquire('c', 'name:board-1'), release('c'));
    world.ask(release('d'));
    for (const [id, name] of [
      ['a', 0],
      ['b', 0],
      ['c', 1],
      ['d', 1],
    ] as const) {
      expect(world.ask(acquire(id, `name:board-${name}`, { secretHash: 'guessed' }))?.code, id).toBe('denied');
    }
    expect(world.standing('a')).toBe('held');
  });

  test('a denied repetition does not keep the place in the queue', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 300 * SECOND }), acquire('b', 'board'));
    world.now += 29 * SECOND;
    world.ask(acquire('b', 'board', { secretHash: 'guessed' }));
    world.pass(1 * SECOND);
    expect(world.standing('b')).toBe('lost');
  });

  test.each([
    ['a wait that ran out', 'timeout', 408, [] as Command[], 10],
    ['a lease that was released', 'lost', 410, [release('a')], 0],
    ['a place that was given up', 'lost', 410, [release('b')], 0],
  ])('a repetition after %s is answered %s again, and starts nothing', (_, code, _status, commands, seconds) => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 300 * SECOND }), acquire('b', 'board', { wait: 10 * SECOND }));
    world.turn(...commands);
    world.pass(seconds * SECOND);
    const id = commands[0]?.type === 'release' && commands[0].id === 'a' ? 'a' : 'b';
    const again = acquire(id, 'board', { wait: 10 * SECOND });
    expect(world.ask(again)?.code).toBe(code);
    expect(world.ask(again)?.code).toBe(code);
    expect(world.queue()).not.toContain(id);
  });

  test('who asked once and was told busy is told so again, although it is free by now', () => {
    const world = boards();
    world.turn(acquire('a', 'board'));
    expect(world.answer(acquire('b', 'board', { wait: 0 }))).toBe('busy');
    world.ask(release('a'));
    expect(world.answer(acquire('b', 'board', { wait: 0 }))).toBe('busy');
    expect(world.state.leases.size).toBe(0);
  });

  test('a lost lease says how it was lost, and by whom', () => {
    const world = boards(3);
    world.turn(acquire('a', 'name:board-0'), acquire('b', 'name:board-1'), acquire('c', 'name:board-2'));
    world.turn(release('a'), release('b', { secretHash: null, principal: ADMIN }));
    world.pass(30 * SECOND);
    const found = [0, 1, 2].map((i) => world.ask(acquire('abc'.charAt(i), `name:board-${i}`)));
    expect(found.map((refusal) => refusal?.reason)).toEqual(['released', 'revoked', 'expired']);
    expect(found[1]?.detail).toBe('lease b has ended: revoked by root');
  });

  test('each limit is an answer that names it', () => {
    const world = new World(rules({ waiters: 1, wants: 2, units: 3, leases: 1 }));
    world.turn(
      declare([
        description('r-0', { tags: ['r'] }),
        ...[1, 2, 3, 4].map((i) => description(`r-${i}`, { tags: ['r'] })),
      ]),
    );
    expect(world.ask(acquire('w', ['r', 'r', 'r']))).toMatchObject({
      code: 'usage',
      status: 422,
      detail: expect.stringContaining('(wants)'),
    });
    expect(world.ask(acquire('u', ['4*r']))).toMatchObject({
      code: 'usage',
      status: 422,
      detail: expect.stringContaining('(units)'),
    });
    expect(world.answer(acquire('a', 'name:r-0'))).toBe('held');
    expect(world.ask(acquire('b', 'name:r-1'))).toMatchObject({
      code: 'limit',
      retryAfter: 5,
      detail: expect.stringContaining('(leases)'),
    });
    const crowded = new World(rules({ waiters: 1 }));
    crowded.turn(declare([description('r-0')]), acquire('a', 'name:r-0'));
    expect(crowded.turn(acquire('b', 'name:r-0'), acquire('c', 'name:r-0'))[1]).toMatchObject({
      code: 'limit',
      retryAfter: 5,
      detail: expect.stringContaining('(waiters)'),
    });
    expect(crowded.answer(acquire('b', 'name:r-0')), 'who is in it already is not refused').toBe('waiting');
  });
});

describe('renew', () => {
  test('a renewal moves the end to one ttl from now, and is not for the disk', () => {
    const world = boards();
    world.ask(acquire('a', 'board'));
    world.now += 29 * SECOND;
    expect(world.answer(renew('a') as Command & { id: string })).toBe('held');
    expect(world.events).toEqual([]);
    world.pass(29 * SECOND);
    expect(world.standing('a')).toBe('held');
    world.pass(1 * SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('an ended lease is lost, an unheard id not found, a waiter not yet a lease', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'), acquire('c', 'board'), release('c'));
    expect(world.ask(renew('c'))).toMatchObject({ code: 'lost', reason: 'released' });
    expect(world.ask(renew('never'))?.code).toBe('not-found');
    expect(world.ask(renew('b'))?.code).toBe('not-found');
  });

  test('a wrong secret is denied, whoever gives it; without one the owner and an admin may', () => {
    const world = boards();
    world.ask(acquire('a', 'board', { principal: ALICE }));
    expect(world.ask(renew('a', { secretHash: 'guessed', principal: ADMIN }))?.code).toBe('denied');
    expect(world.ask(renew('a', { secretHash: null, principal: BOB }))?.code).toBe('denied');
    expect(world.ask(renew('a', { secretHash: null, principal: ALICE }))).toBeNull();
    expect(world.ask(renew('a', { secretHash: null, principal: ADMIN }))).toBeNull();
    world.ask(release('a'));
    expect(world.ask(renew('a', { secretHash: 'guessed' }))?.code).toBe('denied');
  });

  test('a lease that was told to end is not kept alive by renewals', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { guarded: true }), acquire('b', 'board', { wait: 300 * SECOND }), listen('b'));
    world.ask(release('a'));
    const { expiresAt } = world.lease('a');
    world.now += 10 * SECOND;
    expect(world.answer(renew('a') as Command & { id: string })).toBe('ending');
    expect(world.answer(acquire('a', 'board'))).toBe('ending');
    expect(world.lease('a').expiresAt).toBe(expiresAt);
    world.pass(20 * SECOND);
    expect(world.standing('a')).toBe('lost');
  });
});

describe('extend', () => {
  test('the end becomes that long from now, without renewals', () => {
    const world = boards();
    world.ask(acquire('a', 'board'));
    expect(world.ask(extend('a', 100 * SECOND))).toBeNull();
    world.pass(99 * SECOND);
    expect(world.standing('a')).toBe('held');
    world.pass(1 * SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('it moves a fixed end', () => {
    const world = boards();
    world.ask(acquire('a', 'board', { hold: 60 * SECOND }));
    world.ask(extend('a', 100 * SECOND));
    expect(world.lease('a').endsAt).toBe(world.now + 100 * SECOND);
  });

  test('it never shortens, and repeated it changes nothing', () => {
    const world = boards();
    world.ask(acquire('a', 'board', { hold: 600 * SECOND }));
    world.ask(extend('a', 900 * SECOND));
    const extended = world.lease('a');
    world.ask(extend('a', 900 * SECOND));
    expect(world.events).toEqual([]);
    world.ask(extend('a', 10 * SECOND));
    expect(world.lease('a')).toEqual(extended);
  });

  test('it never goes beyond the longest hold of any resource', () => {
    const world = boards(1, { maxHold: 50 * SECOND });
    world.ask(acquire('a', 'board'));
    world.ask(extend('a', 900 * SECOND));
    expect(world.lease('a').endsAt).toBe(world.now + 50 * SECOND);
    expect(world.lease('a').keptUntil).toBe(world.now + 50 * SECOND);
  });

  test('a renewal does not shorten what was extended', () => {
    const world = boards();
    world.ask(acquire('a', 'board'));
    world.turn(extend('a', 900 * SECOND), renew('a'));
    world.pass(900 * SECOND - 1);
    expect(world.standing('a')).toBe('held');
    world.pass(1);
    expect(world.standing('a')).toBe('lost');
  });

  test('its holder counts as heard of, for as long as it was extended and for one ttl at most', () => {
    const world = boards(2);
    world.turn(acquire('a', 'board', { guarded: true }), acquire('b', 'board', { guarded: true }));
    world.now += 20 * SECOND;
    world.turn(extend('a', 900 * SECOND), extend('b', 15 * SECOND));
    expect([world.lease('a').expiresAt, world.lease('b').expiresAt]).toEqual([
      world.now + 30 * SECOND,
      world.now + 15 * SECOND,
    ]);
  });

  test('an ended lease is lost, an ending one a conflict, a stranger denied', () => {
    const world = boards(2);
    world.turn(acquire('a', 'board', { guarded: true }), acquire('b', 'board'));
    world.turn(release('a'), release('b'));
    expect(world.ask(extend('a', 1000))).toMatchObject({ code: 'conflict', hint: 'ask again with a new lease id' });
    expect(world.ask(extend('b', 1000))?.code).toBe('lost');
    expect(world.ask(extend('a', 1000, { secretHash: 'guessed' }))?.code).toBe('denied');
  });
});

describe('keeping a lease as a claim', () => {
  const claim = (span: number, more = {}) => extend('a', span, { guarded: false, ...more });
  function running(more = {}): World {
    const world = boards(1, more);
    world.turn(acquire('a', 'board', { guarded: true, note: 'nightly', hold: 5000 * SECOND }));
    return world;
  }

  test('nobody stands behind it any more: it needs no renewals, ends then, and passes on without a drain', () => {
    const world = running();
    world.turn(acquire('b', 'board'), listen('b'));
    expect(world.ask(claim(600 * SECOND))).toBeNull();
    expect(world.typesOfEvents()).toEqual(['lease-kept']);
    expect(world.lease('a')).toMatchObject({ endsAt: world.now + 600 * SECOND, request: { guarded: false } });
    world.pass(600 * SECOND - 1);
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'waiting']);
    world.pass(1);
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'held']);
    expect(world.state.ended.get('a')).toMatchObject({ reason: 'expired', by: '' });
  });

  test('a renewal does not carry it beyond its end', () => {
    const world = running();
    world.ask(claim(60 * SECOND));
    world.pass(59 * SECOND);
    world.ask(renew('a'));
    world.pass(SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test.each([
    ['its holder', {}],
    ['an admin', { secretHash: null, principal: ADMIN }],
  ])('%s ends it at a word', (_, who) => {
    const world = running();
    world.turn(claim(600 * SECOND));
    world.turn(acquire('b', 'board'));
    world.ask(release('a', who));
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'held']);
  });

  test('it ends then although it was extended for longer', () => {
    const world = running();
    world.turn(extend('a', 4000 * SECOND));
    world.turn(claim(60 * SECOND));
    world.pass(60 * SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('it lasts no longer than the longest hold of any resource', () => {
    const world = running({ maxHold: 100 * SECOND });
    world.pass(20 * SECOND);
    world.ask(claim(600 * SECOND));
    expect(world.lease('a').endsAt).toBe(world.now + 80 * SECOND);
  });

  test('repeated, at once or late, it is the claim that it was', () => {
    const world = running();
    world.turn(claim(600 * SECOND, { note: 'having a look' }), claim(600 * SECOND, { note: 'having a look' }));
    const kept = world.lease('a');
    expect(kept.request.note).toBe('having a look');
    world.pass(300 * SECOND);
    expect(world.ask(claim(600 * SECOND, { note: 'again' }))).toBeNull();
    expect(world.events).toEqual([]);
    expect(world.lease('a')).toEqual(kept);
  });

  test('without a note it keeps the one that it has', () => {
    const world = running();
    world.ask(claim(600 * SECOND));
    expect(world.lease('a').request.note).toBe('nightly');
  });

  test('extended it lasts longer, and stays a claim', () => {
    const world = running();
    world.turn(claim(60 * SECOND));
    world.turn(extend('a', 600 * SECOND), claim(30 * SECOND));
    world.pass(599 * SECOND);
    expect(world.standing('a')).toBe('held');
    world.pass(SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('so does a lease that never had a command', () => {
    const world = boards();
    world.turn(acquire('a', 'board'));
    world.turn(claim(600 * SECOND));
    world.pass(599 * SECOND);
    expect(world.standing('a')).toBe('held');
    world.pass(SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('the request that asked for it still finds it', () => {
    const world = running();
    world.turn(claim(600 * SECOND));
    expect(world.answer(acquire('a', 'board', { guarded: true }))).toBe('held');
    expect(world.lease('a').request.guarded).toBe(false);
  });

  test('it is a claim after a restart', () => {
    const world = running();
    world.turn(claim(600 * SECOND));
    world.restart(599 * SECOND);
    world.pass(0);
    expect([world.standing('a'), world.lease('a').request.guarded]).toEqual(['held', false]);
    world.pass(SECOND);
    expect(world.standing('a')).toBe('lost');
  });

  test('a lease that has ended or is ending is not kept, nor a stranger heard', () => {
    const world = running();
    expect(world.ask(claim(SECOND, { secretHash: 'guessed' }))?.code).toBe('denied');
    world.ask(release('a'));
    expect(world.ask(claim(600 * SECOND))?.code).toBe('conflict');
    world.ask(release('a', { ended: true }));
    expect(world.ask(claim(600 * SECOND))?.code).toBe('lost');
  });

  test('a command cannot be put behind a lease that has none', () => {
    const world = running();
    expect(world.ask(extend('a', 600 * SECOND, { guarded: true }))).toBeNull();
    world.turn(claim(600 * SECOND));
    const { endsAt } = world.lease('a');
    expect(world.ask(extend('a', 900 * SECOND, { guarded: true }))).toMatchObject({ code: 'usage', status: 422 });
    expect(world.lease('a').endsAt).toBe(endsAt);
  });
});

describe('release', () => {
  test('it frees, and every later time it is the same answer and changes nothing', () => {
    const world = boards();
    world.ask(acquire('a', 'board'));
    expect(world.ask(release('a'))).toBeNull();
    expect(world.typesOfEvents()).toEqual(['lease-ended']);
    expect(world.ask(release('a'))).toBeNull();
    expect(world.events).toEqual([]);
  });

  test('a late repetition does not end the lease of the next', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'));
    world.ask(release('a'));
    world.turn(release('a'), release('a'));
    expect(world.standing('b')).toBe('held');
  });

  test('a waiter leaves the queue', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'));
    expect(world.answer(release('b') as Command & { id: string })).toBe('lost');
    expect(world.queue()).toEqual([]);
  });

  test('an id that was never heard of is remembered: its request, still on its way, is lost', () => {
    const world = boards();
    expect(world.ask(release('a'))).toBeNull();
    expect(world.typesOfEvents()).toEqual(['id-spent']);
    expect(world.ask(release('a'))).toBeNull();
    expect(world.events).toEqual([]);
    expect(world.ask(acquire('a', 'board'))).toMatchObject({ code: 'lost', reason: 'released' });
    expect(world.state.leases.size).toBe(0);
  });

  test('in one batch before its request, too', () => {
    const world = boards();
    expect(world.turn(release('a', { secretHash: null }), acquire('a', 'board'))[1]?.code).toBe('lost');
  });

  test('a stranger is denied, held, waiting and ended, and nothing ends', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board'), release('c'));
    for (const id of ['a', 'b', 'c']) {
      expect(world.ask(release(id, { secretHash: 'guessed', principal: ADMIN }))?.code, id).toBe('denied');
    }
    expect(world.ask(release('a', { secretHash: null, principal: BOB }))?.code).toBe('denied');
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'waiting']);
  });

  test('who needs no secret: the owner releases, an admin revokes', () => {
    const world = boards(2);
    world.turn(acquire('a', 'board'), acquire('b', 'board'));
    world.ask(release('a', { secretHash: null, principal: ALICE }));
    world.ask(release('b', { secretHash: null, principal: ADMIN }));
    expect(world.state.ended.get('a')).toMatchObject({ reason: 'released', by: '' });
    expect(world.state.ended.get('b')).toMatchObject({ reason: 'revoked', by: 'root' });
  });
});

describe('guarded', () => {
  const guarded = () => {
    const world = boards();
    world.turn(acquire('a', 'board', { guarded: true }), acquire('b', 'board'));
    return world;
  };

  test('a plain release only asks for the end; the resource passes on when it is confirmed', () => {
    const world = guarded();
    expect(world.answer(release('a') as Command & { id: string })).toBe('ending');
    expect(world.standing('b')).toBe('waiting');
    world.ask(release('a', { ended: true }));
    expect(world.standing('b')).toBe('held');
    expect(world.state.ended.get('a')?.reason).toBe('released');
  });

  test('asked twice it ends once, and the first reason counts', () => {
    const world = guarded();
    world.ask(release('a', { secretHash: null, principal: ADMIN }));
    world.ask(release('a'));
    expect(world.events).toEqual([]);
    world.ask(release('a', { ended: true }));
    expect(world.state.ended.get('a')).toMatchObject({ reason: 'revoked', by: 'root' });
  });

  test('without a word from its holder it passes on when the ttl has run out, never before', () => {
    const world = guarded();
    world.turn(listen('b'), release('a', { secretHash: null, principal: ADMIN }));
    world.pass(30 * SECOND - 1);
    expect([world.standing('a'), world.standing('b')]).toEqual(['ending', 'waiting']);
    world.pass(1);
    expect(world.state.ended.get('a')?.reason).toBe('revoked');
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('extended and then told to end, it passes on one ttl after its holder was last heard of', () => {
    const world = guarded();
    world.turn(listen('b'), extend('a', 3600 * SECOND));
    world.pass(20 * SECOND);
    world.ask(renew('a'));
    world.pass(10 * SECOND);
    world.ask(release('a', { secretHash: null, principal: ADMIN }));
    expect(world.standing('a')).toBe('ending');
    world.pass(20 * SECOND - 1);
    expect(world.standing('a')).toBe('ending');
    world.pass(1);
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'waiting']);
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('extended, silent for its ttl and then told to end, it is over at once, and its resources drain', () => {
    const world = guarded();
    world.turn(listen('b'), extend('a', 3600 * SECOND));
    world.pass(1000 * SECOND);
    world.ask(release('a', { secretHash: null, principal: ADMIN }));
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'waiting']);
    expect(world.state.ended.get('a')?.reason).toBe('revoked');
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('extended and told to end before a restart, it has one full ttl after it, not what was promised before', () => {
    const world = guarded();
    world.turn(extend('a', 3600 * SECOND));
    world.turn(release('a', { secretHash: null, principal: ADMIN }));
    world.restart(10 * SECOND);
    world.pass(30 * SECOND - 1);
    expect(world.standing('a')).toBe('ending');
    world.pass(1);
    expect(world.standing('a')).toBe('lost');
  });

  test('a confirmed end without being told to is a plain release', () => {
    const world = guarded();
    world.ask(release('a', { ended: true }));
    expect(world.state.ended.get('a')?.reason).toBe('released');
    expect(world.standing('b')).toBe('held');
  });

  test('confirming twice is harmless to the next holder', () => {
    const world = guarded();
    world.ask(release('a', { ended: true }));
    expect(world.ask(release('a', { ended: true }))).toBeNull();
    expect(world.standing('b')).toBe('held');
  });

  test('with a longest hold it is told to end then, and passes on when the ttl has run out', () => {
    const world = boards(1, { maxHold: 60 * SECOND });
    world.turn(acquire('a', 'board', { guarded: true }), acquire('b', 'board'), listen('b'));
    for (let i = 0; i < 6; i += 1) {
      world.pass(10 * SECOND - 1);
      world.ask(renew('a'));
    }
    expect(world.standing('a')).toBe('held');
    world.pass(6);
    expect(world.standing('a')).toBe('ending');
    expect(world.typesOfEvents()).toEqual(['lease-ending']);
    world.pass(30 * SECOND);
    expect(world.standing('a')).toBe('lost');
    world.pass(DEFAULT_DRAIN);
    expect(world.standing('b')).toBe('held');
  });

  test('one without a command behind it ends at once', () => {
    const world = boards(1, { maxHold: 10 * SECOND });
    world.turn(acquire('a', 'board'), acquire('b', 'board'));
    world.pass(10 * SECOND);
    expect([world.standing('a'), world.standing('b')]).toEqual(['lost', 'held']);
  });
});

describe('listen', () => {
  test('a waiter that is not heard of for 30 s has left', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 300 * SECOND }), acquire('b', 'board'));
    world.pass(30 * SECOND - 1);
    expect(world.standing('b')).toBe('waiting');
    world.pass(1);
    expect(world.standing('b')).toBe('lost');
    expect(world.ask(acquire('b', 'board'))).toMatchObject({ code: 'lost', reason: 'expired' });
  });

  test('one that asks again in time stays', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 300 * SECOND }), acquire('b', 'board'));
    for (let i = 0; i < 5; i += 1) {
      world.now += 29 * SECOND;
      expect(world.answer(acquire('b', 'board'))).toBe('waiting');
    }
  });

  test('an open connection speaks for it; silence counts from when the last one closed', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 3000 * SECOND }), acquire('b', 'board'), listen('b'), listen('b'));
    world.pass(100 * SECOND);
    world.ask(listen('b', -1));
    world.pass(100 * SECOND);
    expect(world.standing('b')).toBe('waiting');
    world.ask(listen('b', -1));
    world.pass(30 * SECOND - 1);
    expect(world.standing('b')).toBe('waiting');
    world.pass(1);
    expect(world.standing('b')).toBe('lost');
  });

  test('a connection that closes once too often does not count against the next', () => {
    const world = boards();
    world.turn(
      acquire('a', 'board', { ttl: 300 * SECOND }),
      acquire('b', 'board'),
      listen('b', -1),
      listen('b', -1),
      listen('b'),
    );
    world.pass(100 * SECOND);
    expect(world.standing('b')).toBe('waiting');
  });

  test('a connection does not stretch the wait', () => {
    const world = boards();
    world.turn(acquire('a', 'board', { ttl: 300 * SECOND }), acquire('b', 'board', { wait: 40 * SECOND }), listen('b'));
    world.pass(40 * SECOND);
    expect(world.standing('b')).toBe('timeout');
  });

  test('for an id that does not wait it is nothing', () => {
    const world = boards();
    world.turn(acquire('a', 'board'));
    expect(world.turn(listen('a'), listen('never'))).toEqual([null, null]);
    expect(world.events).toEqual([]);
  });
});

describe('offline and online', () => {
  test('what is offline is waited for, and the current holder is left alone', () => {
    const world = boards();
    world.turn(acquire('a', 'board'), acquire('b', 'board', { wait: null }));
    world.ask(offline('board-0'));
    expect(world.standing('a')).toBe('held');
    world.ask(release('a'));
    expect(world.standing('b')).toBe('waiting');
    world.ask(online('board-0'));
    expect(world.standing('b')).toBe('held');
  });

  test('it comes back by itself at the time given', () => {
    const world = boards();
    world.turn(offline('board-0', { until: world.now + 20 * SECOND }), acquire('a', 'board'));
    world.pass(20 * SECOND - 1);
    expect(world.standing('a')).toBe('waiting');
    world.pass(1);
    expect(world.standing('a')).toBe('held');
  });

  test('both can be repeated', () => {
    const world = boards();
    world.ask(offline('board-0'));
    const since = world.resource('board-0').offline?.since;
    world.pass(SECOND);
    expect(world.ask(offline('board-0'))).toBeNull();
    expect(world.resource('board-0').offline?.since).toBe(since);
    world.ask(online('board-0'));
    expect(world.ask(online('board-0'))).toBeNull();
    expect(world.events).toEqual([]);
  });

  test('a later word about when it comes back replaces the earlier', () => {
    const world = boards();
    world.ask(offline('board-0', { until: world.now + 10 * SECOND }));
    world.ask(offline('board-0', { until: world.now + 60 * SECOND }));
    world.pass(10 * SECOND);
    expect(world.resource('board-0').offline).not.toBeNull();
    world.pass(50 * SECOND);
    expect(world.resource('board-0').offline).toBeNull();
  });

  test('a name that does not exist is impossible, a time in the past a mistake', () => {
    const world = boards();
    expect(world.ask(offline('board-9'))).toMatchObject({
      code: 'impossible',
      hint: expect.stringContaining('board-0'),
    });
    expect(world.ask(online('board-9'))?.code).toBe('impossible');
    expect(world.ask(offline('board-0', { until: world.now }))?.code).toBe('usage');
    expect(world.resource('board-0').offline).toBeNull();
  });
});
