import type { Lease, Millis, Request, Want } from '../../../core/model.ts';
import { placesToJson, positionOf } from '../../../core/queue-view.ts';
import type { State } from '../../../core/state.ts';
import { type Answer, json, noContent, type Reply } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Sight } from '../../engine.ts';
import type { Ask } from '../../requests.ts';
import { rentABotOptions } from '../settings.ts';
import { matching, wantOf } from './criteria.ts';
import { maxOf, offsetStamp, stamp, stampOrNull } from './dialect.ts';
import { countIn, type Fault, missing, objectOf, unprocessable } from './input.ts';
import { acquireOf, refused } from './locks.ts';
import { FACADE, HIDDEN_TOKEN, tokenOn, uuidOf } from './tokens.ts';

/** How long a fulfilled reservation waits to be claimed, unless `claim_window` says otherwise. */
const DEFAULT_CLAIM_WINDOW: Millis = 60_000;
const DEFAULT_S = 3600;

/** What a reservation looks like. */
export interface ReservationView {
  readonly reservation_id: string;
  readonly status: 'pending' | 'fulfilled' | 'claimed';
  readonly tags: readonly string[];
  readonly quantity: number;
  readonly ttl: number;
  readonly position_in_queue: number | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly fulfilled_at: string | null;
  readonly claim_expires_at: string | null;
  readonly claimed_at: string | null;
  readonly resource_ids: readonly number[];
  readonly lock_tokens: readonly string[];
}

interface Wish {
  readonly tags: readonly string[];
  readonly quantity: number;
  readonly maxWait: number;
  readonly ttl: number;
}

/** `POST /api/v1/reservations`: waits in the queue, keeps its place without a client, and is offered when it is its turn. */
export async function reserve(daemon: Daemon, ask: Ask): Promise<Answer> {
  const body = await objectOf(ask, daemon.http.body);
  if ('fault' in body) return unprocessable(body.fault);
  const wish = body.value === null ? [missing('body')] : readWish(body.value);
  if (Array.isArray(wish)) return unprocessable(...wish);
  const { tags, quantity, maxWait, ttl } = wish as Wish;
  const want = await daemon.engine.read(({ state }) => plan(state, wish as Wish));
  if ('status' in want) return want;
  const accept = rentABotOptions(daemon.facades).claimWindow ?? DEFAULT_CLAIM_WINDOW;
  const id = uuidOf(Buffer.from(daemon.ids.secret(), 'base64url'));
  const made = { principal: daemon.identify(ask), claim: { for: ttl * 1000, accept }, wait: maxWait * 1000 };
  const command = acquireOf(daemon, id, [want], { facade: FACADE, as: 'reservation', tags }, made);
  return daemon.engine.submit(command, ({ state, refusal, now }) => {
    const request = state.queue.byId.get(id)?.request ?? state.leases.get(id)?.lease.request;
    if (refusal || !request) return refusal ? refused(refusal) : notFound(reservationId(id));
    // As the original's, which looks at its queue only later.
    return json(viewOf(request, { status: 'pending', quantity, created_at: stamp(now) }), 201);
  });
}

function readWish(body: Readonly<Record<string, unknown>>): Wish | Fault[] {
  const faults: Fault[] = [];
  const tags = tagsIn(body.tags, faults);
  const count = (key: string): number | null => {
    const read = countIn(body, key);
    if ('fault' in read) faults.push(read.fault);
    return 'fault' in read ? null : read.value;
  };
  const quantity = count('quantity');
  if (body.quantity === undefined) faults.push(missing('body', 'quantity'));
  else if (body.quantity === null) {
    faults.push({ type: 'int_type', loc: ['body', 'quantity'], msg: 'Input should be a valid integer', input: null });
  }
  const [maxWait, ttl] = [count('max_wait_time') ?? DEFAULT_S, count('ttl') ?? DEFAULT_S];
  return faults.length > 0 ? faults : { tags, quantity: quantity ?? 0, maxWait, ttl };
}

