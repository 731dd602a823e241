import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MOST_ENTRIES } from '../../src/core/description.ts';
import { formatDuration } from '../../src/core/duration.ts';
import { loadConfig } from '../../src/daemon/config.ts';
import { MOST_SLOTS, RESOURCE_KEYS } from '../../src/daemon/described.ts';
import { LARGEST_FILE_BYTES } from '../../src/daemon/descriptor-file.ts';
import { Remarks } from '../../src/daemon/remarks.ts';
import { LIMIT_RULES, limitKey, settingReaders } from '../../src/daemon/settings.ts';

const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

/** Cells of the tables' rows, by what is in their first cell. */
const rows = new Map(
  [...docs.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map(([, key = '', rest = '']) => [
    key,
    rest.split('|').map((cell) => cell.trim()),
  ]),
);

describe('docs/configuration.md', () => {
  const examples = [...docs.matchAll(/^( *)```yaml\n(.*?)^ *```$/gms)].map(([, indent = '', yaml = '']) =>
    yaml.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

  test('has examples', () => expect(examples.length).toBeGreaterThanOrEqual(8));

  test.each(examples)('has an example that is right: %s', (yaml) => {
    const host = { uid: 0, home: '/root', tmp: '/tmp', cwd: '/' };
    const result = loadConfig({
      flags: { config: 'f' },
      env: {},
      host,
      readFile: () => ({ type: 'text', text: yaml }),
    });
    expect(result).toMatchObject({ ok: true, warnings: [] });
  });

  test.each(Object.entries(LIMIT_RULES))('has the limit %s with its default and range', (name, rule) => {
    const written = (value: number) => (rule.span ? formatDuration(value) : `${value}`);
    const inLimits = docs.slice(docs.indexOf('### Limits'));
    const row = inLimits.split('\n').find((line) => line.startsWith(`| \`${limitKey(name)}\` |`)) ?? '';
    const cells = row.split('|').map((cell) => cell.trim());
    expect(cells.slice(3, 6)).toEqual([written(rule.default), written(rule.min), written(rule.max)]);
  });

  test('has every key of a resource and every setting', () => {
    const settings = Object.keys(settingReaders({}, { folder: '/', home: '/' }, new Remarks('f')));
    const missing = [...RESOURCE_KEYS, ...settings].filter((key) => !rows.has(key));
    expect(missing).toEqual([]);
  });

  test('has every variable and flag', () => {
    const variables = ['LISTEN', 'SOCKET', 'DATA', 'LOG', 'ADMIN_TOKEN_FILE'].map((name) => `RENTABOT_${name}`);
    for (const name of [...variables, '--listen HOST:PORT', '--admin-token-file FILE']) {
      expect(rows.has(name)).toBe(true);
    }
  });

  test('has the bounds of a file', () => {
    expect(docs).toContain(`1 to ${MOST_SLOTS.toLocaleString('en')}`);
    expect(docs).toContain(`${MOST_ENTRIES} tags, ${MOST_ENTRIES} properties and ${MOST_ENTRIES} variables`);
    expect(docs).toContain(`${LARGEST_FILE_BYTES / 1024 / 1024} MiB`);
  });

  test('shows messages as they are', () => {
    const yaml = `${'\n'.repeat(4)}resources:\n  gpu-0:\n    slots: two\n\n\n\nlimits:\n  waitres: 5\n`;
    const readFile = () => ({ type: 'text', text: yaml }) as const;
    const host = { uid: 0, home: '/root', tmp: '/tmp', cwd: '/' };
    const result = loadConfig({ flags: { config: '/lab/rentabot.yaml' }, env: {}, host, readFile });
    const messages = result.ok ? [] : result.problems.map(({ message }) => message);
    expect(messages).toHaveLength(2);
    for (const message of messages) expect(docs).toContain(message);
  });
});
