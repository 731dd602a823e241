import { expect, test } from 'vitest';
import type { HistoryQuery, Store } from '../../../src/core/store.ts';
import type { EventJson } from '../../../src/core/wire.ts';
import { isDeed } from '../../../src/daemon/board/admin.ts';
import { readLast } from '../../../src/daemon/board/past.ts';

/** A history of so many events, of which every so many-th is one of the given. */
function historyOf(count: number, every: number, deed: Partial<EventJson>): Store {
  const event = (id: number): EventJson => ({
    id,
    at: new Date(id * 1000).toISOString(),
    ...(id % every === 0 ? { type: 'user-added', ...deed } : { type: 'lease-granted' }),
  });
  const history = async ({ before, limit }: HistoryQuery): Promise<EventJson[]> => {
    const newest = Math.min(count, (before ?? count + 1) - 1);
    return Array.from({ length: Math.min(limit, newest) }, (_, i) => event(newest - i));
  };
  return { history } as unknown as Store;
}

test('what people did is found behind thousands of other events, the newest first', async () => {
  const found = await readLast(historyOf(5000, 1600, { about: 'alice', by: 'root' }), isDeed, 100);
  expect(found.map(({ id }) => id)).toEqual([4800, 3200, 1600]);
});

test('no more of it than is wanted, and no further back than 20,000 events', async () => {
  expect(await readLast(historyOf(5000, 10, {}), isDeed, 7)).toHaveLength(7);
  expect(await readLast(historyOf(100_000, 1_000_000, {}), isDeed, 7)).toEqual([]);
  const old = await readLast(historyOf(100_000, 50_000, {}), isDeed, 7);
  expect(old.map(({ id }) => id)).toEqual([100_000]);
});

test.each<[Partial<EventJson>, boolean]>([
  [{ type: 'user-added', about: 'alice', by: 'root' }, true],
  [{ type: 'login-failed', about: 'eve', by: '' }, true],
  [{ type: 'resource-offline', by: 'root' }, true],
  [{ type: 'lease-ended', reason: 'stolen', by: 'root', owner: 'alice' }, true],
  [{ type: 'lease-ended', reason: 'revoked', by: 'alice', owner: 'alice' }, false],
  [{ type: 'lease-ended', reason: 'released', by: '' }, false],
  [{ type: 'lease-granted' }, false],
])('%j is something that somebody did to others: %s', (event, expected) => {
  expect(isDeed({ id: 1, at: '', type: '', ...event })).toBe(expected);
});
