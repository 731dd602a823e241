import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { HeldJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import type { Reply } from '../client.ts';
import { heldLeases } from '../environment.ts';
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
      'Asks the daemon, in one round trip, whether the lease that this command runs under is still held, and those of the locks around it. It is for scripts that check before each step that must not meet the next holder.',
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
  const around = heldLeases(shell.machine.env).filter((one) => one !== id);
  const asked = await askDaemon<string | null>(shell, options, async (client, within) => {
    const [own, ...others] = await Promise.all([id, ...around].map((one) => client.lease(one, { within })));
    const found = [own as Reply<HeldJson>, ...others].map((reply, i) => judge(reply, i === 0 ? { fence } : null));
    const bad = found.find(({ type }) => type === 'refused') ?? found.find(({ body }) => body !== null);
    return bad ?? (found[0] as Judged);
  });
  if (asked.type === 'failed') return asked.exit;
  const problem = asked.type === 'answer' ? asked.body : 'no daemon is running here any more';
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ held: problem === null, lease: id, reason: problem }));
  } else if (problem !== null) talk.say('lost', `lost: ${printable(problem)}`);
  return problem === null ? 0 : EXIT_CODES.lost;
}

type Judged = Reply<string | null> & { readonly body?: string | null };

/**
 * What is wrong with a lease, null for nothing. Of those around our own (`own` null) another daemon may have some, and
 * what was given back left its mark behind.
 */
function judge(reply: Reply<HeldJson>, own: { readonly fence: string | undefined } | null): Judged {
  const { sentAt } = reply;
  if (reply.type === 'ok') return { type: 'ok', body: problemOf(reply.body, own?.fence), sentAt };
  const { code, detail, reason } = reply.refusal;
  if (code !== 'lost' && code !== 'not-found') return reply;
  const isOfNoConcern = own === null && (code === 'not-found' || reason === 'released');
  return { type: 'ok', body: isOfNoConcern ? null : detail, sentAt };
}

/** Null where it is held and will stay so as far as the daemon knows. */
function problemOf({ lease }: HeldJson, fence: string | undefined): string | null {
  const { ending } = lease;
  if (ending)
    return `the lease is ending: ${ending.reason}${ending.by && ` by ${ending.by}`}${ending.note && ` (${ending.note})`}`;
  if (fence && fence !== String(lease.fence)) return `the fence is ${lease.fence} now, not ${fence}`;
  return null;
}
