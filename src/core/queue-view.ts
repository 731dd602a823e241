import type { Entry } from './catalogue.ts';
import { fits, hasRoom, outOfService } from './catalogue.ts';
import type { Millis, Mode, Request, Want } from './model.ts';
import { type Line, overlap, type Queued } from './queue.ts';
import type { State } from './state.ts';
import { isoOrNull, isoTime } from './view.ts';
import { describeWants, matches, shapeOf } from './want.ts';
import type { BlockerJson, QueuedJson, WaitingJson } from './wire.ts';

/** What a waiter is told at most stands in its way. */
const MOST_BLOCKERS = 10;
/** How many resources are looked at for blockers and estimates: a bound, so that the answer costs the same in a large fleet. */
const LOOK_AT = 500;

/** What stands between a want and its resources, for everybody who wants the same. */
interface Obstacles {
  readonly blockers: BlockerJson[];
  /** When each matching resource should next be free, soonest first; and how long a hold typically lasts. */
  readonly freeAt: readonly Millis[];
  readonly typicalHold: Millis | null;
}

/** One place in the queue, as its owner sees it. */
export function waitingToJson(state: State, queued: Queued, now: Millis): WaitingJson {
  return placeToJson(queued, positionOf(state, queued), obstacles(state, queued, now), now);
}

/** The whole queue in order, or from `after` (an id) on and at most `limit` long. */
export function queueToJson(
  state: State,
  now: Millis,
  page: { readonly limit: number; readonly after: string | null },
): QueuedJson[] {
  const found: QueuedJson[] = [];
  let skipping = page.after !== null && state.queue.byId.has(page.after);
  for (const { queued, place } of placesToJson(state, now)) {
    if (!skipping && found.length < page.limit) found.push(queuedToJson(queued, place));
    if (queued.request.id === page.after) skipping = false;
  }
  return found;
}

function queuedToJson({ request }: Queued, { position, eta, blockers }: WaitingJson): QueuedJson {
  const { id, holder, wants, askedAt, priority, note, givesUpAt, claim, steals, principal } = request;
  const want = describeWants(wants);
  return {
    id,
    position,
    holder,
    want,
    since: isoTime(askedAt),
    priority,
    note,
    eta,
    until: isoOrNull(givesUpAt),
    blockers,
    claim: claim !== undefined,
    steals: steals !== undefined,
    owner: principal,
  };
}

/** Every waiter with its place, in one pass: what waiters of one shape have in common is worked out once. */
export function* placesToJson(state: State, now: Millis): Generator<{ queued: Queued; place: WaitingJson }> {
  const ahead = new Map<Line, number>();
  const shared = new Map<string, Obstacles>();
  const neighbours = new Map<Line, readonly Line[]>();
  for (const queued of state.queue.order) {
    const shape = shapeOf(queued.request.wants);
    const known = shared.get(shape);
    const inTheWay = known ?? obstacles(state, queued, now);
    if (!known) shared.set(shape, inTheWay);
    const position = queued.lines.length === 1 ? 1 + countAhead(queued, ahead) : positionOf(state, queued);
    yield { queued, place: placeToJson(queued, position, inTheWay, now) };
    passBy(state, queued, ahead, neighbours);
  }
}

/**
 * Counts the waiters ahead that want something of what this one wants, and one for itself: 1 is next. Walks the queue up
 * to its place.
 */
export function positionOf(state: State, queued: Queued): number {
  let position = 1;
  const concerns = new Map<Line, boolean>();
  for (let place = state.queue.order.start; place !== null && place.value !== queued; place = place.after) {
    if (place.value.lines.some(({ line }) => concern(line))) position += 1;
  }
  return position;

  function concern(line: Line): boolean {
    const known = concerns.get(line);
    if (known !== undefined) return known;
    const found = queued.lines.some((own) => overlap(own.line, line, state.catalogue));
    concerns.set(line, found);
    return found;
  }
}

