import { afterEach, describe, expect, test } from 'vitest';
import type { HeldJson, HistoryJson, QueueJson, RenewedJson } from '../../../src/core/wire.ts';
import { SECOND } from '../../support/builders.ts';
import { acquireJson, type LeaseClient } from '../../support/builders-daemon.ts';
import { FakeClock } from '../../support/clock.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf, problemOf } from '../../support/http.ts';

let daemon: TestDaemon;
let clock: FakeClock;
async function start(): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock });
}
afterEach(() => daemon.close());

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * SECOND);
  await daemon.engine.read(() => null);
}

async function claim(more: Parameters<typeof acquireJson>[2] = {}): Promise<LeaseClient> {
  const lease = daemon.lease();
  await daemon.http.put(lease.path, acquireJson(lease.id, 'board-1', { claim: { for: 3600 }, ...more }));
  return lease;
}

async function statusOf(lease: LeaseClient): Promise<number> {
  return (await daemon.http.get(lease.path)).status;
}

describe('a claim', () => {
  test('is held for its time by nobody in particular, over a restart', async () => {
    await start();
    const lease = await claim();
    const held = jsonOf<HeldJson>(await daemon.http.get(lease.path));
    expect(held.lease).toMatchObject({ claim: true, until: new Date(clock.now() + 3600 * SECOND).toISOString() });
    await pass(3599);
    expect(await statusOf(lease)).toBe(200);
    await pass(1);
    expect(await statusOf(lease)).toBe(410);
  });

  test('waits without a client, is offered, and passes on', async () => {
    await start();
    const holder = await claim({ claim: { for: 600 } });
    const [first, second] = [await claim({ claim: { for: 3600, accept: 60 } }), await claim()];
    await pass(599);
    expect(jsonOf<QueueJson>(await daemon.http.get('/api/v2/queue')).waiting).toMatchObject([
      { id: first.id, claim: true, steals: false },
      { id: second.id, claim: true },
    ]);
    await pass(1);
    expect(await statusOf(holder)).toBe(410);
    const { lease } = jsonOf<HeldJson>(await daemon.http.get(first.path));
    expect(lease.offeredUntil).toBe(new Date(clock.now() + 60 * SECOND).toISOString());
    await pass(60);
    expect([await statusOf(first), await statusOf(second)]).toEqual([410, 200]);
  });

  test('is accepted once, for the whole time', async () => {
    await start();
    const lease = await claim({ claim: { for: 3600, accept: 60 } });
    await pass(59);
    const until = new Date(clock.now() + 3600 * SECOND).toISOString();
    for (let i = 0; i < 2; i += 1) {
      const accepted = jsonOf<RenewedJson>(await daemon.http.post(`${lease.path}/accept`, {}));
      expect(accepted.lease.until).toBe(until);
      expect(accepted.lease.offeredUntil).toBeUndefined();
    }
    const { events } = jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history'));
    expect(events.map(({ type }) => type).slice(0, 2)).toEqual(['lease-accepted', 'lease-granted']);
    expect(events[1]).toMatchObject({ offered: true });
  });
});

describe('asking and taking over', () => {
  test('the holder hears who asks, on the stream of the lease', async () => {
    await start();
    const lease = daemon.lease();
    await lease.hold('board-1', { guarded: true });
    const stream = await lease.messages();
    const asked = await daemon.http.post('/api/v2/resources/board-1/ask', { by: 'bob', note: 'five minutes?' });
    expect(jsonOf(asked)).toEqual({ asked: 1 });
    const message = await stream.nextOf('message');
    expect(message.data).toMatchObject({ type: 'asked', by: 'bob', reason: 'five minutes?' });
    stream.close();
  });

  test('a thief waits for the command to end, and not for the queue', async () => {
    await start();
    const holder = daemon.lease();
    await holder.hold('board-1', { guarded: true });
    const stream = await holder.messages();
    const [waiter, thief] = [await claim(), daemon.lease()];
    const steal = { claim: { for: 60 }, steal: 'a demo', holder: { name: 'bob' } };
    expect((await daemon.http.put(thief.path, acquireJson(thief.id, 'board-1', steal))).status).toBe(202);
    const told = await stream.nextOf('message');
    expect(told.data).toMatchObject({ type: 'ending', by: 'bob', reason: 'stolen: a demo' });
    const again = daemon.lease();
    const second = await daemon.http.put(again.path, acquireJson(again.id, 'board-1', steal));
    expect([second.status, problemOf(second).detail]).toEqual([409, 'bob is taking it over already: a demo']);
    await holder.release('?ended=true');
    expect([await statusOf(thief), jsonOf<HeldJson>(await daemon.http.get(waiter.path)).state]).toEqual([
      200,
      'waiting',
    ]);
    stream.close();
  });

  test('what goes with a theft is said', async () => {
    await start();
    const lease = daemon.lease();
    const put = async (more: object) => {
      const answer = await daemon.http.put(lease.path, acquireJson(lease.id, 'board-1', more));
      return [answer.status, problemOf(answer).detail];
    };
    expect(await put({ steal: 'x' })).toEqual([422, 'only a claim can steal']);
    expect(await put({ claim: { for: 60 }, guarded: true })).toEqual([422, 'a claim has no command behind it']);
    expect((await put({ claim: { for: 0 } }))[0]).toBe(422);
    expect((await put({ claim: { for: 60, accept: 'x' } }))[0]).toBe(422);
  });
});
