// Writes man/rentabot.1 from what the commands say of themselves, so that it is never behind them. The build does.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

/** `common` is what the build bundles the program with; `root` ends with a slash. */
export async function writeManPage(root, version, common) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ['src/cli/program.ts'],
    external: ['./daemon.cjs'],
    write: false,
  });
  const module = { exports: {} };
  new Function('module', 'exports', 'require', outputFiles[0].text)(
    module,
    module.exports,
    createRequire(import.meta.url),
  );
  let heard = '';
  const shell = { onUsageError: new Map(), machine: { env: {} }, print: () => {} };
  const program = module.exports.createProgram(shell, undefined);
  program.configureOutput({
    writeOut: (text) => {
      heard += text;
    },
  });
  const textAfter = (command) => {
    heard = '';
    command.configureOutput({
      writeOut: (text) => {
        heard += text;
      },
    });
    command.outputHelp();
    return heard.slice(command.helpInformation().length).trim();
  };
  mkdirSync(`${root}man`, { recursive: true });
  writeFileSync(`${root}man/rentabot.1`, manPage(program, version, textAfter));
}

function manPage(program, version, textAfter) {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  return [
    `.TH RENTABOT 1 "" "rentabot ${version}" "User Commands"`,
    '.SH NAME',
    `rentabot \\- ${plain(program.description())}`,
    '.SH SYNOPSIS',
    ...commands.map((command) => `.br\n.B ${plain(help.commandUsage(command))}`),
    '.SH DESCRIPTION',
    'One command waits for a thing, runs your command, and gives the thing back. What follows is what each command says with',
    '.BR \\-\\-help .',
    '.SH COMMANDS',
    ...commands.flatMap((command) => section(command, textAfter)),
    '.SH SEE ALSO',
    '.BR flock (1),',
    '.BR timeout (1)',
    '',
  ].join('\n');
}

function section(command, textAfter) {
  const help = command.createHelp();
  const inner = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const after = textAfter(command);
  return [
    `.SS ${plain(nameOf(command))}`,
    `.B ${plain(help.commandUsage(command))}`,
    '.PP',
    plain(help.commandDescription(command)),
    ...help.visibleArguments(command).flatMap((one) => entry(help.argumentTerm(one), help.argumentDescription(one))),
    ...help.visibleOptions(command).flatMap((one) => entry(help.optionTerm(one), help.optionDescription(one))),
    ...(after === '' ? [] : ['.PP', '.nf', ...after.split('\n').map(plain), '.fi']),
    ...inner.flatMap((one) => section(one, textAfter)),
  ];
}

/** `rentabot user add`. */
function nameOf(command) {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function entry(term, description) {
  return ['.TP', `.B ${plain(term)}`, plain(description) || '\\&'];
}

/** A dash is one that can be copied, a backslash is shown, and no line is taken for a request. */
function plain(text) {
  const shown = text
    .replaceAll('…', '...')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\n -~]/g, named);
  return /^[.']/.test(shown) ? `\\&${shown}` : shown;
}

function named(character) {
  return `\\[u${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`;
}
