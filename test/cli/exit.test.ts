import { expect, test } from 'vitest';
import { EXIT_CODES, exitCodeOf, exitNameOf, parseExitOverride, sentenceOf } from '../../src/cli/exit.ts';
import { ERRORS, type ErrorCode } from '../../src/core/error.ts';

test.each(Object.keys(ERRORS) as ErrorCode[])(
  'a refusal with the code %s exits with what the table of errors says',
  (code) => {
    expect(EXIT_CODES[exitNameOf(code)]).toBe(ERRORS[code].exit);
  },
);

test.each([
  ['busy=1', { name: 'busy', code: 1 }],
  ['timeout=0', { name: 'timeout', code: 0 }],
  ['lost=255', { name: 'lost', code: 255 }],
])('%s is understood', (text, override) => {
  expect(parseExitOverride(text)).toEqual(override);
});

test.each(['busy', 'busy=', 'busy=256', 'busy=-1', 'busy=1.5', 'busy=x', '=1', 'completed=3', 'toString=3', 'busy =1'])(
  '%j is refused with what is wrong with it',
  (text) => {
    expect(parseExitOverride(text)).toMatch(/none of usage|0 to 255/);
  },
);

test('an override takes the place of one code only', () => {
  expect(exitCodeOf('busy', { busy: 1 })).toBe(1);
  expect(exitCodeOf('lost', { busy: 1 })).toBe(76);
});

test('a refusal is one line with what to do next, except under a caret', () => {
  expect(sentenceOf({ detail: 'it is taken', hint: 'wait' })).toBe('it is taken; wait');
  expect(sentenceOf({ detail: 'it is taken', hint: '' })).toBe('it is taken');
  expect(sentenceOf({ detail: 'bad\n  a &&\n      ^', hint: 'do' })).toBe('bad\n  a &&\n      ^\ndo');
});
