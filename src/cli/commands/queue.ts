import type { Command } from 'commander';
import { roughDuration } from '../../core/duration.ts';
import type { QueuedJson, QueueJson } from '../../core/wire.ts';
import { askDaemon } from '../ask.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions } from '../options.ts';
import type { Cell } from '../output.ts';
import type { Shell } from '../shell.ts';
import type { Paint } from '../talk.ts';
import { ageOf, clockTime, printable, whose } from '../text.ts';
import { blockerSentence } from '../waiting.ts';

const EXAMPLES = `
Examples:
  rentabot queue
  rentabot queue --json | jq '.waiting[].want'`;

const HEAD = ['POS', 'WANT', 'WHO', 'SINCE', 'PRIORITY', 'TO GO', 'ID', 'BLOCKED BY'] as const;

/** `rentabot queue`: who waits for what, in which order. */
export function addQueue(program: Command, shell: Shell): void {
  const command = program
    .command('queue')
    .summary('who waits for what, in which order')
    .description(
      'Shows everybody who waits, in the order in which they are served: for what, since when, for how long still, and what stands before them. The position counts those ahead who want something of the same.',
    );
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    shell.exit = await queue(options, shell);
  });
}

async function queue(options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<QueueJson>(shell, options, (client, within) => client.queue({ within }));
  if (asked.type === 'failed') return asked.exit;
  const body = asked.type === 'answer' ? asked.body : { waiting: [] };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine(body));
    return 0;
  }
  const paint = await shell.paint(options);
  await shell.print(
    table(
      HEAD,
      body.waiting.map((waiter) => rowOf(waiter, paint, Date.now())),
      shell.columns,
    ),
  );
  if (body.waiting.length === 0) shell.voice.write('rentabot: nobody waits\n');
  return 0;
}

function rowOf(waiter: QueuedJson, paint: Paint, now: number): Cell[] {
  const [blocker] = waiter.blockers;
  const more = waiter.blockers.length > 1 ? `; and ${waiter.blockers.length - 1} more` : '';
  const left = waiter.eta === null ? Number.NaN : Date.parse(waiter.eta) - now;
  return [
    { text: String(waiter.position) },
    { text: printable(waiter.want), paint: paint.bold },
    { text: whose(waiter) },
    { text: `${clockTime(waiter.since, now)} (${ageOf(waiter.since, now)})` },
    { text: String(waiter.priority) },
    { text: left > 0 ? roughDuration(left) : '-' },
    { text: printable(waiter.id), paint: paint.dim },
    { text: blocker ? blockerSentence(blocker, now) + more : '-' },
  ];
}