function countAhead(queued: Queued, ahead: ReadonlyMap<Line, number>): number {
  return ahead.get(queued.lines[0]?.line as Line) ?? 0;
}

/** Everybody in a line that overlaps one of this waiter's has one more ahead of them now. */
function passBy(state: State, queued: Queued, ahead: Map<Line, number>, neighbours: Map<Line, readonly Line[]>): void {
  const near = queued.lines.map(({ line }) => {
    const found = neighbours.get(line) ?? [...neighboursOf(state, line)];
    neighbours.set(line, found);
    return found;
  });
  const concerned = near.length === 1 ? (near[0] ?? []) : new Set(near.flat());
  for (const line of concerned) ahead.set(line, (ahead.get(line) ?? 0) + 1);
}

function* neighboursOf(state: State, line: Line): Generator<Line> {
  if (line.selector.type === 'name' || line.selector.type === 'id') {
    // One resource at most: whoever matches it, without asking every line.
    const seen = new Set([line]);
    for (const entry of state.catalogue.matching(line.selector)) {
      state.queue.forEachLine(entry.resource, (other) => seen.add(other));
    }
    yield* seen;
    return;
  }
  for (const other of state.queue.lines.values()) if (overlap(line, other, state.catalogue)) yield other;
}

function placeToJson(
  { request }: Queued,
  position: number,
  { blockers, freeAt, typicalHold }: Obstacles,
  now: Millis,
): WaitingJson {
  const eta = etaOf(position, freeAt, typicalHold, now);
  return { state: 'waiting', id: request.id, position, eta: isoOrNull(eta), blockers };
}

/**
 * The n-th in line gets the n-th resource to become free; once all have, they take turns again for a typical hold each.
 * An estimate from what holds lasted lately, and never a promise.
 */
function etaOf(position: number, freeAt: readonly Millis[], typicalHold: Millis | null, now: Millis): Millis | null {
  if (freeAt.length === 0 || typicalHold === null) return null;
  const round = Math.floor((position - 1) / freeAt.length);
  const first = freeAt[(position - 1) % freeAt.length] as Millis;
  return Math.round(Math.max(now, first) + round * typicalHold);
}

/** What stands in the way of these wants, whoever asks. */
export function obstaclesTo(state: State, wants: readonly Want[], self: Queued | null, now: Millis): BlockerJson[] {
  const blockers: (BlockerJson & { readonly order: Millis })[] = [];
  for (const { selector, mode } of wants) {
    let seen = 0;
    for (const entry of state.catalogue.pool(selector).members) {
      if (entry.resource.retiring || !matches(selector, entry.resource)) continue;
      seen += 1;
      if (seen > LOOK_AT) break;
      blockers.push(...blockersOn(state, entry, mode, self, now));
    }
  }
  blockers.sort((a, b) => a.order - b.order);
  const distinct = new Map(
    blockers.map((blocker) => [
      `${blocker.resource} ${blocker.since} ${blocker.holder?.name} ${blocker.owner}`,
      blocker,
    ]),
  );
  return [...distinct.values()].slice(0, MOST_BLOCKERS).map(({ order: _, ...blocker }) => blocker);
}

