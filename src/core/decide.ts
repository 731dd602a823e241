import { impossible, unknownName } from './advice.ts';
import { everPossible } from './assign.ts';
import type { Acquire, Command, Extend } from './command.ts';
import { declare } from './declare.ts';
import { describe, edit, remove } from './describe.ts';
import { endLease, leaveQueue, reduceLease, revokeLease } from './ending.ts';
import { type Refusal, refuse } from './error.ts';
import type { Event, StoredEvent } from './event.ts';
import { isEndless } from './evolve.ts';
import type { Ended, Lease, Millis, Request } from './model.ts';
import { leaseOf, lostSentence, mayNot, notYours, owns, requestOf, sameSecret } from './ownership.ts';
import { accept, askHolders, refuseClaim, STEAL_PRIORITY, share, taken } from './people.ts';
import { see, seenByRenewal } from './silence.ts';
import type { State } from './state.ts';
import { boundByRules } from './tag-rules.ts';
import { makeUp } from './undeclared.ts';
import { isClaim } from './view.ts';
import { describeWants, shapeOf } from './want.ts';

export interface Decision {
  readonly events: readonly Event[];
  readonly refusal: Refusal | null;
}

/**
 * What follows from a command: events, or the reason why not. It never grants; it may only put somebody into the queue.
 * Every command can be repeated: the outcome is that of one.
 */
export function decide(state: State, command: Command, now: Millis): Decision {
  const decided = decideOn(state, command, now);
  return Array.isArray(decided) ? { events: decided, refusal: null } : { events: [], refusal: decided as Refusal };
}

function decideOn(state: State, command: Command, now: Millis): readonly Event[] | Refusal {
  switch (command.type) {
    case 'acquire':
      return acquire(state, command, now);
    case 'renew':
      return renew(state, command, now);
    case 'extend':
      return extend(state, command, now);
    case 'release':
      return release(state, command, now);
    case 'accept':
      return accept(state, command, now);
    case 'share':
      return share(state, command);
    case 'ask':
      return askHolders(state, command, now);
    case 'listen':
      return listen(state, command, now);
    case 'declare':
      return declare(state, command, now);
    case 'describe':
      return describe(state, command, now);
    case 'edit':
      return edit(state, command);
    case 'remove':
      return remove(state, command);
    case 'offline':
      return offline(state, command, now);
    case 'online':
      return online(state, command);
    case 'audit':
      return [audited(command)];
    case 'see':
      return see(state, command, now);
    default:
      return command satisfies never;
  }
}

function audited({ action, about, note, principal }: Extract<Command, { type: 'audit' }>): StoredEvent {
  return { type: 'audited', action, about, note, by: principal.name };
}

function acquire(state: State, command: Acquire, now: Millis): readonly Event[] | Refusal {
  const known = requestOf(state, command.id);
  if (known) return again(state, known, command, now);
  const spent = state.ended.get(command.id);
  if (spent) return tooLate(spent, command);
  const full = overLimit(state, command) ?? refuseClaim(state, command);
  if (full) return full;
  const made = makeUp(state, command);
  const existing = command.wants.filter(
    ({ selector }) => !made.some((e) => selector.type === 'name' && selector.name === e.resource.name),
  );
  if (!everPossible(state, existing)) return impossible(state, existing);
  const names = command.wants.flatMap(({ selector }) => (selector.type === 'name' ? [selector.name] : []));
  if (new Set(names).size < names.length) return twiceTheSame(command);
  const { resources } = state.rules.limits;
  if (made.length > 0 && state.catalogue.size + made.length > resources) {
    return refuse('limit', `${state.catalogue.size} resources exist, and the limit (resources) is ${resources}`);
  }
  const bounded = boundByRules(state, command);
  if ('code' in bounded) return bounded;
  return [...made, { type: 'waiter-joined', request: { ...requestFrom(state, command, now), ...bounded } }];
}

function requestFrom({ counters }: State, command: Acquire, now: Millis): Request {
  const { id, secretHash, wants, ttl, wait, hold, priority, note, holder, guarded, principal, claim, steals } = command;
  const { via } = command;
  const request: Request = {
    id,
    secretHash,
    wants,
    ttl,
    hold,
    priority: steals === null ? priority : STEAL_PRIORITY,
    note,
    holder,
    guarded,
    principal: principal.name,
    ticket: counters.ticket + 1,
    askedAt: now,
    givesUpAt: wait === null ? null : now + wait,
    ...(via === undefined ? {} : { via }),
  };
  if (claim === null) return request;
  return steals === null ? { ...request, claim } : { ...request, claim, steals };
}

function twiceTheSame({ wants }: Acquire): Refusal {
  return refuse('impossible', `${describeWants(wants)} cannot be had together: a name stands for one resource`, {
    hint: 'ask for each name once',
  });
}

