import { describe, expect, test } from 'vitest';
import { NO_PAINT } from '../../../src/cli/talk.ts';
import { visibleWidth } from '../../../src/cli/text.ts';
import { draw, FIRST_VIEW, keysIn, press, type Scene, SORTS, type View } from '../../../src/cli/top/view.ts';
import type { ResourceJson } from '../../../src/core/wire.ts';
import { Chance } from '../../simulation/random.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const SIZE = { columns: 80, rows: 24 };
const ESC = '\u001b';

function resource(name: string, more: Partial<ResourceJson> = {}): ResourceJson {
  return {
    id: 1,
    name,
    state: 'free',
    description: '',
    tags: [],
    endpoint: '',
    properties: {},
    slots: 1,
    maxHold: null,
    offline: null,
    lastUsed: null,
    drainedAt: null,
    waiting: 0,
    leases: [],
    ...more,
  };
}

function held(name: string, holder: string, minutes: number, more: Partial<ResourceJson> = {}): ResourceJson {
  const lease = {
    id: name,
    holder: { name: holder, host: '', link: null },
    note: `note of ${holder}`,
    mode: 'exclusive',
    since: new Date(NOW - minutes * 60_000).toISOString(),
    until: null,
  } as unknown as ResourceJson['leases'][number];
  return resource(name, { state: 'held', leases: [lease], ...more });
}

const LAB = [
  resource('board-10', { tags: ['board', 'imx8'] }),
  held('board-2', 'carol', 90, { waiting: 1 }),
  resource('board-1', {
    state: 'offline',
    offline: { reason: 'fan', by: 'bob', since: new Date(NOW - 3_600_000).toISOString(), until: null },
  }),
  held('gpu-0', 'alice', 5, { waiting: 3, tags: ['gpu'] }),
];

const scene = (resources: readonly ResourceJson[] = LAB, trouble: string | null = null): Scene => ({
  resources,
  trouble,
  now: NOW,
});
const drawn = (view: Partial<View>, of = scene(), size = SIZE) =>
  draw({ ...FIRST_VIEW, ...view }, of, size, NO_PAINT).lines;
const namesIn = (lines: readonly string[]): string[] =>
  lines.slice(2, -1).flatMap((line) => (line === '' ? [] : [line.split(' ')[0] ?? '']));

/** The view after these keys. */
function afterKeys(keys: string, view: View = FIRST_VIEW): View | null {
  return keysIn(keys).reduce<View | null>((one, key) => one && press(one, key, SIZE), view);
}

