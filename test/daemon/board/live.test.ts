import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Change, News, Whole } from '../../../src/daemon/board/view/model.ts';
import { description } from '../../support/builders.ts';
import { FakeClock } from '../../support/clock.ts';
import { eventually, startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { FailingStore } from '../../support/stores.ts';

let daemon: TestDaemon;
afterEach(() => daemon.close());

async function open() {
  const stream = await daemon.http.stream('GET', '/board/events');
  const whole = (await stream.nextOf('whole')).data as Whole;
  return { stream, whole, change: async () => (await stream.nextOf('change')).data as Change };
}

test('a board is told everything, and then what changes', async () => {
  daemon = await startDaemon({ resources: ['board-1', 'board-2'] });
  const waiting = daemon.lease();
  const holding = daemon.lease();
  await holding.hold('board-1', { note: 'nightly', holder: { name: 'ci' } });
  const board = await open();
  expect(board.whole.rows.map(({ name, state }) => [name, state])).toEqual([
    ['board-1', 'held'],
    ['board-2', 'free'],
  ]);
  expect(board.whole.rows[0]?.leases[0]).toMatchObject({ note: 'nightly', holder: { name: 'ci' }, owner: '' });
  await waiting.wait('board-1', { holder: { name: 'bob' } });
  const joined = await board.change();
  expect(joined.waiters.map(({ id, want }) => [id, want])).toEqual([[waiting.id, 'board-1']]);
  expect(joined.rows).toEqual([]);
  await holding.release();
  const passed = await board.change();
  expect(passed.left).toEqual([waiting.id]);
  expect(passed.rows.map(({ name, leases }) => [name, leases[0]?.holder.name])).toEqual([['board-1', 'bob']]);
});

test('no secret is told, not even as a hash, and nothing of an environment', async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
  const client = daemon.lease();
  await client.hold('board-1');
  await daemon.lease().wait('board-1');
  const { whole } = await open();
  const text = JSON.stringify(whole);
  expect(text).not.toContain(client.secret);
  expect(text).not.toMatch(/secret|hash|"env"/i);
});

test('resources that come, change and go are told of', async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
  const board = await open();
  await daemon.declare(['board-1', 'board-2']);
  expect((await board.change()).rows.map(({ name }) => name)).toEqual(['board-2']);
  await daemon.http.post('/api/v2/resources/board-2/offline', { reason: 'fan' });
  expect((await board.change()).rows[0]).toMatchObject({ state: 'offline', offline: { reason: 'fan' } });
  await daemon.declare(['board-1']);
  expect((await board.change()).gone).toEqual([2]);
});

describe('machines', () => {
  // What an open board hears now and then.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  const BEAT_MS = 15_000;
  const beat = (machine: string) => daemon.http.post(`/api/v2/machines/${machine}/seen`, {});

  test('that were seen are told of together, each once, however often that was, and none that nothing is on', async () => {
    const on = (name: string) => description(name, { machine: `mdc1:${name}` });
    const clock = new FakeClock();
    daemon = await startDaemon({ clock, resources: [on('a'), on('b'), on('c'), 'plain'] });
    await beat('mdc1:c');
    const board = await open();
    expect(board.whole.rows.map(({ lastSeen }) => lastSeen === null)).toEqual([true, true, false, false]);
    const holding = daemon.lease();
    await holding.hold('a', { holder: { name: 'ci', host: 'a' } });
    await board.change();
    for (let i = 0; i < 20; i += 1) {
      clock.advance(1000);
      await holding.renew();
      await beat('mdc1:b');
      await beat('mdc1:elsewhere');
    }
    vi.advanceTimersByTime(BEAT_MS);
    const at = new Date(daemon.engine.now()).toISOString().replace('.000Z', 'Z');
    expect((await board.stream.next()).event).toBe('beat');
    const told = await board.stream.next();
    expect(told).toMatchObject({ event: 'seen', data: { seen: { 'mdc1:a': at, 'mdc1:b': at } } });
    expect(Object.keys((told.data as News).seen)).toHaveLength(2);
    // What was told is not told again.
    vi.advanceTimersByTime(BEAT_MS);
    expect((await board.stream.next()).event).toBe('beat');
    await beat('mdc1:c');
    vi.advanceTimersByTime(BEAT_MS);
    expect((await board.stream.next()).event).toBe('beat');
    expect(Object.keys(((await board.stream.next()).data as News).seen)).toEqual(['mdc1:c']);
  });
});

test('all boards are told the same, and nothing is listened to once the last has gone', async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
  const before = daemon.engine.audience;
  const boards = [await open(), await open(), await open()];
  expect(daemon.engine.audience).toBe(before + 1);
  await daemon.lease().hold('board-1');
  const told = await Promise.all(boards.map(({ change }) => change()));
  expect(new Set(told.map((change) => JSON.stringify(change))).size).toBe(1);
  for (const { stream } of boards) stream.close();
  await eventually('nobody listens', () => daemon.engine.audience === before);
});

test('a board that could not be opened leaves nobody listening', async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
  const before = daemon.engine.audience;
  const gone = new AbortController();
  const asked = daemon.http.get('/board/events', { signal: gone.signal }).catch(() => null);
  gone.abort();
  await asked;
  await daemon.lease().hold('board-1');
  await eventually('nobody listens', () => daemon.engine.audience === before);
});

test('boards are let go when the store had to be loaded afresh, and when the daemon steps down: they come back for everything', async () => {
  const store = new FailingStore();
  daemon = await startDaemon({ store, resources: ['board-1'] });
  const board = await open();
  store.before = 1;
  await daemon.lease().put('board-1');
  await board.stream.end();
  const again = await open();
  daemon.stepDown();
  await again.stream.end();
});
