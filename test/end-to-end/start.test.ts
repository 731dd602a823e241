import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** What `npm run build` made, in a folder of its own and without the packages it was built from. */
describe('the program as it is shipped', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rentabot start-'));
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const caches = (): string[] => readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.cache'));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, 'bin/rentabot.js'), ...args], { encoding: 'utf8', cwd: folder });

  test('has one code cache, and V8 takes it', () => {
    expect(caches()).toHaveLength(1);
    const probe = `console.log(require(${JSON.stringify(join(folder, 'dist/rentabot.cjs'))}).cachedDataRejected)`;
    const { stdout } = spawnSync(
      process.execPath,
      ['-e', `process.exit = () => {}; ${probe}`, '--', 'rentabot', '--version'],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout.split('\n')).toContain('false');
  });

  test('runs without its code cache', () => {
    for (const name of caches()) rmSync(join(folder, 'dist', name));
    expect(run('--version')).toMatchObject({ status: 0, stderr: '' });
  });

  test('runs with a code cache that is none', () => {
    for (const name of caches()) writeFileSync(join(folder, 'dist', name), 'not a cache');
    expect(run('--version')).toMatchObject({ status: 0, stderr: '' });
  });

  test('says what is missing where the SQLite binding is not installed', () => {
    const { status, stderr } = run(
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--socket',
      'none',
      '--data',
      join(folder, 'data'),
    );
    expect(status).toBe(78);
    expect(stderr).toContain('better-sqlite3');
  });
});
