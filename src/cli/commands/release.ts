import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { LeaseJson } from '../../core/wire.ts';
import { askDaemon, INSIST_MS } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import type { Client, Reply } from '../client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { namesOf } from '../sentences.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable, who } from '../text.ts';
import { mono } from '../time.ts';

const EXAMPLES = `
Examples:
  rentabot release board-1
  rentabot release board-1 board-2 --json
  rentabot release board-1 --force

Exit codes:
    0 it was given back, or nobody held it
   65 no such resource
   77 somebody else holds it, or a command is using it; --force ends that too
      other codes as for lock`;

interface ReleaseOptions extends CommonOptions {
  readonly force?: boolean;
}

/** A lease that was given back, as `--json` tells it. `ending`: a command uses it still, and has been told to end. */
interface ReleasedJson {
  readonly id: string;
  readonly resources: readonly string[];
  readonly state: 'released' | 'ending';
}

/** `rentabot release NAME…`: gives back what one holds as a claim. */
export function addRelease(program: Command, shell: Shell): void {
  const command = program
    .command('release')
    .summary('give back what is held as a claim')
    .description(
      'Gives back what you hold on these resources without a command, as what `lock --keep-on-failure` has kept. What was got together is given back together. What somebody else holds, and what a command is using, stays, and then nothing is given back.',
    )
    .usage('NAME… [options]')
    .argument('<name...>', 'the resources')
    .option('--force', 'end what others hold, too; a command that is using it is told to end')
    .option('-q, --quiet', 'say nothing of what was given back');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: ReleaseOptions) => {
    shell.exit = await release([...new Set(names)], options, shell);
  });
}

async function release(names: readonly string[], options: ReleaseOptions, shell: Shell): Promise<number> {
  const caller = recogniseCi(shell.machine.env).name ?? shell.caller().name;
  const round = new Round(names, caller, options.force ?? false);
  const asked = await askDaemon(shell, options, (client, within) => round.run(client, within), INSIST_MS);
  if (asked.type === 'failed') return asked.exit;
  const { found, released } = round;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ released: [...released.values()] }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const free = names.filter((name) => (found.get(name) ?? []).length === 0).map(printable);
  if (asked.type === 'none') talk.say('nothing-held', 'no daemon is running here, so nothing is held');
  else if (free.length > 0)
    talk.say('nothing-held', `${free.join(', ')} ${free.length > 1 ? 'are' : 'is'} held by nobody`);
  for (const lease of distinct([...found.values()].flat())) {
    const one = released.get(lease.id);
    if (one) talk.say(one.state, releasedSentence(lease, one.state), one);
  }
  return 0;
}

/** One call, however often it has to be repeated: what was found and done in one attempt counts in the next. */
class Round {
  /** Who holds something of each name; complete once all have been looked at. */
  readonly found = new Map<string, readonly LeaseJson[]>();
  readonly released = new Map<string, ReleasedJson>();

  constructor(
    private readonly names: readonly string[],
    private readonly caller: string,
    private readonly force: boolean,
  ) {}

  /** Looks first and ends only then, so that a call that is refused has ended nothing. */
  async run(client: Client, within: number): Promise<Reply<null>> {
    for (const name of this.names) {
      if (this.found.has(name)) continue;
      const holders = await holdersOf(client, name, within);
      if (holders.type === 'refused') return holders;
      this.found.set(name, holders.body);
    }
    const ours: LeaseJson[] = [];
    for (const [name, holders] of this.found) {
      const own = this.force ? holders : holders.filter((lease) => !lease.guarded && lease.holder.name === this.caller);
      const other = holders.find(({ holder }) => holder.name === this.caller) ?? holders[0];
      if (own.length === 0 && other) return { type: 'refused', refusal: this.mayNot(name, other), sentAt: mono() };
      ours.push(...own);
    }
    for (const lease of distinct(ours)) {
      const reply = await this.end(client, lease, within);
      if (reply.type === 'refused') return reply;
    }
    return { type: 'ok', body: null, sentAt: mono() };
  }

  private async end(client: Client, { id, resources }: LeaseJson, within: number): Promise<Reply<unknown>> {
    const reply = await client.revoke(id, { within });
    const state = reply.type === 'ok' && reply.body?.state === 'ending' ? 'ending' : 'released';
    if (reply.type === 'ok') this.released.set(id, { id, resources: resources.map(({ name }) => name), state });
    return reply;
  }

  private mayNot(name: string, { guarded, holder, note, since, until }: LeaseJson): Refusal {
    const now = Date.now();
    const end = until === null ? '' : `, until ${clockTime(until, now)}`;
    const from = `since ${clockTime(since, now)}${note && ` (${printable(note)})`}${end}`;
    const own = holder.name === this.caller;
    const held = own ? 'in use by a command of yours' : `held by ${who(holder)}`;
    const at = own && holder.host !== '' ? ` on ${printable(holder.host)}` : '';
    const using = guarded && !own ? ', whose command is using it' : '';
    const hint = guarded
      ? 'it is given back when that command ends; --force tells it to'
      : '--force takes it away from them';
    return refuse('denied', `${printable(name)} is ${held}${at} ${from}${using}`, { hint });
  }
}

/** Everybody who holds something of it, by the time of looking. */
async function holdersOf(client: Client, name: string, within: number): Promise<Reply<readonly LeaseJson[]>> {
  const looked = await client.resource(name, { within });
  if (looked.type === 'refused') return looked;
  const leases: LeaseJson[] = [];
  for (const { id } of looked.body.resource.leases) {
    const lease = await client.lease(id, { within });
    if (lease.type === 'ok') leases.push(lease.body.lease);
    // It ended in the moment between.
    else if (lease.refusal.code !== 'lost' && lease.refusal.code !== 'not-found') return lease;
  }
  return { ...looked, body: leases };
}

function distinct(leases: readonly LeaseJson[]): LeaseJson[] {
  return [...new Map(leases.map((lease) => [lease.id, lease])).values()];
}

function releasedSentence(lease: LeaseJson, state: ReleasedJson['state']): string {
  if (state === 'released') return `gave back ${namesOf(lease)}`;
  const { resources, holder } = lease;
  return `told the command of ${who(holder)} to end; ${namesOf(lease)} ${resources.length > 1 ? 'are' : 'is'} free when it has`;
}