/** The same id again: from the same client it keeps its place, or renews what it holds. */
function again(state: State, known: Request, { secretHash, wants }: Acquire, now: Millis): readonly Event[] | Refusal {
  if (!sameSecret(known.secretHash, secretHash)) return notYours(known.id);
  if ((known.shape ?? shapeOf(known.wants)) !== shapeOf(wants)) return otherWant(known.id, describeWants(known.wants));
  const held = state.leases.get(known.id);
  if (held) return renewal(state, held.lease, now);
  const queued = state.queue.byId.get(known.id);
  return [{ type: 'waiter-heard', id: known.id, connections: queued?.connections ?? 0, at: now }];
}

function tooLate(spent: Ended, { secretHash, wants }: Acquire): Refusal {
  if (spent.secretHash !== '' && !sameSecret(spent.secretHash, secretHash)) return notYours(spent.id);
  if (spent.shape !== '' && spent.shape !== shapeOf(wants)) return otherWant(spent.id, 'something else');
  return refusalOf(spent, describeWants(wants));
}

/** What a spent id is answered with, for ever the same. */
export function refusalOf(spent: Ended, what = 'it'): Refusal {
  switch (spent.outcome) {
    case 'busy':
      return refuse('busy', `${what} was taken, and the request did not wait`);
    case 'timeout':
      return refuse('timeout', `${what} did not become free in the time the request had`);
    case 'impossible':
      return refuse('impossible', `${what} no longer exists`);
    case 'lost':
      return refuse('lost', lostSentence(spent), { reason: spent.reason });
    default:
      return spent.outcome satisfies never;
  }
}

function overLimit({ rules: { limits }, queue, leases }: State, { wants }: Acquire): Refusal | null {
  const units = wants.reduce((sum, { count }) => sum + count, 0);
  if (wants.length > limits.wants) {
    return refuse('usage', `${wants.length} wants in one request, and the limit (wants) is ${limits.wants}`, {
      status: 422,
    });
  }
  if (units > limits.units) {
    return refuse('usage', `${units} resources in one request, and the limit (units) is ${limits.units}`, {
      status: 422,
    });
  }
  if (queue.size >= limits.waiters) {
    return refuse('limit', `the queue is full: ${queue.size} wait, and the limit (waiters) is ${limits.waiters}`, {
      retryAfter: 5,
    });
  }
  if (leases.size >= limits.leases) {
    return refuse('limit', `${leases.size} leases are held, and the limit (leases) is ${limits.leases}`, {
      retryAfter: 5,
    });
  }
  return null;
}

function renew(state: State, command: Extract<Command, { type: 'renew' }>, now: Millis): readonly Event[] | Refusal {
  const lease = leaseOf(state, command);
  return 'code' in lease ? lease : renewal(state, lease, now);
}

/** A lease that was told to end cannot be kept alive: it is only a question of when. */
function renewal(state: State, lease: Lease, now: Millis): readonly Event[] {
  const seen = seenByRenewal(state, lease, now);
  if (lease.ending !== null) return seen;
  return [{ type: 'lease-renewed', id: lease.request.id, expiresAt: now + lease.request.ttl }, ...seen];
}

/** Never shortens, and counts from now rather than from the end: so a repetition changes nothing. */
function extend(state: State, command: Extend, now: Millis): readonly Event[] | Refusal {
  const lease = leaseOf(state, command);
  if ('code' in lease) return lease;
  if (lease.ending !== null)
    return refuse('conflict', `lease ${command.id} is ending: ${lease.ending.reason}`, {
      hint: 'ask again with a new lease id',
    });
  if (command.guarded === true && !lease.request.guarded)
    return refuse('usage', `no command is behind lease ${command.id}, and none can be put behind it`, {
      status: 422,
      hint: 'ask for a guarded lease with a new id',
    });
  const until = Math.min(now + command.for, lease.grantedAt + longestHold(state, lease));
  if (command.exact && isClaim(lease)) return moveEnd(lease, until, command);
  if (isEndless(lease)) return [];
  if (command.guarded === false) return keep(lease, until, command);
  const endsAt = lease.endsAt === null ? null : Math.max(lease.endsAt, until);
  const keptUntil = Math.max(lease.keptUntil ?? 0, until);
  // Whoever wants to have it longer takes what is offered.
  if (lease.offeredUntil === undefined && endsAt === lease.endsAt && keptUntil === lease.keptUntil) return [];
  const expiresAt = Math.max(lease.expiresAt, Math.min(now + lease.request.ttl, until));
  const extended = { ...taken(lease), endsAt, keptUntil, expiresAt };
  return [{ type: 'lease-extended', lease: extended, by: command.principal.name }];
}

