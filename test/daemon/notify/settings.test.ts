import { describe, expect, test } from 'vitest';
import { RentabotError } from '../../../src/core/error.ts';
import { readDescriptor } from '../../../src/daemon/descriptor.ts';
import { NOTICE_EVENTS } from '../../../src/daemon/notify/notice.ts';
import { openTargets } from '../../../src/daemon/notify/open.ts';
import { formatRemark } from '../../../src/daemon/remarks.ts';
import type { Settings } from '../../../src/daemon/settings.ts';

const FILE = '/lab/rentabot.yaml';
const SLACK = 'https://hooks.slack.com/services/T0/B0/hunter2';

function read(yaml: string) {
  return readDescriptor(`resources: {}\n${yaml}`, FILE, '/home/me');
}

function settings(yaml: string): Settings {
  const result = read(yaml);
  if (!result.ok) throw new Error(result.problems.map(formatRemark).join('\n'));
  return result.value.settings;
}

function problems(yaml: string): string[] {
  const result = read(yaml);
  return result.ok ? [] : result.problems.map(formatRemark);
}

test('a webhook needs no more than its address', () => {
  expect(settings(`notify:\n  - webhook: ${SLACK}`).notify).toEqual([
    {
      name: 'hooks.slack.com',
      way: { type: 'webhook', url: { type: 'text', text: SLACK }, format: 'json', secret: null },
      events: NOTICE_EVENTS,
      where: null,
      waitingAfter: 3_600_000,
    },
  ]);
});

test('paths start at the folder of the file, and addresses may stand elsewhere', () => {
  const { notify = [] } = settings(
    'notify:\n  - {webhook_file: slack.url, name: a}\n  - {webhook_env: HOOK, secret_file: ~/key, name: b}',
  );
  expect(notify.map(({ way }) => way)).toMatchObject([
    { url: { type: 'file', path: '/lab/slack.url' } },
    { url: { type: 'env', name: 'HOOK' }, secret: { type: 'file', path: '/home/me/key' } },
  ]);
});

test('mail goes to the person whom it is about, unless it says to whom', () => {
  const mail = '{smtp: smtps://mail.example.org, from: The lab <lab@example.org>}';
  const { notify = [] } = settings(`notify:\n  - mail: ${mail}`);
  expect(notify[0]).toMatchObject({
    name: 'mail',
    way: {
      type: 'mail',
      server: { host: 'mail.example.org', port: 465, secure: true },
      user: null,
      password: null,
      from: 'The lab <lab@example.org>',
      to: ['person'],
    },
  });
  const other = 'notify:\n  - mail: {smtp: "smtp://[::1]:2525", from: a@b.org, to: [person, lab@example.org]}';
  expect(settings(other).notify?.[0]?.way).toMatchObject({
    server: { host: '::1', port: 2525, secure: false },
    to: ['person', 'lab@example.org'],
  });
});

test('people have their addresses', () => {
  expect(settings('people:\n  alice: {mail: alice@example.org}\n  "Bob B.": {mail: b@example.org}').people).toEqual({
    alice: { mail: 'alice@example.org' },
    'Bob B.': { mail: 'b@example.org' },
  });
});

