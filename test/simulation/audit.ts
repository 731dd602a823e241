import type { Entry } from '../../src/core/catalogue.ts';
import type { Millis, Want } from '../../src/core/model.ts';
import type { State } from '../../src/core/state.ts';
import type { Timer } from '../../src/core/timers.ts';
import { dueOfLease, dueOfWaiter, must, type Reference, type Thing } from './reference.ts';
import type * as subject from './subject.ts';

export type Subject = typeof subject;

/** Holds a state against the reference, and every index in it against a recomputation from scratch. */
export function audit(state: State, reference: Reference, core: Subject, now: Millis): void {
  auditQueue(state, reference);
  auditLeases(state, reference);
  auditResources(state, reference);
  auditEnded(state, reference);
  auditRoom(state, reference);
  auditLines(state, reference);
  auditTimers(state, reference, core);
  auditPlaces(state, reference, core, now);
  const { entries, waiters, lines } = state.stirred;
  must(entries.size + waiters.size + lines.size === 0, 'something stirred was never looked at');
}

function auditQueue({ queue, counters, rules }: State, reference: Reference): void {
  same(
    'queue',
    [...queue.order].map(({ request }) => request.id),
    reference.inOrder().map(({ id }) => id),
  );
  must(queue.size === reference.waiters.length && queue.order.size === queue.size, 'the queue miscounts');
  for (const { id, connections, heardAt, givesUpAt, ticket } of reference.waiters) {
    const queued = queue.byId.get(id);
    must(queued !== undefined, `${id} is not to be found`);
    const { request } = queued;
    same(`waiter ${id}`, [queued.connections, queued.heardAt], [connections, heardAt]);
    same(`request ${id}`, [request.givesUpAt, request.ticket], [givesUpAt, ticket]);
  }
  must(queue.size <= rules.limits.waiters, 'more wait than may');
  same('counters', pick(counters), reference.counters);
}

function pick({ resourceId, ticket, fence }: State['counters']): Reference['counters'] {
  return { resourceId, ticket, fence };
}

function auditLeases({ leases }: State, reference: Reference): void {
  same('leases', [...leases.keys()].sort(), reference.leases.map(({ id }) => id).sort());
  for (const expected of reference.leases) {
    const { lease } = leases.get(expected.id) as NonNullable<ReturnType<typeof leases.get>>;
    const { fence, uses, grantedAt, endsAt, keptUntil, expiresAt } = expected;
    const { ending, request, offeredUntil, acceptedAt, asked, shares, ...rest } = lease;
    same(`lease ${expected.id}`, rest, { fence, uses, grantedAt, endsAt, keptUntil, expiresAt });
    same(`request of ${expected.id}`, [request.guarded, request.note], [expected.guarded, expected.note]);
    same(`ending of ${expected.id}`, ending?.reason ?? null, expected.ending);
    same(
      `offer of ${expected.id}`,
      [offeredUntil ?? null, acceptedAt ?? null],
      [expected.offeredUntil, expected.acceptedAt],
    );
    same(`company of ${expected.id}`, [asked ?? [], shares ?? []], [expected.asked, expected.shares]);
  }
}

function auditResources({ catalogue, removed }: State, reference: Reference): void {
  const ids = reference.resources.map(({ id }) => id).sort(byNumber);
  same('resources', [...catalogue.byId.keys()].sort(byNumber), ids);
  same('names', [...catalogue.byName.keys()].sort(), reference.resources.map(({ name }) => name).sort());
  same('what was taken away', [...removed.keys()].sort(), [...reference.removed.keys()].sort());
  for (const thing of reference.resources) {
    const entry = entryOf(catalogue, thing);
    const { resource } = entry;
    const { name, tags, properties, slots, maxHold, retiring, source, lastUsedAt } = thing;
    same(`resource ${name}`, [resource.name, resource.tags, resource.properties], [name, tags, properties]);
    same(`slots of ${name}`, [resource.slots, resource.maxHold], [slots, maxHold]);
    same(`source of ${name}`, [resource.source, resource.retiring], [source, retiring]);
    same(`offline of ${name}`, resource.offline?.until ?? null, thing.offlineUntil);
    same(`use of ${name}`, [resource.lastUsedAt, resource.offline !== null], [lastUsedAt, thing.offline]);
    same(`drain of ${name}`, entry.drainedAt, thing.drainedAt);
    auditUse(entry, reference.users(thing), name);
  }
}

