import { afterEach, describe, expect, test } from 'vitest';
import type { EventJson, HeldJson, WaitingJson } from '../../src/core/wire.ts';
import { declare, description, SECOND } from '../support/builders.ts';
import { acquireJson } from '../support/builders-daemon.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, eventually, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { HeldStore } from '../support/stores.ts';

let daemon: TestDaemon;
let subscribers: number;
async function start(options: DaemonOptions = {}): Promise<void> {
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], ...options });
  subscribers = daemon.engine.audience;
}
afterEach(() => daemon.close());

function connectionsOf(id: string): Promise<number | null> {
  return daemon.engine.read(({ state }) => state.queue.byId.get(id)?.connections ?? null);
}

/** Nothing listens for anything any more. */
async function nothingLeaks(): Promise<void> {
  const { engine, announcer, stepsDown } = daemon.daemon;
  await eventually('nobody watches', () => engine.watched === 0);
  await eventually('nobody listens', () => announcer.audience === 0);
  await eventually('nobody waits for the end', () => stepsDown.audience === 0);
  await eventually('only those subscribe that always do', () => engine.audience === subscribers);
}

describe('a waiting request as a stream', () => {
  test('is told its place, each change of it, and then what it holds', async () => {
    await start();
    const [holder, first, second] = [daemon.lease(), daemon.lease(), daemon.lease()];
    const { fence } = await holder.hold('board-1');
    const a = await first.stream('board-1');
    expect(await a.next()).toMatchObject({ event: 'waiting', data: { state: 'waiting', id: first.id, position: 1 } });
    const b = await second.stream('board-1');
    expect(await b.next()).toMatchObject({ event: 'waiting', data: { position: 2 } });
    await holder.release();
    const held = await a.next();
    expect(held.event).toBe('held');
    expect((held.data as HeldJson).lease).toMatchObject({ id: first.id, fence: fence + 1 });
    await a.end();
    const moved = await b.next();
    expect(moved).toMatchObject({ event: 'waiting', data: { position: 1 } });
    expect((moved.data as WaitingJson).blockers).toMatchObject([{ resource: 'board-1', cause: 'held' }]);
    await first.release();
    expect(await b.next()).toMatchObject({ event: 'held', data: { state: 'held', lease: { id: second.id } } });
    await b.end();
    await nothingLeaks();
  });

  test('for what is free is one event', async () => {
    await start();
    const stream = await daemon.lease().stream('board-1');
    expect(await stream.next()).toMatchObject({ event: 'held', data: { lease: { fence: 1 } } });
    await stream.end();
    expect(stream.seen).toHaveLength(1);
    await nothingLeaks();
  });

  test('is told that what it wants is draining, that it no longer is, and is served when that is all', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const holder = daemon.lease();
    await daemon.lease().hold('board-1', { guarded: true });
    await holder.hold('board-2', { ttl: 3600 });
    const stream = await daemon.lease().stream(['board-1', 'board-2']);
    const alone = await daemon.lease().stream('board-1');
    const causes = async () => {
      const { blockers } = (await stream.nextOf('waiting')).data as WaitingJson;
      return blockers.map(({ resource, cause }) => `${resource} ${cause}`);
    };
    expect((await causes()).sort()).toEqual(['board-1 held', 'board-2 held']);
    clock.advance(30 * SECOND);
    expect((await causes()).sort()).toEqual(['board-1 draining', 'board-2 held']);
    clock.advance(2 * SECOND);
    expect(await causes()).toEqual(['board-2 held']);
    await holder.release();
    const { lease } = (await stream.nextOf('held')).data as HeldJson;
    expect(lease.resources.map(({ name }) => name)).toEqual(['board-1', 'board-2']);
    alone.close();
  });

  test('that is refused at once is a plain problem', async () => {
    await start();
    await daemon.lease().hold('board-1');
    await expect(daemon.lease().stream('board-1', { wait: 0 })).rejects.toThrow('409 application/problem+json');
    await expect(daemon.lease().stream('board-9')).rejects.toThrow('422 application/problem+json');
    await expect(daemon.lease().stream('board-1', { ttl: 0 })).rejects.toThrow('422 application/problem+json');
    await nothingLeaks();
  });

  test.each([
    ['its time ran out', { code: 'timeout', status: 408 }],
    ['it was released', { code: 'lost', status: 410, reason: 'released' }],
    ['what it wants is no more', { code: 'impossible', status: 422 }],
  ])('ends with a problem where %s', async (why, problem) => {
    const clock = new FakeClock();
    await start({ clock });
    await daemon.lease().hold('board-1', { ttl: 3600 });
    await daemon.lease().hold('board-2', { ttl: 3600 });
    const waiter = daemon.lease();
    const stream = await waiter.stream(['board-1', 'board-2'], { wait: 60 });
    await stream.next();
    if (why === 'its time ran out') clock.advance(60 * SECOND);
    else if (why === 'it was released') await waiter.release();
    else await daemon.declare(['board-1']);
    expect(await stream.nextOf('problem')).toMatchObject({ data: problem });
    await stream.end();
    await nothingLeaks();
  });

  test('is told to come back when the daemon steps down, and has its place then', async () => {
    await start();
    await daemon.lease().hold('board-1');
    const waiter = daemon.lease();
    const stream = await waiter.stream('board-1');
    await stream.next();
    await eventually('it counts', () => connectionsOf(waiter.id).then((count) => count === 1));
    daemon.stepDown();
    expect(await stream.next()).toEqual({ event: 'closing', data: { retryAfter: 1 }, id: null });
    await stream.end();
    const { queue, leases } = await daemon.engine.read(({ state }) => ({
      queue: state.queue.size,
      leases: state.leases.size,
    }));
    expect([queue, leases]).toEqual([1, 1]);
  });

  test('keeps its place while it is open, and for 30 s after', async () => {
    const clock = new FakeClock();
    await start({ clock });
    await daemon.lease().hold('board-1', { ttl: 36_000 });
    const waiter = daemon.lease();
    const stream = await waiter.stream('board-1');
    await stream.next();
    await eventually('it counts', () => connectionsOf(waiter.id).then((count) => count === 1));
    clock.advance(3600 * SECOND);
    expect(await connectionsOf(waiter.id)).toBe(1);
    stream.close();
    await eventually('it no longer counts', () => connectionsOf(waiter.id).then((count) => count === 0));
    clock.advance(29 * SECOND);
    expect(await connectionsOf(waiter.id)).toBe(0);
    clock.advance(1 * SECOND);
    await daemon.engine.read(() => null);
    expect(await connectionsOf(waiter.id)).toBe(null);
    await nothingLeaks();
  });

  test('of one id opened twice: both hear of the grant', async () => {
    await start();
    const [holder, waiter] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1');
    const [one, two] = [await waiter.stream('board-1'), await waiter.stream('board-1')];
    await eventually('both count', () => connectionsOf(waiter.id).then((count) => count === 2));
    await holder.release();
    const [a, b] = [await one.nextOf('held'), await two.nextOf('held')];
    expect(a).toEqual(b);
    await nothingLeaks();
  });

  test('whose client went while it was being asked leaves nothing behind', async () => {
    const store = new HeldStore();
    await start({ store });
    await daemon.lease().hold('board-1');
    for (const headers of [{ accept: 'text/event-stream' }, { accept: 'application/json' }] as const) {
      const waiter = daemon.lease();
      const letGo = store.hold();
      const abort = new AbortController();
      const asking = daemon.http
        .put(`${waiter.path}?block=300`, acquireJson(waiter.id, 'board-1'), { headers, signal: abort.signal })
        .catch(() => null);
      await store.reached();
      abort.abort();
      await asking;
      await eventually('the server saw it go', () => connected().then((count) => count === 0));
      letGo();
      await eventually('it waits, alone', () => connectionsOf(waiter.id).then((count) => count === 0));
      await waiter.release();
    }
    await nothingLeaks();
  });

  function connected(): Promise<number> {
    return new Promise((resolve) => daemon.server.getConnections((_, count) => resolve(count)));
  }
});