function tagsIn(given: unknown, faults: Fault[]): readonly string[] {
  const loc = ['body', 'tags'];
  if (given === undefined) faults.push(missing(...loc));
  else if (!Array.isArray(given)) {
    faults.push({ type: 'list_type', loc, msg: 'Input should be a valid list', input: given });
  } else if (given.length === 0) {
    const msg = 'List should have at least 1 item after validation, not 0';
    faults.push({
      type: 'too_short',
      loc,
      msg,
      input: [],
      ctx: { field_type: 'List', min_length: 1, actual_length: 0 },
    });
  } else {
    for (const [i, input] of given.entries()) {
      if (typeof input === 'string') continue;
      faults.push({ type: 'string_type', loc: [...loc, i], msg: 'Input should be a valid string', input });
    }
  }
  return given as readonly string[];
}

/** What to ask the engine for, or why it could never be had. */
function plan(state: State, { tags, quantity, ttl }: Wish): Want | Reply {
  const found = matching(state, tags);
  if (found.length === 0) return json({ tags, message: 'No resources match the specified tags' }, 404);
  const compatible = found.filter((entry) => maxOf(entry) >= ttl).length;
  if (compatible >= quantity) return wantOf(found, tags, quantity, ttl);
  const why =
    found.length < quantity
      ? `Not enough resources match the specified tags. Need ${quantity}, found ${found.length}`
      : `Requested TTL (${ttl}s) exceeds max_lock_duration for available resources. Need ${quantity} compatible resources, found ${compatible}`;
  const counts = { compatible_count: compatible, matching_count: found.length };
  return json({ tags, quantity, ttl, ...counts, message: why }, 400);
}

/** `GET /api/v1/reservations` */
export function listReservations(daemon: Daemon): Promise<Answer> {
  return daemon.engine.read(({ state, now }) => {
    const found: { readonly ticket: number; readonly view: ReservationView }[] = [];
    for (const { queued, place } of placesToJson(state, now)) {
      const { request } = queued;
      if (isReservation(request)) found.push({ ticket: request.ticket, view: pending(request, place.position) });
    }
    for (const { lease } of state.leases.values()) {
      const { ticket } = lease.request;
      if (isReservation(lease.request)) found.push({ ticket, view: granted(daemon, lease) });
    }
    found.sort((a, b) => a.ticket - b.ticket);
    return json({ reservations: found.map(({ view }) => view) });
  });
}

/** `GET /api/v1/reservations/{id}` */
export function showReservation(daemon: Daemon, ask: Ask): Promise<Answer> {
  const given = ask.req.param('id') ?? '';
  return daemon.engine.read(({ state }) => {
    const id = leaseIdOf(given);
    const queued = id === null ? undefined : state.queue.byId.get(id);
    if (queued && isReservation(queued.request)) return json(pending(queued.request, positionOf(state, queued)));
    const lease = id === null ? undefined : state.leases.get(id)?.lease;
    return lease && isReservation(lease.request) ? json(granted(daemon, lease)) : notFound(given);
  });
}

/** `POST /api/v1/reservations/{id}/claim`: accepts what is offered. Only this tells the tokens. */
export async function claim(daemon: Daemon, ask: Ask): Promise<Answer> {
  const given = ask.req.param('id') ?? '';
  const found = await daemon.engine.read((sight) => claimable(sight, given));
  if ('status' in found) return found;
  const { id } = found.request;
  const command = { type: 'accept', id, secretHash: null, principal: daemon.identify(ask) } as const;
  return daemon.engine.submit(command, ({ state, refusal }) => {
    const lease = state.leases.get(id)?.lease;
    if (refusal || !lease) return refusal ? refused(refusal) : notFound(given);
    return json(granted(daemon, lease, { tokens: true }));
  });
}

