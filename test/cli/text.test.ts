import { expect, test } from 'vitest';
import { ageOf, clockTime, printable, truncate, visibleWidth, who, whose } from '../../src/cli/text.ts';

test.each([
  ['plain', 'plain'],
  ['two\nlines\tand a tab', 'two lines and a tab'],
  ['\u001b[2J\u0007bell', '?[2J?bell'],
  ['right\u202eto left', 'right?to left'],
  ['é ünï 日本', 'é ünï 日本'],
])('what others wrote, %j, cannot steer the terminal', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each([
  ['abc', 3],
  ['日本', 4],
  ['e\u0301', 1],
  ['\u001b[31mred\u001b[39m', 3],
  ['🚀', 2],
  ['', 0],
])('%j takes %i columns', (text, width) => {
  expect(visibleWidth(text)).toBe(width);
});

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdef', 4, 'abc…'],
  ['日本語', 5, '日本…'],
  ['日本語', 4, '日…'],
  ['abc', 1, '…'],
  ['abc', 0, ''],
])('%j in %i columns is %j', (text, columns, cut) => {
  expect(truncate(text, columns)).toBe(cut);
});

test('a moment is shown shorter the nearer it is', () => {
  const now = new Date(2026, 5, 15, 14, 0).getTime();
  expect(clockTime(new Date(2026, 5, 15, 9, 5).toISOString(), now)).toBe('09:05');
  expect(clockTime(new Date(2026, 5, 14, 9, 5).toISOString(), now)).toBe('Jun 14 09:05');
  expect(clockTime(new Date(2024, 5, 14, 9, 5).toISOString(), now)).toBe('Jun 14 2024');
  expect(clockTime('never\u001b', now)).toBe('never?');
});

test('an age never is negative, whatever the clocks say', () => {
  expect(ageOf(new Date(100_000).toISOString(), 0)).toBe('1s');
  expect(ageOf(new Date(0).toISOString(), 7_500_000)).toBe('2h5m');
});

test('a holder is somebody at a host', () => {
  expect(who({ name: 'ann', host: 'ws', link: null })).toBe('ann@ws');
  expect(who({ name: 'ann', host: '', link: null })).toBe('ann');
  expect(who(null)).toBe('someone');
});

test.each([
  ['', 'root@ws'],
  ['root', 'root@ws'],
  ['alice', 'root@ws (alice)'],
  ['a\u001b[2J', 'root@ws (a?[2J)'],
])('whoever the daemon knows by another name, %j, is named by both', (owner, shown) => {
  expect(whose({ holder: { name: 'root', host: 'ws', link: null }, owner })).toBe(shown);
});
