import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { testShell } from '../cli/support/world.ts';
import { ROOT } from './support/markdown.ts';

/** man/rentabot.1, as the build has written it, against the commands. */
const page = readFileSync(join(ROOT, 'man', 'rentabot.1'), 'utf8');
const shown = page.replaceAll('\\-', '-');
const program = createProgram(testShell(), undefined);
const visible = program.createHelp().visibleCommands(program);

test.each(visible.filter((command) => command.name() !== 'help').map((command) => ({ name: command.name(), command })))(
  'has $name with all its options',
  ({ name, command }) => {
    const [, section = ''] = shown.split(`\n.SS rentabot ${name}\n`);
    const [own = ''] = section.split('\n.SS ');
    expect(own).not.toBe('');
    for (const { long } of command.createHelp().visibleOptions(command)) expect(own).toContain(`${long}`);
  },
);

test('has nothing that is hidden', () => {
  expect(shown).not.toContain('give-back');
  expect(shown).not.toContain('rentabot complete ');
});

test('is what package.json ships', () => {
  const { man, files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(man).toBe('man/rentabot.1');
  expect(files).toContain('man');
});

test('has ASCII alone, no line that troff would take for a request, and no word of the machine', () => {
  expect(page).toMatch(/^[\n -~]*$/);
  const requests = new Set([...page.matchAll(/^[.']\S*/gm)].map(([request]) => request));
  expect([...requests].sort()).toEqual(['.B', '.BR', '.PP', '.SH', '.SS', '.TH', '.TP', '.br', '.fi', '.nf']);
});

const formatter = ['mandoc', 'groff'].find((one) => spawnSync(one, ['-V']).error === undefined);
test.skipIf(formatter === undefined)('is formatted without a warning', () => {
  const args = formatter === 'mandoc' ? ['-T', 'utf8'] : ['-man', '-Tutf8'];
  const text = execFileSync(formatter ?? '', [...args, join(ROOT, 'man', 'rentabot.1')], { encoding: 'utf8' });
  expect(text).toContain('rentabot');
});