describe('a mistake is told with its place', () => {
  test.each([
    ['notify: yes', '2:9: notify: expected a list of targets, found "yes"'],
    [
      'notify:\n  - events: [asked]',
      '3:5: a target in notify: expected one of webhook, webhook_file, webhook_env and mail, found none',
    ],
    [
      `notify:\n  - {webhook: ${SLACK}, webhook_env: HOOK}`,
      'expected one of webhook, webhook_file, webhook_env and mail, found webhook and webhook_env',
    ],
    [
      `notify:\n  - webhook: ${SLACK}\n    event: asked`,
      '4:5: a target in notify has no setting "event", did you mean "events"?',
    ],
    [
      `notify:\n  - webhook: ${SLACK}\n    events: [asked, stollen]`,
      '4:21: events in notify: expected offered or granted or',
    ],
    [`notify:\n  - webhook: ${SLACK}\n    where: gpu &&`, '4:18: where in notify: '],
    [`notify:\n  - webhook: ${SLACK}\n    format: xml`, '4:13: format in notify: expected json or slack'],
    [`notify:\n  - webhook: ${SLACK}\n    waiting_after: soon`, '4:20: waiting_after in notify: expected a duration'],
    [
      `notify:\n  - webhook: ${SLACK}\n  - webhook: ${SLACK}`,
      '4:5: notify has two targets with the name "hooks.slack.com"',
    ],
    ['notify:\n  - mail: {from: a@b.org}', '3:11: mail in notify: expected smtp, found none'],
    ['notify:\n  - mail: {smtp: mail.example.org, from: a@b.org}', '3:18: smtp in mail: expected smtps://HOST'],
    ['notify:\n  - mail: {smtp: smtp://m, from: nobody}', 'from in mail: expected a mail address'],
    ['notify:\n  - mail: {smtp: smtp://m, from: a@b.org, to: all}', 'to in mail: expected a mail address, or person'],
    [
      'notify:\n  - mail: {smtp: smtp://m, from: a@b.org, user: me}',
      'user and password_file (or password_env) go together',
    ],
    ['notify:\n  - mail: {smtp: smtp://m, from: a@b.org}\n    format: slack', '4:5: format is for webhooks'],
    ['people:\n  alice: {mail: "a@b.org\\nBcc: all@b.org"}', '3:17: mail of "alice": expected a mail address'],
    ['people:\n  alice: {phone: 1}', '"alice" in people has no setting "phone"'],
  ])('%s', (yaml, message) => {
    const found = problems(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  test.each([
    'notify:\n  - webhook: hunter2',
    'notify:\n  - webhook: ftp://x/hunter2',
    `notify:\n  - {webhook: ${SLACK}, secret_env: "hunter2 is it"}`,
    'notify:\n  - mail: {smtp: "smtps://me:hunter2@mail", from: a@b.org}',
  ])('without the secret that stands there: %s', (yaml) => {
    const found = problems(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).not.toContain('hunter2');
  });
});

describe('the secrets', () => {
  const files: Record<string, string> = {
    '/lab/url': `${SLACK}\n`,
    '/lab/key': 'key\n',
    '/lab/two': 'a\nb',
    '/lab/no': '',
  };
  const readFile = (path: string) =>
    files[path] === undefined ? ({ type: 'missing' } as const) : ({ type: 'text', text: files[path] } as const);
  const open = (yaml: string, env = {}) => {
    const { notify = [], people = {} } = settings(yaml);
    return openTargets({ notify, people, file: FILE, env, readFile, zone: 'UTC' });
  };
  const refusal = (yaml: string, env = {}): string => {
    try {
      open(yaml, env);
      return '';
    } catch (error) {
      if (error instanceof RentabotError) return error.refusal.detail;
      throw error;
    }
  };

  test('are read from their files and variables, without the last line end', () => {
    const targets = open(
      'notify:\n  - {webhook_file: url, name: a}\n  - {webhook_env: HOOK, secret_file: key, name: b}',
      {
        HOOK: 'https://ci.example.org/x',
      },
    );
    expect(targets.map(({ name, sender }) => `${name} ${sender.host}`)).toEqual([
      'a hooks.slack.com',
      'b ci.example.org',
    ]);
  });

  test.each([
    ['{webhook_file: gone}', 'from /lab/gone: it is not there'],
    ['{webhook_file: no}', 'from /lab/no: it is empty'],
    ['{webhook_file: two}', 'from /lab/two: expected one line'],
    ['{webhook_file: key}', 'from /lab/key: expected an address with https:// or http://'],
    ['{webhook_env: HOOK}', 'from the variable HOOK: it is not there'],
  ])('that cannot be had stop the start, with the place of their name: %s', (target, message) => {
    expect(refusal(`notify:\n  - ${target}`)).toBe(
      `${FILE}:3:${target.indexOf(':') + 7}: a secret of notify cannot be read ${message}`,
    );
  });

  test('are in no message', () => {
    expect(refusal('notify:\n  - {webhook_env: HOOK}', { HOOK: 'hunter2' })).not.toContain('hunter2');
  });
});
