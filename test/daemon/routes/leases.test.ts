import { afterEach, describe, expect, test } from 'vitest';
import type {
  HeldJson,
  HistoryJson,
  LeaseJson,
  LeasesJson,
  QueueJson,
  RenewedJson,
  WaitingJson,
} from '../../../src/core/wire.ts';
import { description, SECOND } from '../../support/builders.ts';
import { acquireJson, type LeaseClient, newId, secretOf } from '../../support/builders-daemon.ts';
import { FakeClock } from '../../support/clock.ts';
import { type DaemonOptions, eventually, startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf, problemOf } from '../../support/http.ts';

let daemon: TestDaemon;
let clock: FakeClock;
async function start(options: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock, ...options });
}
afterEach(() => daemon.close());

/** Lets time pass, and waits for the turn in which the daemon sees it. */
async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * SECOND);
  await daemon.engine.read(() => null);
}

describe('asking', () => {
  test('for what is free is answered 200 with all that the holder needs', async () => {
    const gpu = description('gpu-0', {
      tags: ['gpu'],
      endpoint: 'ssh://gpu-0',
      properties: { mem: 24 },
      env: { CUDA_VISIBLE_DEVICES: '0' },
    });
    await start({ resources: [gpu] });
    const lease = daemon.lease();
    const answer = await lease.put('tag:gpu', {
      ttl: 60,
      hold: 3600,
      priority: 3,
      note: 'nightly',
      holder: { name: 'ci', host: 'runner-4', link: 'https://ci/job/17' },
      guarded: true,
    });
    expect(answer.status).toBe(200);
    const at = (seconds: number) => new Date(clock.now() + seconds * SECOND).toISOString();
    expect(jsonOf<HeldJson>(answer)).toEqual({
      state: 'held',
      lease: {
        id: lease.id,
        fence: 1,
        resources: [
          {
            id: 1,
            name: 'gpu-0',
            endpoint: 'ssh://gpu-0',
            properties: { mem: 24 },
            env: { CUDA_VISIBLE_DEVICES: '0' },
            fence: 1,
            mode: 'exclusive',
          },
        ],
        want: 'gpu',
        holder: { name: 'ci', host: 'runner-4', link: 'https://ci/job/17' },
        note: 'nightly',
        priority: 3,
        ttl: 60,
        hold: 3600,
        guarded: true,
        since: at(0),
        waited: 0,
        expiresAt: at(60),
        until: at(3600),
        ending: null,
        claim: false,
        owner: '',
      },
    });
  });

  test('with nothing but a secret and a want takes the defaults; null is as absent', async () => {
    await start();
    const nulls = { ttl: null, wait: null, hold: null, priority: null, note: null, holder: null, guarded: null };
    const a = await daemon.lease().hold('board-1');
    const b = await daemon.lease().hold('board-2', nulls);
    const shared = { note: '', priority: 0, ttl: 30, hold: null, guarded: false, until: null };
    expect(a).toMatchObject({ ...shared, holder: { name: 'anonymous', host: '', link: null } });
    expect(b).toMatchObject({ ...shared, holder: { name: 'anonymous', host: '', link: null } });
  });

  test('for what is held is answered 202 with place and blockers', async () => {
    await start();
    const holder = await daemon.lease().hold('board-1', { note: 'nightly', holder: { name: 'alice' } });
    const [first, second] = [daemon.lease(), daemon.lease()];
    expect(await first.wait('board-1')).toMatchObject({ position: 1 });
    expect(await second.wait('board-1')).toEqual({
      state: 'waiting',
      id: second.id,
      position: 2,
      eta: null,
      blockers: [
        {
          resource: 'board-1',
          cause: 'held',
          holder: { name: 'alice', host: '', link: null },
          note: 'nightly',
          since: holder.since,
          until: null,
        },
      ],
    });
  });

  test('with a wait of 0 is answered 409 busy where it is taken, and again for a replay', async () => {
    await start();
    await daemon.lease().hold('board-1');
    const impatient = daemon.lease();
    for (let i = 0; i < 2; i += 1) {
      expect(problemOf(await impatient.put('board-1', { wait: 0 }))).toMatchObject({ status: 409, code: 'busy' });
    }
  });

  test('with a wait that runs out is answered 408, and again for a replay', async () => {
    await start();
    await daemon.lease().hold('board-1', { ttl: 3600 });
    const patient = daemon.lease();
    await patient.wait('board-1', { wait: 5 });
    const blocked = patient.put('board-1', { wait: 5 }, '?block=300');
    await eventually('it is held open', () => daemon.engine.figures.commands >= 4);
    await pass(5);
    expect(problemOf(await blocked)).toMatchObject({ status: 408, code: 'timeout' });
    expect(problemOf(await patient.put('board-1', { wait: 5 }))).toMatchObject({ status: 408, code: 'timeout' });
    expect(problemOf(await patient.show())).toMatchObject({ status: 408, code: 'timeout' });
  });

  test('for what can never be had is answered 422 impossible, with the nearest that exists, and remembers nothing', async () => {
    await start();
    const answer = await daemon.lease().put('board-11');
    expect(problemOf(answer)).toMatchObject({ status: 422, code: 'impossible' });
    expect(problemOf(answer).hint).toContain('board-1');
    expect(problemOf(await daemon.lease().put('3*tag:board')).code).toBe('impossible');
    expect(problemOf(await daemon.lease().put(['board-1', 'board-1'])).code).toBe('impossible');
    const { text } = await daemon.http.get('/api/v2/queue');
    expect(JSON.parse(text)).toEqual({ waiting: [] });
  });

  test('for several things gets them together, in the order asked, with one fence', async () => {
    await start({ resources: ['a', 'b', description('c', { tags: ['x'], slots: 3 })] });
    const lease = await daemon.lease().hold(['b', 'tag:x', 'a']);
    expect(lease.resources.map(({ name, fence, mode }) => [name, fence, mode])).toEqual([
      ['b', 1, 'exclusive'],
      ['c', 1, 'slot'],
      ['a', 1, 'exclusive'],
    ]);
  });

  test('again with the same id answers the same lease, renewed', async () => {
    await start();
    const client = daemon.lease();
    const first = await client.hold('board-1');
    clock.advance(20 * SECOND);
    const again = await client.hold('board-1');
    expect(again).toEqual({ ...first, expiresAt: new Date(clock.now() + 30 * SECOND).toISOString() });
  });

  test('again with the same id keeps the place', async () => {
    await start();
    await daemon.lease().hold('board-1', { ttl: 3600 });
    const [first, second] = [daemon.lease(), daemon.lease()];
    await first.wait('board-1');
    await second.wait('board-1');
    for (let i = 0; i < 5; i += 1) {
      await pass(25);
      expect((await first.wait('board-1')).position).toBe(1);
      expect((await second.wait('board-1')).position).toBe(2);
    }
  });

  test('again with another secret is 403, and with another want 409 conflict, whatever became of it', async () => {
    await start();
    const [held, waiting, ended] = [daemon.lease(), daemon.lease(), daemon.lease()];
    await held.hold('board-1');
    await waiting.wait('board-1');
    await ended.hold('board-2');
    await ended.release();
    for (const { id, path } of [held, waiting, ended]) {
      const stolen = await daemon.http.put(path, { ...acquireJson(id, 'board-1'), secret: secretOf('thief') });
      expect(problemOf(stolen)).toMatchObject({ status: 403, code: 'denied' });
      const other = await daemon.http.put(path, acquireJson(id, ['board-1', 'board-2']));
      expect(problemOf(other)).toMatchObject({ status: 409, code: 'conflict' });
    }
  });

  test('with an id that was deleted before is 410 lost', async () => {
    await start();
    const client = daemon.lease();
    expect((await client.release()).status).toBe(204);
    expect((await client.release()).status).toBe(204);
    expect(problemOf(await client.put('board-1'))).toMatchObject({ status: 410, code: 'lost', reason: 'released' });
    expect((await daemon.lease().put('board-1')).status).toBe(200);
  });

  test('a waiter that has not asked for 30 s has left', async () => {
    await start();
    await daemon.lease().hold('board-1', { ttl: 3600 });
    const silent = daemon.lease();
    await silent.wait('board-1');
    await pass(29.9);
    expect((await silent.show()).status).toBe(200);
    await pass(0.1);
    expect(problemOf(await silent.show())).toMatchObject({ status: 410, code: 'lost', reason: 'expired' });
  });
});

