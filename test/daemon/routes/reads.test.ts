import { afterEach, describe, expect, test } from 'vitest';
import type {
  EventJson,
  HistoryJson,
  LeasesJson,
  QueueJson,
  ResourceJson,
  ResourcesJson,
} from '../../../src/core/wire.ts';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { description, SECOND } from '../../support/builders.ts';
import { FakeClock } from '../../support/clock.ts';
import { type DaemonOptions, startDaemon, type TestDaemon, temporaryFolder } from '../../support/daemon.ts';
import { jsonOf, problemOf } from '../../support/http.ts';
import { FailingStore, HeldStore } from '../../support/stores.ts';

let daemon: TestDaemon;
let clock: FakeClock;
async function start(options: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock, ...options });
}
afterEach(() => daemon.close());

async function get<T>(path: string): Promise<T> {
  const answer = await daemon.http.get(path);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json');
  return jsonOf<T>(answer);
}

describe('resources', () => {
  test('are told with their state, holders and how many wait', async () => {
    await start({
      resources: [description('gpu-0', { tags: ['gpu'], slots: 2, endpoint: 'ssh://x', maxHold: 60_000 }), 'b'],
    });
    const holder = await daemon.lease().hold('gpu-0', { note: 'nightly', holder: { name: 'ci', host: 'runner-4' } });
    const [one] = (await get<ResourcesJson>('/api/v2/resources')).resources;
    expect(one).toEqual({
      id: 1,
      name: 'gpu-0',
      state: 'free',
      description: '',
      tags: ['gpu'],
      endpoint: 'ssh://x',
      properties: {},
      slots: 2,
      maxHold: 60,
      offline: null,
      lastUsed: null,
      drainedAt: null,
      waiting: 0,
      leases: [
        {
          id: holder.id,
          holder: { name: 'ci', host: 'runner-4', link: null },
          note: 'nightly',
          mode: 'slot',
          since: holder.since,
          until: holder.until,
          guarded: false,
          claim: false,
          ending: false,
          owner: '',
        },
      ],
    });
    await daemon.lease().hold('gpu-0');
    await daemon.lease().wait('gpu-0');
    await daemon.lease().wait(['gpu-0', 'b']);
    const { resource } = await get<{ resource: ResourceJson }>('/api/v2/resources/gpu-0');
    expect(resource).toMatchObject({ state: 'held', waiting: 2 });
  });

  test('come in pages in the order of their numbers', async () => {
    await start({ resources: Array.from({ length: 25 }, (_, i) => `r${(i * 7) % 25}`) });
    const all = (await get<ResourcesJson>('/api/v2/resources')).resources.map(({ name }) => name);
    const paged: string[] = [];
    for (let after = ''; ; ) {
      const { resources } = await get<ResourcesJson>(`/api/v2/resources?limit=10${after}`);
      paged.push(...resources.map(({ name }) => name));
      if (resources.length < 10) break;
      after = `&after=${paged.at(-1)}`;
    }
    expect(paged).toEqual(all);
    expect(all).toHaveLength(25);
  });

  test('that do not exist are 404, with the nearest that does; names are percent-encoded', async () => {
    await start({ resources: ['Coffee machine', 'a/b', 'ünï', '100%'] });
    const answer = await daemon.http.get('/api/v2/resources/coffee%20machine');
    expect(problemOf(answer)).toMatchObject({ status: 404, code: 'not-found' });
    expect(problemOf(answer).hint).toContain('Coffee machine');
    for (const name of ['Coffee machine', 'a/b', 'ünï', '100%']) {
      const { resource } = await get<{ resource: ResourceJson }>(`/api/v2/resources/${encodeURIComponent(name)}`);
      expect(resource.name).toBe(name);
    }
  });

  test('go offline with a reason and come back, by hand or in time; who waits is told why', async () => {
    await start();
    const path = '/api/v2/resources/board-1';
    const until = new Date(clock.now() + 3600 * SECOND).toISOString();
    const answer = await daemon.http.post(`${path}/offline`, { reason: 'fan broken', until });
    expect(jsonOf<{ resource: ResourceJson }>(answer).resource).toMatchObject({
      state: 'offline',
      offline: { reason: 'fan broken', until },
    });
    const waiter = daemon.lease();
    const { blockers } = await waiter.wait('board-1', { wait: null });
    expect(blockers).toMatchObject([{ resource: 'board-1', cause: 'offline', note: 'fan broken', until }]);
    expect((await daemon.http.post(`${path}/online`, {})).status).toBe(200);
    await waiter.hold('board-1');
    expect((await daemon.http.ask('POST', `${path}/online`)).status).toBe(200);
    await waiter.release();
    await daemon.http.post(`${path}/offline`, { reason: 'again', until });
    clock.advance(3600 * SECOND);
    expect((await get<{ resource: ResourceJson }>(path)).resource.state).toBe('free');
  });

  test.each([
    ['nothing', {}],
    ['no words', { reason: '' }],
    ['a line break', { reason: 'a\nb' }],
    ['a time that is none', { reason: 'x', until: 'tomorrow' }],
    ['a time that is over', { reason: 'x', until: '2001-01-01T00:00:00Z' }],
    ['an unknown key', { reason: 'x', for: 5 }],
  ])('are not taken offline for %s: 422', async (_, body) => {
    await start();
    expect(problemOf(await daemon.http.post('/api/v2/resources/board-1/offline', body))).toMatchObject({
      status: 422,
      code: 'usage',
    });
    expect((await get<{ resource: ResourceJson }>('/api/v2/resources/board-1')).resource.state).toBe('free');
  });

  test('that do not exist go neither off- nor online: 404', async () => {
    await start();
    expect(problemOf(await daemon.http.post('/api/v2/resources/x/offline', { reason: 'x' })).status).toBe(404);
    expect(problemOf(await daemon.http.post('/api/v2/resources/x/online', {})).status).toBe(404);
  });
});

