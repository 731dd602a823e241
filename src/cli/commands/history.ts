import type { Command } from 'commander';
import { formatDuration } from '../../core/duration.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import type { EventJson, HistoryJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import type { Client, Reply } from '../client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDuration, withDefault } from '../options.ts';
import type { Cell } from '../output.ts';
import type { Shell } from '../shell.ts';
import type { Paint } from '../talk.ts';
import { clockTime, printable, whose } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot history
  rentabot history gpu-0 --since 2d
  rentabot history --since 1h --limit 1000 --json`;

const HEAD = ['WHEN', 'WHAT', 'RESOURCES', 'WHO', 'FOR', 'NOTE'] as const;
const MOST_EVENTS = 100_000;
const PAGE = 100;

interface HistoryOptions extends CommonOptions {
  readonly since?: string;
  readonly limit: string;
}

/** `rentabot history [NAME]`: what happened. */
export function addHistory(program: Command, shell: Shell): void {
  const command = program
    .command('history')
    .summary('what happened, and when')
    .description(
      'Lists what happened, the newest last: who asked, got, gave back or lost what, and for how long. With a name, only what concerns that resource.',
    )
    .argument('[name]', 'a resource')
    .option('--since <dur>', 'only what is no longer ago than this')
    .addOption(withDefault('--limit <n>', 'at most so many events, the newest', '100'));
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string | undefined, options: HistoryOptions) => {
    const query = readQuery(name, options);
    shell.exit = 'code' in query ? refuseUsage(query, shell, options) : await history(query, options, shell);
  });
}

interface Query {
  readonly parameters: URLSearchParams;
  readonly limit: number;
}

function readQuery(name: string | undefined, { since, limit }: HistoryOptions): Query | Refusal {
  const parameters = new URLSearchParams();
  if (name !== undefined) parameters.set('resource', name);
  if (since !== undefined) {
    const span = readDuration('--since', since);
    if (typeof span !== 'number') return span;
    parameters.set('since', new Date(Date.now() - span).toISOString());
  }
  const most = /^[1-9]\d{0,5}$/.test(limit) ? Number(limit) : 0;
  if (most >= 1 && most <= MOST_EVENTS) return { parameters, limit: most };
  return refuse('usage', `--limit is 1 to ${MOST_EVENTS}, not ${JSON.stringify(limit)}`, { hint: '' });
}

async function history(query: Query, options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<HistoryJson>(shell, options, (client, within) => pages(client, query, within));
  if (asked.type === 'failed') return asked.exit;
  const body = asked.type === 'answer' ? asked.body : { events: [], next: null };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine(body));
    return 0;
  }
  const paint = await shell.paint(options);
  const events = [...body.events].sort((a, b) => a.id - b.id);
  await shell.print(
    table(
      HEAD,
      events.map((event) => rowOf(event, paint, Date.now())),
      shell.columns,
    ),
  );
  if (events.length === 0) shell.voice.write('rentabot: nothing happened, as far as is remembered\n');
  return 0;
}

/** The daemon gives a page at a time, the newest first. */
async function pages(client: Client, { parameters, limit }: Query, within: number): Promise<Reply<HistoryJson>> {
  const events: EventJson[] = [];
  for (let before: number | null = null; ; ) {
    const page = new URLSearchParams(parameters);
    page.set('limit', String(Math.min(PAGE, limit - events.length)));
    if (before !== null) page.set('before', String(before));
    const reply = await client.history(page, { within });
    if (reply.type === 'refused') return reply;
    events.push(...reply.body.events);
    before = reply.body.next;
    if (before === null || events.length >= limit || reply.body.events.length === 0) {
      return { ...reply, body: { ...reply.body, events } };
    }
  }
}

function rowOf(event: EventJson, paint: Paint, now: number): Cell[] {
  const span = event.held ?? event.waited;
  return [
    { text: clockTime(event.at, now) },
    { text: printable(event.type), paint: paint.bold },
    { text: printable(event.resources?.join(', ') ?? '') || '-' },
    { text: event.holder ? whose({ ...event, holder: event.holder }) : event.by ? printable(event.by) : '-' },
    { text: span ? formatDuration(span * 1000) : '-' },
    { text: noteOf(event) },
  ];
}

function noteOf({ note, reason, by, holder, want, exit, about }: EventJson): string {
  const ended = exit === undefined ? '' : `exit ${exit}`;
  const parts = [about, reason, holder && by ? `by ${by}` : '', ended, want && `wants ${want}`, note];
  return parts
    .filter((part) => part)
    .map((part) => printable(part ?? ''))
    .join('; ');
}
