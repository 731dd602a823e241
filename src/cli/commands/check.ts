import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { HeldJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { EXIT_CODES } from '../exit.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';

const EXAMPLES = `
Example:
  rentabot lock -n board-1 -- sh -c 'for step in *.sh; do rentabot check || exit; sh $step; done'

Exit codes:
    0 it is still held
   76 it is lost, or about to be
   64 this is not inside of a rentabot lock; other codes as for lock`;

/** `rentabot check`: inside a wrapped command, whether its lease is still its own. */
export function addCheck(program: Command, shell: Shell): void {
  const command = program
    .command('check')
    .summary('inside a wrapped command: is it still held?')
    .description(
      'Asks the daemon, in one round trip, whether the lease that this command runs under is still held. It is for scripts that check before each step that must not meet the next holder.',
    )
    .option('-q, --quiet', 'say nothing; the exit code is the answer');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    shell.exit = await check(options, shell);
  });
}

async function check(options: CommonOptions, shell: Shell): Promise<number> {
  const { RENTABOT_LEASE: id, RENTABOT_FENCE: fence } = shell.machine.env;
  if (!id) {
    const hint = 'check is for commands that run under `rentabot lock`';
    return refuseUsage(
      refuse('usage', 'RENTABOT_LEASE is not set, so this is not inside of a lock', { hint }),
      shell,
      options,
    );
  }
  let gone: string | null = null;
  const asked = await askDaemon<HeldJson | null>(shell, options, async (client, within) => {
    const reply = await client.lease(id, { within });
    if (reply.type === 'ok' || (reply.refusal.code !== 'lost' && reply.refusal.code !== 'not-found')) return reply;
    gone = reply.refusal.detail;
    return { type: 'ok', body: null, sentAt: reply.sentAt };
  });
  if (asked.type === 'failed') return asked.exit;
  const body = asked.type === 'answer' ? asked.body : null;
  const problem = body ? problemOf(body, fence) : (gone ?? 'no daemon is running here any more');
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ held: problem === null, lease: id, reason: problem }));
  } else if (problem !== null) talk.say('lost', `lost: ${printable(problem)}`);
  return problem === null ? 0 : EXIT_CODES.lost;
}

/** Null where it is held and will stay so as far as the daemon knows. */
function problemOf({ lease }: HeldJson, fence: string | undefined): string | null {
  const { ending } = lease;
  if (ending)
    return `the lease is ending: ${ending.reason}${ending.by && ` by ${ending.by}`}${ending.note && ` (${ending.note})`}`;
  if (fence && fence !== String(lease.fence)) return `the fence is ${lease.fence} now, not ${fence}`;
  return null;
}
