import { expect, test } from 'vitest';
import { table } from '../../src/cli/output.ts';

const cell = (text: string) => ({ text });

test('columns line up by what a terminal shows', () => {
  const rows = [
    [cell('日本'), cell('x'), cell('note')],
    [cell('a'), { text: 'yes', paint: (text: string) => `\u001b[32m${text}\u001b[39m` }, cell('')],
  ];
  expect(table(['NAME', 'B', 'NOTE'], rows, null)).toBe(
    ['NAME  B    NOTE', '日本  x    note', 'a     \u001b[32myes\u001b[39m', ''].join('\n'),
  );
});

test('on a terminal the last column gives way; in a pipe nothing is cut', () => {
  const rows = [[cell('gpu-0'), cell('a long note that does not fit')]];
  expect(table(['NAME', 'NOTE'], rows, 20).split('\n')[1]).toBe('gpu-0  a long note …');
  expect(table(['NAME', 'NOTE'], rows, null)).toContain('does not fit');
});

test('an empty table is its head', () => {
  expect(table(['NAME', 'STATE'], [], 80)).toBe('NAME  STATE\n');
});
