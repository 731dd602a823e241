import { describe, expect, test } from 'vitest';
import type { Acquire } from '../../src/core/command.ts';
import type { Principal, TagRule } from '../../src/core/model.ts';
import {
  ADMIN,
  ALICE,
  acquire,
  add,
  BOB,
  declare,
  description,
  extend,
  rules,
  SECOND,
  tagged,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

const CI: Principal = { name: 'ci-7', role: 'user' };
const HOUR = 3600 * SECOND;

function rule(tag: string, who: readonly string[], more: Partial<TagRule> = {}): TagRule {
  return { tag, who, maxPriority: null, maxHold: null, atOnce: null, ...more };
}

/** Two plain GPUs, and one for production. */
function world(...tags: readonly TagRule[]): World {
  const made = new World({ ...rules(), tags });
  made.turn(
    declare([
      description('gpu-0', { tags: ['gpu'] }),
      description('gpu-1', { tags: ['gpu'] }),
      description('gpu-prod', { tags: ['gpu', 'prod'] }),
    ]),
  );
  return made;
}

const as = (principal: Principal, more: Partial<Acquire> = {}): Partial<Acquire> => ({ principal, ...more });

describe('who may take what has a tag', () => {
  const closed = () => world(rule('prod', ['alice', 'ci-*', 'role:viewer']));

  test.each([
    ['by its name', ['name:gpu-prod']],
    ['by its number', ['#3']],
    ['by the tag', [tagged(['prod'])]],
    ['by several tags', [tagged(['gpu', 'prod'])]],
  ])('is asked %s, and others are told which tag it is', (_, wants) => {
    const refused = closed().ask(acquire('b', wants, as(BOB)));
    expect(refused).toMatchObject({
      code: 'denied',
      detail: expect.stringContaining('the tag prod, which is not for you'),
    });
    expect(closed().answer(acquire('a', wants, as(ALICE)))).toBe('held');
    expect(closed().answer(acquire('c', wants, as(CI)))).toBe('held');
    expect(closed().answer(acquire('r', wants, as(ADMIN)))).toBe('held');
  });

  test.each([
    ['a tag', 'gpu'],
    ['an expression', 'gpu || board'],
    ['a pattern', 'g*'],
  ])('does not concern who gets something else by %s', (_, want) => {
    const { wants } = { wants: want === 'gpu' ? [tagged(['gpu'], 2)] : [`2*${want}`] };
    const here = closed();
    expect(here.answer(acquire('b', wants, as(BOB)))).toBe('held');
    expect(here.has('b')).toEqual(['gpu-0', 'gpu-1']);
    expect(here.answer(acquire('b2', want, as(BOB)))).toBe('waiting');
    expect(here.answer(acquire('a', want, as(ALICE)))).toBe('held');
  });

  test('keeps also out of reach what gets the tag while somebody waits', () => {
    const here = closed();
    here.turn(acquire('x', '2*gpu && !prod', as(ADMIN)), acquire('b', 'gpu', as(BOB)));
    here.turn(add(description('gpu-9', { tags: ['gpu', 'prod'] })));
    expect(here.resource('gpu-9').tags).toContain('prod');
    expect(here.queue()).toEqual(['b']);
  });

  test('refuses at once what could be had only with the tag', () => {
    expect(closed().ask(acquire('b', '3*gpu', as(BOB)))).toMatchObject({
      code: 'denied',
      detail: expect.stringContaining('gpu && !prod'),
    });
    expect(closed().ask(acquire('b', '4*gpu', as(BOB)))).toMatchObject({ code: 'impossible' });
  });

  test('leaves a request that is repeated the same request', () => {
    const here = closed();
    expect(here.answer(acquire('b', 'gpu', as(BOB)))).toBe('held');
    expect(here.answer(acquire('b', 'gpu', as(BOB)))).toBe('held');
    expect(here.ask(acquire('b', 'gpu && !prod', as(BOB)))).toMatchObject({ code: 'conflict' });
    here.turn(acquire('c', '2*gpu', as(BOB)));
    expect(here.answer(acquire('d', 'gpu', as(BOB, { wait: 0 })))).toBe('busy');
    expect(here.ask(acquire('d', 'gpu', as(BOB, { wait: 0 })))).toMatchObject({ code: 'busy' });
    expect(here.ask(acquire('d', 'gpu && !prod', as(BOB)))).toMatchObject({ code: 'conflict' });
  });

  test("takes a user's tokens for the user, and nobody for an admin who is none", () => {
    expect(closed().answer(acquire('a', 'name:gpu-prod', as({ name: 'alice/laptop', role: 'user' })))).toBe('held');
    for (const name of ['alice2', 'bob/alice', '', 'CI-7']) {
      expect(closed().ask(acquire('a', 'name:gpu-prod', as({ name, role: 'user' }))), name).toMatchObject({
        code: 'denied',
      });
    }
  });
});

describe('how much of it', () => {
  test('the first rule about a tag that is about the caller counts', () => {
    const here = world(rule('prod', ['alice'], { maxPriority: 7 }), rule('prod', ['role:user'], { maxPriority: 3 }));
    const ask = (id: string, who: Principal, priority: number) =>
      here.ask(acquire(id, 'name:gpu-prod', as(who, { priority })));
    expect(ask('a8', ALICE, 8)).toMatchObject({ code: 'denied', detail: expect.stringContaining('above 7') });
    expect(ask('a7', ALICE, 7)).toBeNull();
    expect(ask('b4', BOB, 4)).toMatchObject({ code: 'denied', detail: expect.stringContaining('the tag prod') });
    expect(ask('b3', BOB, 3)).toBeNull();
    expect(ask('r', ADMIN, 1000)).toBeNull();
  });

  test('without a rule a user may ask for a priority up to 100, and with one for more', () => {
    const here = world(rule('prod', ['*'], { maxPriority: 500 }));
    const ask = (id: string, want: string, priority: number) => here.ask(acquire(id, want, as(BOB, { priority })));
    expect(ask('a', 'name:gpu-0', 101)).toMatchObject({ code: 'denied' });
    expect(ask('b', 'name:gpu-0', 100)).toBeNull();
    expect(ask('c', 'name:gpu-prod', 500)).toBeNull();
  });

  test('a lease ends at the longest time that the rule allows, however often it is extended', () => {
    const here = world(rule('prod', ['*'], { maxHold: HOUR }));
    here.ask(acquire('a', 'name:gpu-prod', as(ALICE)));
    expect(here.lease('a').endsAt).toBe(here.now + HOUR);
    here.ask(acquire('b', 'name:gpu-0', as(BOB)));
    expect(here.lease('b').endsAt).toBeNull();
    here.ask(extend('a', 10 * HOUR));
    expect(here.lease('a').endsAt).toBe(here.now + HOUR);
    here.ask(extend('a', 10 * HOUR, { guarded: false }));
    expect(here.lease('a').endsAt).toBe(here.now + HOUR);
    here.ask(acquire('r', 'name:gpu-1', as(ADMIN)));
    expect(here.lease('r').endsAt).toBeNull();
  });

  test('one has, and waits for, so many at once', () => {
    const here = world(rule('gpu', ['*'], { atOnce: 2 }));
    expect(here.ask(acquire('three', '3*gpu', as(BOB)))).toMatchObject({ code: 'limit' });
    expect(here.answer(acquire('one', 'gpu', as(BOB)))).toBe('held');
    here.turn(acquire('rest', '2*gpu', as(ADMIN)));
    expect(here.answer(acquire('two', 'name:gpu-0', as(BOB)))).toBe('waiting');
    expect(here.ask(acquire('more', 'gpu', as(BOB)))).toMatchObject({ code: 'limit', retryAfter: 5 });
    expect(here.answer(acquire('two', 'name:gpu-0', as(BOB)))).toBe('waiting');
    expect(here.answer(acquire('other', 'gpu', as(ALICE)))).toBe('waiting');
  });

  test('binds nobody where everybody is an admin', () => {
    const here = world(rule('gpu', ['nobody-in-particular'], { atOnce: 0, maxPriority: 0 }));
    expect(here.answer(acquire('a', '3*gpu', { principal: { name: '', role: 'admin' }, priority: 1000 }))).toBe('held');
  });
});
