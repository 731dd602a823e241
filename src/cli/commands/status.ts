import type { Command } from 'commander';
import type { Want } from '../../core/model.ts';
import type { ResourcesJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { passes, readFilter } from '../filter.ts';
import { addDaemonOptions, addOutputOptions, addWantOptions, type CommonOptions } from '../options.ts';
import { headOf, rowsOf } from '../resource-rows.ts';
import type { Shell } from '../shell.ts';

const EXAMPLES = `
Examples:
  rentabot status
  rentabot status -t gpu
  rentabot status -w 'board && !flaky' --json`;

/** `rentabot status [WANT…]`, alias `ls`: the table of resources. */
export function addStatus(program: Command, shell: Shell): void {
  const command = program
    .command('status')
    .alias('ls')
    .summary('the table of resources')
    .description(
      'Shows each resource: its state, who holds it, since when, until when, how many could use it and wait, and why. With wants, only what one of them would take.',
    )
    .usage('[WANT…] [options]')
    .argument('[name...]', 'the same as -n NAME');
  const typed = addWantOptions(command);
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: CommonOptions) => {
    const filter = readFilter(typed, names);
    shell.exit = 'code' in filter ? refuseUsage(filter, shell, options) : await status(filter, options, shell);
  });
}

/** Once, as a table or as JSON. */
export async function status(filter: readonly Want[], options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<ResourcesJson>(shell, options, (client, within) => client.resources({ within }));
  if (asked.type === 'failed') return asked.exit;
  const all = asked.type === 'answer' ? asked.body.resources : [];
  const resources = all.filter((one) => passes(filter, one));
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ ...(asked.type === 'answer' ? asked.body : {}), resources }));
    return 0;
  }
  const paint = await shell.paint(options);
  const head = headOf(resources);
  const rows = resources.flatMap((resource) => rowsOf(resource, head, paint, Date.now()));
  await shell.print(table(head, rows, shell.columns));
  if (resources.length === 0) shell.voice.write(`rentabot: ${emptyHint(asked.type === 'none', filter.length > 0)}\n`);
  return 0;
}

function emptyHint(isAlone: boolean, isFiltered: boolean): string {
  if (isAlone) return 'no daemon is running here; `rentabot lock -n NAME -- COMMAND` starts one, and makes up the name';
  if (isFiltered) return 'nothing matches; `rentabot status` lists what exists';
  return 'there are no resources yet; declare some in rentabot.yaml';
}
