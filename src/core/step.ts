import type { Command } from './command.ts';
import { decide } from './decide.ts';
import { stranded } from './declare.ts';
import { dispatch } from './dispatch.ts';
import { leaveQueue } from './ending.ts';
import type { Refusal } from './error.ts';
import { type Event, isStored, type StoredEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { expire } from './expire.ts';
import type { Seen } from './machine.ts';
import type { Millis } from './model.ts';
import { takeOver } from './people.ts';
import { comesBefore, type Queued } from './queue.ts';
import { judgeDescribed } from './silence.ts';
import type { State } from './state.ts';
import { surplus } from './undeclared.ts';

export interface Turn {
  /** What happened, in order; to be on disk before anybody hears of it. */
  readonly events: readonly StoredEvent[];
  /** For each command: why it was refused, or null. What it achieved is to be read from the state. */
  readonly refusals: readonly (Refusal | null)[];
  /** Machines that were seen: to be stored when there is time. */
  readonly seen: readonly Seen[];
}

/** After these there may be waiters who want what no longer exists. */
const MAY_STRAND: ReadonlySet<Command['type']> = new Set(['declare', 'edit', 'remove']);

/**
 * One turn of the world: what time has changed, what was asked, and then the queue is served. Afterwards nobody waits who
 * could be served. The state is ahead of the disk until the events are committed.
 */
export function step(state: State, commands: readonly Command[], now: Millis): Turn {
  const events: StoredEvent[] = expire(state, now);
  const impatient: string[] = [];
  const seen: Seen[] = [];
  const happen = (event: Event): void => {
    evolve(state, event);
    if (isStored(event)) events.push(event);
    if (event.type === 'waiter-joined' && event.request.givesUpAt === now) impatient.push(event.request.id);
    if (event.type === 'machine-seen') seen.push(event.seen);
  };
  let described = false;
  const refusals = commands.map((command) => {
    const { events: decided, refusal } = decide(state, command, now);
    for (const event of decided) {
      happen(event);
      described ||= event.type === 'resource-added' || event.type === 'resource-changed';
      if (event.type === 'waiter-joined' && event.request.steals !== undefined) {
        for (const taken of takeOver(state, event.request, now)) happen(taken);
      }
    }
    if (MAY_STRAND.has(command.type)) for (const event of stranded(state, now)) happen(event);
    return refusal;
  });
  if (described) for (const event of judgeDescribed(state, now)) happen(event);
  events.push(...dispatch(state, now));
  // Asking once is a wait of no time, not a way past the queue. Whoever leaves may have kept something from the next.
  for (const { request } of inOrder(state, impatient)) {
    if (!state.queue.byId.has(request.id)) continue;
    happen(leaveQueue(state, request, 'busy', { reason: 'expired', by: '' }, now));
    events.push(...dispatch(state, now));
  }
  if (described && state.rules.undeclared === 'create') for (const event of surplus(state)) happen(event);
  return { events, refusals, seen };
}

/** Those who still wait, by their places in the queue. */
function inOrder(state: State, ids: readonly string[]): Queued[] {
  const waiting = ids.map((id) => state.queue.byId.get(id)).filter((queued) => queued !== undefined);
  return waiting.sort((a, b) => (comesBefore(a, b) ? -1 : 1));
}
