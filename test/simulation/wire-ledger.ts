import type { StoredEvent } from '../../src/core/event.ts';
import type { Ended, Lease, Millis, Mode, Outcome, Request, Resource, Selector, Use } from '../../src/core/model.ts';
import type { State } from '../../src/core/state.ts';

/** What every later answer to a PUT with a spent id has to be. */
const FINAL: Readonly<Record<Outcome, number>> = { lost: 410, busy: 409, timeout: 408, impossible: 422 };
/** Says that nothing was changed, and to come back. */
const UNAVAILABLE = 503;

export type Kind = 'PUT' | 'GET' | 'DELETE' | 'renew' | 'extend';

/** A request as it reached a daemon. */
export interface Arrival {
  readonly kind: Kind;
  readonly id: string;
  /** How it had ended by then, if it had. */
  readonly ended: Ended | null;
}

/**
 * What is true of all the daemons of a world together: it reads what is written to their disk, and hears what reached them
 * and what they answered. From that alone it judges, by the promises of the protocol. The first breach counts.
 */
export class Ledger {
  broken: string | null = null;
  grants = 0;
  readonly ended = new Map<string, Ended>();
  readonly fences = new Map<string, number>();
  private readonly story: { readonly id: string; readonly at: Millis; readonly what: string }[] = [];
  private readonly live = new Map<string, Lease>();
  private readonly waiting: Request[] = [];
  private readonly joined = new Set<string>();
  private readonly resources = new Map<number, Resource>();
  private readonly asked = new Map<string, Set<Kind>>();
  private readonly under = new Map<string, number>();
  private readonly touched = new Map<string, Millis>();
  private readonly claims = new Set<string>();
  private readonly over = new Set<string>();
  private fence = 0;

  /** `runs`: whether a command runs under this id; `waits`: whether its client still wants to be served. */
  constructor(
    private readonly now: () => Millis,
    private readonly client: { runs(id: string): boolean; waits(id: string): boolean },
  ) {}

  get liveIds(): string[] {
    return [...this.live.keys()];
  }

  get happened(): number {
    return this.story.length;
  }

  get waitingIds(): string[] {
    return this.waiting.map(({ id }) => id);
  }

  must(holds: boolean, otherwise: () => string): void {
    if (!holds && this.broken === null) this.broken = otherwise();
  }

  /** What happened to whatever `broken` names, for whoever has to find out why. */
  tell(): string {
    return this.story
      .filter(({ id }) => this.broken?.includes(id))
      .map(({ id, at, what }) => `${at} ${id.slice(4, 8)} ${what}`)
      .join('\n');
  }

  /** Is called with everything that a disk keeps, when it does. */
  write(events: readonly StoredEvent[]): void {
    for (const event of events) this.take(event);
  }

  arrives(kind: Kind, id: string): Arrival {
    const kinds = this.asked.get(id) ?? new Set();
    this.asked.set(id, kinds.add(kind));
    this.note(id, `${kind} arrives`);
    this.under.set(id, (this.under.get(id) ?? 0) + 1);
    return { kind, id, ended: this.ended.get(id) ?? null };
  }

  /** `status` is null where the daemon died over it. */
  answered({ kind, id, ended }: Arrival, status: number | null): void {
    this.under.set(id, (this.under.get(id) ?? 1) - 1);
    this.touched.set(id, this.now());
    this.note(id, `${kind} is answered ${status}`);
    if (status === null || status === UNAVAILABLE) return;
    if (kind === 'DELETE' && status === 204) this.over.add(id);
    const expected =
      ended === null ? null : kind === 'PUT' || kind === 'GET' ? FINAL[ended.outcome] : kind === 'DELETE' ? 204 : 410;
    this.must(
      expected === null || expected === status,
      () => `${kind} of ${id}, which ended (${ended?.outcome}, ${ended?.reason}), is answered ${status}`,
    );
  }

  /** A daemon's own idea of the world may be ahead of the disk, never beside it. */
  compare(state: State, since: Millis, wall: (now: Millis) => Millis): void {
    const ids = (list: Iterable<string>): string => [...list].sort().join();
    this.must(ids(state.leases.keys()) === ids(this.live.keys()), () => 'a daemon and its disk differ in what is held');
    const order = [...state.queue.order].map(({ request }) => request.id);
    this.must(order.join() === this.waitingIds.join(), () => 'a daemon and its disk differ in who waits');
    for (const { lease } of state.leases.values()) {
      const { id, ttl } = lease.request;
      const heard = (this.under.get(id) ?? 0) > 0 ? this.now() : Math.max(this.touched.get(id) ?? 0, since);
      const latest = Math.max(wall(heard), lease.grantedAt) + ttl;
      this.must(lease.expiresAt <= Math.max(latest, lease.keptUntil ?? 0), () => `${id} was prolonged by nobody`);
    }
  }

  /** Nobody is left, and nothing is kept for anybody. */
  settled(state: State): void {
    this.must(this.live.size === 0 && state.leases.size === 0, () => `${this.liveIds.join()} is held by nobody`);
    this.must(this.waiting.length === 0 && state.queue.size === 0, () => `${this.waitingIds.join()} waits for nobody`);
  }

  private note(id: string, what: string): void {
    this.story.push({ id, at: this.now(), what });
  }

