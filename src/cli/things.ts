import { type Refusal, refuse } from '../core/error.ts';
import type { DescribeJson, DescriptorJson, DoctorJson, EditJson, ResourceJson } from '../core/wire.ts';
import { type Asked, askDaemon, INSIST_MS } from './ask.ts';
import type { Client, Patience, Reply } from './client.ts';
import type { CommonOptions } from './options.ts';
import type { Shell } from './shell.ts';
import { printable, whose } from './text.ts';
import { mono } from './time.ts';

/** What exists, changed while the daemon runs: the part of the native API that is for this. */

const RESOURCES = '/api/v2/resources';

/** A resource as it is now; null where it is gone. */
export type Changed = { readonly resource: ResourceJson } | null;

export function takeOffline(
  client: Client,
  name: string,
  body: { readonly reason: string; readonly until: string | null; readonly by: string },
  patience: Patience,
): Promise<Reply<Changed>> {
  return client.call('POST', `${pathOf(name)}/offline`, patience, body);
}

export function bringOnline(client: Client, name: string, patience: Patience): Promise<Reply<Changed>> {
  return client.call('POST', `${pathOf(name)}/online`, patience);
}

export function readResource(client: Client, name: string, patience: Patience): Promise<Reply<Changed>> {
  return client.call('GET', pathOf(name), patience);
}

export function addResource(client: Client, body: DescribeJson, patience: Patience): Promise<Reply<Changed>> {
  return client.call('POST', RESOURCES, patience, body);
}

export function editResource(
  client: Client,
  name: string,
  body: EditJson,
  patience: Patience,
): Promise<Reply<Changed>> {
  return client.call('PATCH', pathOf(name), patience, body);
}

/** `attempt` is 1 unless a reply was lost: then that it is gone is what the lost one was to say. */
export async function removeResource(
  client: Client,
  name: string,
  attempt: number,
  patience: Patience,
): Promise<Reply<Changed>> {
  const reply = await client.call<Changed>('DELETE', pathOf(name), patience);
  const isDone = attempt > 1 && reply.type === 'refused' && reply.refusal.code === 'not-found';
  return isDone ? { type: 'ok', body: null, sentAt: mono() } : reply;
}

/** `board-7 goes when alice@ws-12 is done`. */
export function removedSentence(name: string, changed: Changed | undefined): string {
  if (!changed) return `${printable(name)} is gone`;
  const holders = changed.resource.leases.map(whose).join(', ');
  return `${printable(name)} goes when ${holders || 'its last holder'} is done`;
}

export function readDescriptor(client: Client, patience: Patience): Promise<Reply<DescriptorJson>> {
  return client.call('GET', '/api/v2/descriptor', patience);
}

/** What the daemon says of its own health. */
export function examineDaemon(client: Client, patience: Patience): Promise<Reply<DoctorJson>> {
  return client.call('GET', '/api/v2/doctor', patience);
}

function pathOf(name: string): string {
  return `${RESOURCES}/${encodeURIComponent(name)}`;
}

/**
 * Changes one thing after the other, and stops at the first refusal, which has been said when this resolves. However often
 * a call has to be repeated, what was done in one attempt is not done again.
 */
export async function changeEach<T>(
  shell: Shell,
  options: CommonOptions,
  things: readonly T[],
  change: (client: Client, thing: T, attempt: number, patience: Patience) => Promise<Reply<Changed>>,
  { start = false } = {},
): Promise<Asked<readonly Changed[]>> {
  const done: Changed[] = [];
  let attempt = 0;
  const ask = async (client: Client, within: number): Promise<Reply<readonly Changed[]>> => {
    for (const thing of things.slice(done.length)) {
      attempt += 1;
      const reply = await change(client, thing, attempt, { within });
      if (reply.type === 'refused') return reply;
      done.push(reply.body);
      attempt = 0;
    }
    return { type: 'ok', body: done, sentAt: mono() };
  };
  return askDaemon(shell, options, ask, {
    retryFor: INSIST_MS,
    ifNone: start ? 'start' : 'start-if-known',
    asAdmin: true,
  });
}

/** Where no daemon runs and none would know anything. */
export function nothingHere(): Refusal {
  return refuse('impossible', 'no daemon is running here, so there are no resources', {
    hint: '`rentabot add NAME` adds one, and starts a daemon for you',
  });
}
