import { describe, expect, test } from 'vitest';
import { NOTICE_EVENTS } from '../../../src/daemon/notify/notice.ts';
import { adviceOf, linkOf, momentText, plain, sentenceOf } from '../../../src/daemon/notify/words.ts';
import { NOON, notice } from '../../support/notify.ts';

const HOUR = 3_600_000;
const reader = { zone: 'UTC' };

test.each([
  ['offered', {}, 'board-1 is offered to alice, until 13:00 UTC: JTAG'],
  ['granted', {}, "board-1 is alice's until 13:00 UTC: JTAG"],
  ['expiring', {}, "alice's claim of board-1 ends at 13:00 UTC, in 1h: JTAG"],
  ['asked', {}, 'bob asks alice for board-1: JTAG'],
  ['stolen', {}, 'bob took board-1 over from alice: JTAG'],
  ['revoked', {}, 'bob took board-1 back from alice: JTAG'],
  ['offline', {}, 'board-1 is out of service, by bob, until 13:00 UTC: JTAG'],
  ['offline', { by: '', until: null, note: '' }, 'board-1 is out of service'],
  ['online', { by: '' }, 'board-1 is in service again'],
  ['waiting-too-long', { waited: 90 * 60_000, want: '2*gpu', note: '' }, 'alice has waited 1h30m for 2*gpu'],
] as const)('%s is told in one sentence', (event, given, sentence) => {
  expect(sentenceOf(notice({ event, until: NOON + HOUR, note: 'JTAG', ...given }), reader)).toBe(sentence);
});

test('whoever can do something about it is told how, in words that a shell takes as they stand', () => {
  expect(adviceOf(notice({ event: 'offered' }))).toContain('rentabot accept board-1');
  expect(adviceOf(notice({ event: 'asked', resources: ["Bob's board"] }))).toContain(
    `rentabot release 'Bob'\\''s board'`,
  );
  expect(adviceOf(notice({ event: 'offline' }))).toBe('');
});

test.each([
  ['the page of a resource', { resources: ['board-1'] }, '/resources/board-1'],
  ['whatever is in its name', { resources: ['a b/c?<d>&@all#é'] }, '/resources/a%20b%2Fc%3F%3Cd%3E%26%40all%23%C3%A9'],
  ['the board for several', { resources: ['a', 'b'] }, '/'],
  ['who waits, where somebody does', { event: 'waiting-too-long', resources: [] }, '/?state=queued'],
  ['the board for a test', { event: 'test', resources: [] }, '/'],
] as const)('the link leads to %s', (_, given, path) => {
  expect(linkOf(notice(given), { ...reader, board: 'https://lab.example.org' })).toBe(`https://lab.example.org${path}`);
  expect(linkOf(notice(given), reader)).toBeNull();
});

test('many resources are counted, not listed', () => {
  const resources = Array.from({ length: 12 }, (_, i) => `gpu-${i}`);
  expect(sentenceOf(notice({ resources }), reader)).toContain('gpu-9, 2 more');
});

test.each(NOTICE_EVENTS)('%s stays on one line, whatever strangers wrote', (event) => {
  const hostile = 'a\r\nBcc: everybody@example.org\u2028\u202e\u0007\u001b[31m b'.repeat(200);
  const given = { person: hostile, by: hostile, note: hostile, want: hostile, resources: [hostile] };
  const sentence = sentenceOf(notice({ event, until: NOON + HOUR, ...given }), reader);
  expect(sentence).not.toMatch(/[\p{Cc}\u2028-\u202e]/u);
  expect(sentence.length).toBeLessThan(2000);
});

test('a text is cut between characters', () => {
  expect(plain(`x${'😀'.repeat(500)}`)).not.toMatch(/\p{Cs}/u);
});

describe('a moment', () => {
  test('is the time of the day where the reader is', () => {
    expect(momentText(NOON, NOON, 'UTC')).toBe('12:00 UTC');
    expect(momentText(NOON, NOON, 'Asia/Tokyo')).toMatch(/^21:00 /);
  });

  test('has its day where that is another one there', () => {
    expect(momentText(NOON + 13 * HOUR, NOON, 'UTC')).toBe('Sat 21 Nov, 01:00 UTC');
    expect(momentText(NOON + 4 * HOUR, NOON, 'Asia/Tokyo')).toMatch(/^Sat 21 Nov, 01:00 /);
  });
});
