import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/error.ts';
import { IMPORT_FORMATS } from '../../src/core/imported.ts';
import { ROOT, readDocument, sectionOf } from './support/markdown.ts';

/** docs/cli.md and docs/protocol.md against the program. */
const cli = readDocument('docs/cli.md');
const protocol = readDocument('docs/protocol.md');

function help(...argv: string[]): string {
  return execFileSync(process.execPath, [join(ROOT, 'bin', 'rentabot.js'), ...argv], { encoding: 'utf8' });
}

/** `--name` of each option that a help text lists. */
function optionsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/^ {2}(?:-\w, )?(--[a-z][a-z-]*)/gm)].map(([, name = '']) => name));
}

/** `--name` of each option that has a row in a table; short names in front of it count as well. */
function rowsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/^\| `(?:-\w, )?(--[a-z][a-z-]*)[^`]*` \|/gm)].map(([, name = '']) => name));
}

const commands = [...help('--help').matchAll(/^ {2}([a-z]+)(?:\|[a-z]+)? \[/gm)]
  .map(([, name = '']) => name)
  .filter((name) => name !== 'help');
const common = rowsIn(sectionOf(cli, '## Common options'));
const wants = rowsIn(sectionOf(cli, '## What you ask for'));

test('every command has its section', () => {
  expect(commands).toContain('lock');
  for (const name of commands) expect(cli).toMatch(new RegExp(`^## ${name}$`, 'm'));
});

describe.each(commands)('the options of %s', (name) => {
  let offered: Set<string>;
  let section: string;
  beforeAll(() => {
    offered = optionsIn(help(name, '--help'));
    offered.delete('--help');
    section = sectionOf(cli, `## ${name}`);
  });

  test('are all in docs/cli.md', () => {
    const written = new Set([...rowsIn(section), ...common, ...wants]);
    const missing = [...offered].filter((option) => !written.has(option) && !section.includes(`\`${option}\``));
    expect(missing).toEqual([]);
  });

  test('are no fewer than docs/cli.md has', () => {
    expect([...rowsIn(section)].filter((option) => !offered.has(option))).toEqual([]);
  });
});

test('every common option and every want is an option of lock', () => {
  const offered = optionsIn(help('lock', '--help'));
  expect([...common, ...wants].filter((option) => !offered.has(option))).toEqual([]);
});

test('docs/cli.md and docs/moving-in.md have each format that an import knows', () => {
  const row = cli.split('\n').find((line) => line.startsWith('| `--format <name>` |')) ?? '';
  expect([...row.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name)).toEqual([...IMPORT_FORMATS]);
  const last = [...readDocument('docs/moving-in.md').matchAll(/^\| \[.*\| (`[^|]*`) \|$/gm)].map(
    ([, names]) => names ?? '',
  );
  const written = new Set(last.flatMap((names) => [...names.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name)));
  expect([...written].sort()).toEqual([...IMPORT_FORMATS].sort());
});

test('docs/protocol.md has each error with its status and exit code, and no other', () => {
  const rows = [...sectionOf(protocol, '## Errors').matchAll(/^\| `([a-z-]+)` \| (\d*) ?\| (\d+) \|/gm)];
  const written = rows.map(([, code, status, exit]) => [code, status === '' ? null : Number(status), Number(exit)]);
  const known = Object.entries(ERRORS).map(([code, { status, exit }]) => [code, status, exit]);
  expect(written.sort()).toEqual(known.sort());
});

test('docs/cli.md has each exit code of an error', () => {
  const written = [...sectionOf(cli, '## Exit codes').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  for (const { exit } of Object.values(ERRORS)) expect(written).toContain(exit);
});
