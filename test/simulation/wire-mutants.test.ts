import { expect, test } from 'vitest';
import { Chance } from './random.ts';
import type { Change } from './variant.ts';
import { wireVariant } from './wire-variant.ts';
import { liveOnWire } from './wire-world.ts';

/** A mistake that somebody could make at either end of the wire, planted: the simulation has to see it within so many worlds. */
const WORLDS = 30;

const MUTANTS: readonly (readonly [string, RegExp, ...Change[]])[] = [
  [
    'the daemon forgets ended ids',
    /comes back|waited, and got/,
    {
      file: 'core/evolve.ts',
      find: 'state.ended.set(ended.id, ended);\n}\n\nfunction forget',
      put: '}\n\nfunction forget',
    },
  ],
  [
    'a daemon that starts again has forgotten ended ids',
    /comes back|ended twice|waited, and got/,
    { file: 'core/evolve.ts', find: '[...snapshot.ended]', put: '[...snapshot.ended].slice(0, 0)' },
  ],
  [
    'a release of an id that is still on its way is not remembered',
    /comes back/,
    {
      file: 'core/decide.ts',
      find: "return [{ type: 'id-spent', ended:",
      put: "return [] || [{ type: 'id-spent', ended:",
    },
  ],
  [
    'a release goes by the resource, not by the id',
    /without a DELETE of it|while its command runs/,
    {
      file: 'core/decide.ts',
      find: 'return stranger ? notYours(id) : [];',
      put: `const same = [...state.leases.values()].find(({ lease }) => shapeOf(lease.request.wants) === spent.shape);
      if (same) return endLease(state, same.lease, { reason: 'released', by: '' }, now, { reported: true });
      return stranger ? notYours(id) : [];`,
    },
  ],
  [
    'a renewal goes by the resource, not by the id',
    /was prolonged by nobody/,
    {
      file: 'core/decide.ts',
      find: "  return 'code' in lease ? lease : renewal(state, lease, now);",
      put: `  const last = [...state.leases.values()].at(-1);
      if ('code' in lease && last) return renewal(state, last.lease, now);
      return 'code' in lease ? lease : renewal(state, lease, now);`,
    },
  ],
  [
    'a client asks again with a new id',
    /waits for nobody|is held by nobody|lost its place|waited, and got|told fence/,
    {
      file: 'cli/acquire.ts',
      find: 'await client.openAcquire(id, body,',
      put: 'await client.openAcquire(patience.answered ? id.slice(0, -3) + String(Math.floor(Math.random() * 900) + 100) : id, body,',
    },
  ],
  [
    'a grant counts from its answer, not from its request',
    /while its command runs|while it ran/,
    {
      file: 'cli/acquire.ts',
      find: "return { type: 'held', lease, sentAt };",
      put: "return { type: 'held', lease, sentAt: Math.max(sentAt, mono()) };",
    },
  ],
  [
    'a renewal counts from its answer, not from its request',
    /while its command runs|while it ran/,
    { file: 'cli/lease.ts', find: 'Math.max(this.answeredAt, reply.sentAt)', put: 'mono()' },
  ],
  [
    'a request that comes again closes the connection that waits',
    /lost its place/,
    {
      file: 'core/decide.ts',
      find: 'connections: queued?.connections ?? 0',
      put: 'connections: 0 * (queued?.connections ?? 0)',
    },
  ],
  [
    'a client notices a dead connection later than the daemon',
    /lost its place|waited, and got lost/,
    { file: 'cli/client.ts', find: 'STREAM_SILENCE_MS = 25_000', put: 'STREAM_SILENCE_MS = 45_000' },
  ],
  [
    'the daemon answers before the turn is on disk',
    /differ|comes after|told fence|while its command runs|comes back|waited, and got/,
    {
      file: 'daemon/engine.ts',
      find: 'await this.commit(events, told, now)',
      put: 'void this.commit(events, told, now).catch(() => {})',
    },
  ],
  [
    'fences start again with each daemon',
    /comes after/,
    {
      file: 'core/evolve.ts',
      find: 'emptyState(rules, snapshot.counters)',
      put: 'emptyState(rules, { ...snapshot.counters, fence: 0 })',
    },
  ],
  [
    'a daemon that starts again gives no new ttl',
    /while its command runs/,
    {
      file: 'core/evolve.ts',
      find: 'expiresAt: now + lease.request.ttl',
      put: 'expiresAt: lease.expiresAt',
    },
  ],
  [
    'a repetition makes a claim last longer',
    /kept a second time/,
    { file: 'core/decide.ts', find: 'if (isClaim(lease)) return [];', put: 'void isClaim;' },
  ],
  [
    'whoever waited is watched for ever',
    /still listened for/,
    {
      file: 'daemon/routes/lease-waiting.ts',
      find: 'unwatch();\n      ended.removeEventListener',
      put: 'void unwatch;\n      ended.removeEventListener',
    },
  ],
];

test.each(MUTANTS.map(([mistake, sign, ...changes]) => ({ mistake, sign, changes })))(
  '$mistake: the simulation sees it',
  async ({ sign, changes }) => {
    const core = await wireVariant(...changes);
    let seen = 'nothing';
    for (let seed = 1; seed <= WORLDS && seen === 'nothing'; seed += 1) {
      await liveOnWire(core, new Chance(seed)).catch((error: Error) => {
        seen = error.message;
      });
    }
    expect(seen).toMatch(sign);
  },
);
