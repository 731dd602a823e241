import { describe, expect, test } from 'vitest';
import { makeWant } from '../../../src/core/want.ts';
import { choose, EVERYTHING, hrefOf, queryOf, readChoice, toggled } from '../../../src/daemon/board/view/choice.ts';
import { readLook, writeLook } from '../../../src/daemon/board/view/look.ts';
import { isMine, type Row, type RowLease, type Viewer, type Waiter } from '../../../src/daemon/board/view/model.ts';
import { queuesOf } from '../../../src/daemon/board/view/queues.ts';
import { agoText, clockface, spanText } from '../../../src/daemon/board/view/times.ts';

const ALICE: Viewer = { name: 'alice', role: 'user', open: true, steals: false };
const NOW = Date.parse('2026-03-04T12:00:00Z');

function row(id: number, name: string, more: Partial<Row> = {}): Row {
  const nothing = { offline: null, lastUsed: null, drainedAt: null, maxHold: null, leases: [], more: 0 };
  const plain = { description: '', tags: [], endpoint: '', properties: {}, slots: 1, ...nothing };
  return { id, name, state: 'free', ...plain, ...more };
}

function lease(name: string, more: Partial<RowLease> = {}): RowLease {
  const holder = { name, host: '', link: null };
  return {
    ...{ id: `of ${name}`, holder, note: '', mode: 'exclusive', owner: '' },
    ...{ since: new Date(NOW).toISOString(), until: null },
    ...more,
  } as RowLease;
}

function waiter(id: string, wants: readonly string[], more: Partial<Waiter> = {}): Waiter {
  const made = wants.map((name) => makeWant({ type: 'name', name }));
  return {
    ...{ id, holder: { name: id, host: '', link: null }, owner: '', note: '', want: wants.join(), until: null },
    ...{ wants: made, since: new Date(NOW).toISOString(), priority: 0, ticket: 1, claim: true, steals: false },
    ...more,
  };
}

function namesOf(rows: readonly Row[], query: string, waiters: readonly Waiter[] = [], viewer = ALICE): string[] {
  const choice = readChoice(new URLSearchParams(query));
  return choose(rows, queuesOf(rows, waiters), choice, viewer).flatMap((group) => group.rows.map(({ name }) => name));
}

describe('a choice', () => {
  const rows = [
    row(1, 'board-10', { tags: ['imx8', 'usb'], properties: { mem: 4 } }),
    row(2, 'board-9', { tags: ['imx8'], state: 'held', leases: [lease('alice', { note: 'Boot hang' })] }),
    row(3, 'gpu-0', { tags: ['gpu'], properties: { mem: 40 }, state: 'offline' }),
  ];

  test('survives its address', () => {
    for (const query of ['', 'q=a+b&tag=x&tag=y&state=free&sort=-until&group=p%3Asite', 'sort=-name', 'sort=queue']) {
      expect(queryOf(readChoice(new URLSearchParams(query)))).toBe(query);
    }
    expect(readChoice(new URLSearchParams('sort=-nonsense&state=nonsense&tag='))).toEqual(EVERYTHING);
    expect(hrefOf(toggled(toggled(EVERYTHING, 'tags', 'x'), 'tags', 'x'))).toBe('/');
  });

  test('orders numbers in names as people count', () => {
    expect(namesOf(rows, '')).toEqual(['board-9', 'board-10', 'gpu-0']);
    expect(namesOf(rows, 'sort=-name')).toEqual(['gpu-0', 'board-10', 'board-9']);
  });

  test('puts what has none of what is sorted by last, in either direction', () => {
    const ends = [row(1, 'a', {}), row(2, 'b', { leases: [lease('x', { until: '2026-01-01T00:00:00Z' })] })];
    expect(namesOf(ends, 'sort=until')).toEqual(['b', 'a']);
    expect(namesOf(ends, 'sort=-until')).toEqual(['b', 'a']);
  });

  test('has what is longest unseen first, above all what never was, and what has no machine last', () => {
    const on = (machine: string, lastSeen: string | null) => ({ machine, lastSeen });
    const machines = [
      row(1, 'new', on('a:1', '2026-03-04T11:59:00Z')),
      row(2, 'none'),
      row(3, 'old', on('a:2', '2026-03-04T11:58:59.999999Z')),
      row(4, 'never', on('a:3', null)),
    ];
    expect(namesOf(machines, 'sort=seen')).toEqual(['never', 'old', 'new', 'none']);
    expect(namesOf(machines, 'sort=-seen')).toEqual(['new', 'old', 'never', 'none']);
  });

  test('finds words anywhere, in any case, and what an expression matches', () => {
    expect(namesOf(rows, 'q=HANG+alice')).toEqual(['board-9']);
    expect(namesOf(rows, 'q=mem%3E%3D24')).toEqual(['gpu-0']);
    expect(namesOf(rows, 'q=imx8+%26%26+%21usb')).toEqual(['board-9']);
    // Not (yet) an expression: as words.
    expect(namesOf(rows, 'q=%26%26')).toEqual([]);
  });

  test('has all of the tags, and any of the states', () => {
    expect(namesOf(rows, 'tag=imx8&tag=usb')).toEqual(['board-10']);
    expect(namesOf(rows, 'state=free&state=offline')).toEqual(['board-10', 'gpu-0']);
  });

  test('knows what is mine, held or waited for', () => {
    expect(namesOf(rows, 'state=mine')).toEqual(['board-9']);
    expect(namesOf(rows, 'state=mine', [waiter('alice', ['gpu-0'])])).toEqual(['board-9', 'gpu-0']);
    expect(namesOf(rows, 'state=queued', [waiter('bob', ['gpu-0'])])).toEqual(['gpu-0']);
    expect(namesOf(rows, 'state=mine', [], { ...ALICE, name: '' })).toEqual([]);
  });

  test('groups each resource once, those without last', () => {
    const titles = (query: string) =>
      choose(rows, new Map(), readChoice(new URLSearchParams(query)), ALICE).map((group) => [
        group.title,
        group.rows.length,
      ]);
    expect(titles('group=tag')).toEqual([
      ['gpu', 1],
      ['imx8', 2],
    ]);
    expect(titles('group=p%3Amem')).toEqual([
      ['mem 4', 1],
      ['mem 40', 1],
      ['none', 1],
    ]);
    expect(titles('group=holder')).toEqual([
      ['alice', 1],
      ['none', 2],
    ]);
  });
});

