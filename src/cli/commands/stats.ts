import type { Command } from 'commander';
import { formatDuration, roughDuration } from '../../core/duration.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import type { Want } from '../../core/model.ts';
import type { FiguresJson, ResourceFiguresJson, StatsJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import type { Client, Reply } from '../client.ts';
import { passes, readFilter } from '../filter.ts';
import {
  addDaemonOptions,
  addOutputOptions,
  addWantOptions,
  type CommonOptions,
  readDuration,
  withDefault,
} from '../options.ts';
import type { Cell } from '../output.ts';
import type { Shell } from '../shell.ts';
import type { Paint } from '../talk.ts';
import { printable } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot stats
  rentabot stats -t board --since 30d
  rentabot stats --since 90d --csv > stats.csv`;

const HEAD = ['NAME', 'USED', 'OFFLINE', 'GRANTS', 'WAIT P50', 'P90', 'FAILED', 'OTHERS'] as const;
const SINCE = '7d';
/** To see failures of a resource rather than of what ran there: so many, and so many times the rate of the others. */
const SUSPICIOUS = { failures: 3, times: 2 } as const;

interface StatsOptions extends CommonOptions {
  readonly since: string;
  readonly csv?: boolean;
}

/** `rentabot stats [WANT…]`: what the history comes to. */
export function addStats(program: Command, shell: Shell): void {
  const command = program
    .command('stats')
    .summary('how much each resource is used, waited for, and fails')
    .description(
      'Shows for each resource which part of its time in service somebody held it, how long it was offline, how many got it, how long half and nine of ten of them had waited, and how many of the commands failed, beside the others. With wants, only what one of them would take.',
    )
    .usage('[WANT…] [options]')
    .argument('[name...]', 'the same as -n NAME');
  const typed = addWantOptions(command);
  command
    .addOption(withDefault('--since <dur>', 'what is no longer ago than this', SINCE))
    .option('--csv', 'for a spreadsheet: a head, and one line a resource');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: StatsOptions) => {
    const [filter, span] = [readFilter(typed, names), readDuration('--since', options.since)];
    const wrong = firstRefusal(filter, span, options);
    if (wrong) shell.exit = refuseUsage(wrong, shell, options);
    else shell.exit = await stats(filter as readonly Want[], span as number, options, shell);
  });
}

function firstRefusal(
  filter: readonly Want[] | Refusal,
  span: number | Refusal,
  { json, csv }: StatsOptions,
): Refusal | null {
  if ('code' in filter) return filter;
  if (typeof span !== 'number') return span;
  return json && csv ? refuse('usage', '--json and --csv exclude each other', { hint: '' }) : null;
}

async function stats(filter: readonly Want[], span: number, options: StatsOptions, shell: Shell): Promise<number> {
  const query = new URLSearchParams({ since: new Date(Date.now() - span).toISOString() });
  const asked = await askDaemon<StatsJson | null>(shell, options, (client, within) =>
    filtered(client, query, filter, within),
  );
  if (asked.type === 'failed') return asked.exit;
  const body = asked.type === 'answer' ? asked.body : null;
  const rows = body?.resources ?? [];
  if (options.csv) {
    const { statsToCsv } = await import('../../core/stats-csv.ts');
    await shell.print(statsToCsv(rows));
    return 0;
  }
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine(body ?? { resources: [] }));
    return 0;
  }
  const paint = await shell.paint(options);
  const cells = rows.map((row) => rowOf(row, paint));
  if (body && rows.length > 1 && filter.length === 0) cells.push(sumOf(body, paint));
  await shell.print(table(HEAD, cells, shell.columns));
  if (rows.length === 0) shell.voice.write('rentabot: there is nothing to count\n');
  return 0;
}

/** The daemon knows all; which of them somebody wants to see is for the caller to say, and then only those are the others. */
async function filtered(
  client: Client,
  query: URLSearchParams,
  filter: readonly Want[],
  within: number,
): Promise<Reply<StatsJson>> {
  const reply = await client.stats(query, { within });
  if (reply.type === 'refused' || filter.length === 0) return reply;
  const known = await client.resources({ within });
  if (known.type === 'refused') return known;
  const shown = new Set(known.body.resources.filter((one) => passes(filter, one)).map(({ name }) => name));
  const rows = reply.body.resources.filter(({ name }) => shown.has(name));
  const { besideOthers } = await import('../../core/stats.ts');
  return { ...reply, body: { ...reply.body, resources: rows.length > 1 ? besideOthers(rows) : rows } };
}

function rowOf(row: ResourceFiguresJson, paint: Paint): Cell[] {
  const { failed, failureRate, othersFailureRate: others } = row;
  const isSuspicious = failed >= SUSPICIOUS.failures && (failureRate ?? 0) > SUSPICIOUS.times * (others ?? 1);
  return [
    { text: printable(row.name), paint: paint.bold },
    ...figuresOf(row, isSuspicious ? paint.bad : undefined),
    { text: percent(others) },
  ];
}

function sumOf({ all }: StatsJson, paint: Paint): Cell[] {
  return [{ text: '(all)', paint: paint.dim }, ...figuresOf(all, undefined), { text: '' }];
}

function figuresOf(
  { utilisation, offline, grants, waitP50, waitP90, failed, finished, failureRate }: FiguresJson,
  paint: Cell['paint'],
): Cell[] {
  const failures = finished === 0 ? '-' : `${percent(failureRate)} (${failed} of ${finished})`;
  return [
    { text: percent(utilisation) },
    { text: offline > 0 ? roughDuration(offline * 1000) : '-' },
    { text: String(grants) },
    { text: span(waitP50) },
    { text: span(waitP90) },
    { text: failures, ...(paint ? { paint } : {}) },
  ];
}

function percent(part: number | null): string {
  return part === null ? '-' : `${Math.round(part * 100)} %`;
}

function span(seconds: number | null): string {
  if (seconds === null) return '-';
  return seconds < 1 ? formatDuration(seconds * 1000) : roughDuration(seconds * 1000);
}
