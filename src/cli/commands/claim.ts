import { isatty } from 'node:tty';
import type { Command } from 'commander';
import type { Refusal } from '../../core/error.ts';
import type { LeaseJson } from '../../core/wire.ts';
import { refuseUsage } from '../ask.ts';
import { ACCEPT, type ClaimOptions, type ClaimPlan, PRIORITY, planClaim } from '../claim-plan.ts';
import { Client } from '../client.ts';
import { findDaemon } from '../find-daemon.ts';
import {
  addDaemonOptions,
  addOutputOptions,
  addWantOptions,
  type CommonOptions,
  readManner,
  withDefault,
} from '../options.ts';
import { type Claimed, runClaim } from '../run-claim.ts';
import type { Shell } from '../shell.ts';
import { Signals } from '../signals.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import type { TypedWant } from '../wants.ts';

const EXAMPLES = `
Examples:
  rentabot claim -n board-1 --for 2h --note JTAG
  rentabot claim -t gpu --count 2 --for 1d --wait 30m
  board=$(rentabot claim -t board --for 1h --no-wait) && ssh "$board"
  rentabot claim -n board-1 --for 2h --next

Prints the names of what is yours, a line each. Exit codes:
    0 it is yours, or, with --next, the place in the queue is kept
      other codes as for lock`;

/** `rentabot claim WANT… --for DUR`: a person's hold, with no command attached. */
export function addClaim(program: Command, shell: Shell): void {
  const command = program
    .command('claim')
    .summary('hold something for a while, without a command')
    .description(
      'Holds what is wanted for a person: no program has to run, and it survives logout and reboot. It ends at its time, or with `rentabot release`.',
    )
    .usage('WANT… --for DUR [options]')
    .argument('[name...]', 'the same as -n NAME');
  const typed = addWantOptions(command);
  command
    .option('--for <dur>', 'how long to hold it')
    .option('--count <n>', 'how many resources for the tags given (default: 1)')
    .option('--shared', 'hold together with other shared holders')
    .option('--exclusive', 'take all slots of a resource that has several')
    .option('--wait <dur>', 'longest time in the queue (default: for ever)')
    .option('--no-wait', 'ask once')
    .option('--next', 'queue up and be told; the place is kept when this terminal is closed')
    .option('--accept <dur>', `with --next: how long it is offered before it passes on (default: ${ACCEPT})`)
    .option('--detach', 'with --next: do not wait here')
    .addOption(withDefault('--priority <n>', 'higher first', PRIORITY))
    .option('--note <text>', 'shown to whoever waits')
    .option('-q, --quiet', 'say nothing while waiting')
    .option('-v, --verbose', 'say more');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: ClaimOptions) => {
    const wanted = [...typed, ...names.map((text): TypedWant => ({ option: 'name', text }))];
    shell.exit = await claim(planClaim(wanted, options), options, shell);
  });
}

/** Finds the daemon, claims, and prints what came of it. */
export async function claim(plan: ClaimPlan | Refusal, options: CommonOptions, shell: Shell): Promise<number> {
  if ('code' in plan) return refuseUsage(plan, shell, options);
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const access = await findDaemon(shell.machine, plan.daemon, talk, { ifNone: 'start' });
  if (access === null || 'code' in access) return refuseUsage(access as Refusal, shell, options);
  const signals = new Signals();
  try {
    const isPerson = shell.voice.terminal && isatty(0) && !options.json;
    const { untilEnter } = await import('../enter.ts');
    const world = {
      client: new Client(access, shell.transport),
      talk,
      signals,
      env: shell.machine.env,
      caller: shell.caller(),
      enter: isPerson ? untilEnter : null,
    };
    return await told(await runClaim(plan, world), options, shell);
  } finally {
    signals.close();
  }
}

async function told(claimed: Claimed, options: CommonOptions, shell: Shell): Promise<number> {
  if (claimed.type === 'failed') return claimed.exit;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine(claimed.type === 'claimed' ? { state: 'held', lease: claimed.lease } : claimed.waiting));
  } else if (claimed.type === 'claimed') await shell.print(namesIn(claimed.lease));
  return 0;
}

export function namesIn({ resources }: LeaseJson): string {
  return resources.map(({ name }) => `${printable(name)}\n`).join('');
}
