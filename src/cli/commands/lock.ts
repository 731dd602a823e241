import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { Adopted } from '../adopt.ts';
import { Client } from '../client.ts';
import { EXIT_CODES, exitCodeOf, exitNameOf, sentenceOf } from '../exit.ts';
import { findDaemon } from '../find-daemon.ts';
import { type LockOptions, type LockPlan, PRIORITY, planLock, readOverrides, TTL } from '../lock-plan.ts';
import { addDaemonOptions, addOutputOptions, addWantOptions, readManner, withDefault } from '../options.ts';
import type { ResultJson } from '../result-file.ts';
import { notGranted, runLock } from '../run-lock.ts';
import type { Shell } from '../shell.ts';
import { Signals } from '../signals.ts';
import { Talk } from '../talk.ts';
import type { TypedWant } from '../wants.ts';

const EXAMPLES = `
Examples:
  rentabot lock -n board-1 -- make test
  rentabot lock -t gpu --count 2 --wait 30m -- python train.py
  rentabot lock -w 'gpu && (a100 || h100) && !flaky' --no-wait -- ./bench
  rentabot lock -n licence --shared --timeout 1h --note nightly -- make -C sim
  rentabot lock -n board-1 --ttl 30m --detach-lease board.json -- ./flash && \\
    rentabot lock --adopt board.json --keep-on-failure 2h -- ./test

Exit codes: the command's own, 128+n where a signal ended it, 126 and 127 where it could not be
executed or was not found; else
${Object.entries({
  usage: 'the call is wrong; nothing was asked',
  impossible: 'no such resource, or never so many',
  unreachable: 'no daemon answered',
  internal: 'a bug in rentabot',
  busy: '--no-wait, and it was taken',
  lost: 'the lease was lost while the command ran; the command was stopped',
  denied: 'not allowed',
  config: 'a configuration or descriptor file is wrong',
  timeout: 'gave up after --wait, or the command hit --timeout',
} satisfies Record<keyof typeof EXIT_CODES, string>)
  .map(
    ([name, text]) => `  ${String(EXIT_CODES[name as keyof typeof EXIT_CODES]).padStart(3)} ${name.padEnd(12)}${text}`,
  )
  .join('\n')}`;

/** `rentabot lock WANT… -- COMMAND`: waits for the resources, runs the command, always releases. */
export function addLock(program: Command, shell: Shell): void {
  const command = program
    .command('lock')
    .summary('wait for resources, run a command, always release')
    .description(
      'Waits until everything that is wanted can be held at the same time, then runs the command. When the command ends, whatever way, it is all given back.',
    )
    .usage('WANT… [options] [--] COMMAND [ARG…]')
    .argument('[command...]', 'the command and its arguments, passed as they are')
    .passThroughOptions();
  const typed = addWantOptions(command);
  command
    .option('--count <n>', 'how many resources for the tags given (default: 1)')
    .option('--shared', 'hold together with other shared holders')
    .option('--exclusive', 'take all slots of a resource that has several')
    .option('--wait <dur>', 'longest time in the queue (default: for ever)')
    .option('--no-wait', 'ask once')
    .addOption(withDefault('--ttl <dur>', 'how long the lease outlives a silent client; renewed by itself', TTL))
    .option('--timeout <dur>', 'longest time the command may run (default: none)')
    .addOption(withDefault('--grace <dur>', 'from TERM to KILL, whenever rentabot ends the command', '5s'))
    .addOption(
      withDefault('--leftovers <what>', 'what the command left running: wait for it, kill or ignore it', 'kill'),
    )
    .addOption(withDefault('--priority <n>', 'higher first', PRIORITY))
    .option('--note <text>', 'shown to whoever waits (default: the CI job)')
    .option('--keep-on-failure <dur>', 'if the command fails, hold on as a claim for this long')
    .option('--detach-lease <file>', 'when the command has ended, leave the lease in a file for --adopt')
    .option('--adopt <lease>', 'take over a detached lease, by its file or id, in place of asking')
    .option('--secret-file <file>', 'the secret, for --adopt with an id (or RENTABOT_LEASE_SECRET)')
    .option('--exit-code <name=n>', 'exits with N in place of a code below; repeatable', repeated)
    .option('--result-file <file>', 'how it came out, as JSON')
    .option('-q, --quiet', 'say nothing while waiting')
    .option('-v, --verbose', 'say more');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (argv: readonly string[], options: LockOptions) => {
    shell.exit = await lock(typed, options, argv, shell);
  });
  shell.onUsageError.set(command, (refusal) => refuseCall(command.opts<LockOptions>(), refusal, shell));
}

