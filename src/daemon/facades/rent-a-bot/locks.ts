import type { Entry } from '../../../core/catalogue.ts';
import type { Acquire } from '../../../core/command.ts';
import { type Refusal, statusOf } from '../../../core/error.ts';
import type { Lease, Principal, Via, Want } from '../../../core/model.ts';
import type { State } from '../../../core/state.ts';
import { makeWant } from '../../../core/want.ts';
import { DEFAULT_TTL_S } from '../../../core/wire.ts';
import { type Answer, json, type Reply } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Sight } from '../../engine.ts';
import { type Ask, hashSecret } from '../../requests.ts';
import { type Criterion, candidates, wantOf } from './criteria.ts';
import { type Dialect, leaseOn, maxOf, offsetStamp, viewOf } from './dialect.ts';
import { countIn, integerOf, missing, notPositive, objectOf, unprocessable } from './input.ts';
import { FACADE, lockToken, unlocks } from './tokens.ts';

/** Of a lock that asks for nothing else, unless the resource allows less. */
const DEFAULT_TTL = 3600;
const NOTE = "through rent-a-bot's API";

/** `POST …/resources/{id}/lock` */
export function lockById(daemon: Daemon, ask: Ask, dialect: Dialect): Promise<Answer> | Answer {
  const id = pathId(ask, dialect);
  return 'fault' in id ? id.fault : lock(daemon, ask, dialect, { by: 'id', id: id.value, given: id.value });
}

/** `POST …/resources/lock?id=…`: an id counts before a name, and a name before tags. */
export async function lockByCriteria(daemon: Daemon, ask: Ask, dialect: Dialect): Promise<Answer> {
  const given = ask.req.query('id') ?? ask.req.query('rid') ?? '';
  const name = ask.req.query('name') ?? '';
  const tags = ask.req.queries('tag') ?? [];
  const id = integerOf(given, 'query', 'id');
  if (given !== '' && dialect === '1.0.0' && 'fault' in id) return unprocessable(id.fault);
  const number = 'fault' in id ? -1 : id.value;
  if (given !== '' && !(dialect === '1.0.0' && number === 0)) {
    return lock(daemon, ask, dialect, { by: 'id', id: number, given: dialect === '2017' ? given : number });
  }
  if (name !== '') return lock(daemon, ask, dialect, { by: 'name', name });
  if (tags.length > 0) return lock(daemon, ask, dialect, { by: 'tags', tags });
  return json({ message: 'Bad Request' }, 400);
}

async function lock(daemon: Daemon, ask: Ask, dialect: Dialect, criterion: Criterion): Promise<Answer> {
  let ttl: number | null = null;
  if (dialect === '1.0.0') {
    const body = await objectOf(ask, daemon.http.body);
    if ('fault' in body) return unprocessable(body.fault);
    const read = countIn(body.value ?? {}, 'ttl');
    if ('fault' in read) return unprocessable(read.fault);
    ttl = read.value;
  }
  const want = await daemon.engine.read(({ state }) => plan(state, criterion, ttl, dialect));
  if ('status' in want) return want;
  const lasts = dialect === '2017' ? null : (ttl ?? DEFAULT_TTL) * 1000;
  const made = { principal: daemon.identify(ask), claim: { for: lasts, accept: null }, wait: 0 };
  const command = acquireOf(daemon, daemon.ids.id(daemon.engine.now()), [want], { facade: FACADE, as: 'lock' }, made);
  return daemon.engine.submit(command, (sight) => locked(daemon, sight, command.id, criterion, dialect));
}

/** A lease for one of the other tool's locks: nobody stands behind it who could renew it. */
export function acquireOf(
  daemon: Daemon,
  id: string,
  wants: readonly Want[],
  via: Via,
  made: Pick<Acquire, 'claim' | 'wait'> & { readonly principal: Principal },
): Acquire {
  const { principal } = made;
  return {
    type: 'acquire',
    id,
    secretHash: hashSecret(lockToken(daemon, id)),
    wants,
    ttl: DEFAULT_TTL_S * 1000,
    hold: null,
    priority: 0,
    note: NOTE,
    holder: { name: principal.name || 'anonymous', host: '', link: null },
    guarded: false,
    steals: null,
    via,
    ...made,
  };
}