describe("a lease's own stream", () => {
  test('tells without any time going by that it was told to end, and how it ended', async () => {
    await start();
    const holder = daemon.lease();
    await holder.hold('board-1', { guarded: true });
    const stream = await holder.messages();
    await daemon.http.delete(holder.path);
    expect(await stream.next()).toMatchObject({
      event: 'message',
      data: { type: 'ending', by: 'an admin', reason: 'revoked' },
    });
    await holder.release('?ended=true');
    expect(await stream.next()).toEqual({ event: 'ended', data: { reason: 'revoked', by: 'an admin' }, id: null });
    await stream.end();
    await nothingLeaks();
  });

  test('tells of the end to come, once, also where it was near when the stream began', async () => {
    await start();
    const holder = daemon.lease();
    await holder.hold('board-1', { hold: 30 });
    const stream = await holder.messages();
    expect(await stream.next()).toMatchObject({ event: 'message', data: { type: 'expiring' } });
    await holder.renew();
    await holder.extend(40);
    await holder.release();
    expect((await stream.nextOf('ended')).data).toEqual({ reason: 'released', by: '' });
  });

  test('tells of an expiry', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const holder = daemon.lease();
    await holder.hold('board-1');
    const stream = await holder.messages();
    clock.advance(30 * SECOND);
    expect((await stream.next()).data).toEqual({ reason: 'expired', by: '' });
    await stream.end();
    await nothingLeaks();
  });

  test('of what has ended, never was, or still waits is a plain problem', async () => {
    await start();
    const [holder, waiter] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1');
    await waiter.wait('board-1');
    await expect(waiter.messages()).rejects.toThrow('404');
    await holder.release();
    await expect(holder.messages()).rejects.toThrow('410');
    await expect(daemon.lease().messages()).rejects.toThrow('404');
    await nothingLeaks();
  });

  test('closes when the daemon steps down', async () => {
    await start();
    const holder = daemon.lease();
    await holder.hold('board-1');
    const stream = await holder.messages();
    await daemon.engine.read(() => null);
    daemon.stepDown();
    expect((await stream.next()).event).toBe('closing');
    await stream.end();
  });
});

