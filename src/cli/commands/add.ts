import type { Command } from 'commander';
import type { DescribeJson } from '../../core/wire.ts';
import { failed, refuseUsage } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { addResource, changeEach, nothingHere } from '../things.ts';
import { addTraitOptions, readTraits, type TraitOptions } from '../traits.ts';

const EXAMPLES = `
Examples:
  rentabot add board-7 --tag board --endpoint /dev/ttyUSB7
  rentabot add gpu-4 -t gpu -t a100 --property mem=40 --env CUDA_VISIBLE_DEVICES=4 --max-hold 12h
  rentabot add licence --slots 5

Exit codes as for status; 64 if there is another one of this name.`;

interface AddOptions extends CommonOptions, TraitOptions {}

/** `rentabot add NAME`: one more thing to share, at once. */
export function addAdd(program: Command, shell: Shell): void {
  const command = program
    .command('add')
    .summary('add a resource')
    .description(
      'Adds a resource to what the daemon has, without a file and without a restart; whoever waits for such a one is served. The same call again changes nothing.',
    )
    .argument('<name>', 'what it is asked for by');
  addTraitOptions(command).option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string, options: AddOptions) => {
    const traits = readTraits(options);
    if ('code' in traits) shell.exit = refuseUsage(traits, shell, options);
    else shell.exit = await add({ name, ...(traits as Omit<DescribeJson, 'name'>) }, options, shell);
  });
}

async function add(body: DescribeJson, options: AddOptions, shell: Shell): Promise<number> {
  const asked = await changeEach(
    shell,
    options,
    [body],
    (client, one, _attempt, patience) => addResource(client, one, patience),
    { start: true },
  );
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine(asked.body[0]));
  } else talk.say('added', `${printable(body.name)} is there, as number ${asked.body[0]?.resource.id}`);
  return 0;
}
