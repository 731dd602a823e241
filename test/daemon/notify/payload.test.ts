import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { noticeToJson, signatureOf, slackBody, slackText } from '../../../src/daemon/notify/payload.ts';
import { NOON, notice } from '../../support/notify.ts';

const reader = { zone: 'UTC' };
const textOf = (body: string) => (JSON.parse(body) as { text: string }).text;

test('nothing that a stranger writes means something to Slack', () => {
  const hostile = '<!channel> <https://evil.example|click> & &lt; @here @Everyone a@all.example';
  const text = textOf(slackBody([notice({ note: hostile })], reader));
  expect(text).not.toMatch(/[<>]/);
  expect(text).not.toMatch(/@(here|everyone|channel|all)\b/i);
  expect(text).toContain('&lt;!channel&gt;');
  expect(text).toContain('&amp;lt;');
});

test('an address of mail in a note stays one', () => {
  expect(slackText('ask bob@example.org')).toBe('ask bob@example.org');
});

test('several notices are the lines of one message, without markup', () => {
  const body = slackBody([notice(), notice({ event: 'online', by: '' })], reader);
  expect(textOf(body).split('\n')).toEqual([
    'bob asks alice for board-1 (To give it back: rentabot release board-1)',
    'board-1 is in service again',
  ]);
  expect(JSON.parse(body)).toMatchObject({ mrkdwn: false, unfurl_links: false });
});

test('programs get all of it, with times and seconds as the protocol has them', () => {
  const json = noticeToJson(notice({ waited: 90_000, until: NOON + 1000, note: 'five\nminutes' }), reader);
  expect(json).toEqual({
    id: '7',
    event: 'asked',
    at: '2026-11-20T12:00:00.000Z',
    text: 'bob asks alice for board-1: five minutes',
    resources: ['board-1'],
    lease: null,
    person: 'alice',
    holder: null,
    by: 'bob',
    note: 'five\nminutes',
    want: '',
    waited: 90,
    until: '2026-11-20T12:00:01.000Z',
    url: null,
  });
});

test('where the board is known, each line of a chat ends with its link, bare, and programs get it as well', () => {
  const board = { ...reader, board: 'https://lab.example.org' };
  const told = notice({ resources: ['<b> & c'] });
  expect(textOf(slackBody([told, notice({ event: 'online', by: '' })], board)).split('\n')).toEqual([
    "bob asks alice for &lt;b&gt; &amp; c (To give it back: rentabot release '&lt;b&gt; &amp; c') – https://lab.example.org/resources/%3Cb%3E%20%26%20c",
    'board-1 is in service again – https://lab.example.org/resources/board-1',
  ]);
  expect(noticeToJson(told, board).url).toBe('https://lab.example.org/resources/%3Cb%3E%20%26%20c');
});

test('the signature is over the time and the body, so that neither can be changed', () => {
  const mac = createHmac('sha256', 'key').update('1763640000.{}').digest('hex');
  expect(signatureOf('key', '1763640000', '{}')).toBe(`sha256=${mac}`);
  expect(signatureOf('key', '1763640001', '{}')).not.toBe(`sha256=${mac}`);
  expect(signatureOf('yek', '1763640000', '{}')).not.toBe(`sha256=${mac}`);
});