describe('?block=', () => {
  test('keeps the answer open until it is granted', async () => {
    await start();
    const [holder, waiter] = [daemon.lease(), daemon.lease()];
    const first = await holder.hold('board-1');
    const blocked = waiter.put('board-1', {}, '?block=25');
    await eventually('it waits', async () => (await waiter.show()).status === 200);
    await holder.release();
    const answer = await blocked;
    expect(answer.status).toBe(200);
    expect(jsonOf<HeldJson>(answer).lease.fence).toBeGreaterThan(first.fence);
  });

  test('answers 202 when its time is over', async () => {
    await start();
    await daemon.lease().hold('board-1');
    const answer = await daemon.lease().put('board-1', {}, '?block=0.05');
    expect(answer.status).toBe(202);
    expect(jsonOf<WaitingJson>(answer).position).toBe(1);
  });

  test('keeps the place for as long as it is open, without being asked again', async () => {
    await start();
    await daemon.lease().hold('board-1', { ttl: 3600 });
    const waiter = daemon.lease();
    const blocked = waiter.put('board-1', {}, '?block=300');
    await eventually('it counts as connected', () => connectionsOf(waiter.id).then((count) => count === 1));
    await pass(120);
    expect((await waiter.show()).status).toBe(200);
    await waiter.release();
    expect(problemOf(await blocked)).toMatchObject({ status: 410, code: 'lost', reason: 'released' });
  });

  test('whose client has gone no longer counts as open, even if it went before it was', async () => {
    await start();
    await daemon.lease().hold('board-1', { ttl: 3600 });
    for (const late of [true, false]) {
      const waiter = daemon.lease();
      const abort = new AbortController();
      const asking = daemon.http
        .put(`${waiter.path}?block=300`, acquireJson(waiter.id, 'board-1'), { signal: abort.signal })
        .catch(() => null);
      if (late) await eventually('it counts', () => connectionsOf(waiter.id).then((count) => count === 1));
      else await eventually('it was asked', () => daemon.engine.backlog > 0 || waits(waiter.id));
      abort.abort();
      await asking;
      await eventually('it is gone', () => connectionsOf(waiter.id).then((count) => count === 0 || count === null));
      await pass(31);
      expect((await waiter.show()).status).not.toBe(200);
    }
  });

  function connectionsOf(id: string): Promise<number | null> {
    return daemon.engine.read(({ state }) => state.queue.byId.get(id)?.connections ?? null);
  }
  function waits(id: string): Promise<boolean> {
    return daemon.engine.read(({ state }) => state.queue.byId.has(id));
  }
});

