import type { Command, Option } from 'commander';
import { Client } from '../client.ts';
import { findDaemon } from '../find-daemon.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';

/** A person waits for the Tab key: a daemon that takes longer has no names to offer. */
const PATIENCE_MS = 1000;
/** Candidates beyond these help nobody, and slow the shell down. */
const MOST = 1000;
/** Tells the script that a file is wanted, which the shell completes best itself. */
const FILES = ':files';

const NAMES = new Set(['-n', '--name']);
const TAGS = new Set(['-t', '--tag', '--add-tag', '--remove-tag']);
const PATHS = new Set([
  '-c',
  '--config',
  '--data',
  '--socket',
  '--result-file',
  '--adopt',
  '--detach-lease',
  '--tls-cert',
  '--tls-key',
]);
/** Their arguments are names of resources; of share the first. */
const NAMED = new Set([
  'status',
  'release',
  'extend',
  'accept',
  'share',
  'ask',
  'steal',
  'offline',
  'online',
  'edit',
  'remove',
  'history',
  'stats',
  'claim',
  'why',
]);

/** `rentabot complete -- WORD…`, for the scripts of `rentabot completion`: what the last word could become. */
export function addComplete(program: Command, shell: Shell, everything: () => Command): void {
  program
    .command('complete', { hidden: true })
    .argument('[word...]')
    .action(async (words: readonly string[]) => {
      const found = await candidates(words, everything(), shell);
      await shell.print(found.map((one) => `${one}\n`).join(''));
      shell.exit = 0;
    });
}

async function candidates(words: readonly string[], program: Command, shell: Shell): Promise<readonly string[]> {
  const typed = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const starting = startingWith(current);
  const visible = (command: Command) => command.createHelp().visibleCommands(command);
  const [name, ...rest] = typed;
  if (name === undefined) return starting([...visible(program).flatMap((one) => [one.name(), ...one.aliases()])]);
  const command = commandOf(program, typed);
  if (command === undefined) return name === 'help' ? starting(visible(program).map((one) => one.name())) : [];
  // From `--` on it is somebody else's command line.
  if (rest.includes('--')) return [FILES];
  const previous = optionNamed(command, typed.at(-1));
  const taken = previous && (previous.required || previous.optional) ? previous : undefined;
  if (taken) return valuesOf(taken, current, shell);
  const [, long, value = ''] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  const joined = optionNamed(command, long);
  if (joined?.required) return (await valuesOf(joined, value, shell)).map((one) => withOption(joined, one));
  if (current.startsWith('-')) return starting(optionsOf(command));
  const inner = visible(command).filter((one) => one.name() !== 'help');
  if (inner.length > 0) return starting(inner.map((one) => one.name()));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  if (choices.length > 0) return starting(choices);
  if (name === 'import') return [FILES];
  return NAMED.has(command.name()) ? starting((await known(shell)).names) : [];
}

function startingWith(current: string): (all: Iterable<string>) => string[] {
  return (all) => [...all].filter((one) => one.startsWith(current)).slice(0, MOST);
}

/** `--name=board-1`: the whole word is replaced. */
function withOption({ long }: Option, value: string): string {
  return value === FILES ? FILES : `${long}=${value}`;
}

/** The command, and its own where it has some: `user add`. */
function commandOf(program: Command, typed: readonly string[]): Command | undefined {
  const find = (from: Command, word: string | undefined) =>
    from.commands.find((one) => one.name() === word || one.aliases().includes(word ?? ''));
  const command = find(program, typed[0]);
  return (
    (command &&
      typed
        .slice(1)
        .map((word) => find(command, word))
        .find((one) => one)) ??
    command
  );
}

function optionNamed(command: Command, word: string | undefined): Option | undefined {
  return command.options.find(({ short, long }) => word !== undefined && (word === short || word === long));
}

function optionsOf(command: Command): string[] {
  const visible = command.createHelp().visibleOptions(command);
  return visible.flatMap(({ long, short }) => long ?? short ?? []);
}

async function valuesOf(
  { short, long, argChoices }: Option,
  current: string,
  shell: Shell,
): Promise<readonly string[]> {
  const starting = startingWith(current);
  const is = (set: ReadonlySet<string>) => set.has(short ?? '') || set.has(long ?? '');
  if (argChoices) return starting(argChoices);
  if (is(PATHS)) return [FILES];
  if (is(NAMES)) return starting((await known(shell)).names);
  if (is(TAGS)) return starting((await known(shell)).tags);
  if (long !== '--want') return [];
  // An expression goes on behind its last operator.
  const [head = '', word = ''] = /^(.*?)([^\s&|!()*]*)$/.exec(current)?.slice(1) ?? [];
  return (await known(shell)).tags.filter((tag) => tag.startsWith(word)).map((tag) => head + tag);
}

/** Of a daemon that runs; none is started for this, and what goes wrong is silence. */
async function known(shell: Shell): Promise<{ readonly names: readonly string[]; readonly tags: readonly string[] }> {
  const silent = new Talk(
    { terminal: false, columns: () => 80, write: () => {} },
    { level: 'quiet', json: false, color: false },
  );
  const choice = { url: null, token: null, connectTimeout: PATIENCE_MS };
  const none = { names: [], tags: [] };
  try {
    const access = await findDaemon(shell.machine, choice, silent, { ifNone: 'look' });
    if (access === null || 'code' in access) return none;
    const reply = await new Client(access, shell.transport).resources({ within: PATIENCE_MS });
    if (reply.type === 'refused') return none;
    const { resources } = reply.body;
    const oneLine = resources.filter(({ name }) => !/[\n\r]/.test(name));
    return {
      names: oneLine.map(({ name }) => name).sort(),
      tags: [...new Set(resources.flatMap(({ tags }) => tags))].sort(),
    };
  } catch {
    return none;
  }
}
