import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import { machineProblem } from '../../core/machine.ts';
import type { MachineJson } from '../../core/wire-machines.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot beat mdc1:t-linux64-ms-100
  * * * * * rentabot beat -q "mdc1:$(hostname)"

Exit codes:
    0 the daemon knows that the machine is alive
      other codes as for lock`;

/** `rentabot beat DC:HOST`: the machine is alive. */
export function addBeat(program: Command, shell: Shell): void {
  const command = program
    .command('beat')
    .summary('tell the daemon that a machine is alive')
    .description(
      'Says that this machine was seen now. What is on it (`machine:` in the descriptor) is handed out only while it is seen, where it has `stale_after:`.',
    )
    .usage('DC:HOST [options]')
    .argument('<machine>', 'the datacenter, a colon, the host')
    .option('-q, --quiet', 'say nothing if it went well');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (machine: string, options: CommonOptions) => {
    shell.exit = await beat(machine, options, shell);
  });
}

async function beat(machine: string, options: CommonOptions, shell: Shell): Promise<number> {
  const wrong = machineProblem(machine);
  if (wrong !== null) {
    const refusal = refuse('usage', `${JSON.stringify(machine)}: ${wrong}`, {
      hint: 'as in `rentabot beat mdc1:host-7`',
    });
    return refuseUsage(refusal, shell, options);
  }
  const path = `/api/v2/machines/${encodeURIComponent(machine)}/seen`;
  const asked = await askDaemon<MachineJson>(shell, options, (client, within) => client.call('POST', path, { within }));
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') talk.say('nobody', 'no daemon is running here, so nobody wants to know');
  else if (options.json) await shell.print((await import('../output.ts')).jsonLine(asked.body));
  else talk.say('seen', `${printable(machine)} was seen`, { machine });
  return 0;
}
