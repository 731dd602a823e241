import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readDescriptor } from '../../../src/daemon/descriptor.ts';
import { NOTICE_EVENTS } from '../../../src/daemon/notify/notice.ts';
import { targetReaders } from '../../../src/daemon/notify/settings.ts';
import { Remarks } from '../../../src/daemon/remarks.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const docs = read('docs/notifications.md');
const example = read('examples/notify/rentabot.yaml');
const shown = [...docs.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml = '']) => yaml);

/** What stands in code in the first cells of tables. */
const rows = new Set(
  [...docs.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  ),
);

test.each([...shown, example])('what is shown is right: %s', (yaml) => {
  expect(readDescriptor(yaml, '/lab/rentabot.yaml')).toMatchObject({ ok: true, warnings: [] });
});

test('every event, and every key of a target, has its row', () => {
  const keys = Object.keys(targetReaders({}, { folder: '/', home: '/' }, new Remarks('f')));
  expect([...NOTICE_EVENTS, ...keys].filter((word) => !rows.has(word))).toEqual([]);
});

test('the example has every way to tell, and a key of every kind', () => {
  for (const key of [
    'webhook_env',
    'webhook_file',
    'format',
    'secret_env',
    'mail',
    'where',
    'waiting_after',
    'events',
  ]) {
    expect(example).toMatch(new RegExp(`^ +(?:- )?${key}:`, 'm'));
  }
});