  private take(event: StoredEvent): void {
    if ('lease' in event) this.note(event.lease.request.id, event.type);
    if ('request' in event) this.note(event.request.id, event.type);
    if (event.type === 'id-spent') this.note(event.ended.id, event.type);
    switch (event.type) {
      case 'resource-added':
        this.resources.set(event.resource.id, event.resource);
        return;
      case 'waiter-joined':
        return this.join(event.request);
      case 'waiter-left':
        return this.leave(event.request.id, event.ended);
      case 'lease-granted':
        return this.grant(event.lease);
      case 'lease-ending':
        return this.needs(event.lease.request.id, 'DELETE', 'told to end');
      case 'lease-extended':
        this.needs(event.lease.request.id, 'extend', 'extended');
        return this.extend(event.lease);
      case 'lease-kept':
        this.needs(event.lease.request.id, 'extend', 'kept');
        return this.keep(event.lease);
      case 'lease-ended':
        return this.end(event.lease, event.ended);
      case 'id-spent':
        this.needs(event.ended.id, 'DELETE', 'spent');
        return this.remember(event.ended);
      default:
        return;
    }
  }

  private join(request: Request): void {
    const { id } = request;
    this.must(!this.joined.has(id), () => `${id} stands in the queue a second time`);
    this.must(!this.ended.has(id) && !this.over.has(id), () => `${id} was over, and comes back`);
    this.joined.add(id);
    this.waiting.push(request);
  }

  private leave(id: string, ended: Ended): void {
    this.unqueue(id);
    this.remember(ended);
    if (ended.outcome !== 'lost') return;
    if (ended.reason !== 'expired') return this.needs(id, 'DELETE', 'out of the queue');
    this.must(!this.client.waits(id), () => `${id} lost its place in the queue, and still wants it`);
  }

  private grant(lease: Lease): void {
    const { request, fence, uses } = lease;
    const { id } = request;
    this.must(!this.fences.has(id), () => `${id} is granted a second time`);
    this.must(!this.ended.has(id) && !this.over.has(id), () => `${id} was over, and is granted`);
    this.must(fence > this.fence, () => `fence ${fence} comes after ${this.fence}`);
    for (const { resource } of uses) {
      const first = this.waiting.find(({ wants }) => wants.some(({ selector }) => this.fits(selector, resource)));
      this.must(first?.id === id, () => `${id} is served before ${first?.id}`);
    }
    this.unqueue(id);
    this.fence = fence;
    this.fences.set(id, fence);
    this.grants += 1;
    this.live.set(id, lease);
    for (const { resource } of uses) this.exclude(resource);
  }

  private extend(lease: Lease): void {
    const known = this.live.get(lease.request.id);
    this.must((known?.keptUntil ?? 0) <= (lease.keptUntil ?? 0), () => `${lease.request.id} was shortened`);
    this.live.set(lease.request.id, lease);
  }

  /** Once: when a claim ends is not moved by a repetition. */
  private keep(lease: Lease): void {
    const { id } = lease.request;
    this.must(!this.claims.has(id), () => `${id} is kept a second time`);
    this.must(!this.client.runs(id), () => `${id} is kept without a command, while its command runs`);
    this.claims.add(id);
    this.live.set(id, lease);
  }

  private end({ request: { id } }: Lease, ended: Ended): void {
    this.must(this.live.has(id), () => `${id} ended, and was not held`);
    this.must(!this.client.runs(id), () => `${id} ended (${ended.reason}) while its command runs`);
    if (ended.reason !== 'expired') this.needs(id, 'DELETE', 'ended');
    else this.must(ended.at >= (this.live.get(id)?.keptUntil ?? 0), () => `${id} ended before it was to`);
    this.live.delete(id);
    this.remember(ended);
  }

  private remember(ended: Ended): void {
    this.must(!this.ended.has(ended.id), () => `${ended.id} ended twice`);
    this.ended.set(ended.id, ended);
  }

  /** Nothing happens to an id that nobody asked for with that id. */
  private needs(id: string, kind: Kind, what: string): void {
    this.must(this.asked.get(id)?.has(kind) ?? false, () => `${id} was ${what}, without a ${kind} of it`);
  }

  private unqueue(id: string): void {
    const place = this.waiting.findIndex((one) => one.id === id);
    this.must(place >= 0, () => `${id} left the queue, and was not in it`);
    if (place >= 0) this.waiting.splice(place, 1);
  }

  private exclude(resource: number): void {
    const users = [...this.live.values()].flatMap(({ uses, request }) =>
      uses.filter((use) => use.resource === resource).map((use) => ({ ...use, id: request.id })),
    );
    const slots = this.resources.get(resource)?.slots ?? 0;
    this.must(roomFor(users, slots), () => `#${resource} is held by ${users.map(({ id }) => id).join(' and ')}`);
  }

  private fits(selector: Selector, id: number): boolean {
    const resource = this.resources.get(id);
    if (selector.type === 'name') return resource?.name === selector.name;
    return selector.type === 'tags' && selector.tags.every((tag) => resource?.tags.includes(tag));
  }
}

function roomFor(users: readonly Use[], slots: number): boolean {
  const count = (mode: Mode): number => users.filter((use) => use.mode === mode).length;
  if (count('whole') > 0) return users.length === 1;
  return count('slot') + (count('shared') > 0 ? 1 : 0) <= slots;
}
