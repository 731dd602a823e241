import type { Command } from '../../src/core/command.ts';
import { refusalOf } from '../../src/core/decide.ts';
import type { Refusal } from '../../src/core/error.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { restore } from '../../src/core/evolve.ts';
import type { Seen } from '../../src/core/machine.ts';
import type { Counters, Ended, Lease, Millis, Request, Resource, Rules } from '../../src/core/model.ts';
import { EMPTY_SNAPSHOT, type Snapshot, type State } from '../../src/core/state.ts';
import { step } from '../../src/core/step.ts';
import { rules } from './builders.ts';

/**
 * What a store keeps: rows, folded from stored events alone and in the plainest way, so that a restart in a test starts
 * from what a disk would have.
 */
export class Rows {
  private readonly resources = new Map<number, Resource>();
  private readonly requests = new Map<string, Request>();
  private readonly leases = new Map<string, Lease>();
  private readonly ended = new Map<string, Ended>();
  private readonly holds: { resource: number; held: Millis }[] = [];
  private readonly machines = new Map<string, Seen>();
  private counters: Counters = EMPTY_SNAPSHOT.counters;
  private latest = 0;

  see(seen: readonly Seen[]): void {
    for (const one of seen) this.machines.set(one.machine, one);
  }

  keep(events: readonly StoredEvent[], counters: Counters, now: Millis): void {
    // As a disk would: nothing that memory changes later may reach what was written.
    for (const event of events) this.keepOne(structuredClone(event));
    this.counters = { ...counters };
    this.latest = now;
  }

  snapshot(): Snapshot {
    return structuredClone({
      counters: this.counters,
      resources: [...this.resources.values()],
      requests: [...this.requests.values()],
      leases: [...this.leases.values()],
      ended: [...this.ended.values()],
      holds: this.holds,
      machines: [...this.machines.values()],
      latest: this.latest,
    });
  }

  private keepOne(event: StoredEvent): void {
    switch (event.type) {
      case 'resource-added':
      case 'resource-changed':
        this.resources.set(event.resource.id, event.resource);
        return;
      case 'resource-removed':
        if (event.resource.removed) this.resources.set(event.resource.id, event.resource);
        else this.resources.delete(event.resource.id);
        return;
      case 'resource-forgotten':
        this.resources.delete(event.id);
        return;
      case 'resource-offline':
        this.patch(event.id, { offline: event.offline });
        return;
      case 'resource-online':
        this.patch(event.id, { offline: null });
        return;
      case 'waiter-joined':
        this.requests.set(event.request.id, event.request);
        return;
      case 'waiter-left':
        this.requests.delete(event.request.id);
        this.ended.set(event.ended.id, event.ended);
        return;
      case 'lease-granted':
        this.requests.delete(event.lease.request.id);
        this.leases.set(event.lease.request.id, event.lease);
        return;
      case 'lease-extended':
      case 'lease-kept':
      case 'lease-accepted':
      case 'lease-asked':
      case 'lease-shared':
      case 'lease-ending':
        this.leases.set(event.lease.request.id, event.lease);
        return;
      case 'lease-ended':
        this.endLease(event.lease, event.ended);
        return;
      case 'lease-reduced':
        this.leases.set(event.lease.request.id, event.lease);
        this.patch(event.resource, { lastUsedAt: event.at });
        return;
      case 'audited':
      case 'resource-drained':
      case 'resource-silent':
      case 'resource-heard':
        return;
      case 'id-spent':
        this.ended.set(event.ended.id, event.ended);
        return;
      case 'ids-forgotten':
        for (const { id, seq } of [...this.ended.values()]) if (seq <= event.upTo) this.ended.delete(id);
        return;
      default:
        event satisfies never;
    }
  }

  private endLease(lease: Lease, ended: Ended): void {
    this.leases.delete(lease.request.id);
    this.ended.set(ended.id, ended);
    for (const { resource } of lease.uses) {
      this.patch(resource, { lastUsedAt: ended.at });
      this.holds.push({ resource, held: ended.at - lease.grantedAt });
    }
  }

  private patch(id: number, change: Partial<Resource>): void {
    const resource = this.resources.get(id);
    if (resource) this.resources.set(id, { ...resource, ...change });
  }
}

/** What a client would be answered. */
export type Answer = 'held' | 'ending' | 'waiting' | 'unknown' | Refusal['code'];

/** A small world for tables of examples: a state, its clock, and the rows that would be on disk. */
export class World {
  state: State;
  now: Millis = 1_000_000;
  readonly rows = new Rows();
  /** Of the latest turn. */
  events: readonly StoredEvent[] = [];
  readonly rules: Rules;

  constructor(given: Rules = rules()) {
    this.rules = given;
    this.state = restore(EMPTY_SNAPSHOT, given, this.now);
  }

  /** One turn; answers with the refusal of each command. */
  turn(...commands: Command[]): readonly (Refusal | null)[] {
    const { events, refusals, seen } = step(this.state, commands, this.now);
    this.events = events;
    this.rows.see(seen);
    this.rows.keep(events, this.state.counters, this.now);
    return refusals;
  }

  /** One command in a turn of its own: its refusal, or null. */
  ask(command: Command): Refusal | null {
    return this.turn(command)[0] ?? null;
  }

  /** What becomes of a request: its refusal, at once or remembered, or how it stands. */
  answer(command: Command & { readonly id: string }): Answer {
    return this.ask(command)?.code ?? this.standing(command.id);
  }

  /** How an id stands now. */
  standing(id: string): Answer {
    const held = this.state.leases.get(id);
    if (held) return held.lease.ending === null ? 'held' : 'ending';
    if (this.state.queue.byId.has(id)) return 'waiting';
    const spent = this.state.ended.get(id);
    return spent ? refusalOf(spent).code : 'unknown';
  }

  /** Time passes; then one turn in which nobody asks for anything. */
  pass(span: Millis): readonly StoredEvent[] {
    this.now += span;
    this.turn();
    return this.events;
  }

  /** The daemon stops and, after a while, starts again from its rows. */
  restart(away: Millis = 0): void {
    this.now += away;
    this.state = restore(this.rows.snapshot(), this.rules, this.now);
  }

  lease(id: string): Lease {
    const held = this.state.leases.get(id);
    if (!held) throw new Error(`${id} holds nothing: ${this.standing(id)}`);
    return held.lease;
  }

  /** Names of what a lease has, in the order of its wants. */
  has(id: string): string[] {
    return this.lease(id).uses.map(({ resource }) => this.state.catalogue.byId.get(resource)?.resource.name ?? '?');
  }

  resource(name: string): Resource {
    const entry = this.state.catalogue.byName.get(name);
    if (!entry) throw new Error(`there is no ${name}`);
    return entry.resource;
  }

  queue(): string[] {
    return [...this.state.queue.order].map(({ request }) => request.id);
  }

  typesOfEvents(): string[] {
    return this.events.map(({ type }) => type);
  }
}
