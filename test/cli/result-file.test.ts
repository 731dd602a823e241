import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkResultFile, type ResultJson, writeResultFile } from '../../src/cli/result-file.ts';
import { temporaryFolder } from './support/world.ts';

const RESULT: ResultJson = { outcome: 'completed', exitCode: 0, signal: null, waited: 0.4, held: 12.1, lease: null };

test('a result is written whole, over an old one, and nothing else stays in the folder', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'r.json');
  writeFileSync(path, 'old');
  writeResultFile(path, RESULT);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(RESULT);
  expect(readdirSync(folder)).toEqual(['r.json']);
});

test('a link stays a link, and what it points to is written', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'real'), '');
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  writeResultFile(join(folder, 'link'), RESULT);
  expect(JSON.parse(readFileSync(join(folder, 'real'), 'utf8'))).toEqual(RESULT);
});

test('a device stays a device', () => {
  writeResultFile('/dev/null', RESULT);
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
});

test('a file that could not be written is found out before anything is asked', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'd'));
  expect(checkResultFile(join(folder, 'new.json'))).toBeNull();
  expect(checkResultFile('/dev/null')).toBeNull();
  expect(checkResultFile(join(folder, 'd'))).toMatchObject({ code: 'usage' });
  expect(checkResultFile(join(folder, 'none', 'r.json'))).toMatchObject({ code: 'usage' });
});
