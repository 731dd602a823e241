import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import { type ClaimPlan, readSpan, STEAL_FOR } from '../claim-plan.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDaemonChoice, withDefault } from '../options.ts';
import type { Shell } from '../shell.ts';
import { claim } from './claim.ts';

const EXAMPLES = `
Examples:
  rentabot steal board-1 --reason 'customer demo'
  rentabot steal board-1 --reason 'customer demo' --for 4h

\`rentabot ask board-1\` asks the holder first, and takes nothing. Exit codes as for claim.`;

interface StealOptions extends CommonOptions {
  readonly reason?: string;
  readonly for: string;
}

/** `rentabot steal NAME --reason TEXT`: takes over from the holder, ahead of the queue. */
export function addSteal(program: Command, shell: Shell): void {
  const command = program
    .command('steal')
    .summary('take something over from whoever holds it')
    .description(
      "Takes over from the holder, ahead of the queue, which keeps its order. A command of the holder's is told why and ended first; when that is done it is yours, as a claim. Everybody can read in the history who took what from whom, and why.",
    )
    .usage('NAME --reason TEXT [options]')
    .argument('<name>', 'the resource')
    .option('--reason <text>', 'why; the holder is told')
    .addOption(withDefault('--for <dur>', 'how long to hold it', STEAL_FOR))
    .option('-q, --quiet', 'say nothing while waiting')
    .option('-v, --verbose', 'say more');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string, options: StealOptions) => {
    shell.exit = await claim(planSteal(name, options), options, shell);
  });
}

function planSteal(name: string, options: StealOptions): ClaimPlan | Refusal {
  if (name === '')
    return refuse('usage', 'a name has at least one character', { hint: '`rentabot status` lists them' });
  if (!options.reason?.trim())
    return refuse('usage', '--reason says why, and is missing', {
      hint: "for example: rentabot steal board-1 --reason 'customer demo'",
    });
  const span = readSpan('--for', options.for);
  if (typeof span !== 'number') return span;
  const daemon = readDaemonChoice(options);
  if ('code' in daemon) return daemon;
  const { reason } = options;
  const ways = { wait: null, priority: 0, accept: null, next: false, detach: false };
  return { wants: [{ name }], span, note: reason, steal: reason, daemon, ...ways };
}