describe('renewing', () => {
  test('moves the end, and can be repeated', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    for (let i = 0; i < 3; i += 1) {
      await pass(20);
      const answer = await client.renew();
      expect(answer.status).toBe(200);
      const { lease, messages } = jsonOf<RenewedJson>(answer);
      expect(Date.parse(lease.expiresAt ?? '')).toBe(clock.now() + 30 * SECOND);
      expect(messages).toEqual([]);
    }
  });

  test('needs no body, and takes one', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    const answer = await daemon.http.post(`${client.path}/renew`, {}, { headers: client.authorization });
    expect(answer.status).toBe(200);
  });

  test('what has ended is 410 with the reason, what was never heard of 404, a waiter 404', async () => {
    await start();
    const [released, expired, waiting] = [daemon.lease(), daemon.lease(), daemon.lease()];
    await released.hold('board-1');
    await expired.hold('board-2');
    await waiting.wait('board-2');
    await released.release();
    expect(problemOf(await released.renew())).toMatchObject({ status: 410, code: 'lost', reason: 'released' });
    expect(problemOf(await waiting.renew())).toMatchObject({ status: 404, code: 'not-found' });
    await pass(29);
    await waiting.wait('board-2');
    await pass(1);
    expect(problemOf(await expired.renew())).toMatchObject({ status: 410, code: 'lost', reason: 'expired' });
    expect(problemOf(await daemon.lease().renew())).toMatchObject({ status: 404, code: 'not-found' });
    expect((await waiting.renew()).status).toBe(200);
  });

  test('warns of the end that no renewal moves', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { hold: 50 });
    const { messages, lease } = jsonOf<RenewedJson>(await client.renew());
    expect(messages).toMatchObject([{ type: 'expiring' }]);
    await pass(25);
    expect(jsonOf<RenewedJson>(await client.renew()).lease.expiresAt).toBe(lease.until);
  });
});

