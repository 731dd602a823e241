import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../support/cli.ts';
import { blocksOf, ROOT, readDocument } from './support/markdown.ts';

const unit = readFileSync(join(ROOT, 'examples/recipes/rentabot.service'), 'utf8');

test('the unit is the one that docs/operations.md shows', () => {
  const shown = blocksOf(readDocument('docs/operations.md')).find(({ language }) => language === 'ini');
  expect(unit).toBe(shown?.text);
});

test('systemd has nothing to say against the unit', (context) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return context.skip('systemd-analyze is not installed');
  const file = join(makeFolder(), 'rentabot.service');
  // Where Node is on this machine does not matter.
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('rentabot'))).toEqual([]);
});
