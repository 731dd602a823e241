import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { LeaseJson } from '../../core/wire.ts';
import { askDaemon, INSIST_MS } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import type { Client, Reply } from '../client.ts';
import { Me } from '../holdings.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { namesOf } from '../sentences.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable } from '../text.ts';
import { mono } from '../time.ts';
import { namesIn } from './claim.ts';

const EXAMPLES = `
Examples:
  rentabot accept
  rentabot accept board-1

Exit codes:
    0 it is yours
   75 nothing is offered to you
      other codes as for lock`;

interface AcceptOptions extends CommonOptions {
  readonly quiet?: boolean;
}

/** `rentabot accept [NAME…]`: takes what `claim --next` has been waiting for. */
export function addAccept(program: Command, shell: Shell): void {
  const command = program
    .command('accept')
    .summary('take what is offered to you')
    .description(
      'Takes what you queued up for with `claim --next`, now that it is your turn; it lasts from now. Without a name, all that is offered to you.',
    )
    .argument('[name...]', 'the resources')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: AcceptOptions) => {
    shell.exit = await accept(names, options, shell);
  });
}

async function accept(names: readonly string[], options: AcceptOptions, shell: Shell): Promise<number> {
  const caller = recogniseCi(shell.machine.env).name ?? shell.caller().name;
  const ask = (client: Client, within: number) => acceptAll(client, names, new Me(client, caller), within);
  const asked = await askDaemon<readonly LeaseJson[]>(shell, options, ask, { retryFor: INSIST_MS });
  if (asked.type === 'failed') return asked.exit;
  const leases = asked.type === 'answer' ? asked.body : [];
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ accepted: leases }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  for (const lease of leases) {
    const until = lease.until === null ? '' : ` until ${clockTime(lease.until, Date.now())}`;
    talk.say('claimed', `${namesOf(lease)} is yours${until}`, { lease });
    await shell.print(namesIn(lease));
  }
  return 0;
}

/** A repetition finds accepted what the lost answer had accepted: with names it is told again, and is no mistake. */
async function acceptAll(
  client: Client,
  names: readonly string[],
  me: Me,
  within: number,
): Promise<Reply<readonly LeaseJson[]>> {
  const listed = await client.leases({ within });
  if (listed.type === 'refused') return listed;
  const wanted = ({ resources }: LeaseJson): boolean =>
    names.length === 0 || resources.some(({ name }) => names.includes(name));
  const mine: LeaseJson[] = [];
  for (const lease of listed.body.leases) {
    const isOpen = lease.offeredUntil !== undefined || (names.length > 0 && lease.claim);
    if (isOpen && wanted(lease) && (await me.isMine(lease))) mine.push(lease);
  }
  const missing = names.find((name) => !mine.some(({ resources }) => resources.some((one) => one.name === name)));
  if (missing !== undefined || mine.length === 0) return nothingOffered(missing);
  const accepted: LeaseJson[] = [];
  for (const lease of mine) {
    const reply = lease.offeredUntil === undefined ? null : await client.accept(lease.id, null, { within });
    if (reply?.type === 'refused') return reply;
    accepted.push(reply?.body.lease ?? lease);
  }
  return { type: 'ok', body: accepted, sentAt: mono() };
}

function nothingOffered(name: string | undefined): Reply<never> {
  const what = name === undefined ? 'nothing is' : `${printable(name)} is not`;
  const refusal = refuse('busy', `${what} offered to you`, { hint: '`rentabot queue` shows whose turn it is' });
  return { type: 'refused', refusal, sentAt: mono() };
}
