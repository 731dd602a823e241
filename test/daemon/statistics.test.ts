import { afterEach, expect, test } from 'vitest';
import type { HistoryQuery } from '../../src/core/store.ts';
import type { ResourceFiguresJson, StatsJson } from '../../src/core/wire.ts';
import { acquire, description, release, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf, problemOf } from '../support/http.ts';
import { WrappedStore } from '../support/stores.ts';

let daemon: TestDaemon;
let clock: FakeClock;
async function start(options: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock, ...options });
}
afterEach(() => daemon.close());

async function run(name: string, seconds: number, exit: number): Promise<void> {
  const client = daemon.lease();
  await client.hold(name, { guarded: true, ttl: 3600 });
  clock.advance(seconds * SECOND);
  await client.release(`?ended=true&exit=${exit}`);
}

const statsOf = async (query = ''): Promise<StatsJson> =>
  jsonOf<StatsJson>(await daemon.http.get(`/api/v2/stats${query}`));
const byName = ({ resources }: StatsJson): Record<string, ResourceFiguresJson> =>
  Object.fromEntries(resources.map((row) => [row.name, row]));

test('the figures are those of the history, of what still runs and of what is offline', async () => {
  await start();
  const from = clock.now();
  await run('board-1', 20, 0);
  await run('board-1', 20, 1);
  await run('board-2', 10, 0);
  await daemon.lease().hold('board-2', { ttl: 3600 });
  await daemon.http.post('/api/v2/resources/board-1/offline', { reason: 'fan broken' });
  clock.advance(50 * SECOND);
  const stats = await statsOf();
  expect(stats).toMatchObject({ from: new Date(from).toISOString(), to: new Date(from + 100 * SECOND).toISOString() });
  const { 'board-1': one, 'board-2': two } = byName(stats);
  expect(one).toMatchObject({ id: 1, grants: 2, held: 40, utilisation: 0.8, offline: 50 });
  expect(one).toMatchObject({ finished: 2, failed: 1, failureRate: 0.5, othersFailureRate: 0 });
  expect(two).toMatchObject({
    grants: 2,
    held: 60,
    utilisation: 0.6,
    offline: 0,
    failureRate: 0,
    othersFailureRate: 0.5,
  });
  expect(stats.all).toMatchObject({ grants: 4, held: 100, waitP50: 0, unserved: 0 });
});

test('since a moment, what is older does not count, and a lease is cut there', async () => {
  await start();
  await run('board-1', 60, 1);
  const client = daemon.lease();
  await client.hold('board-1', { ttl: 3600 });
  clock.advance(30 * SECOND);
  const since = new Date(clock.now()).toISOString();
  clock.advance(10 * SECOND);
  await client.release();
  clock.advance(10 * SECOND);
  const stats = await statsOf(`?since=${since}`);
  expect(stats.from).toBe(since);
  expect(byName(stats)['board-1']).toMatchObject({ grants: 0, held: 10, utilisation: 0.5, finished: 0 });
});

test('the span begins no earlier than the history, and never in the future', async () => {
  await start();
  clock.advance(10 * SECOND);
  expect((await statsOf('?since=2001-01-01')).from).toBe(new Date(clock.now() - 10 * SECOND).toISOString());
  expect((await statsOf('?since=2101-01-01')).from).toBe(new Date(clock.now()).toISOString());
});

test('of one resource, beside the others; of one that does not exist 404', async () => {
  await start();
  await run('board-1', 1, 1);
  await run('board-2', 1, 0);
  expect((await statsOf('?resource=board-2')).resources).toMatchObject([{ name: 'board-2', othersFailureRate: 1 }]);
  const answer = problemOf(await daemon.http.get('/api/v2/stats?resource=bord-2'));
  expect(answer).toMatchObject({ status: 404, code: 'not-found' });
  expect(answer.hint).toContain('board-2');
});

test('as CSV there is one line a resource', async () => {
  await start();
  await run('board-1', 10, 1);
  const { headers, text } = await daemon.http.get('/api/v2/stats?format=csv');
  expect(headers['content-type']).toBe('text/csv; charset=utf-8');
  const [head, ...lines] = text.trimEnd().split('\n');
  expect(head).toMatch(/^resource,grants,held_seconds,utilisation,/);
  expect(lines).toEqual(['board-1,1,10,1,0,0,0,1,1,1,', 'board-2,0,0,0,0,,,0,0,,1']);
});

test('a board that goes offline in its file is offline, one that comes back is not', async () => {
  await start();
  clock.advance(10 * SECOND);
  await daemon.declare([description('board-1', { offline: { reason: 'fan', until: null } }), 'board-2']);
  clock.advance(30 * SECOND);
  await daemon.declare(['board-1', 'board-2']);
  clock.advance(10 * SECOND);
  expect(byName(await statsOf())['board-1']).toMatchObject({ offline: 30 });
});

/** Tells how much of the history is read at once. */
class Reading extends WrappedStore {
  readonly limits: number[] = [];

  override history(query: HistoryQuery) {
    this.limits.push(query.limit);
    return super.history(query);
  }
}

test('a long history is read in slices, between which turns go on; what comes meanwhile does not count', async () => {
  const store = new Reading();
  await start({ store });
  const { engine } = daemon;
  for (let i = 0; i < 20; i += 1) {
    const ids = Array.from({ length: 100 }, (_, k) => `${i}-${k}`);
    await Promise.all(ids.map((id) => engine.submit(acquire(id, 'name:board-1', { wait: 0 }), () => null)));
    await Promise.all(ids.map((id) => engine.submit(release(id), () => null)));
  }
  const order: string[] = [];
  const reading = daemon.daemon.statistics.since(null).then((stats) => {
    order.push('read');
    return stats;
  });
  while (store.limits.length === 0) await engine.read(() => null);
  await engine.submit(acquire('meanwhile', 'name:board-2'), () => order.push('granted'));
  const stats = await reading;
  expect(order).toEqual(['granted', 'read']);
  expect(byName(stats)['board-2']).toMatchObject({ grants: 0, held: 0 });
  expect(stats.all.grants + stats.all.unserved).toBe(2000);
  expect(Math.max(...store.limits)).toBeLessThanOrEqual(250);
});

test('those who ask at the same time are answered one after the other, also after one that failed', async () => {
  class Failing extends WrappedStore {
    isBroken = true;
    override async eventsAfter(id: number, limit: number) {
      if (this.isBroken) throw new Error('the disk is gone');
      return super.eventsAfter(id, limit);
    }
  }
  const store = new Failing();
  await start({ store });
  await expect(daemon.daemon.statistics.since(null)).rejects.toThrow('gone');
  store.isBroken = false;
  const [one, two] = await Promise.all([statsOf(), statsOf()]);
  expect(one).toEqual(two);
});
