import type { StoredEvent } from '../../core/event.ts';
import type { Lease, Millis, Request } from '../../core/model.ts';
import type { State } from '../../core/state.ts';
import { type Timer, Timers } from '../../core/timers.ts';
import { isClaim, warningBefore } from '../../core/view.ts';
import { describeWants } from '../../core/want.ts';
import { makeNotice, type Notice } from './notice.ts';

/**
 * What is told because time passes, not because something happened: that a claim ends soon, and that somebody has waited
 * for too long. Each is due at one moment that follows from what is stored, so that a restart neither forgets nor
 * repeats it.
 */
export class Schedule {
  private timers = new Timers();
  private readonly known = new Map<string, Timer[]>();

  /** `spans` are the waits that are too long for some target; with `claims` the ends of claims are told as well. */
  constructor(private readonly options: { readonly spans: readonly Millis[]; readonly claims: boolean }) {}

  /** When `due` has something to tell; null for never. */
  get next(): Millis | null {
    return this.timers.next?.at ?? null;
  }

  /** How many moments it waits for: to see that nothing leaks. */
  get size(): number {
    return this.timers.size;
  }

  /** Starts anew from all that is held and waited for; what was due up to `from` has been told. */
  restart(state: State, from: Millis): void {
    this.timers = new Timers();
    this.known.clear();
    for (const { lease } of state.leases.values()) this.expectEnd(lease, from);
    for (const { request } of state.queue.byId.values()) this.expectPatience(request, from);
  }

  /** Follows what happened. */
  hear(events: readonly StoredEvent[], now: Millis): void {
    for (const event of events) {
      if (event.type === 'waiter-joined') this.expectPatience(event.request, now);
      else if (event.type === 'waiter-left') this.forget(event.request.id);
      else if (event.type === 'lease-ended') this.forget(event.lease.request.id);
      else if ('lease' in event) {
        this.forget(event.lease.request.id);
        this.expectEnd(event.lease, now);
      }
    }
  }

  /** What has come due by now, oldest first. */
  *due(state: State, now: Millis): Generator<Notice> {
    for (let timer = this.timers.next; timer !== null && timer.at <= now; timer = this.timers.next) {
      this.timers.remove(timer);
      const { at, kind } = timer;
      const [id = '', span] = String(timer.id).split(' ');
      const lease = kind === 'lease' ? state.leases.get(id)?.lease : undefined;
      const queued = kind === 'waiter' ? state.queue.byId.get(id) : undefined;
      if (lease && lease.ending === null) yield expiring(state, lease, at);
      if (queued) yield tooLong(queued.request, Number(span), at);
    }
  }

  private expectEnd(lease: Lease, from: Millis): void {
    const { endsAt, ending } = lease;
    if (
      !this.options.claims ||
      endsAt === null ||
      ending !== null ||
      !isClaim(lease) ||
      lease.offeredUntil !== undefined
    )
      return;
    const at = Math.round(endsAt - warningBefore(lease, endsAt));
    if (at > from) this.add('lease', lease.request.id, lease.request.id, at);
  }

  private expectPatience({ id, askedAt, givesUpAt }: Request, from: Millis): void {
    for (const span of this.options.spans) {
      const at = askedAt + span;
      if (at > from && (givesUpAt === null || givesUpAt > at)) this.add('waiter', id, `${id} ${span}`, at);
    }
  }

  private add(kind: 'lease' | 'waiter', of: string, id: string, at: Millis): void {
    const timer = this.timers.add(kind, id, at);
    const others = this.known.get(of);
    if (others) others.push(timer);
    else this.known.set(of, [timer]);
  }

  private forget(id: string): void {
    for (const timer of this.known.get(id) ?? []) this.timers.remove(timer);
    this.known.delete(id);
  }
}

function expiring({ catalogue }: State, { request, uses, endsAt }: Lease, at: Millis): Notice {
  const until = endsAt ?? at;
  return makeNotice({
    id: `expiring-${request.id}-${until}`,
    event: 'expiring',
    at,
    resources: uses.map(({ resource }) => catalogue.byId.get(resource)?.resource.name ?? `#${resource}`),
    lease: request.id,
    person: request.principal || request.holder.name,
    holder: request.holder,
    note: request.note,
    until,
    staleAt: until,
  });
}

function tooLong(
  { id, holder, principal, note, wants, askedAt, givesUpAt }: Request,
  after: Millis,
  at: Millis,
): Notice {
  return makeNotice({
    id: `waiting-${id}-${after}`,
    event: 'waiting-too-long',
    at,
    lease: id,
    person: principal || holder.name,
    holder,
    note,
    want: describeWants(wants),
    waited: at - askedAt,
    until: givesUpAt,
    after,
  });
}