/** What to ask the engine for, or why there is no point in asking. */
function plan(state: State, criterion: Criterion, ttl: number | null, dialect: Dialect): Want | Reply {
  const found = candidates(state, criterion);
  const [first] = found;
  if (first === undefined) return notFound(criterion);
  const free = found.find((entry) => leaseOn(state, entry) === null);
  if (!free) return busy(criterion, first, dialect);
  if (ttl !== null && found.every((entry) => maxOf(entry) < ttl)) return tooLong(free, ttl);
  if (criterion.by === 'tags') return wantOf(found, criterion.tags, 1, ttl);
  return makeWant({ type: 'id', id: first.resource.id }, 1, 'whole');
}

function locked(daemon: Daemon, { state, refusal }: Sight, id: string, criterion: Criterion, dialect: Dialect): Reply {
  const lease = state.leases.get(id)?.lease;
  const entry = state.catalogue.byId.get(lease?.uses[0]?.resource ?? 0);
  if (lease && entry) {
    const token = lockToken(daemon, id);
    const resource = viewOf(daemon, state, entry, dialect, { token });
    const answer = { message: 'Resource locked', 'lock-token': token, resource };
    if (dialect === '2017') return json(answer);
    const end = lease.endsAt === null ? null : offsetStamp(lease.endsAt);
    return json({ ...answer, 'locked-at': offsetStamp(lease.grantedAt), 'expires-at': end });
  }
  if (refusal && refusal.code !== 'impossible') return refused(refusal);
  const [first] = candidates(state, criterion);
  return first === undefined ? notFound(criterion) : busy(criterion, first, dialect);
}

/** What the original knows nothing of: the rules and bounds of this daemon. */
export function refused(refusal: Refusal): Reply {
  return json({ message: refusal.detail }, statusOf(refusal));
}

function notFound(criterion: Criterion): Reply {
  const message = 'Resource not found';
  if (criterion.by === 'id') return json({ resource_id: criterion.given, message }, 404);
  if (criterion.by === 'name') return json({ resource_name: criterion.name, message }, 404);
  return json({ tags: criterion.tags, message: 'No resource found matching the tag(s)' }, 404);
}

function busy(criterion: Criterion, { resource }: Entry, dialect: Dialect): Reply {
  if (dialect === '2017') {
    const { by } = criterion;
    const said = { id: by === 'id' ? criterion.given : null, name: by === 'name' ? criterion.name : null };
    // The original names an empty list where the query has no tags, and none where it has no query.
    const tags = by === 'tags' ? criterion.tags : by === 'id' && typeof criterion.given === 'number' ? null : [];
    const message = 'Cannot lock the requested resource, resource(s) already locked';
    return json({ ...said, tags, message }, 403);
  }
  if (criterion.by === 'tags') {
    return json({ tags: criterion.tags, message: 'No available resource found matching the tag(s)' }, 403);
  }
  const message = 'Cannot lock the requested resource, resource is already locked';
  return json({ resource_id: resource.id, message }, 403);
}

function tooLong(entry: Entry, ttl: number): Reply {
  const max = maxOf(entry);
  const message = `Requested TTL (${ttl}s) exceeds maximum allowed duration (${max}s)`;
  return json({ resource_id: entry.resource.id, ttl, max_lock_duration: max, message }, 400);
}

/** `POST …/resources/{id}/unlock?lock-token=…` */
export async function unlock(daemon: Daemon, ask: Ask, dialect: Dialect): Promise<Answer> {
  const id = pathId(ask, dialect);
  if ('fault' in id) return id.fault;
  const token = ask.req.query('lock-token') ?? null;
  const found = await daemon.engine.read(({ state }) => {
    const message = 'Resource is already unlocked';
    const lease = lockOf(state, id.value, { resource_id: id.value, message });
    if ('status' in lease || unlocks(daemon, lease, id.value, token)) return lease;
    return wrongToken(daemon, state, id.value, dialect, token, 'Cannot unlock resource, the lock token is not valid.');
  });
  if ('status' in found) return found;
  const { request } = found;
  const command = {
    type: 'release',
    id: request.id,
    secretHash: request.secretHash,
    ended: true,
    exit: null,
    only: id.value,
    principal: daemon.identify(ask),
  } as const;
  return daemon.engine.submit(command, ({ refusal }) =>
    refusal ? refused(refusal) : json({ message: 'Resource unlocked' }),
  );
}

