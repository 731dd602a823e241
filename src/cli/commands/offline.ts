import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { ResourceJson } from '../../core/wire.ts';
import { failed, refuseUsage } from '../ask.ts';
import { parseMoment } from '../moment.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable, whose } from '../text.ts';
import { changeEach, nothingHere, takeOffline } from '../things.ts';

const EXAMPLES = `
Examples:
  rentabot offline board-1 --reason 'fan broken'
  rentabot offline gpu-0 gpu-1 --reason 'new driver' --until 14:00
  rentabot offline board-1 --reason 'lent out' --until 2d

Exit codes as for status.`;

interface OfflineOptions extends CommonOptions {
  readonly reason?: string;
  readonly until?: string;
}

/** `rentabot offline NAME…`: maintenance, while everything else goes on. */
export function addOffline(program: Command, shell: Shell): void {
  const command = program
    .command('offline')
    .summary('take resources out of service')
    .description(
      'Takes resources out of service: nobody new gets them, whoever holds one keeps it, and whoever waits is told why. With --until they come back by themselves.',
    )
    .argument('<name...>', 'the resources')
    .option('--reason <text>', 'what whoever waits for it is told')
    .option('--until <time>', 'when it comes back: 14:00, 2026-01-31, 2026-01-31 14:00, or 2h from now')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: OfflineOptions) => {
    const said = readWhy(options, Date.now());
    shell.exit = 'code' in said ? refuseUsage(said, shell, options) : await offline(names, said, options, shell);
  });
}

interface Why {
  readonly reason: string;
  readonly until: string | null;
}

function readWhy({ reason, until }: OfflineOptions, now: number): Why | Refusal {
  if (reason === undefined || reason.trim() === '')
    return refuse('usage', '--reason is missing: whoever waits wants to know why', {
      hint: "as in --reason 'fan broken'",
    });
  if (until === undefined) return { reason, until: null };
  const at = parseMoment(until, now);
  if (at !== null && at > now) return { reason, until: new Date(at).toISOString() };
  const problem = at === null ? 'is no time' : 'is in the past';
  return refuse('usage', `--until: ${JSON.stringify(until)} ${problem}`, {
    hint: 'times are 14:00, 2026-01-31, 2026-01-31 14:00 or 2h',
  });
}

async function offline(names: readonly string[], why: Why, options: OfflineOptions, shell: Shell): Promise<number> {
  const by = shell.caller().name;
  const asked = await changeEach(shell, options, names, (client, name, _attempt, patience) =>
    takeOffline(client, name, { ...why, by }, patience),
  );
  if (asked.type === 'failed') return asked.exit;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (asked.type === 'none') return failed(nothingHere(), talk).exit;
  const resources = asked.body.flatMap((changed) => changed?.resource ?? []);
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ resources }));
  } else for (const resource of resources) talk.say('offline', offlineSentence(resource, Date.now()));
  return 0;
}

function offlineSentence({ name, offline, leases }: ResourceJson, now: number): string {
  const until = offline?.until ? ` until ${clockTime(offline.until, now)}` : '';
  const holders = leases.map(whose);
  const held = holders.length > 0 ? `; ${holders.join(', ')} may keep it until done` : '';
  return `${printable(name)} is offline${until}${held}`;
}
