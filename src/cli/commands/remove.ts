import type { Command } from 'commander';
import { failed } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable, whose } from '../text.ts';
import { changeEach, nothingHere, removeResource } from '../things.ts';
import { mono } from '../time.ts';

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
  const asked = await changeEach(shell, options, names, async (client, name, attempt, patience) => {
    const reply = await removeResource(client, name, patience);
    // Of an attempt whose reply was lost: it is what this one wanted.
    const isDone = attempt > 1 && reply.type === 'refused' && reply.refusal.code === 'not-found';
    return isDone ? { type: 'ok', body: null, sentAt: mono() } : reply;
  });
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    const retiring = asked.body.flatMap((changed) => changed?.resource ?? []);
    await shell.print(jsonLine({ removed: names.filter((_, i) => asked.body[i] === null), retiring }));
    return 0;
  }
  for (const [i, name] of names.entries()) {
    const leases = asked.body[i]?.resource.leases ?? [];
    const holders = leases.map(whose).join(', ');
    const text = asked.body[i] ? `goes when ${holders || 'its last holder'} is done` : 'is gone';
    talk.say('removed', `${printable(name)} ${text}`);
  }
  return 0;
}
