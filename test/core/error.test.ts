import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode, RentabotError, refuse, statusOf } from '../../src/core/error.ts';

/** What scripts rely on: exit codes of the command line, statuses of the protocol. */
const PROMISED: Record<ErrorCode, [status: number | null, exit: number]> = {
  usage: [400, 64],
  impossible: [422, 65],
  unreachable: [null, 69],
  internal: [500, 70],
  busy: [409, 75],
  lost: [410, 76],
  denied: [403, 77],
  unauthorized: [401, 77],
  config: [422, 78],
  timeout: [408, 124],
  conflict: [409, 64],
  limit: [429, 75],
  unavailable: [503, 69],
  'not-found': [404, 65],
  'method-not-allowed': [405, 64],
  'uri-too-long': [414, 64],
  'headers-too-large': [431, 64],
};

describe('the table of errors', () => {
  test('has the promised codes, statuses and exit codes, and no others', () => {
    const actual = Object.entries(ERRORS).map(([code, { status, exit }]) => [code, [status, exit]]);
    expect(Object.fromEntries(actual)).toEqual(PROMISED);
  });

  test('has a sentence and a next step for each', () => {
    for (const { sentence, hint } of Object.values(ERRORS)) {
      expect(sentence).toMatch(/^[a-z].*[^.]$/);
      expect(hint).toMatch(/^[a-z`].*[^.]$/);
    }
  });
});

describe('a refusal', () => {
  test('has the hint of its code, or a better one', () => {
    expect(refuse('busy', 'gpu-0 is held').hint).toBe(ERRORS.busy.hint);
    expect(refuse('busy', 'gpu-0 is held', { hint: 'ask alice' })).toEqual({
      code: 'busy',
      detail: 'gpu-0 is held',
      hint: 'ask alice',
    });
  });

  test('is answered with the status of its code, unless it has one of its own', () => {
    expect(statusOf(refuse('lost', 'gone'))).toBe(410);
    expect(statusOf(refuse('usage', 'too large', { status: 413 }))).toBe(413);
    expect(statusOf(refuse('unreachable', 'nobody'))).toBe(500);
  });

  test('can be thrown, with its cause', () => {
    const cause = new Error('disk full');
    const error = new RentabotError(refuse('unavailable', 'cannot write'), { cause });
    expect([error.message, error.refusal.code, error.cause]).toEqual(['cannot write', 'unavailable', cause]);
  });
});
