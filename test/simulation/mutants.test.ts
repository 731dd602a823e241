import { expect, test } from 'vitest';
import { Chance } from './random.ts';
import { type Change, variant } from './variant.ts';
import { simulate } from './worlds.ts';

/** A mistake that somebody could make, planted: the simulation has to see it within so many worlds. */
const WORLDS = 400;

const MUTANTS: readonly (readonly [string, ...Change[]])[] = [
  [
    'shadowing is ignored',
    { file: 'assign.ts', find: 'if (!first) continue;', put: '' },
    { file: 'assign.ts', find: 'if (ahead !== queued) return found;', put: '' },
  ],
  [
    'a later reader passes the writer',
    { file: 'assign.ts', find: 'if (!first) continue;', put: "if (!first && want.mode !== 'shared') continue;" },
    { file: 'assign.ts', find: 'if (ahead !== queued) return found;', put: '' },
  ],
  [
    'the fence is not counted up',
    { file: 'dispatch.ts', find: 'fence: state.counters.fence + 1', put: 'fence: Math.max(1, state.counters.fence)' },
  ],
  [
    'tickets are not counted up',
    { file: 'decide.ts', find: 'ticket: counters.ticket + 1', put: 'ticket: counters.ticket' },
  ],
  [
    'the fence starts again after a restart',
    {
      file: 'evolve.ts',
      find: 'emptyState(rules, snapshot.counters)',
      put: 'emptyState(rules, { ...snapshot.counters, fence: 0 })',
    },
  ],
  [
    'resource ids start again after a restart',
    {
      file: 'evolve.ts',
      find: 'emptyState(rules, snapshot.counters)',
      put: 'emptyState(rules, { ...snapshot.counters, resourceId: 0 })',
    },
  ],
  [
    'a renewal is good for twice the ttl',
    { file: 'decide.ts', find: 'expiresAt: now + lease.request.ttl', put: 'expiresAt: now + 2 * lease.request.ttl' },
  ],
  [
    'a lease expires a moment late',
    {
      file: 'evolve.ts',
      find: 'Math.max(expiresAt, keptUntil) : expiresAt;',
      put: 'Math.max(expiresAt, keptUntil) : expiresAt + 1;',
    },
  ],
  [
    'a restart gives no new ttl',
    {
      file: 'evolve.ts',
      find: 'expiresAt: now + lease.request.ttl',
      put: 'expiresAt: lease.expiresAt',
    },
  ],
  [
    'one slot too many is given',
    { file: 'catalogue.ts', find: 'return taken < slots;', put: 'return taken <= slots;' },
  ],
  ['the sharers do not count as one', { file: 'catalogue.ts', find: '(entry.sharers > 0 ? 1 : 0)', put: '0' }],
  [
    'a writer joins the readers',
    { file: 'catalogue.ts', find: 'return taken === 0;', put: 'return entry.slotsTaken === 0;' },
  ],
  [
    'what is offline is given',
    {
      file: 'catalogue.ts',
      find: 'if (offline !== null || retiring || entry.whole)',
      put: 'if (retiring || entry.whole)',
    },
  ],
  [
    'what is retiring is given',
    {
      file: 'catalogue.ts',
      find: 'if (offline !== null || retiring || entry.whole)',
      put: 'if (offline !== null || entry.whole)',
    },
  ],
  [
    'matching is greedy',
    { file: 'assign.ts', find: 'if (!place(takenBy.get(entry) as number, seen)) continue;', put: 'continue;' },
  ],
  [
    'candidates are cut short',
    { file: 'assign.ts', find: 'if (found.length - contested >= needed', put: 'if (found.length >= want.count' },
  ],
  ['the scarcest is taken first', { file: 'assign.ts', find: 'a.others - b.others', put: 'b.others - a.others' }],
  [
    'lines that lost their first are forgotten',
    { file: 'evolve.ts', find: 'state.stirred.lines.add(line)', put: 'void line' },
  ],
  [
    'what was released is not looked at',
    {
      file: 'evolve.ts',
      find: 'state.catalogue.rest(entry, now);\n  state.stirred.entries.add(entry);',
      put: 'state.catalogue.rest(entry, now);',
    },
  ],
  [
    'what comes online is not looked at',
    {
      file: 'evolve.ts',
      find: 'state.catalogue.refresh(entry);\n  state.stirred.entries.add(entry);\n  scheduleOnline',
      put: 'state.catalogue.refresh(entry);\n  scheduleOnline',
    },
  ],
  ['what was used goes to the front', { file: 'catalogue.ts', find: 'x < y', put: 'x > y' }],
  ['priority is ignored', { file: 'queue.ts', find: 'p === q ?', put: 'true ?' }],
  [
    'ended ids are not remembered',
    { file: 'evolve.ts', find: 'state.ended.set(ended.id, ended);\n}\n\nfunction forget', put: '}\n\nfunction forget' },
  ],
  [
    'ids are forgotten too early',
    { file: 'expire.ts', find: 'at + rememberedFor <= now', put: 'at + rememberedFor / 2 <= now' },
  ],
  ['the secret is not checked', { file: 'ownership.ts', find: 'return difference === 0;', put: 'return true;' }],
  [
    'another want passes for the same',
    { file: 'decide.ts', find: 'if ((known.shape ?? shapeOf(known.wants)) !== shapeOf(wants))', put: 'if (false)' },
  ],
  ['an ending lease is renewed', { file: 'decide.ts', find: 'if (lease.ending !== null) return seen;', put: '' }],
  ['a guarded lease ends at a word', { file: 'ending.ts', find: 'if (!lease.request.guarded)', put: 'if (true)' }],
  ['a longest hold is not kept', { file: 'evolve.ts', find: 'ending === null && endsAt !== null ?', put: 'false ?' }],
  ['a silent waiter stays', { file: 'evolve.ts', find: 'heardAt + silence', put: 'heardAt + 2 * silence' }],
  ['an open connection does not count', { file: 'evolve.ts', find: 'connections > 0 || (', put: '(' }],
  ['asking once waits', { file: 'step.ts', find: 'event.request.givesUpAt === now', put: 'false' }],
  [
    'what was extended is held on to although it was revoked',
    {
      file: 'evolve.ts',
      find: 'ending === null && keptUntil !== null ? Math',
      put: 'keptUntil !== null ? Math',
    },
  ],
  [
    'what was extended expires all the same',
    { file: 'evolve.ts', find: 'Math.max(expiresAt, keptUntil) : expiresAt', put: 'expiresAt : expiresAt' },
  ],
  [
    'what was extended and is silent is told to end',
    { file: 'ending.ts', find: 'if (lease.expiresAt <= now) return', put: 'if (false) return' },
  ],
  ['a claim is guarded', { file: 'decide.ts', find: 'guarded: false, note', put: 'note' }],
  ['a claim has no end', { file: 'decide.ts', find: 'lease, request, endsAt: until,', put: 'lease, request,' }],
  ['a claim lasts longer with each repetition', { file: 'decide.ts', find: 'if (isClaim(lease)) return [];', put: '' }],
  ['extending shortens', { file: 'decide.ts', find: 'Math.max(lease.endsAt, until)', put: 'until' }],
  [
    'who waits for what is gone is not told',
    { file: 'step.ts', find: 'if (MAY_STRAND.has(command.type))', put: 'if (false)' },
  ],
  [
    'a reload frees what is held',
    { file: 'declare.ts', find: 'if (leases.size === 0 && drainedAt', put: 'if (drainedAt' },
  ],
  ['a silent end is not drained', { file: 'ending.ts', find: 'isLate ? { drains', put: 'false ? { drains' }],
  ['a reported end is drained', { file: 'ending.ts', find: ' && !reported', put: '' }],
  ['an end without a command is drained', { file: 'ending.ts', find: 'lease.request.guarded && !', put: '!' }],
  ['what drains is given', { file: 'catalogue.ts', find: 'entry.drainedAt === null && fits', put: 'fits' }],
  [
    'a drain never ends',
    { file: 'expire.ts', find: 'return drainedNow(state, timer);', put: 'return gone(state, timer);' },
  ],
  [
    'what is drained is not looked at',
    {
      file: 'evolve.ts',
      find: 'entry.drainedAt = null;\n  state.catalogue.refresh(entry);\n  state.stirred.entries.add(entry);',
      put: 'entry.drainedAt = null;\n  state.catalogue.refresh(entry);',
    },
  ],
  [
    'the first of two drains counts',
    { file: 'evolve.ts', find: 'Math.max(until, entry.drainedAt ?? 0)', put: 'entry.drainedAt ?? until' },
  ],
  [
    'a drain is forgotten over a restart',
    { file: 'evolve.ts', find: 'if (ended.at + rules.drain > now) drainAfter(state, ended);', put: '' },
  ],
  [
    'what was to go with its drain stays after a restart',
    { file: 'evolve.ts', find: 'drainToGo(state, entry, now);', put: '' },
  ],
  ['a reload drops what drains', { file: 'declare.ts', find: ' && drainedAt === null', put: '' }],
  ['what drains goes with its last holder', { file: 'ending.ts', find: ' && !waits', put: '' }],
  [
    'a thief waits in the queue',
    { file: 'decide.ts', find: 'steals === null ? priority : STEAL_PRIORITY', put: 'priority' },
  ],
  [
    'an offer is kept as long as a claim',
    { file: 'dispatch.ts', find: 'Math.min(accept ?? span ??', put: 'Math.min(span ??' },
  ],
  [
    'a claim outlasts the longest hold',
    { file: 'dispatch.ts', find: 'Number.POSITIVE_INFINITY, life)', put: 'Number.POSITIVE_INFINITY)' },
  ],
  [
    'an accepted offer stays one',
    { file: 'people.ts', find: '{ ...taken(lease), ...span,', put: '{ ...lease, ...span,' },
  ],
  [
    'an accepted offer lasts from its grant',
    {
      file: 'people.ts',
      find: 'const end = now +',
      put: 'const end = lease.grantedAt +',
    },
  ],
  [
    'what lasts until it is given back expires',
    { file: 'evolve.ts', find: 'if (isEndless(lease)) return Number.POSITIVE_INFINITY;', put: '' },
  ],
  [
    'what lasts until it is given back is bounded by an extension',
    { file: 'decide.ts', find: 'if (isEndless(lease)) return [];', put: '' },
  ],
  [
    'an end that is set anew only moves away',
    { file: 'decide.ts', find: 'if (command.exact && isClaim(lease))', put: 'if (command.exact && false)' },
  ],
  [
    'what is given back alone takes the rest with it',
    { file: 'ending.ts', find: 'use.resource !== resource', put: 'use.resource === resource' },
  ],
  [
    'what is given back alone stays held',
    { file: 'evolve.ts', find: 'if (held && entry) vacate(state, entry, held, at);', put: '' },
  ],
  [
    'a person who waits is thought gone',
    { file: 'evolve.ts', find: 'claim !== undefined && claim.attended', put: 'false && claim?.attended' },
  ],
  ['everybody may steal', { file: 'people.ts', find: "principal.role !== 'admin'", put: 'false' }],
  [
    'two steal the same',
    { file: 'people.ts', find: 'if (request.steals === undefined) return null;', put: 'return null;' },
  ],
  ['a thief takes every slot', { file: 'people.ts', find: 'last === undefined ? all : [last]', put: 'all' }],
  [
    'a thief ends another for each who goes already',
    { file: 'people.ts', find: 'if (slots.some(({ ending }) => ending !== null)) return [];', put: '' },
  ],
  ['a repeated question counts again', { file: 'people.ts', find: 'isRepeated(lease, asked)', put: 'false' }],
  ['what is shared is not', { file: 'ownership.ts', find: ' || shares.includes(name)', put: '' }],
  [
    'the timers are left in disorder',
    { file: 'timers.ts', find: 'this.rise(last);\n    this.sink(last);', put: 'this.rise(last);' },
  ],
  [
    'those who asked once shadow each other',
    { file: 'step.ts', find: 'events.push(...dispatch(state, now));\n  }', put: '}' },
  ],
  [
    'a position counts everybody',
    {
      file: 'queue.ts',
      find: 'let found = false;\n  for (const { resource } of smaller',
      put: 'let found = true;\n  for (const { resource } of smaller',
    },
  ],
  [
    'who wants what an edit took away waits on',
    { file: 'step.ts', find: "new Set(['declare', 'edit', 'remove'])", put: "new Set(['declare'])" },
  ],
  [
    'what people took away comes back with the next reload',
    { file: 'declare.ts', find: 'known !== undefined && known.source === source', put: 'false && known !== undefined' },
  ],
  [
    'what people took away comes back with the next restart',
    { file: 'evolve.ts', find: 'if (resource.removed && !resource.retiring)', put: 'if (false)' },
  ],
  [
    'a reload undoes what people changed',
    { file: 'declare.ts', find: 'merged(before, known, description)', put: 'description' },
  ],
  [
    'what is held is taken away at once',
    {
      file: 'describe.ts',
      find: 'if (entry.leases.size === 0 && entry.drainedAt === null)',
      put: 'if (entry.drainedAt === null)',
    },
  ],
];

test.each(MUTANTS.map(([mistake, ...changes]) => ({ mistake, changes })))(
  '$mistake: the simulation sees it',
  async ({ changes }) => {
    const core = await variant(...changes);
    const seeds = Array.from({ length: WORLDS }, (_, i) => i + 1);
    const broken = simulate(core, seeds, (seed) => new Chance(seed));
    expect(broken, `not seen in ${WORLDS} worlds`).not.toBeNull();
  },
);