function entryOf(catalogue: State['catalogue'], { id, name }: Thing): Entry {
  const entry = catalogue.byId.get(id);
  must(entry !== undefined && catalogue.byName.get(name) === entry, `${name} is not found by id and name`);
  return entry;
}

/** Exclusion itself is checked where something is granted; here, that the core counts right. */
function auditUse(entry: Entry, users: ReturnType<Reference['users']>, name: string): void {
  const modes = users.map(({ mode }) => mode);
  const count = (mode: string) => modes.filter((one) => one === mode).length;
  same(`leases on ${name}`, [...entry.leases.keys()].sort(), users.map(({ lease }) => lease.id).sort());
  same(`room of ${name}`, [entry.slotsTaken, entry.sharers], [count('slot'), count('shared')]);
  same(`whole ${name}`, entry.whole, count('whole') > 0);
  must(!entry.whole || users.length === 1, `${name} is held whole, and by somebody else`);
}

function auditEnded({ ended, rules, counters }: State, reference: Reference): void {
  same('spent ids', [...ended.keys()].sort(), [...reference.ended.keys()].sort());
  let last = 0;
  for (const spent of ended.values()) {
    const expected = reference.ended.get(spent.id);
    same(`end of ${spent.id}`, [spent.outcome, spent.reason], [expected?.outcome, expected?.reason]);
    must(spent.seq > last, 'spent ids are out of order');
    last = spent.seq;
  }
  must(last <= counters.ended, 'the counter of ends went back');
  must(ended.size <= rules.limits.remembered + 2000, 'too many spent ids are remembered');
}

/** The lists of what has room: for everything, and for each tag. */
function auditRoom({ catalogue }: State, reference: Reference): void {
  const all = reference.resources;
  const tags = new Set(all.flatMap((thing) => thing.tags));
  same('tags', [...catalogue.tagNames()].sort(), [...tags].sort());
  check([], all);
  for (const tag of tags)
    check(
      [tag],
      all.filter((thing) => thing.tags.includes(tag)),
    );

  function check(wanted: readonly string[], members: readonly Thing[]): void {
    const pool = catalogue.pool({ type: 'tags', tags: wanted });
    const roomy = members.filter((one) => reference.hasRoom(one, 'slot') || reference.hasRoom(one, 'shared'));
    roomy.sort((a, b) => (a.lastUsedAt ?? -1) - (b.lastUsedAt ?? -1) || a.id - b.id);
    same(
      `room of [${wanted}]`,
      [...pool.room].map(({ resource }) => resource.id),
      roomy.map(({ id }) => id),
    );
    must(pool.room.size === roomy.length && pool.size === members.length, `the pool of [${wanted}] miscounts`);
    same(
      `members of [${wanted}]`,
      [...pool.members].map(({ resource }) => resource.id).sort(),
      members.map(({ id }) => id).sort(),
    );
  }
}

/** The lines: who wants the same, in order; and which lines want a resource. */
function auditLines({ queue, catalogue }: State, reference: Reference): void {
  const expected = new Map<string, string[]>();
  for (const { id, wants } of reference.inOrder()) {
    for (const key of new Set(wants.map((want) => want.key))) expected.set(key, [...(expected.get(key) ?? []), id]);
  }
  same('lines', [...queue.lines.keys()].sort(), [...expected.keys()].sort());
  for (const [key, ids] of expected) {
    same(
      `line ${key}`,
      [...(queue.lines.get(key)?.waiters ?? [])].map(({ request }) => request.id),
      ids,
    );
  }
  for (const line of queue.lines.values()) auditSearch(catalogue, reference, line);
  for (const thing of reference.resources) {
    const entry = entryOf(catalogue, thing);
    const found: string[] = [];
    queue.forEachLine(entry.resource, (line) => found.push(line.key));
    const wanting = [...queue.lines.values()].filter(({ selector }) => reference.fits(selector, thing));
    same(`lines for ${thing.name}`, found.sort(), wanting.map(({ key }) => key).sort());
    const head = reference.inOrder().find((waiter) => reference.wants(waiter, thing));
    same(`head of ${thing.name}`, queue.headOf(entry)?.request.id ?? null, head?.id ?? null);
  }
}

