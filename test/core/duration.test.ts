import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration, roughDuration } from '../../src/core/duration.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

describe('a duration', () => {
  test.each([
    ['0', 0],
    ['90', 90 * S],
    ['1.5', 1500],
    ['0.25', 250],
    ['90s', 90 * S],
    ['5m', 5 * M],
    ['1h30m', H + 30 * M],
    ['2d', 2 * D],
    ['1d2h3m4s5ms', D + 2 * H + 3 * M + 4 * S + 5],
    ['250ms', 250],
    ['3650d', 3650 * D],
  ])('is read from %j as %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    ...[
      '',
      ' ',
      's',
      '-1',
      '+1',
      '1.5h',
      '1h 30m',
      '30m1h',
      '1m1m',
      '5M',
      '5min',
      '1e3',
      '0x10',
      '1,5',
      '١',
      'NaN',
      'Infinity',
    ],
    ...['3651d', '9'.repeat(400), `${'9'.repeat(400)}d`, '90 ', '.5', '5.', '1h30'],
  ])('is not read from %j', (text) => expect(parseDuration(text)).toBeNull());

  test.each([
    [0, '0ms'],
    [-5, '0ms'],
    [250, '250ms'],
    [1499, '1s'],
    [1500, '2s'],
    [90 * S, '1m30s'],
    [H, '1h'],
    [2 * H + 5 * S, '2h5s'],
    [3 * D + 4 * H, '3d4h'],
  ])('of %d ms is written %j', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [0, '1s'],
    [H + 30 * M + 20 * S, '1h30m'],
    [3 * D + 4 * H + 5 * M, '3d4h'],
    [45 * S, '45s'],
  ])('of %d ms is roughly %j', (ms, text) => expect(roughDuration(ms)).toBe(text));

  test('of whole seconds is the same after writing and reading', () => {
    const wholeSeconds = fc.property(fc.integer({ min: 0, max: 3650 * 86_400 }), (s) => {
      expect(parseDuration(formatDuration(s * S))).toBe(s * S);
    });
    fc.assert(wholeSeconds);
  });

  test('is never read from a text by throwing, nor as anything but whole milliseconds', () => {
    const anything = fc.oneof(fc.string(), fc.stringMatching(/^[0-9dhms.]{0,20}$/));
    fc.assert(
      fc.property(anything, (text) => {
        const ms = parseDuration(text);
        expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});