describe('extending', () => {
  test('moves the end to so many seconds from now, and never nearer', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { hold: 60 });
    const extended = jsonOf<RenewedJson>(await client.extend(3600)).lease;
    expect(Date.parse(extended.until ?? '')).toBe(clock.now() + 3_600_000);
    expect(jsonOf<RenewedJson>(await client.extend(10)).lease.until).toBe(extended.until);
    expect(jsonOf<RenewedJson>(await client.extend(3600)).lease.until).toBe(extended.until);
  });

  test.each([0, -1, 'x', null, 1e300])('by %s is 422', async (span) => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    expect(problemOf(await client.extend(span))).toMatchObject({ status: 422, code: 'usage' });
  });

  test('what has ended is 410, what was never heard of 404', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    await client.release();
    expect(problemOf(await client.extend(5)).status).toBe(410);
    expect(problemOf(await daemon.lease().extend(5)).status).toBe(404);
  });
});

describe('keeping as a claim', () => {
  const keep = (client: LeaseClient, more = {}) =>
    daemon.http.post(`${client.path}/extend`, { for: 600, guarded: false, ...more }, { headers: client.authorization });

  test('the lease needs no renewals, ends then, and goes to the next at once when it is released', async () => {
    await start();
    const [client, next] = [daemon.lease(), daemon.lease()];
    await client.hold('board-1', { guarded: true, note: 'nightly' });
    const { lease } = jsonOf<RenewedJson>(await keep(client, { note: 'having a look' }));
    const end = new Date(clock.now() + 600_000).toISOString();
    expect(lease).toMatchObject({ guarded: false, note: 'having a look', until: end, expiresAt: end });
    await pass(500);
    const waiting = await next.wait('board-1');
    expect(waiting.blockers).toMatchObject([{ cause: 'held', note: 'having a look', until: end }]);
    expect((await daemon.http.delete(client.path)).status).toBe(204);
    await next.hold('board-1');
  });

  test('repeated after a lost answer it is the same claim, and the history tells of it once', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    const first = jsonOf<RenewedJson>(await keep(client)).lease;
    await pass(5);
    expect(jsonOf<RenewedJson>(await keep(client)).lease).toEqual(first);
    const { events } = jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history'));
    expect(events.filter(({ type }) => type === 'lease-kept')).toMatchObject([
      { lease: client.id, resources: ['board-1'], until: first.until },
    ]);
  });

  test.each([
    ['a note for what is not kept', { guarded: null, note: 'x' }],
    ['guarded in words', { guarded: 'no' }],
    ['a note of two lines', { note: 'a\nb' }],
    ['an unknown key', { gaurded: false }],
  ])('%s is 422, and changes nothing', async (_, more) => {
    await start();
    const client = daemon.lease();
    const { until } = await client.hold('board-1', { guarded: true });
    expect(problemOf(await keep(client, more))).toMatchObject({ status: 422, code: 'usage' });
    const { lease } = jsonOf<HeldJson>(await client.show());
    expect([lease.guarded, lease.until, lease.note]).toEqual([true, until, '']);
  });

  test('a command cannot be put behind it again: 422', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    await keep(client);
    expect(problemOf(await keep(client, { guarded: true }))).toMatchObject({ status: 422, code: 'usage' });
  });

  test('what is ending is a conflict', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    await daemon.http.delete(client.path);
    expect(problemOf(await keep(client))).toMatchObject({ status: 409, code: 'conflict' });
  });
});

