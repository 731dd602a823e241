import type { Command } from 'commander';
import { askDaemon } from '../ask.ts';
import { descriptorYaml } from '../descriptor-yaml.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions } from '../options.ts';
import type { Shell } from '../shell.ts';
import { readDescriptor } from '../things.ts';

const EXAMPLES = `
Examples:
  rentabot export > rentabot.yaml
  rentabot export --json

Exit codes as for status.`;

/** `rentabot export`: everything that exists, as a descriptor file. */
export function addExport(program: Command, shell: Shell): void {
  const command = program
    .command('export')
    .summary('all resources, as a descriptor file')
    .description(
      'Prints what exists as a descriptor file, with what was added and changed while the daemon ran, and with the variables that holders get. `rentabot import` and `rentabot serve -c` read it.',
    );
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    const asked = await askDaemon(shell, options, (client, within) => readDescriptor(client, { within }), {
      asAdmin: true,
    });
    if (asked.type === 'failed') {
      shell.exit = asked.exit;
      return;
    }
    const resources = asked.type === 'answer' ? asked.body.resources : [];
    await shell.print(options.json ? `${JSON.stringify({ resources })}\n` : descriptorYaml(resources));
    shell.exit = 0;
  });
}