/** Some protocols know only ends that are set anew, to whatever was said last. */
function moveEnd(lease: Lease, until: Millis, { principal }: Extend): readonly Event[] {
  const moved: Lease = { ...taken(lease), endsAt: until, keptUntil: until, expiresAt: until };
  return [{ type: 'lease-extended', lease: moved, by: principal.name }];
}

/**
 * Makes it a claim: from now on nobody stands behind it, and it lasts until its end without a word from anybody. Done once:
 * a repetition, however late, finds a claim and leaves it as it is.
 */
function keep(lease: Lease, until: Millis, { note, exit, principal }: Extend): readonly Event[] {
  if (isClaim(lease)) return [];
  const request: Request = { ...lease.request, guarded: false, note: note ?? lease.request.note };
  const kept: Lease = { ...lease, request, endsAt: until, keptUntil: until, expiresAt: until };
  return [{ type: 'lease-kept', lease: kept, by: principal.name, exit }];
}

function longestHold(state: State, { uses, request }: Lease): Millis {
  const limits = uses.map(({ resource }) => state.catalogue.byId.get(resource)?.resource.maxHold);
  return Math.min(...[request.longest, ...limits].map((limit) => limit ?? Number.POSITIVE_INFINITY));
}

function release(
  state: State,
  command: Extract<Command, { type: 'release' }>,
  now: Millis,
): readonly Event[] | Refusal {
  const { id, secretHash, principal, ended, exit, only } = command;
  const spent = state.ended.get(id);
  if (spent) {
    const stranger = secretHash !== null && spent.secretHash !== '' && !sameSecret(spent.secretHash, secretHash);
    return stranger ? notYours(id) : [];
  }
  const request = requestOf(state, id);
  // What nobody asked for can be remembered only for those who might have: a stranger must not fill the memory.
  if (!request && principal.role === 'nobody') return refuse('unauthorized', `no lease ${id} is known`);
  if (!request) return [{ type: 'id-spent', ended: spentUnheard(state, id, secretHash, now) }];
  const shares = state.leases.get(id)?.lease.shares;
  const refusal = mayNot(request, secretHash, principal, shares);
  if (refusal) return refusal;
  const own = secretHash !== null || owns(principal, request, shares);
  const cause = own
    ? ({ reason: 'released', by: '' } as const)
    : ({ reason: 'revoked', by: principal.name || 'an admin' } as const);
  const held = state.leases.get(id);
  if (!held) return [leaveQueue(state, request, 'lost', cause, now)];
  if (only !== undefined && request.guarded)
    return refuse('usage', `a command is behind lease ${id}, which ends as a whole`, { status: 422 });
  if (only !== undefined && held.lease.uses.some(({ resource }) => resource !== only))
    return reduceLease(state, held.lease, only, now);
  return ended
    ? endLease(state, held.lease, held.lease.ending ?? cause, now, { reported: true, exit })
    : revokeLease(state, held.lease, cause, now);
}

/** Remembered so that a request still on its way is answered that it is over, and leaks nothing. */
function spentUnheard(state: State, id: string, secretHash: string | null, now: Millis): Ended {
  const seq = state.counters.ended + 1;
  return { id, secretHash: secretHash ?? '', shape: '', outcome: 'lost', reason: 'released', by: '', at: now, seq };
}

function listen(state: State, { id, change }: Extract<Command, { type: 'listen' }>, now: Millis): readonly Event[] {
  const queued = state.queue.byId.get(id);
  if (!queued) return [];
  return [{ type: 'waiter-heard', id, connections: Math.max(0, queued.connections + change), at: now }];
}

function offline(
  state: State,
  command: Extract<Command, { type: 'offline' }>,
  now: Millis,
): readonly StoredEvent[] | Refusal {
  const { name, reason, until, principal } = command;
  const entry = state.catalogue.byName.get(name);
  if (!entry) return unknownName(state, name);
  if (until !== null && until <= now)
    return refuse('usage', 'until is in the past', { status: 422, hint: 'give a later time' });
  const { offline: known, id } = entry.resource;
  if (known && known.reason === reason && known.until === until) return [];
  return [{ type: 'resource-offline', id, name, offline: { reason, by: principal.name, since: now, until } }];
}

function online(
  state: State,
  { name, principal }: Extract<Command, { type: 'online' }>,
): readonly StoredEvent[] | Refusal {
  const entry = state.catalogue.byName.get(name);
  if (!entry) return unknownName(state, name);
  if (entry.resource.offline === null) return [];
  return [{ type: 'resource-online', id: entry.resource.id, name, by: principal.name }];
}

function otherWant(id: string, what: string): Refusal {
  return refuse('conflict', `the id ${id} was used to ask for ${what}`);
}
