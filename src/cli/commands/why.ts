import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { BlockerJson, LeaseJson, QueuedJson, WaitingJson, WantJson } from '../../core/wire.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import type { Client, Reply, WhyJson } from '../client.ts';
import { addDaemonOptions, addOutputOptions, addWantOptions, type CommonOptions } from '../options.ts';
import type { Shell } from '../shell.ts';
import { ageOf, clockTime, printable, whose } from '../text.ts';
import { blockerSentence, waitingSentence } from '../waiting.ts';
import { describeTyped, readWants, type TypedWant, type WantModifiers } from '../wants.ts';

const EXAMPLES = `
Examples:
  rentabot why board-1
  rentabot why -t gpu --count 4
  rentabot why 01JD3X6T8Q5W0Z9Y7R2M4K1N3B`;

/** A ULID or a UUID. */
const ID = /^(?:[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

interface WhyOptions extends CommonOptions, WantModifiers {}

/** `rentabot why ID|WANT…`: why it waits, or what stands in the way. */
export function addWhy(program: Command, shell: Shell): void {
  const command = program
    .command('why')
    .summary('why something waits, or could not be had at once')
    .description(
      'Says what stands before a waiter, given by the id that `rentabot queue` shows, or what would stand before a want, without asking for it. What could never be granted is said too, with the nearest that exists.',
    )
    .usage('ID|WANT… [options]')
    .argument('[id or name...]', 'an id from `rentabot queue`, or the same as -n NAME');
  const typed = addWantOptions(command);
  command
    .option('--count <n>', 'how many resources for the tags given (default: 1)')
    .option('--shared', 'together with other shared holders')
    .option('--exclusive', 'all slots of a resource that has several');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (words: readonly string[], options: WhyOptions) => {
    shell.exit = await why(typed, words, options, shell);
  });
}

async function why(
  typed: readonly TypedWant[],
  words: readonly string[],
  options: WhyOptions,
  shell: Shell,
): Promise<number> {
  const [id] = words;
  if (id !== undefined && ID.test(id) && words.length === 1 && typed.length === 0) return whyId(id, options, shell);
  const wanted = [...typed, ...words.map((text): TypedWant => ({ option: 'name', text }))];
  const wants =
    wanted.length === 0
      ? refuse('usage', 'there is nothing to ask about', {
          hint: 'name an id from `rentabot queue`, or a want: -n NAME',
        })
      : readWants(wanted, options);
  return 'code' in wants ? refuseUsage(wants, shell, options) : whyWants(wants, options, shell);
}

async function whyWants(wants: readonly WantJson[], options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<WhyJson>(shell, options, (client, within) => client.why(wants, { within }));
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none') return noDaemon(options, shell);
  const { state, detail, hint, blockers } = asked.body;
  const lines = [
    `${printable(describeTyped(wants))}: ${state}`,
    printable(detail),
    ...listed(blockers),
    printable(hint),
  ];
  return print(asked.body, lines, options, shell);
}

/** A waiter, or a lease: an id is both, one after the other. */
async function whyId(id: string, options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<WaiterOrLease>(shell, options, (client, within) => waiterOrLease(client, id, within));
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none') return noDaemon(options, shell);
  const { body } = asked;
  const now = Date.now();
  if (!('waiter' in body)) return print(body.lease, [leaseSentence(body.lease, now)], options, shell);
  const { waiter } = body;
  const state: WaitingJson = { state: 'waiting', id, position: waiter.position, eta: waiter.eta, blockers: [] };
  const lines = [
    `${waitingSentence(waiter.want, state, now)}; waiting since ${clockTime(waiter.since, now)} (${ageOf(waiter.since, now)})`,
    ...listed(waiter.blockers),
  ];
  return print(waiter, lines, options, shell);
}

type WaiterOrLease = { readonly waiter: QueuedJson } | { readonly lease: LeaseJson };

async function waiterOrLease(client: Client, id: string, within: number): Promise<Reply<WaiterOrLease>> {
  const queue = await client.queue({ within });
  if (queue.type === 'refused') return queue;
  const waiter = queue.body.waiting.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (waiter) return { ...queue, body: { waiter } };
  const lease = await client.lease(id, { within });
  return lease.type === 'refused' ? lease : { ...lease, body: { lease: lease.body.lease } };
}

function leaseSentence(lease: LeaseJson, now: number): string {
  const { resources, since, note, until } = lease;
  const names = resources.map(({ name }) => printable(name)).join(', ');
  const end = until === null ? '' : `, until ${clockTime(until, now)}`;
  return `it waits no more: ${names} ${resources.length === 1 ? 'is' : 'are'} held by ${whose(lease)} since ${clockTime(since, now)}${note && ` (${printable(note)})`}${end}`;
}

function listed(blockers: readonly BlockerJson[]): string[] {
  const now = Date.now();
  return blockers.map((blocker) => `  ${blockerSentence(blocker, now)}`);
}

function noDaemon(options: CommonOptions, shell: Shell): Promise<number> {
  const detail = 'no daemon is running here, so nothing is held and nobody waits';
  return print({ state: 'free', detail, hint: '', blockers: [] }, [detail], options, shell);
}

async function print(body: unknown, lines: readonly string[], options: CommonOptions, shell: Shell): Promise<number> {
  const { jsonLine } = await import('../output.ts');
  const text = lines.filter((line) => line !== '').join('\n');
  await shell.print(options.json ? jsonLine(body) : `${text}\n`);
  return 0;
}
