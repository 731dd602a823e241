import type { Command } from 'commander';
import { failed } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { changeEach, nothingHere, removedSentence, removeResource } from '../things.ts';

const EXAMPLES = `
Example:
  rentabot remove board-7

What only is to rest for a while is better taken offline. Exit codes as for status.`;

/** `rentabot remove NAME…`: no longer something to share. */
export function addRemove(program: Command, shell: Shell): void {
  const command = program
    .command('remove')
    .summary('remove resources')
    .description(
      'Takes resources away. Whoever holds one keeps it until done, and nobody new gets it; whoever waits for what no longer exists is told so at once. What a file has too stays away until the file says something else of it.',
    )
    .argument('<name...>', 'the resources')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: CommonOptions) => {
    shell.exit = await remove(names, options, shell);
  });
}

async function remove(names: readonly string[], options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await changeEach(shell, options, names, removeResource);
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    const retiring = asked.body.flatMap((changed) => changed?.resource ?? []);
    await shell.print(jsonLine({ removed: names.filter((_, i) => asked.body[i] === null), retiring }));
    return 0;
  }
  for (const [i, name] of names.entries()) talk.say('removed', removedSentence(name, asked.body[i]));
  return 0;
}