/** What a search finds, by an index of its own or not. */
function auditSearch(catalogue: State['catalogue'], reference: Reference, line: Pick<Want, 'selector' | 'key'>): void {
  const fitting = reference.resources.filter((thing) => reference.fits(line.selector, thing));
  const idOf = ({ resource }: Entry) => resource.id;
  const members = [...catalogue.search(line)].map(idOf);
  same(`search for ${line.key}`, members.sort(byNumber), fitting.map(({ id }) => id).sort(byNumber));
  const roomy = fitting.filter((one) => reference.hasRoom(one, 'slot') || reference.hasRoom(one, 'shared'));
  roomy.sort((a, b) => (a.lastUsedAt ?? -1) - (b.lastUsedAt ?? -1) || a.id - b.id);
  same(
    `search for room for ${line.key}`,
    [...catalogue.searchRoom(line)].map(idOf),
    roomy.map(({ id }) => id),
  );
}

function byNumber(a: number, b: number): number {
  return a - b;
}

/** Timers may be early, never late, and nothing is left of what ended. */
function auditTimers(state: State, reference: Reference, core: Subject): void {
  const { silence } = state.rules.limits;
  const offline = reference.resources.filter(({ offlineUntil }) => offlineUntil !== null).length;
  const draining = reference.resources.filter(({ drainedAt }) => drainedAt !== null).length;
  const expected = reference.waiters.length + reference.leases.length + offline + draining;
  must(state.timers.size === expected, `${state.timers.size} timers for ${expected} things that time will change`);
  for (const waiter of reference.waiters) {
    const timer = state.queue.byId.get(waiter.id)?.timer;
    must(timer !== null && timer !== undefined && timer.at <= dueOfWaiter(waiter, silence), `${waiter.id}: late timer`);
  }
  for (const lease of reference.leases) {
    must((state.leases.get(lease.id)?.timer.at ?? Infinity) <= dueOfLease(lease), `${lease.id}: late timer`);
  }
  const { heap } = state.timers as unknown as { readonly heap: readonly Timer[] };
  for (const [i, { at, index }] of heap.entries()) {
    must(index === i && (heap[(i - 1) >> 1]?.at ?? at) <= at, 'the timers are out of order');
  }
  const next = core.nextDeadline(state);
  must(next === null || Number.isFinite(next), `the next deadline is ${next}`);
  must((next ?? Infinity) <= reference.deadline(), `the next deadline ${next} is later than ${reference.deadline()}`);
}

/** Positions as everybody in the queue is told them. */
function auditPlaces(state: State, reference: Reference, core: Subject, now: Millis): void {
  const order = reference.inOrder();
  const told = [...core.placesToJson(state, now)];
  for (const [i, waiter] of order.entries()) {
    const mine = reference.resources.filter((thing) => reference.wants(waiter, thing));
    const selectors = new Set(waiter.wants.map(({ key }) => key));
    const ahead = order
      .slice(0, i)
      .filter(
        (other) =>
          other.wants.some(({ key }) => selectors.has(key)) || mine.some((thing) => reference.wants(other, thing)),
      );
    const queued = state.queue.byId.get(waiter.id);
    must(queued !== undefined, `${waiter.id} is not to be found`);
    const positions = [told[i]?.place.position, core.positionOf(state, queued)];
    same(`position of ${waiter.id}`, positions, [ahead.length + 1, ahead.length + 1]);
    must((told[i]?.place.blockers.length ?? 0) > 0, `${waiter.id} waits and is not told for what`);
  }
}

export function same(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  must(a === b, `${what}: ${a}, where ${b} is right`);
}
