import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nearestDescriptor } from '../../src/cli/descriptor.ts';
import { temporaryFolder } from './support/world.ts';

function tree(...files: string[]): string {
  const root = temporaryFolder();
  for (const file of files) {
    const path = join(root, file);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '{}');
  }
  return root;
}

test.each([
  ['in this folder', ['a/b/rentabot.yaml', 'a/rentabot.yaml'], 'a/b/rentabot.yaml'],
  ['in a parent', ['a/b/x', 'a/rentabot.yaml'], 'a/rentabot.yaml'],
  ['hidden before plain', ['a/b/rentabot.yaml', 'a/b/.rentabot.yaml'], 'a/b/.rentabot.yaml'],
  ["the user's own where no folder has one", ['a/b/x', 'home/.rentabot/config.yaml'], 'home/.rentabot/config.yaml'],
  ["a folder's before the user's own", ['a/b/x', 'rentabot.yaml', 'home/.rentabot/config.yaml'], 'rentabot.yaml'],
])('the nearest descriptor counts: %s', (_, files, found) => {
  const root = tree(...files);
  const env = { RENTABOT_RESOURCE_DESCRIPTOR: '/elsewhere.yaml' };
  expect(nearestDescriptor(join(root, 'a/b'), join(root, 'home'), env)).toBe(join(root, found));
});

test('RENTABOT_RESOURCE_DESCRIPTOR counts where no file is found, relative to this folder', () => {
  const root = tree('a/x');
  const env = { RENTABOT_RESOURCE_DESCRIPTOR: 'my.yaml' };
  expect(nearestDescriptor(join(root, 'a'), root, env)).toBe(join(root, 'a/my.yaml'));
  expect(nearestDescriptor(join(root, 'a'), root, {})).toBeNull();
});
