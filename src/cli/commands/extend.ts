import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { LeaseJson } from '../../core/wire.ts';
import { askDaemon, INSIST_MS, refuseUsage } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import { readSpan } from '../claim-plan.ts';
import type { Client, Reply } from '../client.ts';
import { distinct, heldByOther, leasesOn, Me } from '../holdings.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { namesOf } from '../sentences.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable } from '../text.ts';
import { mono } from '../time.ts';

const EXAMPLES = `
Examples:
  rentabot extend board-1 --for 2h

The time counts from now, and never makes it shorter. Exit codes:
    0 it is yours so long, or as long as the resource may be held
   76 you do not hold it any more
   77 somebody else holds it
      other codes as for lock`;

interface ExtendOptions extends CommonOptions {
  readonly for?: string;
  readonly quiet?: boolean;
}

/** `rentabot extend NAME… --for DUR`: holds longer. */
export function addExtend(program: Command, shell: Shell): void {
  const command = program
    .command('extend')
    .summary('hold something longer')
    .description('Holds what is yours for so long from now on, however soon it would have ended.')
    .usage('NAME… --for DUR [options]')
    .argument('<name...>', 'the resources')
    .option('--for <dur>', 'how long from now')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: ExtendOptions) => {
    const span = readSpan('--for', options.for);
    shell.exit =
      typeof span === 'number' ? await extend(names, span, options, shell) : refuseUsage(span, shell, options);
  });
}

async function extend(names: readonly string[], span: number, options: ExtendOptions, shell: Shell): Promise<number> {
  const caller = recogniseCi(shell.machine.env).name ?? shell.caller().name;
  const ask = async (client: Client, within: number): Promise<Reply<readonly LeaseJson[]>> => {
    const mine = await ownedOn(client, names, new Me(client, caller), within);
    return mine.type === 'refused' ? mine : extendAll(client, mine.body, span, within);
  };
  const asked = await askDaemon<readonly LeaseJson[]>(shell, options, ask, { retryFor: INSIST_MS });
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none') return refuseUsage(notHeld(names[0] ?? ''), shell, options);
  const now = Date.now();
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ extended: asked.body }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  for (const lease of asked.body) {
    const end = lease.until ?? endOf(lease, now + span);
    const isCut = lease.until !== null && Date.parse(lease.until) < now + span - 1000;
    const why = isCut ? ', the longest it may be held' : '';
    talk.say(
      'extended',
      `${namesOf(lease)} is yours until ${end === null ? 'you give it back' : clockTime(end, now)}${why}`,
      { lease },
    );
  }
  return 0;
}

/** When a lease without a fixed end has one at the earliest; null where it has none. */
function endOf({ expiresAt }: LeaseJson, extendedTo: number): string | null {
  return expiresAt === null ? null : new Date(Math.max(extendedTo, Date.parse(expiresAt))).toISOString();
}

/** What the caller holds of each of these; refused where that is nothing of one of them. */
export async function ownedOn(
  client: Client,
  names: readonly string[],
  me: Me,
  within: number,
): Promise<Reply<readonly LeaseJson[]>> {
  const owned: LeaseJson[] = [];
  for (const name of names) {
    const holders = await leasesOn(client, name, within);
    if (holders.type === 'refused') return holders;
    const mine: LeaseJson[] = [];
    for (const lease of holders.body) if (await me.isMine(lease)) mine.push(lease);
    const [other] = holders.body;
    const hint = '`rentabot ask` asks them for it';
    if (mine.length === 0)
      return { type: 'refused', refusal: other ? heldByOther(name, other, { hint }) : notHeld(name), sentAt: mono() };
    owned.push(...mine);
  }
  return { type: 'ok', body: distinct(owned), sentAt: mono() };
}

function notHeld(name: string): Refusal {
  return refuse('lost', `you do not hold ${printable(name)}, and nobody else does`, {
    hint: '`rentabot claim` gets it',
  });
}

async function extendAll(
  client: Client,
  leases: readonly LeaseJson[],
  span: number,
  within: number,
): Promise<Reply<readonly LeaseJson[]>> {
  const extended: LeaseJson[] = [];
  for (const { id } of leases) {
    const reply = await client.extend(id, null, { for: span / 1000 }, { within });
    if (reply.type === 'refused') return reply;
    extended.push(reply.body.lease);
  }
  return { type: 'ok', body: extended, sentAt: mono() };
}