function claimable({ state }: Sight, given: string): Lease | Reply {
  const id = leaseIdOf(given) ?? '';
  const lease = state.leases.get(id)?.lease;
  if (lease && isReservation(lease.request)) {
    if (lease.offeredUntil !== undefined) return lease;
    const message = "Reservation cannot be claimed when status is 'claimed'";
    return json({ reservation_id: given, status: 'claimed', message }, 409);
  }
  const queued = state.queue.byId.get(id);
  if (queued && isReservation(queued.request)) {
    return json({ reservation_id: given, status: 'pending', message: 'Reservation not yet fulfilled' }, 409);
  }
  const ended = state.ended.get(id);
  if (ended?.outcome !== 'lost' || ended.reason !== 'expired') return notFound(given);
  const claim_expires_at = offsetStamp(ended.at);
  return json({ reservation_id: given, claim_expires_at, message: 'Claim window has expired' }, 410);
}

/** `DELETE /api/v1/reservations/{id}`, while it is pending. */
export async function cancel(daemon: Daemon, ask: Ask): Promise<Answer> {
  const given = ask.req.param('id') ?? '';
  const id = leaseIdOf(given) ?? '';
  const found = await daemon.engine.read(({ state }) => {
    const lease = state.leases.get(id)?.lease;
    if (lease && isReservation(lease.request)) {
      const status = statusOf(lease);
      return json({ reservation_id: given, status, message: `Cannot cancel ${status} reservation` }, 409);
    }
    const request = state.queue.byId.get(id)?.request;
    return request && isReservation(request) ? null : notFound(given);
  });
  if (found) return found;
  const principal = daemon.identify(ask);
  const command = { type: 'release', id, secretHash: null, ended: true, exit: null, principal } as const;
  return daemon.engine.submit(command, ({ refusal }) => (refusal ? refused(refusal) : noContent()));
}

function pending(request: Request, position: number): ReservationView {
  return viewOf(request, { status: 'pending', position_in_queue: position });
}

function granted(daemon: Daemon, lease: Lease, { tokens = false } = {}): ReservationView {
  const ids = lease.uses.map(({ resource }) => resource).sort((a, b) => a - b);
  const isShown = tokens || rentABotOptions(daemon.facades).exposeTokens === true;
  return viewOf(lease.request, {
    status: statusOf(lease),
    fulfilled_at: stamp(lease.grantedAt),
    claim_expires_at: stampOrNull(lease.offeredUntil ?? lease.grantedAt + (lease.request.claim?.accept ?? 0)),
    claimed_at: stampOrNull(lease.acceptedAt),
    resource_ids: ids,
    lock_tokens: ids.map((id) => (isShown ? tokenOn(daemon, lease, id) : HIDDEN_TOKEN)),
  });
}

function statusOf({ offeredUntil }: Lease): 'fulfilled' | 'claimed' {
  return offeredUntil === undefined ? 'claimed' : 'fulfilled';
}

function viewOf(request: Request, more: Partial<ReservationView> & Pick<ReservationView, 'status'>): ReservationView {
  const { id, via, wants, claim: asked, askedAt, givesUpAt } = request;
  return {
    reservation_id: reservationId(id),
    tags: via?.tags ?? [],
    quantity: wants[0]?.count ?? 0,
    ttl: (asked?.for ?? 0) / 1000,
    position_in_queue: null,
    created_at: stamp(askedAt),
    expires_at: stampOrNull(givesUpAt),
    fulfilled_at: null,
    claim_expires_at: null,
    claimed_at: null,
    resource_ids: [],
    lock_tokens: [],
    ...more,
  };
}

function isReservation({ via }: Request): boolean {
  return via?.facade === FACADE && via.as === 'reservation';
}

function notFound(given: string): Reply {
  return json({ reservation_id: given, message: 'Reservation not found' }, 404);
}

/** A reservation is a lease with a UUID, which is written without its dashes here. */
function reservationId(id: string): string {
  return `res_${id.replaceAll('-', '')}`;
}

function leaseIdOf(given: string): string | null {
  const [, ...parts] = /^res_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(given) ?? [];
  return parts.length === 5 ? parts.join('-') : null;
}