describe('releasing', () => {
  test('is 204 now and every later time, and the next in line has it', async () => {
    await start();
    const [holder, next] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1');
    await next.wait('board-1');
    for (let i = 0; i < 3; i += 1) {
      const answer = await holder.release();
      expect([answer.status, answer.text]).toEqual([204, '']);
    }
    await next.hold('board-1');
    expect(problemOf(await holder.put('board-1'))).toMatchObject({ status: 410, code: 'lost', reason: 'released' });
  });

  test('a waiter leaves the queue', async () => {
    await start();
    await daemon.lease().hold('board-1');
    const waiter = daemon.lease();
    await waiter.wait('board-1');
    expect((await waiter.release()).status).toBe(204);
    expect(jsonOf<QueueJson>(await daemon.http.get('/api/v2/queue')).waiting).toEqual([]);
  });

  test('with a wrong secret is 403 and ends nothing; without one the open daemon lets anybody, as a revocation', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    const headers = { authorization: `Lease ${secretOf('thief')}` };
    for (const [method, suffix] of [
      ['DELETE', ''],
      ['DELETE', '?ended=true'],
      ['POST', '/renew'],
    ] as const) {
      const answer = await daemon.http.ask(method, client.path + suffix, { headers });
      expect(problemOf(answer)).toMatchObject({ status: 403, code: 'denied' });
    }
    expect(problemOf(await daemon.http.post(`${client.path}/extend`, { for: 5 }, { headers })).status).toBe(403);
    expect((await client.renew()).status).toBe(200);
    expect((await daemon.http.delete(client.path)).status).toBe(204);
    expect(problemOf(await client.renew())).toMatchObject({ status: 410, reason: 'revoked' });
    expect(problemOf(await daemon.http.delete(client.path, { headers })).status).toBe(403);
  });

  test('a guarded lease only tells the holder: 202, and it passes on when the holder confirms', async () => {
    await start();
    const [holder, next] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1', { guarded: true });
    await next.wait('board-1');
    for (const headers of [holder.authorization, {}]) {
      const answer = await daemon.http.delete(holder.path, { headers });
      expect([answer.status, jsonOf(answer)]).toEqual([202, { state: 'ending' }]);
    }
    const { lease, messages } = jsonOf<RenewedJson>(await holder.renew());
    expect(lease.ending).toMatchObject({ reason: 'released' });
    expect(messages).toMatchObject([{ type: 'ending', reason: 'released' }]);
    expect(jsonOf<HeldJson>(await holder.put('board-1', { guarded: true })).state).toBe('ending');
    await next.wait('board-1');
    expect((await holder.release('?ended=true')).status).toBe(204);
    await next.hold('board-1');
  });

  test('a guarded lease that is told to end passes on when its ttl is over, whatever the holder renews', async () => {
    await start();
    const [holder, next] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1', { guarded: true, ttl: 30 });
    await next.wait('board-1');
    expect((await daemon.http.delete(holder.path)).status).toBe(202);
    await pass(20);
    await holder.renew();
    await next.wait('board-1');
    await pass(9.9);
    await next.wait('board-1');
    await pass(0.1);
    expect(problemOf(await holder.renew())).toMatchObject({ status: 410, reason: 'revoked' });
    const { eta, blockers } = await next.wait('board-1');
    expect(blockers).toEqual([
      { resource: 'board-1', cause: 'draining', holder: null, note: '', since: expect.any(String), until: eta },
    ]);
    await pass(2);
    await next.hold('board-1');
  });
});

