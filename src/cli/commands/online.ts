import type { Command } from 'commander';
import { failed } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { bringOnline, changeEach, nothingHere } from '../things.ts';

const EXAMPLES = `
Example:
  rentabot online board-1

Exit codes as for status.`;

/** `rentabot online NAME…`: back in service. */
export function addOnline(program: Command, shell: Shell): void {
  const command = program
    .command('online')
    .summary('bring resources back into service')
    .description('Brings back what was taken offline; whoever waits for it is served.')
    .argument('<name...>', 'the resources')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: CommonOptions) => {
    shell.exit = await online(names, options, shell);
  });
}

async function online(names: readonly string[], options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await changeEach(shell, options, names, (client, name, _attempt, patience) =>
    bringOnline(client, name, patience),
  );
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  const resources = asked.body.flatMap((changed) => changed?.resource ?? []);
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ resources }));
  } else for (const { name } of resources) talk.say('online', `${printable(name)} is in service`);
  return 0;
}
