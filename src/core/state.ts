import { Catalogue, type Entry } from './catalogue.ts';
import type { Seen } from './machine.ts';
import type { Counters, Ended, Lease, Millis, Request, Resource, Rules } from './model.ts';
import { type Line, Queue, type Queued } from './queue.ts';
import { type Timer, Timers } from './timers.ts';

/** A lease, and the timer that will end it. */
export interface Held {
  lease: Lease;
  readonly timer: Timer;
}

/**
 * What dispatch has yet to look at: where something became possible since it last looked. Evolve notes, dispatch clears;
 * so a turn costs what changed, not what exists.
 */
export interface Stirred {
  /** Got room, or might match something new. */
  readonly entries: Set<Entry>;
  readonly waiters: Set<Queued>;
  /** Their first waiter left, and with it what it kept from those behind. */
  readonly lines: Set<Line>;
}

/** The whole world of one daemon. Only evolve changes it. */
export interface State {
  readonly rules: Rules;
  readonly counters: Counters;
  readonly catalogue: Catalogue;
  /** By name, what people took away though a file has it. */
  readonly removed: Map<string, Resource>;
  readonly queue: Queue;
  readonly leases: Map<string, Held>;
  /** Spent ids, oldest first. */
  readonly ended: Map<string, Ended>;
  readonly timers: Timers;
  readonly resourceTimers: Map<number, Timer>;
  readonly drainTimers: Map<number, Timer>;
  /** When machines were last seen, by their ids. */
  readonly machines: Map<string, Seen>;
  /** What is not handed out until its machine is seen, by that. */
  readonly silent: Map<string, Set<Entry>>;
  readonly silenceTimers: Map<number, Timer>;
  readonly stirred: Stirred;
}

/** What survives a restart. */
export interface Snapshot {
  readonly counters: Counters;
  readonly resources: readonly Resource[];
  readonly requests: readonly Request[];
  readonly leases: readonly Lease[];
  readonly ended: readonly Ended[];
  /** Recent holds, oldest first, for estimates. */
  readonly holds: readonly { readonly resource: number; readonly held: Millis }[];
  readonly machines: readonly Seen[];
  /** The latest moment that anything stored speaks of: the clock must not start before it. */
  readonly latest: Millis;
}

export const EMPTY_SNAPSHOT: Snapshot = {
  counters: { resourceId: 0, ticket: 0, fence: 0, ended: 0, event: 0 },
  resources: [],
  requests: [],
  leases: [],
  ended: [],
  holds: [],
  machines: [],
  latest: 0,
};

export function emptyState(rules: Rules, counters: Counters): State {
  return {
    rules,
    counters: { ...counters },
    catalogue: new Catalogue(),
    removed: new Map(),
    queue: new Queue(),
    leases: new Map(),
    ended: new Map(),
    timers: new Timers(),
    resourceTimers: new Map(),
    drainTimers: new Map(),
    machines: new Map(),
    silent: new Map(),
    silenceTimers: new Map(),
    stirred: { entries: new Set(), waiters: new Set(), lines: new Set() },
  };
}
