import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { MachinesJson, MachinesTakenJson } from '../../core/wire-machines.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { ageOf, clockTime, printable } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot machines
  rentabot machines --json
  curl -s http://old-host:8080/machines | rentabot machines preload`;

const HEAD = ['MACHINE', 'LAST SEEN', 'RESOURCES'] as const;
const NO_LIST = 'stdin is no list of machines';

/** `rentabot machines`: when they were last seen; `preload` takes over a list of them. */
export function addMachines(program: Command, shell: Shell): void {
  const command = program
    .command('machines')
    .summary('when machines were last seen')
    .description(
      'Lists every machine that was heard of: by `rentabot beat`, by a holder that renewed from there, or in a list that was taken over.',
    )
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  addDaemonOptions(addOutputOptions(command)).action(async (options: CommonOptions) => {
    shell.exit = await list(options, shell);
  });
  const preloading = command
    .command('preload')
    .description(
      'Takes over a list as `GET /machines` has it, from stdin. What is known later already stays; one bad entry refuses the whole list.',
    )
    .action(async (options: CommonOptions) => {
      shell.exit = await preload(options, shell);
    });
  addDaemonOptions(addOutputOptions(preloading));
}

async function list(options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<MachinesJson>(shell, options, (client, within) =>
    client.call('GET', '/api/v2/machines', { within }),
  );
  if (asked.type === 'failed') return asked.exit;
  const { machines } = asked.type === 'answer' ? asked.body : { machines: [] };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ machines }));
    return 0;
  }
  const now = Date.now();
  const rows = machines.map(({ machine, lastSeen, resources }) =>
    [machine, `${clockTime(lastSeen, now)} (${ageOf(lastSeen, now)})`, resources.join(', ') || '-'].map((text) => ({
      text: printable(text),
    })),
  );
  await shell.print(table(HEAD, rows, shell.columns));
  if (rows.length === 0)
    shell.voice.write('rentabot: no machine was seen yet; `rentabot beat DC:HOST` says that one is\n');
  return 0;
}

async function preload(options: CommonOptions, shell: Shell): Promise<number> {
  const entries = parsed(await shell.stdin());
  if (entries === null) {
    const hint = 'give it a JSON array, as in `rentabot machines preload < list.json`';
    return refuseUsage(refuse('usage', NO_LIST, { hint }), shell, options);
  }
  const asked = await askDaemon<MachinesTakenJson>(shell, options, (client, within) =>
    client.call('POST', '/api/v2/machines', { within }, entries),
  );
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none') {
    const hint = 'start one with `rentabot serve`';
    return refuseUsage(refuse('unreachable', 'no daemon is running here', { hint }), shell, options);
  }
  if (options.json) await shell.print((await import('../output.ts')).jsonLine(asked.body));
  else
    new Talk(shell.voice, readManner(options, shell.machine.env)).say('taken', sentence(asked.body), { ...asked.body });
  return 0;
}

function sentence({ taken, older }: MachinesTakenJson): string {
  const kept = older === 0 ? '' : `; of ${older} something as late was known`;
  return `took over ${taken} ${taken === 1 ? 'machine' : 'machines'}${kept}`;
}

/** Null for what is no JSON array: what is in it, the daemon judges. */
function parsed(text: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
