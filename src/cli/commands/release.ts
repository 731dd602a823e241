import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { LeaseJson, QueuedJson } from '../../core/wire.ts';
import { askDaemon, INSIST_MS } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import type { Client, Reply } from '../client.ts';
import { distinct, leasesOn, Me } from '../holdings.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { namesOf } from '../sentences.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable, whose } from '../text.ts';
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
      'Gives back what you have claimed, or what `lock --keep-on-failure` has kept, and leaves the queue where you wait for it with `claim --next`. What was got together is given back together. What somebody else holds, and what a command is using, stays, and then nothing is given back.',
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
  const asked = await askDaemon(shell, options, (client, within) => round.run(client, within), { retryFor: INSIST_MS });
  if (asked.type === 'failed') return asked.exit;
  const { found, released } = round;
  const places = [...round.left.values()].flat();
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    const left = places.map(({ id, want }) => ({ id, want }));
    await shell.print(jsonLine({ released: [...released.values()], ...(left.length > 0 ? { left } : {}) }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const queued = new Set(places.map(({ want }) => want));
  const free = names.filter((name) => (found.get(name) ?? []).length === 0 && !queued.has(name)).map(printable);
  if (asked.type === 'none') talk.say('nothing-held', 'no daemon is running here, so nothing is held');
  else if (free.length > 0)
    talk.say('nothing-held', `${free.join(', ')} ${free.length > 1 ? 'are' : 'is'} held by nobody`);
  for (const { id, want } of places) talk.say('left', `left the queue for ${printable(want)}`, { id });
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
  /** By name, where we wait for it and hold nothing of it. */
  readonly left = new Map<string, readonly QueuedJson[]>();
  private me: Me | null = null;

  constructor(
    private readonly names: readonly string[],
    private readonly caller: string,
    private readonly force: boolean,
  ) {}

  /** Looks first and ends only then, so that a call that is refused has ended nothing. */
  async run(client: Client, within: number): Promise<Reply<null>> {
    const queued = await this.placesOf(client, within);
    if (queued.type === 'refused') return queued;
    for (const name of this.names) {
      if (this.found.has(name)) continue;
      const holders = await leasesOn(client, name, within);
      if (holders.type === 'refused') return holders;
      this.found.set(name, holders.body);
    }
    const ours: LeaseJson[] = [];
    for (const [name, holders] of this.found) {
      const mine = await this.mine(holders);
      const own = this.force ? holders : mine.filter(({ guarded }) => !guarded);
      const other = mine[0] ?? holders[0];
      const places = own.length === 0 ? queued.body.filter(({ want }) => want === name) : [];
      if (own.length === 0 && other && places.length === 0 && !this.left.has(name))
        return { type: 'refused', refusal: this.mayNot(name, other, mine.includes(other)), sentAt: mono() };
      ours.push(...own);
      if (places.length > 0) this.left.set(name, places);
    }
    for (const { id } of [...this.left.values()].flat()) {
      const left = await client.revoke(id, { within });
      if (left.type === 'refused') return left;
    }
    for (const lease of distinct(ours)) {
      const reply = await this.end(client, lease, within);
      if (reply.type === 'refused') return reply;
    }
    return { type: 'ok', body: null, sentAt: mono() };
  }

  private async mine(leases: readonly LeaseJson[]): Promise<LeaseJson[]> {
    const found: LeaseJson[] = [];
    for (const lease of leases) if (await this.me?.isMine(lease)) found.push(lease);
    return found;
  }

  /** Where we have queued up as people do, for one of these names alone. */
  private async placesOf(client: Client, within: number): Promise<Reply<readonly QueuedJson[]>> {
    this.me ??= new Me(client, this.caller);
    const queue = await client.queue({ within });
    if (queue.type === 'refused') return queue;
    const places: QueuedJson[] = [];
    for (const place of queue.body.waiting)
      if (place.claim && this.names.includes(place.want) && (await this.me.isMine(place))) places.push(place);
    return { ...queue, body: places };
  }

  private async end(client: Client, { id, resources }: LeaseJson, within: number): Promise<Reply<unknown>> {
    const reply = await client.revoke(id, { within });
    const state = reply.type === 'ok' && reply.body?.state === 'ending' ? 'ending' : 'released';
    if (reply.type === 'ok') this.released.set(id, { id, resources: resources.map(({ name }) => name), state });
    return reply;
  }

  private mayNot(name: string, lease: LeaseJson, own: boolean): Refusal {
    const { guarded, holder, note, since, until } = lease;
    const now = Date.now();
    const end = until === null ? '' : `, until ${clockTime(until, now)}`;
    const from = `since ${clockTime(since, now)}${note && ` (${printable(note)})`}${end}`;
    const held = own ? 'in use by a command of yours' : `held by ${whose(lease)}`;
    const at = own && holder.host !== '' ? ` on ${printable(holder.host)}` : '';
    const using = guarded && !own ? ', whose command is using it' : '';
    // A daemon that knows its users lets few of them take from others.
    const byForce = lease.owner ? '`rentabot ask` asks them for it' : '--force takes it away from them';
    const hint = guarded ? 'it is given back when that command ends; --force tells it to' : byForce;
    return refuse('denied', `${printable(name)} is ${held}${at} ${from}${using}`, { hint });
  }
}

function releasedSentence(lease: LeaseJson, state: ReleasedJson['state']): string {
  if (state === 'released') return `gave back ${namesOf(lease)}`;
  const { resources } = lease;
  return `told the command of ${whose(lease)} to end; ${namesOf(lease)} ${resources.length > 1 ? 'are' : 'is'} free when it has`;
}
