import { expect, test } from 'vitest';
import { table } from '../../src/cli/output.ts';
import { headOf, rowsOf } from '../../src/cli/resource-rows.ts';
import { NO_PAINT } from '../../src/cli/talk.ts';
import { waitingSentence } from '../../src/cli/waiting.ts';
import type { ResourceJson } from '../../src/core/wire.ts';
import { readDocument } from './support/markdown.ts';

/** The picture of the README shows what the program would say. */
const picture = readDocument('docs/waiting.svg').replace(/<[^>]*>/g, '');

const now = new Date(2026, 0, 31, 13, 6).getTime();
const since = new Date(2026, 0, 31, 13, 2).toISOString();
const holder = { name: 'alice', host: 'lab-1', link: null };

test('the line of the one who waits', () => {
  const eta = new Date(now + 120_000).toISOString();
  const blocker = { resource: 'board-1', cause: 'held', holder, note: 'nightly', since, until: null } as const;
  const update = { state: 'waiting', id: '', position: 1, eta, blockers: [blocker] } as const;
  expect(picture).toContain(waitingSentence('board-1', { ...update, blockers: [...update.blockers] }, now));
});

test('the table of resources', () => {
  const flags = { guarded: true, claim: false, ending: false, owner: '' };
  const lease = { id: '', holder, note: 'nightly', mode: 'exclusive', since, until: null, ...flags } as const;
  const resource: ResourceJson = {
    id: 1,
    name: 'board-1',
    state: 'held',
    description: '',
    tags: [],
    endpoint: '',
    properties: {},
    slots: 1,
    maxHold: null,
    offline: null,
    lastUsed: null,
    drainedAt: null,
    waiting: 1,
    leases: [lease],
  };
  const head = headOf([resource]);
  for (const line of table(head, rowsOf(resource, head, NO_PAINT, now), null)
    .trimEnd()
    .split('\n'))
    expect(picture).toContain(line);
});
