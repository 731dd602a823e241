import type { Command } from 'commander';
import type { Want } from '../../core/model.ts';
import type { ResourceJson, ResourceLeaseJson, ResourcesJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { passes, readFilter } from '../filter.ts';
import { addDaemonOptions, addOutputOptions, addWantOptions, type CommonOptions } from '../options.ts';
import type { Cell } from '../output.ts';
import type { Shell } from '../shell.ts';
import type { Paint } from '../talk.ts';
import { ageOf, clockTime, printable, who } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot status
  rentabot status -t gpu
  rentabot status -w 'board && !flaky' --json`;

const HEAD = ['NAME', 'STATE', 'HOLDER', 'SINCE', 'UNTIL', 'WAITING', 'NOTE'] as const;

/** `rentabot status [WANT…]`, alias `ls`: the table of resources. */
export function addStatus(program: Command, shell: Shell): void {
  const command = program
    .command('status')
    .alias('ls')
    .summary('the table of resources')
    .description(
      'Shows each resource: its state, who holds it, since when, until when, how many could use it and wait, and why. With wants, only what one of them would take.',
    )
    .usage('[WANT…] [options]')
    .argument('[name...]', 'the same as -n NAME');
  const typed = addWantOptions(command);
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: CommonOptions) => {
    const filter = readFilter(typed, names);
    shell.exit = 'code' in filter ? refuseUsage(filter, shell, options) : await status(filter, options, shell);
  });
}

async function status(filter: readonly Want[], options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<ResourcesJson>(shell, options, (client, within) => client.resources({ within }));
  if (asked.type === 'failed') return asked.exit;
  const all = asked.type === 'answer' ? asked.body.resources : [];
  const resources = all.filter((one) => passes(filter, one));
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ ...(asked.type === 'answer' ? asked.body : {}), resources }));
    return 0;
  }
  const paint = await shell.paint(options);
  const rows = resources.flatMap((resource) => rowsOf(resource, paint, Date.now()));
  await shell.print(table(HEAD, rows, shell.columns));
  if (resources.length === 0) shell.voice.write(`rentabot: ${emptyHint(asked.type === 'none', filter.length > 0)}\n`);
  return 0;
}

function emptyHint(isAlone: boolean, isFiltered: boolean): string {
  if (isAlone) return 'no daemon is running here; `rentabot lock -n NAME -- COMMAND` starts one, and makes up the name';
  if (isFiltered) return 'nothing matches; `rentabot status` lists what exists';
  return 'there are no resources yet; declare some in rentabot.yaml';
}

/** One line a lease, and one where there is none. */
export function rowsOf(resource: ResourceJson, paint: Paint, now: number): Cell[][] {
  const leases: readonly (ResourceLeaseJson | null)[] = resource.leases.length > 0 ? resource.leases : [null];
  return leases.map((lease) => {
    const { offline } = resource;
    const drainedAt = resource.state === 'draining' ? resource.drainedAt : null;
    const until = lease ? lease.until : (offline?.until ?? drainedAt);
    const since = lease?.since ?? offline?.since ?? (drainedAt ? resource.lastUsed : null);
    return [
      { text: printable(resource.name), paint: paint.bold },
      { text: stateOf(resource), paint: paintOf(resource, paint) },
      { text: lease ? who(lease.holder) : offline?.by ? printable(offline.by) : '-' },
      { text: since ? `${clockTime(since, now)} (${ageOf(since, now)})` : '-' },
      { text: until ? clockTime(until, now) : '-' },
      { text: resource.waiting > 0 ? String(resource.waiting) : '-' },
      { text: noteOf(resource, lease) },
    ];
  });
}

function stateOf({ state, slots, leases }: ResourceJson): string {
  return slots > 1 ? `${state} ${leases.length}/${slots}` : state;
}

function paintOf({ state }: ResourceJson, paint: Paint): (text: string) => string {
  if (state === 'free') return paint.good;
  return state === 'held' || state === 'shared' || state === 'draining' ? paint.busy : paint.bad;
}

/** What else there is to know of a lease. */
function aboutLease(lease: ResourceLeaseJson | null): string[] {
  if (lease === null) return [];
  const { offeredUntil, shares = [], asked = [], ending } = lease;
  const last = asked.at(-1);
  return [
    offeredUntil === undefined ? '' : 'offered, not accepted yet',
    shares.length === 0 ? '' : `shared with ${shares.join(', ')}`,
    last === undefined ? '' : `${last.by || 'somebody'} asks for it${last.note && `: ${last.note}`}`,
    ending ? 'told to end' : '',
  ];
}

function noteOf({ state, offline, description }: ResourceJson, lease: ResourceLeaseJson | null): string {
  const drains = state === 'draining' ? 'draining: its last command may not have ended yet' : '';
  const parts = [
    lease?.note,
    ...aboutLease(lease),
    offline && `offline: ${offline.reason}`,
    drains,
    lease ? '' : description,
  ];
  return parts
    .filter((part) => part)
    .map((part) => printable(part ?? ''))
    .join('; ');
}