async function lock(
  typed: readonly TypedWant[],
  options: LockOptions,
  argv: readonly string[],
  shell: Shell,
): Promise<number> {
  const { overrides, problem } = readOverrides(options.exitCode ?? []);
  const plan = planLock(typed, options, argv);
  const wrong = problem ?? ('code' in plan ? plan : strangeBytes(argv));
  if (wrong || 'code' in plan) return refuseCall(options, wrong ?? (plan as Refusal), shell);
  const file = options.resultFile;
  if (file !== undefined) {
    const { checkResultFile } = await import('../result-file.ts');
    const unwritable = checkResultFile(file);
    if (unwritable) return refuseCall({ ...options, resultFile: '' }, unwritable, shell);
  }
  const adopted = await prepared(plan, shell);
  if (adopted && 'code' in adopted) return refuseCall(options, adopted, shell);
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  // Until something is asked a signal simply ends us; from here on it has to be cleaned up after.
  const choice = { ...plan.daemon, url: plan.daemon.url ?? urlOf(adopted, shell) };
  const access = await findDaemon(shell.machine, choice, talk, { ifNone: 'start' });
  if (access === null || 'code' in access) return refuseCall(options, access as Refusal, shell);
  const signals = new Signals();
  try {
    const client = new Client(access, shell.transport);
    const world = {
      client,
      talk,
      signals,
      env: shell.machine.env,
      caller: shell.caller(),
      overrides,
      self: shell.machine.self,
    };
    const result = await runLock(plan, world, adopted);
    talk.detail('ended', `${result.outcome}, exit code ${result.exitCode}`, result);
    await report(file, result, talk);
    // A shell stops a loop or a script at Ctrl-C only where what it ran was ended by that too.
    if (result.signal === 'SIGINT' && signals.heard.has('SIGINT') && isatty(0)) shell.raise = 'SIGINT';
    return result.exitCode;
  } catch (error) {
    await report(file, notGranted('internal', exitCodeOf('internal', overrides), null, 0), talk);
    shell.exit = exitCodeOf('internal', overrides);
    throw error;
  } finally {
    signals.close();
  }
}

/** The lease to adopt, null without; and whether the next one can be left where it shall be. */
async function prepared({ adopt, detachTo }: LockPlan, { machine }: Shell): Promise<Adopted | Refusal | null> {
  if (detachTo !== null) {
    const { checkDetachFile } = await import('../result-file.ts');
    const unwritable = checkDetachFile(detachTo);
    if (unwritable) return unwritable;
  }
  if (adopt === null) return null;
  const { readAdopted } = await import('../adopt.ts');
  return readAdopted(adopt, machine.env);
}

/** The file says where its lease is held, unless the caller does. */
function urlOf(adopted: Adopted | null, { machine }: Shell): string | null {
  return machine.env.RENTABOT_URL ? null : (adopted?.url ?? null);
}

/**
 * Node reads words as UTF-8 and puts U+FFFD for what is none: the command would get another file's name. Better not to
 * run it at all.
 */
function strangeBytes(argv: readonly string[]): Refusal | null {
  if (!argv.some((word) => word.includes('\ufffd'))) return null;
  try {
    if (isUtf8(readFileSync('/proc/self/cmdline'))) return null;
  } catch {
    return null;
  }
  return refuse('usage', 'a word of the command is not UTF-8 and could not be passed on as it is', {
    hint: 'put the command into a script, and run that',
  });
}

/** Says why nothing was asked or nobody could be; scripts read the same from the code and the result file. */
async function refuseCall(options: Partial<LockOptions>, refusal: Refusal, shell: Shell): Promise<number> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const name = exitNameOf(refusal.code);
  talk.fail(name, sentenceOf(refusal), { code: refusal.code, hint: refusal.hint });
  const code = exitCodeOf(name, readOverrides(options.exitCode ?? []).overrides);
  await report(options.resultFile || undefined, notGranted(name, code, null, 0), talk);
  return code;
}

/** A result that cannot be written is said, and changes nothing: the command has run. */
async function report(file: string | undefined, result: ResultJson, talk: Talk): Promise<void> {
  if (file === undefined) return;
  const { writeResultFile } = await import('../result-file.ts');
  try {
    writeResultFile(file, result);
  } catch (error) {
    talk.say('no-result-file', `${file} could not be written: ${error instanceof Error ? error.message : error}`);
  }
}

function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