/** `POST /api/v1/resources/{id}/extend?lock-token=…&additional-ttl=…` */
export async function extend(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = pathId(ask, '1.0.0');
  if ('fault' in id) return id.fault;
  const token = ask.req.query('lock-token');
  const given = ask.req.query('additional-ttl');
  const ttl = given === undefined ? null : integerOf(given, 'query', 'additional-ttl');
  const faults = token === undefined ? [missing('query', 'lock-token')] : [];
  if (ttl === null) faults.push(missing('query', 'additional-ttl'));
  else if ('fault' in ttl) faults.push(ttl.fault);
  else if (ttl.value <= 0) faults.push(notPositive(ttl.value, 'query', 'additional-ttl'));
  if (faults.length > 0 || ttl === null || 'fault' in ttl) return unprocessable(...faults);
  const found = await daemon.engine.read((sight) => extendable(daemon, sight, id.value, token ?? null, ttl.value));
  if ('status' in found) return found;
  const { request, grantedAt } = found;
  const command = {
    type: 'extend',
    id: request.id,
    secretHash: request.secretHash,
    for: ttl.value * 1000,
    exact: true,
    guarded: null,
    note: null,
    exit: null,
    principal: daemon.identify(ask),
  } as const;
  return daemon.engine.submit(command, ({ state, refusal }) => {
    const endsAt = state.leases.get(request.id)?.lease.endsAt;
    if (refusal || endsAt == null) return refusal ? refused(refusal) : notLocked(id.value);
    const total = Math.floor((endsAt - grantedAt) / 1000);
    return json({ message: 'Lock extended', 'new-expires-at': offsetStamp(endsAt), 'total-lock-duration': total });
  });
}

function extendable(
  daemon: Daemon,
  { state, now }: Sight,
  id: number,
  token: string | null,
  ttl: number,
): Lease | Reply {
  const lease = lockOf(state, id, { resource_id: id, message: 'Cannot extend lock on unlocked resource' });
  if ('status' in lease) return lease;
  if (!unlocks(daemon, lease, id, token)) {
    return wrongToken(daemon, state, id, '1.0.0', token, 'Cannot extend lock, the lock token is not valid.');
  }
  const total = Math.floor((now + ttl * 1000 - lease.grantedAt) / 1000);
  const max = maxOf(state.catalogue.byId.get(id) as Entry);
  if (total <= max) return lease;
  const message = `Total lock duration (${total}s) would exceed maximum allowed (${max}s)`;
  return json({ resource_id: id, total_duration: total, max_lock_duration: max, message }, 400);
}

/** The lock of a resource; the answer where there is no such resource, and `free` where it has none. */
function lockOf(state: State, id: number, free: Readonly<Record<string, unknown>>): Lease | Reply {
  const entry = state.catalogue.byId.get(id);
  if (!entry) return notFound({ by: 'id', id, given: id });
  return leaseOn(state, entry) ?? json(free, 403);
}

function notLocked(id: number): Reply {
  return json({ resource_id: id, message: 'Cannot extend lock on unlocked resource' }, 403);
}

function wrongToken(
  daemon: Daemon,
  state: State,
  id: number,
  dialect: Dialect,
  token: string | null,
  message: string,
): Reply {
  const resource = viewOf(daemon, state, state.catalogue.byId.get(id) as Entry, dialect);
  return json({ resource, 'invalid-lock-token': token, message }, 403);
}

/** The number in the path, or the answer where it is none. */
export function pathId(ask: Ask, dialect: Dialect): { readonly value: number } | { readonly fault: Reply } {
  const id = integerOf(ask.req.param('id') ?? '', 'path', 'resource_id');
  if (!('fault' in id)) return id;
  return { fault: dialect === '2017' ? json({ detail: 'Not Found' }, 404) : unprocessable(id.fault) };
}
