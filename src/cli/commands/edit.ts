import type { Command } from 'commander';
import type { Refusal } from '../../core/error.ts';
import type { EditJson } from '../../core/wire.ts';
import { failed, refuseUsage } from '../ask.ts';
import { editByHand, nothingToChange } from '../edit-session.ts';
import { hasTerminal } from '../editor.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { changeEach, editResource, nothingHere } from '../things.ts';
import { addTraitOptions, collecting, readTraits, type TraitOptions } from '../traits.ts';

const EXAMPLES = `
Examples:
  rentabot edit board-7
  rentabot edit board-7 --add-tag flaky
  rentabot edit board-7 --remove-tag flaky --endpoint /dev/ttyUSB3
  rentabot edit licence --slots 8 --max-hold none

Exit codes as for status; 1 if the editor fails, 78 if what was written is wrong.`;

interface EditOptions extends CommonOptions, TraitOptions {
  readonly addTag?: readonly string[];
  readonly removeTag?: readonly string[];
  readonly removeProperty?: readonly string[];
  readonly removeEnv?: readonly string[];
}

/** `rentabot edit NAME`: what a resource is from now on. */
export function addEdit(program: Command, shell: Shell): void {
  const command = program
    .command('edit')
    .summary('change what a resource is')
    .description(
      'Changes what the options say, and leaves the rest. Without any it opens VISUAL, EDITOR or vi on all that the resource is. Its number and its holder stay, whoever waits is served by what it is now, and a reload of its file leaves the change alone. --tag takes the place of all tags that it has.',
    )
    .argument('<name>', 'the resource');
  addTraitOptions(command)
    .addOption(collecting('--add-tag <tag>', 'one more tag; repeatable'))
    .addOption(collecting('--remove-tag <tag>', 'one tag less; repeatable'))
    .addOption(collecting('--remove-property <key>', 'one property less; repeatable'))
    .addOption(collecting('--remove-env <key>', 'one variable less; repeatable'))
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string, options: EditOptions) => {
    const changes = readChanges(options);
    if ('code' in changes) shell.exit = refuseUsage(changes, shell, options);
    else if (Object.keys(changes).length > 0) shell.exit = await edit(name, changes, options, shell);
    else if (hasTerminal() && !options.json) shell.exit = await editByHand(name, options, shell);
    else shell.exit = refuseUsage(nothingToChange(), shell, options);
  });
}

function readChanges(options: EditOptions): EditJson | Refusal {
  const traits = readTraits(options);
  if ('code' in traits) return traits as Refusal;
  const { addTag = [], removeTag = [], removeProperty = [], removeEnv = [] } = options;
  const without = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, null]));
  return {
    ...(traits as EditJson),
    ...(addTag.length > 0 ? { addTags: addTag } : {}),
    ...(removeTag.length > 0 ? { removeTags: removeTag } : {}),
    ...(removeProperty.length > 0 ? { properties: { ...without(removeProperty), ...propertiesOf(traits) } } : {}),
    ...(removeEnv.length > 0 ? { env: { ...without(removeEnv), ...envOf(traits) } } : {}),
  };
}

function propertiesOf(traits: object): object {
  return (traits as EditJson).properties ?? {};
}

function envOf(traits: object): object {
  return (traits as EditJson).env ?? {};
}

async function edit(name: string, changes: EditJson, options: EditOptions, shell: Shell): Promise<number> {
  const asked = await changeEach(shell, options, [changes], (client, one, _attempt, patience) =>
    editResource(client, name, one, patience),
  );
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine(asked.body[0]));
  } else talk.say('edited', `${printable(name)} is changed`);
  return 0;
}