describe('looking', () => {
  test('at a lease shows it to anybody, without secrets and without what is for the holder alone', async () => {
    await start({ resources: [description('a', { env: { TOKEN: 'for-the-holder' } })] });
    const client = daemon.lease();
    expect((await client.hold('a')).resources[0]?.env).toEqual({ TOKEN: 'for-the-holder' });
    const texts = [
      (await client.show()).text,
      ...(await Promise.all(
        ['leases', 'queue', 'resources', 'resources/a', 'history'].map(
          async (of) => (await daemon.http.get(`/api/v2/${of}`)).text,
        ),
      )),
      (await daemon.http.ask('POST', `${client.path}/renew`)).text,
      ...daemon.lines,
    ];
    for (const text of texts) {
      expect(text).not.toContain(client.secret);
      expect(text).not.toContain('for-the-holder');
      expect(text).not.toMatch(/secret/i);
    }
  });

  test('at what never was is 404, at a waiter its place', async () => {
    await start();
    expect(problemOf(await daemon.lease().show())).toMatchObject({ status: 404, code: 'not-found' });
    await daemon.lease().hold('board-1');
    const waiter = daemon.lease();
    const place = await waiter.wait('board-1');
    expect(jsonOf(await waiter.show())).toEqual(place);
  });

  test('with a wrong secret is 403 all the same', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    const headers = { authorization: `Lease ${secretOf('thief')}` };
    expect(problemOf(await daemon.http.get(client.path, { headers })).status).toBe(403);
    await expect(daemon.http.stream('GET', client.path, { headers })).rejects.toThrow('403');
    expect((await daemon.http.get(client.path, { headers: client.authorization })).status).toBe(200);
  });

  test('at all leases, whole or in pages', async () => {
    await start({ resources: Array.from({ length: 25 }, (_, i) => `r${i}`) });
    const ids: string[] = [];
    for (let i = 0; i < 25; i += 1) ids.push((await daemon.lease().hold(`r${i}`)).id);
    const all = jsonOf<LeasesJson>(await daemon.http.get('/api/v2/leases')).leases;
    expect(all.map(({ id }) => id)).toEqual(ids);
    const paged: LeaseJson[] = [];
    for (let after = ''; ; ) {
      const page = jsonOf<LeasesJson>(await daemon.http.get(`/api/v2/leases?limit=10${after}`)).leases;
      paged.push(...page);
      if (page.length < 10) break;
      after = `&after=${page.at(-1)?.id}`;
    }
    expect(paged).toEqual(all);
  });
});

test('ids are taken in either case of their letters, and a ULID as well as a UUID', async () => {
  await start();
  for (const id of [newId(), newId().toUpperCase(), '01ARZ3NDEKTSV4RRFFQ69G5FAV', '01arz3ndektsv4rrffq69g5fax']) {
    const client = daemon.lease(id);
    expect((await client.hold('board-1')).id).toBe(id);
    expect((await client.release()).status).toBe(204);
  }
});

test('an ended lease is remembered for an hour', async () => {
  await start();
  const client = daemon.lease();
  await client.hold('board-1');
  await client.release();
  await pass(3599);
  expect(problemOf(await client.renew()).status).toBe(410);
  await pass(1);
  await daemon.lease().hold('board-2');
  expect(problemOf(await client.renew()).status).toBe(404);
});

describe('how a command ended', () => {
  const told = async () => jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history')).events[0];

  test.each([0, 3, 255])('is told with the release: %i', async (exit) => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    expect((await client.release(`?ended=true&exit=${exit}`)).status).toBe(204);
    expect(await told()).toMatchObject({ type: 'lease-ended', lease: client.id, reason: 'released', exit });
    // The answer to this one was lost.
    expect((await client.release(`?ended=true&exit=${exit}`)).status).toBe(204);
    const { events } = jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history'));
    expect(events.filter(({ type }) => type === 'lease-ended')).toHaveLength(1);
  });

  test('is not made up where nobody says', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    await client.release('?ended=true');
    expect(await told()).not.toHaveProperty('exit');
  });

  test('is told with the lease that is kept after it', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    const asked = { headers: client.authorization };
    const answer = await daemon.http.post(`${client.path}/extend?exit=2`, { for: 60, guarded: false }, asked);
    expect(answer.status).toBe(200);
    expect(await told()).toMatchObject({ type: 'lease-kept', exit: 2 });
  });

  test.each(['?ended=true&exit=256', '?ended=true&exit=-1', '?ended=true&exit=x', '?exit=1'])(
    'that is no such thing is 400, and ends nothing: %s',
    async (query) => {
      await start();
      const client = daemon.lease();
      await client.hold('board-1', { guarded: true });
      expect(problemOf(await client.release(query))).toMatchObject({ status: 400, code: 'usage' });
      expect(jsonOf<HeldJson>(await client.show()).state).toBe('held');
    },
  );

  test('does not go with a lease whose command goes on', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1', { guarded: true });
    const answer = await daemon.http.post(
      `${client.path}/extend?exit=2`,
      { for: 60 },
      { headers: client.authorization },
    );
    expect(problemOf(answer)).toMatchObject({ status: 422, code: 'usage' });
  });
});