function* blockersOn(
  state: State,
  entry: Entry,
  mode: Mode,
  self: Queued | null,
  now: Millis,
): Generator<BlockerJson & { order: Millis }> {
  const { name } = entry.resource;
  const offline = outOfService(entry);
  if (offline !== null) {
    const holder = offline.by === '' ? null : { name: offline.by, host: '', link: null };
    const { since, until, reason } = offline;
    const order = until ?? Number.MAX_SAFE_INTEGER;
    yield {
      resource: name,
      cause: 'offline',
      holder,
      note: reason,
      since: isoTime(since),
      until: isoOrNull(until),
      order,
    };
  }
  if (entry.drainedAt !== null) {
    const times = { since: isoTime(entry.resource.lastUsedAt ?? now), until: isoTime(entry.drainedAt) };
    yield { resource: name, cause: 'draining', holder: null, note: '', ...times, order: entry.drainedAt };
  }
  if (!fits(entry, mode)) {
    for (const id of entry.leases.keys()) {
      const lease = state.leases.get(id)?.lease;
      if (!lease) continue;
      const { request, grantedAt, endsAt } = lease;
      const order = endsAt ?? grantedAt + (entry.typicalHold ?? Number.MAX_SAFE_INTEGER / 2);
      const times = { since: isoTime(grantedAt), until: isoOrNull(endsAt) };
      yield { resource: name, cause: 'held', ...whose(request), note: request.note, ...times, order };
    }
    return;
  }
  const head = state.queue.headOf(entry);
  if (!hasRoom(entry, mode) || head === null || head === self) return;
  const { note, askedAt } = head.request;
  yield {
    resource: name,
    cause: 'queue',
    ...whose(head.request),
    note,
    since: isoTime(askedAt),
    until: null,
    order: now,
  };
}

function whose({ holder, principal }: Request): Pick<BlockerJson, 'holder' | 'owner'> {
  return principal === '' ? { holder } : { holder, owner: principal };
}

function obstacles(state: State, queued: Queued, now: Millis): Obstacles {
  const { wants } = queued.request;
  const blockers = obstaclesTo(state, wants, queued, now);
  const estimates = wants.map((want) => estimate(state, want, now)).filter((found) => found !== null);
  // Everything is needed at once, so the slowest want decides.
  const slowest = estimates.sort((a, b) => (b.freeAt[0] ?? 0) - (a.freeAt[0] ?? 0))[0];
  const complete = estimates.length === wants.length && slowest !== undefined;
  return { blockers, freeAt: complete ? slowest.freeAt : [], typicalHold: complete ? slowest.typicalHold : null };
}

function estimate(
  state: State,
  { selector, count, mode }: Want,
  now: Millis,
): { freeAt: Millis[]; typicalHold: Millis } | null {
  const freeAt: Millis[] = [];
  const holds: Millis[] = [];
  let seen = 0;
  for (const entry of state.catalogue.pool(selector).members) {
    if (entry.resource.retiring || !matches(selector, entry.resource)) continue;
    seen += 1;
    if (seen > LOOK_AT) break;
    if (entry.typicalHold !== null) holds.push(entry.typicalHold);
    const at = entryFreeAt(state, entry, mode, now);
    if (at !== null) freeAt.push(at);
  }
  if (freeAt.length === 0) return null;
  freeAt.sort((a, b) => a - b);
  const typicalHold = holds.sort((a, b) => a - b)[Math.floor(holds.length / 2)];
  if (typicalHold === undefined) return null;
  // Several at once come free together only when the last of them does.
  return { freeAt: freeAt.filter((_, i) => (i + 1) % count === 0), typicalHold };
}

/** When one more could have it in this mode: with the first holder who is done, or the last for one who wants it whole. */
function entryFreeAt(state: State, entry: Entry, mode: Mode, now: Millis): Millis | null {
  const offline = outOfService(entry);
  const drained = entry.drainedAt ?? now;
  if (offline !== null) return offline.until === null ? null : Math.max(drained, offline.until);
  if (fits(entry, mode)) return drained;
  const ends: Millis[] = [];
  for (const id of entry.leases.keys()) {
    const lease = state.leases.get(id)?.lease;
    if (!lease) continue;
    const usual = entry.typicalHold === null ? null : lease.grantedAt + entry.typicalHold;
    const end = lease.endsAt ?? usual;
    if (end !== null) ends.push(end);
    else if (mode === 'whole') return null;
  }
  if (ends.length === 0) return null;
  return Math.max(drained, mode === 'whole' ? Math.max(...ends) : Math.min(...ends));
}