describe('whose it is', () => {
  test('is said by the name on an open daemon, and by the principal elsewhere', () => {
    expect(isMine(lease('alice'), ALICE)).toBe(true);
    expect(isMine(lease('alice', { owner: 'bob' }), { ...ALICE, open: false })).toBe(false);
    expect(isMine(lease('ci', { owner: 'alice' }), { ...ALICE, open: false })).toBe(true);
    expect(isMine(lease('', { owner: '' }), { ...ALICE, name: '' })).toBe(false);
  });
});

describe('queues', () => {
  test('have each waiter once in order, also where several of its wants match', () => {
    const rows = [row(1, 'a'), row(2, 'b')];
    const queues = queuesOf(rows, [waiter('x', ['a', 'a']), waiter('y', ['b', 'a'])]);
    expect(queues.get(1)?.map(({ id }) => id)).toEqual(['x', 'y']);
    expect(queues.get(2)?.map(({ id }) => id)).toEqual(['y']);
  });
});

describe('times', () => {
  test.each([
    [0, '0 s'],
    [-5000, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [3_599_000, '59 min'],
    [3_600_000, '1 h'],
    [3_780_000, '1 h 03 min'],
    [86_400_000, '1 d'],
    [187_200_000, '2 d 4 h'],
  ])('%d ms are %s', (ms, text) => {
    expect(spanText(ms)).toBe(text);
  });

  test.each([
    [-5000, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 min ago'],
    [3_599_999, '59 min ago'],
    [3_600_000, '1 h ago'],
    [172_799_999, '47 h ago'],
    [172_800_000, '2 d ago'],
  ])('%d ms ago is %s', (ms, text) => {
    expect(agoText(ms)).toBe(text);
  });

  test('are said in the zone that is asked for, with the day where it is another', () => {
    expect(clockface('Asia/Tokyo').moment(NOW, NOW)).toBe('21:00');
    expect(clockface('UTC').moment(NOW - 86_400_000, NOW)).toBe('3 Mar 12:00');
    expect(clockface('Asia/Tokyo').day(NOW + 4 * 3_600_000)).toBe('2026-03-05');
    expect(clockface('Asia/Tokyo').exact(NOW + 5000)).toBe('2026-03-04 21:00:05');
    expect(clockface('No/Where').moment(NOW, NOW)).toBe(clockface(null).moment(NOW, NOW));
  });
});

describe('the look', () => {
  test('survives its cookie', () => {
    const look = { theme: 'dark', zone: 'America/Argentina/Buenos_Aires', name: 'Zoë; a=b' } as const;
    expect(readLook(`x=1; rentabot-look=${writeLook(look)}; y=2`)).toEqual(look);
    expect(readLook('')).toEqual({ theme: null, zone: null, name: '' });
  });
});