describe('what is shown', () => {
  test.each<[View['sort'], readonly string[]]>([
    ['name', ['board-1', 'board-2', 'board-10', 'gpu-0']],
    ['state', ['board-2', 'gpu-0', 'board-1', 'board-10']],
    ['holder', ['gpu-0', 'board-2', 'board-1', 'board-10']],
    ['since', ['board-2', 'board-1', 'gpu-0', 'board-10']],
    ['waiting', ['gpu-0', 'board-2', 'board-1', 'board-10']],
  ])('can be sorted by %s, and the other way round', (sort, names) => {
    expect(namesIn(drawn({ sort }))).toEqual(names);
    expect(namesIn(drawn({ sort, isReversed: true }))).toEqual([...names].reverse());
  });

  test.each([
    ['', 4],
    ['board', 3],
    ['BOARD free', 1],
    ['imx8', 1],
    ['alice', 1],
    ['note of carol', 1],
    ['offline', 1],
    ['nothing of that', 0],
  ])('is what the filter %j leaves', (filter, count) => {
    const lines = drawn({ filter });
    expect(namesIn(lines)).toHaveLength(count);
    expect(lines[0]?.includes(`${count} shown`)).toBe(count < 4);
  });

  test('has a sum above, and the keys below', () => {
    const lines = drawn({});
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}4 resources {2}2 held {2}1 free {2}1 offline$/);
    expect(lines[1]).toMatch(/^NAME +STATE +HOLDER +SINCE +UNTIL +WAITING +NOTE$/);
    expect(lines.at(-1)).toBe('q quit  s sort: name  r reverse  / filter  p pause');
    expect(drawn({ isPaused: true })[0]).toMatch(/^paused at /);
    expect(drawn({}, scene(LAB, 'nobody answers'))[0]).toMatch(/nobody answers$/);
    expect(drawn({ isTyping: true, filter: 'gp' }).at(-1)).toMatch(/^\/gp▏/);
  });

  test('has when machines were last seen where anything is on one, also where a filter leaves nothing of that', () => {
    const on = { machine: 'mdc1:a', lastSeen: new Date(NOW - 180_000).toISOString() };
    const lines = drawn({}, scene([...LAB, resource('host', on)]));
    expect(lines[1]).toMatch(/^NAME +STATE +HOLDER +SINCE +UNTIL +WAITING +LAST SEEN +NOTE$/);
    expect(lines.at(-3)).not.toContain('ago');
    expect(lines.find((line) => line.startsWith('host'))).toMatch(/ - +3m ago$/);
    expect(drawn({ filter: 'gpu' }, scene([...LAB, resource('host', on)]))[1]).toContain('LAST SEEN');
  });

  test('scrolls as far as there are rows, and says where it is', () => {
    const many = scene(Array.from({ length: 100 }, (_, i) => resource(`r${i}`)));
    const { lines, view } = draw({ ...FIRST_VIEW, offset: 1000 }, many, SIZE, NO_PAINT);
    expect(namesIn(lines)).toEqual(Array.from({ length: 21 }, (_, i) => `r${79 + i}`));
    expect(view.offset).toBe(79);
    expect(lines.at(-1)).toContain('80-100 of 100');
    expect(draw({ ...FIRST_VIEW, offset: 3 }, scene(), SIZE, NO_PAINT).view.offset).toBe(0);
  });

  test('what other people wrote cannot move the cursor', () => {
    const bad = held(`x${ESC}[2Jy`, `mallory${ESC}]0;title\u0007`, 1, { description: 'a\nb' });
    expect(drawn({}, scene([bad])).join('')).not.toMatch(new RegExp(`[${ESC}\u0007\n]`));
  });

  const seed = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
  test(`fits every screen, whatever is shown (RENTABOT_SEED=${seed})`, () => {
    const chance = new Chance(seed);
    const word = (): string =>
      chance.pick(['a', '板', '🦊', 'long-name-of-a-board', 'x y']).repeat(chance.between(1, 6));
    for (let round = 0; round < 300; round += 1) {
      const size = { columns: chance.between(1, 140), rows: chance.between(1, 40) };
      const resources = Array.from({ length: chance.below(50) }, () =>
        chance.maybe(0.5) ? resource(word(), { description: word() }) : held(word(), word(), chance.below(10_000)),
      );
      const view = { sort: chance.pick(SORTS), filter: chance.pick(['', 'a']), offset: chance.below(60) };
      const lines = drawn(view, scene(resources, chance.pick([null, word().repeat(9)])), size);
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      expect(lines.filter((line) => visibleWidth(line) > size.columns)).toEqual([]);
      if (size.rows >= 3) expect(lines).toHaveLength(size.rows);
    }
  });
});

describe('keys', () => {
  test.each<[string, string, Partial<View> | null]>([
    ['q leaves', 'q', null],
    ['Ctrl-C leaves', '\u0003', null],
    ['Ctrl-C leaves while something is typed', '/gp\u0003', null],
    ['s goes on to the next column', 's', { sort: 'state' }],
    ['s comes round', 's'.repeat(SORTS.length), { sort: 'name' }],
    ['r turns it round', 'r', { isReversed: true }],
    ['r turns it back', 'rr', { isReversed: false }],
    ['p pauses', 'p', { isPaused: true }],
    ['space goes on again', 'p ', { isPaused: false }],
    ['what is typed after / filters at once', '/gp', { filter: 'gp', isTyping: true }],
    ['letters that are keys are letters there', '/qsr p', { filter: 'qsr p', isReversed: false, isPaused: false }],
    ['Enter keeps the filter', '/gpu\r', { filter: 'gpu', isTyping: false }],
    ['Esc clears it', `/gpu${ESC}`, { filter: '', isTyping: false }],
    ['Esc clears it later, too', `/gpu\r${ESC}`, { filter: '' }],
    ['Backspace takes a character', '/gü🦊\u007f', { filter: 'gü' }],
    ['Ctrl-U takes all', '/gpu\u0015x', { filter: 'x' }],
    ['arrows are no characters', `/g${ESC}[A${ESC}OB`, { filter: 'g', offset: 0 }],
    ['arrows scroll', `${ESC}[B${ESC}[B${ESC}[A`, { offset: 1 }],
    ['j and k scroll', 'jjjk', { offset: 2 }],
    ['pages scroll', `${ESC}[6~${ESC}[6~${ESC}[5~`, { offset: 21 }],
    ['it does not scroll beyond the top', 'kkk', { offset: 0 }],
    ['another order begins at the top', 'jjs', { offset: 0 }],
    ['other keys do nothing', `x${ESC}[24~é`, FIRST_VIEW],
  ])('%s', (_, keys, expected) => {
    const view = afterKeys(keys);
    if (expected === null) expect(view).toBeNull();
    else expect(view).toMatchObject(expected);
  });

  test('a filter has an end', () => {
    expect(afterKeys(`/${'x'.repeat(500)}`)?.filter).toHaveLength(100);
  });
});
