import type { StoredEvent } from './event.ts';
import type { Counters, Millis } from './model.ts';
import type { Snapshot } from './state.ts';
import type { EventJson } from './wire.ts';

/** The events of one turn, and the counters after it. */
export interface Batch {
  readonly at: Millis;
  readonly events: readonly StoredEvent[];
  readonly counters: Counters;
  /** What people may know of the events: the history. Numbered from `counters.event` backwards. */
  readonly told: readonly EventJson[];
}

export interface HistoryQuery {
  /** Only events that concern this resource. */
  readonly resource: string | null;
  readonly since: Millis | null;
  /** Only events with smaller numbers, newest first; null from the newest on. */
  readonly before: number | null;
  readonly limit: number;
}

/**
 * Keeps facts. One owner at a time. An implementation promises:
 *
 * - `open` makes the caller the owner, or throws a RentabotError that says who is; it returns what survived, with counters
 *   never smaller than any that a commit carried.
 * - `commit` is all or nothing. When it resolves, the batch survives kill -9 and power loss. When it rejects, it may or may
 *   not have happened: the owner must not trust its memory any more, and opens again.
 * - `history` shows committed events only, and keeps a bounded number of them.
 * - After `close` somebody else may own it. Closing twice is harmless.
 */
export interface Store {
  open(): Promise<Snapshot>;
  commit(batch: Batch): Promise<void>;
  history(query: HistoryQuery): Promise<EventJson[]>;
  /** Events after this number, oldest first: for a subscriber that comes back. */
  eventsAfter(id: number, limit: number): Promise<EventJson[]>;
  close(): Promise<void>;
}

/** How much history is kept: whichever bound is met first. */
export interface Retention {
  readonly events: number;
  readonly keepFor: Millis;
}

export const DEFAULT_RETENTION: Retention = { events: 200_000, keepFor: 90 * 86_400_000 };