describe('the queue', () => {
  test('is told in order, with place, want, estimate and blockers, whole or in pages', async () => {
    await start();
    await daemon.lease().hold('board-1');
    const ids: string[] = [];
    for (const priority of [0, 5, 0]) {
      const client = daemon.lease();
      await client.wait('board-1', { priority, note: `p${priority}`, wait: 60, holder: { name: 'ci' } });
      ids.push(client.id);
    }
    const { waiting } = await get<QueueJson>('/api/v2/queue');
    expect(waiting.map(({ id, position }) => [id, position])).toEqual([
      [ids[1], 1],
      [ids[0], 2],
      [ids[2], 3],
    ]);
    expect(waiting[0]).toMatchObject({
      holder: { name: 'ci', host: '', link: null },
      want: 'board-1',
      priority: 5,
      note: 'p5',
      eta: null,
      until: new Date(clock.now() + 60 * SECOND).toISOString(),
      blockers: [{ resource: 'board-1', cause: 'held' }],
    });
    const page = (query: string) => get<QueueJson>(`/api/v2/queue?${query}`);
    expect((await page('limit=2')).waiting.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
    expect((await page(`limit=2&after=${ids[0]}`)).waiting.map(({ id }) => id)).toEqual([ids[2]]);
  });
});

describe('why', () => {
  const why = (want: unknown) => daemon.http.post('/api/v2/why', { want });

  test('tells what asking would come to, and changes nothing', async () => {
    await start();
    await daemon.lease().hold('board-1', { note: 'nightly' });
    expect(jsonOf(await why([{ name: 'board-2' }]))).toMatchObject({ state: 'free', blockers: [] });
    expect(jsonOf(await why([{ name: 'board-1' }]))).toMatchObject({
      state: 'waiting',
      blockers: [{ resource: 'board-1', cause: 'held', note: 'nightly' }],
    });
    expect(jsonOf(await why([{ name: 'bord-1' }]))).toMatchObject({
      state: 'impossible',
      hint: expect.stringContaining('board-1'),
    });
    expect((await get<QueueJson>('/api/v2/queue')).waiting).toEqual([]);
  });

  test.each([[[]], [{}], [[{ name: 'a', id: 1 }]], [[{ where: '&&' }]], [Array(65).fill({ name: 'a' })]])(
    'of what makes no sense is 422 (%j)',
    async (want) => {
      await start();
      expect(problemOf(await why(want))).toMatchObject({ status: 422, code: 'usage' });
    },
  );
});

test('a list does not begin again where the last of the page before has gone', async () => {
  await start();
  await daemon.lease().hold('board-1');
  for (const of of ['leases', 'queue', 'resources']) {
    const answer = await daemon.http.get(`/api/v2/${of}?limit=1&after=gone`);
    expect(problemOf(answer)).toMatchObject({ status: 404, code: 'not-found' });
  }
});

test('leases are told in the order of their grants, also after a restart', async () => {
  const folder = temporaryFolder();
  const ids: string[] = [];
  const resources = Array.from({ length: 12 }, (_, i) => `r${i}`);
  for (const again of [false, true]) {
    await start({ store: new SqliteStore(folder.path), resources });
    if (!again) for (const name of resources) ids.push((await daemon.lease().hold(name)).id);
    const { leases } = await get<LeasesJson>('/api/v2/leases');
    expect(leases.map(({ id }) => id)).toEqual(ids);
    const page = await get<LeasesJson>(`/api/v2/leases?limit=3&after=${ids[4]}`);
    expect(page.leases.map(({ id }) => id)).toEqual(ids.slice(5, 8));
    if (!again) await daemon.close();
  }
  folder.remove();
});

describe('history', () => {
  test('comes a hundred at a time, newest first; the last page says that it is', async () => {
    await start();
    // One for each resource, and two for each lease: 250 in all.
    for (let i = 0; i < 124; i += 1) {
      const client = daemon.lease();
      await client.hold('board-1');
      await client.release();
    }
    const pages: EventJson[][] = [];
    for (let before = ''; ; ) {
      const { events, next } = await get<HistoryJson>(`/api/v2/history${before}`);
      pages.push(events);
      if (next === null) break;
      expect(next).toBe(events.at(-1)?.id);
      before = `?before=${next}`;
    }
    expect(pages.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(pages.flat().map(({ id }) => id)).toEqual(Array.from({ length: 250 }, (_, i) => 250 - i));
    const exact = await get<HistoryJson>('/api/v2/history?limit=250');
    expect([exact.events.length, exact.next]).toEqual([250, null]);
  });

  test('of one resource, and since a time', async () => {
    await start();
    await daemon.lease().hold('board-1');
    clock.advance(10 * SECOND);
    await daemon.lease().hold('board-2');
    const since = new Date(clock.now()).toISOString();
    const of = async (query: string) =>
      (await get<HistoryJson>(`/api/v2/history?${query}`)).events.map(({ type, resources }) => `${type} ${resources}`);
    expect(await of('resource=board-1')).toEqual(['lease-granted board-1', 'resource-added board-1']);
    expect(await of(`since=${since}`)).toEqual(['lease-granted board-2']);
    expect(await of('resource=nothing')).toEqual([]);
  });

  test('does not show what is not durable yet', async () => {
    const store = new HeldStore();
    await start({ store });
    const letGo = store.hold();
    const asked = daemon.lease().hold('board-1');
    await store.reached();
    const read = get<HistoryJson>('/api/v2/history');
    letGo();
    await asked;
    expect((await read).events[0]?.type).toBe('lease-granted');
  });
});

describe('health', () => {
  test('is told while alive; readiness while it can write and stays', async () => {
    const store = new FailingStore();
    await start({ store });
    expect(await get('/healthz')).toEqual({ status: 'ok', version: '0.0.0-test', protocol: 2 });
    expect(await get('/readyz')).toEqual({ status: 'ready' });
    store.before = 1;
    store.opens = 1000;
    const failed = await daemon.lease().put('board-1');
    expect(problemOf(failed)).toMatchObject({ status: 503, code: 'unavailable' });
    expect(failed.headers['retry-after']).toBe('1');
    const ready = await daemon.http.get('/readyz');
    expect(problemOf(ready)).toMatchObject({ status: 503, code: 'unavailable' });
    expect((await daemon.http.get('/healthz')).status).toBe(200);
  });

  test('while stepping down, all that is asked is 503, with when to come back', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    daemon.stepDown();
    for (const answer of [
      await client.put('board-1'),
      await client.renew(),
      await client.release(),
      await daemon.http.get('/readyz'),
      await daemon.http.get('/api/v2/queue'),
    ]) {
      expect(problemOf(answer)).toMatchObject({ status: 503, code: 'unavailable' });
      expect(answer.headers['retry-after']).toBe('1');
    }
  });

  test('is in figures that Prometheus reads, every limit among them', async () => {
    await start();
    await daemon.lease().hold('board-1');
    await daemon.lease().wait('board-1');
    const { text, headers } = await daemon.http.get('/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\\\n]*"\})? -?[\d.e+-]+)$/);
    }
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(families).size).toBe(families.length);
    expect(text).toContain('rentabot_resources{state="held"} 1\n');
    expect(text).toContain('rentabot_waiters 1\n');
    expect(text).toContain('rentabot_grants_total 1\n');
    for (const limit of ['waiters', 'resources', 'wants', 'units', 'leases', 'remembered', 'body', 'connections']) {
      expect(text).toMatch(new RegExp(`^rentabot_limit\\{name="${limit}"\\} \\d+$`, 'm'));
    }
  });

  test('cannot be ended by whoever asks, but where it is private', async () => {
    await start();
    expect(problemOf(await daemon.http.ask('POST', '/api/v2/stop')).status).toBe(403);
    await daemon.close();
    let stopped = 0;
    await start({
      stop: () => {
        stopped += 1;
      },
    });
    expect((await daemon.http.ask('POST', '/api/v2/stop')).status).toBe(204);
    await daemon.http.get('/healthz');
    expect(stopped).toBe(1);
  });
});

describe("a private daemon's descriptor header", () => {
  test('is read before the request, refused where it makes no sense, and nothing to a shared daemon', async () => {
    const described: string[] = [];
    await start({
      describe: async (path) => {
        described.push(path);
        await daemon.declare(['board-1', 'board-2', 'board-3']);
      },
    });
    const ask = (path: string) =>
      daemon.http.get('/api/v2/resources/board-3', { headers: { 'rentabot-descriptor': path } });
    expect((await ask('/home/x/%C3%BC/rentabot.yaml')).status).toBe(200);
    expect(described).toEqual(['/home/x/ü/rentabot.yaml']);
    for (const path of ['relative.yaml', '', '/%ff', '/%']) {
      expect(problemOf(await ask(path)), path).toMatchObject({ status: 400, code: 'usage' });
    }
    expect(described).toHaveLength(1);
    await daemon.close();
    await start();
    expect((await ask('/etc/passwd')).status).toBe(404);
  });
});