describe('the stream of events', () => {
  const events = (last?: number | string) =>
    daemon.http.stream('GET', '/api/v2/events', last === undefined ? {} : { headers: { 'last-event-id': `${last}` } });

  test('opens at once, and tells what happens from then on, numbered', async () => {
    await start();
    const stream = await events();
    const client = daemon.lease();
    await client.hold('board-1', { note: 'nightly' });
    await client.release();
    const [granted, ended] = [await stream.next(), await stream.next()];
    expect(granted).toMatchObject({ event: 'lease-granted', data: { lease: client.id, note: 'nightly' } });
    expect(granted.id).toBe(String((granted.data as EventJson).id));
    expect(ended).toMatchObject({ event: 'lease-ended', data: { lease: client.id, reason: 'released' } });
    stream.close();
    await nothingLeaks();
  });

  test('resumes after Last-Event-ID: 0 is everything, a number to come is from now on', async () => {
    await start();
    const client = daemon.lease();
    await client.hold('board-1');
    const all = await events(0);
    expect([await all.next(), await all.next(), await all.next()].map(({ id }) => id)).toEqual(['1', '2', '3']);
    const late = await events(2);
    expect((await late.next()).id).toBe('3');
    const future = await events(1_000_000);
    await client.release();
    for (const stream of [all, late, future]) {
      expect((await stream.next()).id).toBe('4');
      stream.close();
    }
    await nothingLeaks();
  });

  test.each(['x', '-1', '1.5', '1e99', ''])('refuses the Last-Event-ID "%s"', async (last) => {
    await start();
    await expect(events(last)).rejects.toThrow('400');
  });

  test('has no gap and no repetition under load, however often the subscriber comes back', async () => {
    await start({ resources: Array.from({ length: 8 }, (_, i) => description(`r${i}`)) });
    const found: number[] = [];
    let busy = true;
    const load = Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        while (busy) {
          const client = daemon.lease();
          await client.hold(`r${i}`);
          await client.release();
        }
      }),
    );
    for (let last = 0; found.length < 1500; last = found.at(-1) ?? 0) {
      const stream = await events(last);
      await stream.until(() => stream.seen.length >= 100);
      stream.close();
      found.push(...stream.seen.map(({ id }) => Number(id)));
    }
    busy = false;
    await load;
    expect(found).toEqual(found.map((_, i) => i + 1));
    await nothingLeaks();
  });

  test('lets a reader go who does not read, and whoever reads goes on', async () => {
    await start();
    const socket = await daemon.http.socket();
    socket.pause();
    socket.write('GET /api/v2/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const reader = await events();
    await eventually('both subscribe', () => daemon.engine.audience === subscribers + 2);
    // What the system itself keeps for him is some megabytes.
    let told = 2;
    for (let i = 0; i < 200 && daemon.engine.audience === subscribers + 2; i += 1) {
      const busy = Array.from({ length: 250 }, (_, k) => description(`r${i} ${k}`.padEnd(200, '.')));
      await daemon.engine.submit(declare(busy, { additive: true }), () => null);
      told += 250;
      await reader.until(() => reader.seen.at(-1)?.id === `${told}`);
    }
    expect(daemon.engine.audience).toBe(subscribers + 1);
    expect(reader.seen).toHaveLength(told - 2);
    socket.destroy();
    reader.close();
    await nothingLeaks();
  });

  test('closes when the daemon steps down', async () => {
    await start();
    const stream = await events();
    daemon.stepDown();
    await stream.end();
  });
});

test('a thousand streams that break at once leave nothing behind, and the daemon goes on', async () => {
  await start();
  const holder = daemon.lease();
  await holder.hold('board-1', { ttl: 3600 });
  const streams = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => {
      if (i % 10 === 0) return daemon.http.stream('GET', '/api/v2/events');
      if (i % 10 === 1) return holder.messages();
      return daemon.lease().stream('board-1');
    }),
  );
  await eventually('all count', () => daemon.daemon.announcer.audience === 800);
  for (const stream of streams) stream.close();
  await nothingLeaks();
  const connected = await daemon.engine.read(({ state }) =>
    [...state.queue.byId.values()].filter(({ connections }) => connections > 0),
  );
  expect(connected).toEqual([]);
  expect(jsonOf<{ waiting: unknown[] }>(await daemon.http.get('/api/v2/queue')).waiting).toHaveLength(800);
  expect((await holder.renew()).status).toBe(200);
});
