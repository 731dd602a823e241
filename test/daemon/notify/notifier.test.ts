import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseExpression } from '../../../src/core/expression.ts';
import type { Expression } from '../../../src/core/model.ts';
import type { Batch, Store } from '../../../src/core/store.ts';
import type { EventJson } from '../../../src/core/wire.ts';
import type { NoticeEvent } from '../../../src/daemon/notify/notice.ts';
import { unreachable } from '../../../src/daemon/notify/sender.ts';
import type { Target } from '../../../src/daemon/notify/target.ts';
import { MemoryStore } from '../../../src/daemon/store/memory.ts';
import { description } from '../../support/builders.ts';
import { FakeClock } from '../../support/clock.ts';
import { eventually, startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { FakeSender, memoryPositions, NOON, target } from '../../support/notify.ts';
import { FailingStore, WrappedStore } from '../../support/stores.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: FakeClock;
let sender: FakeSender;
let store: Store;
let positions: ReturnType<typeof memoryPositions>;
let daemon: TestDaemon;

async function start(targets: readonly Target[] = [target(sender)]): Promise<void> {
  const resources = [description('board-1', { tags: ['lab'] }), description('gpu-1', { tags: ['gpu'] })];
  daemon = await startDaemon({ clock, store, positions, notify: targets, resources });
}
/** It fails once after it has written, and takes its time to read the past. */
class SlowStore extends WrappedStore {
  fails = false;
  isReading = false;
  private gate: Promise<void> = Promise.resolve();

  hold(): () => void {
    let letGo = () => {};
    this.gate = new Promise((resolve) => {
      letGo = resolve;
    });
    return letGo;
  }

  override async commit(batch: Batch): Promise<void> {
    await this.inner.commit(batch);
    if (!this.fails) return;
    this.fails = false;
    throw new Error('the disk did not say');
  }

  override async eventsAfter(id: number, limit: number): Promise<EventJson[]> {
    this.isReading = true;
    await this.gate;
    return this.inner.eventsAfter(id, limit);
  }
}

/** As a crash, or a stop, and a start. */
async function restart(targets?: readonly Target[]): Promise<void> {
  await daemon.close();
  await start(targets);
}
beforeEach(async () => {
  clock = new FakeClock(NOON);
  sender = new FakeSender();
  store = new MemoryStore();
  positions = memoryPositions();
  await start();
});
afterEach(() => daemon.close());

const claim = (name: string, holder: string, more = {}) =>
  daemon.lease().put(name, { claim: { for: 7200, accept: null }, holder: { name: holder }, ...more });
const offline = (name: string) => daemon.http.post(`/api/v2/resources/${name}/offline`, { reason: 'fan' });
const online = (name: string) => daemon.http.post(`/api/v2/resources/${name}/online`, {});
const hears = (...events: (NoticeEvent | 'test')[]) =>
  eventually(`told: ${events}`, () => events.length === sender.told.length).then(() =>
    expect(sender.events).toEqual(events),
  );
/** Gives whatever might be told the time to be. */
const settled = async () => {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('people are told', () => {
  test('that a claim is theirs, and a pipeline is told nothing', async () => {
    await daemon.lease().hold('gpu-1');
    await claim('board-1', 'alice', { note: 'JTAG' });
    await hears('granted');
    expect(sender.told[0]).toMatchObject({
      person: 'alice',
      resources: ['board-1'],
      note: 'JTAG',
      until: NOON + 2 * HOUR,
    });
  });

  test('that something is offered, and when it is accepted that it is theirs', async () => {
    const holder = daemon.lease();
    await holder.hold('board-1');
    const next = daemon.lease();
    await next.put('board-1', { claim: { for: 7200, accept: 900 }, wait: null, holder: { name: 'alice' } });
    clock.advance(1000);
    await holder.release();
    await hears('offered');
    expect(sender.told[0]).toMatchObject({ person: 'alice', until: NOON + 901_000 });
    await daemon.http.ask('POST', `${next.path}/accept`, { headers: next.authorization });
    await hears('offered', 'granted');
  });

  test('that somebody asks for it, and that somebody took it', async () => {
    await claim('board-1', 'alice');
    await daemon.http.post('/api/v2/resources/board-1/ask', { note: 'five minutes', by: 'bob' });
    await claim('board-1', 'bob', { steal: 'the release' });
    await hears('granted', 'asked', 'stolen', 'granted');
    expect(sender.told[1]).toMatchObject({ person: 'alice', by: 'bob', note: 'five minutes' });
    expect(sender.told[2]).toMatchObject({ person: 'alice', by: 'bob', note: 'the release' });
  });

  test('once of what a command has to end before it passes on', async () => {
    const pipeline = daemon.lease();
    await pipeline.hold('board-1', { guarded: true, holder: { name: 'ci' } });
    await daemon.http.delete(pipeline.path);
    await hears('revoked');
    await pipeline.release('?ended=true');
    await offline('board-1');
    await hears('revoked', 'offline');
  });

  test('that something goes out of service, and that it is back', async () => {
    await offline('board-1');
    await online('board-1');
    await hears('offline', 'online');
  });

  test('that a claim ends soon: a quarter of its time before, and a quarter of an hour at most', async () => {
    await claim('board-1', 'alice', { claim: { for: 20 * 60 } });
    await claim('gpu-1', 'bob', { claim: { for: 7200 } });
    await hears('granted', 'granted');
    clock.advance(15 * MINUTE - 1);
    await settled();
    expect(sender.told).toHaveLength(2);
    clock.advance(1);
    await hears('granted', 'granted', 'expiring');
    expect(sender.told[2]).toMatchObject({ person: 'alice', until: NOON + 20 * MINUTE });
    clock.advance(90 * MINUTE);
    await hears('granted', 'granted', 'expiring', 'expiring');
    expect(sender.told[3]).toMatchObject({ person: 'bob', at: NOON + 105 * MINUTE });
  });

  test('of the new end of a claim that was extended, not of the old one', async () => {
    const lease = daemon.lease();
    await lease.put('board-1', { claim: { for: 7200 } });
    await lease.extend(4 * 3600);
    clock.advance(3 * HOUR);
    await settled();
    expect(sender.events).toEqual(['granted']);
    clock.advance(45 * MINUTE);
    await hears('granted', 'expiring');
  });

  test('nothing of an end that they moved a little while it was near', async () => {
    const lease = daemon.lease();
    await lease.put('board-1', { claim: { for: 7200 } });
    clock.advance(119 * MINUTE);
    await hears('granted', 'expiring');
    await lease.extend(600);
    await offline('gpu-1');
    await hears('granted', 'expiring', 'offline');
  });

  test('nothing of the end of what was given back', async () => {
    const lease = daemon.lease();
    await lease.put('board-1', { claim: { for: 7200 } });
    await lease.release();
    clock.advance(3 * HOUR);
    await settled();
    expect(sender.events).toEqual(['granted']);
  });

  test('that somebody has waited for too long, once', async () => {
    await daemon.lease().hold('board-1', { ttl: 86_400 });
    const waiter = daemon.lease();
    const stream = await waiter.stream('board-1', { holder: { name: 'ci' } });
    const isConnected = () => daemon.engine.read(({ state }) => state.queue.byId.get(waiter.id)?.connections === 1);
    await eventually('it waits', isConnected);
    clock.advance(HOUR - 1);
    await settled();
    expect(sender.told).toEqual([]);
    clock.advance(1);
    await hears('waiting-too-long');
    expect(sender.told[0]).toMatchObject({ person: 'ci', want: 'board-1', waited: HOUR });
    clock.advance(5 * HOUR);
    await settled();
    expect(sender.told).toHaveLength(1);
    stream.close();
  });

  test('nothing of who was served in time, or has left', async () => {
    const holder = daemon.lease();
    await holder.hold('board-1', { ttl: 86_400 });
    const [served, left] = [daemon.lease(), daemon.lease()];
    for (const lease of [served, left]) await lease.wait('board-1', { ttl: 86_400 });
    await left.release();
    await holder.release();
    clock.advance(2 * HOUR);
    await settled();
    expect(sender.told).toEqual([]);
  });
});

describe('a target', () => {
  test('hears of its events alone', async () => {
    const other = new FakeSender();
    await restart([target(sender), target(other, { name: 'other', events: new Set(['online']) })]);
    await offline('board-1');
    await online('board-1');
    await hears('offline', 'online');
    await eventually('the other has heard', () => other.told.length === 1);
    expect(other.events).toEqual(['online']);
  });

  test('hears of its resources alone, and of who waits for them', async () => {
    await restart([target(sender, { where: parseExpression('gpu || name=x-*') as Expression })]);
    await offline('board-1');
    await offline('gpu-1');
    await hears('offline');
    for (const name of ['board-1', 'gpu-1'])
      await daemon.lease().put(name, { claim: { for: 60, accept: 60 }, wait: null });
    clock.advance(HOUR);
    await hears('offline', 'waiting-too-long');
    expect(sender.told.map(({ resources, want }) => [resources, want])).toEqual([
      [['gpu-1'], ''],
      [[], 'gpu-1'],
    ]);
  });

  test('has its own idea of what is too long', async () => {
    const patient = new FakeSender();
    await restart([target(sender), target(patient, { name: 'patient', waitingAfter: 2 * HOUR })]);
    await daemon.lease().hold('board-1', { ttl: 86_400 });
    await daemon.lease().put('board-1', { claim: { for: 60, accept: 60 }, wait: null });
    clock.advance(HOUR);
    await hears('waiting-too-long');
    expect(patient.told).toEqual([]);
    clock.advance(HOUR);
    await eventually('the patient one hears', () => patient.told.length === 1);
    expect(sender.told).toHaveLength(1);
  });

  test('that hangs holds up neither another one nor the daemon', async () => {
    const hanging = new FakeSender();
    hanging.gate = new Promise(() => {});
    await restart([target(hanging, { name: 'hanging' }), target(sender)]);
    await offline('board-1');
    await hears('offline');
    expect((await online('board-1')).status).toBe(200);
    await hears('offline', 'online');
    expect(daemon.daemon.notifier.status().map(({ name, waiting }) => `${name} ${waiting}`)).toEqual([
      'hanging 2',
      'lab 0',
    ]);
  });
});

describe('a restart', () => {
  test('repeats nothing that was told', async () => {
    await offline('board-1');
    await hears('offline');
    await restart();
    await online('board-1');
    await hears('offline', 'online');
  });

  test('tells what could not be told before', async () => {
    sender.outcome = unreachable('it refused the connection');
    await offline('board-1');
    await eventually('it was tried', () => sender.tries.length > 0);
    sender.outcome = { type: 'delivered' };
    sender.gate = new Promise(() => {});
    await restart();
    sender.gate = null;
    await restart();
    await hears('offline');
  });

  test('after a crash may repeat, with the same id', async () => {
    const before = positions.saved();
    await offline('board-1');
    await hears('offline');
    await daemon.close();
    positions = memoryPositions(before);
    await start();
    await hears('offline', 'offline');
    expect(sender.told[0]?.id).toBe(sender.told[1]?.id);
  });

  test('tells what came due while nobody was there, and of that nothing twice', async () => {
    await claim('board-1', 'alice');
    await claim('gpu-1', 'bob', { claim: { for: 3600 } });
    await hears('granted', 'granted');
    clock.advance(46 * MINUTE);
    await hears('granted', 'granted', 'expiring');
    await daemon.close();
    clock.advance(64 * MINUTE);
    await start();
    await hears('granted', 'granted', 'expiring', 'expiring');
    expect(sender.told[3]).toMatchObject({ person: 'alice', at: NOON + 105 * MINUTE });
  });

  test('repeats nothing that came due', async () => {
    await claim('board-1', 'alice');
    clock.advance(106 * MINUTE);
    await hears('granted', 'expiring');
    await restart();
    await offline('gpu-1');
    await hears('granted', 'expiring', 'offline');
  });

  test('repeats nothing to one target because another has not been told', async () => {
    const slow = new FakeSender();
    slow.outcome = unreachable('it refused the connection');
    const both = [target(sender), target(slow, { name: 'slow' })];
    await restart(both);
    await offline('board-1');
    await hears('offline');
    slow.outcome = { type: 'delivered' };
    slow.gate = new Promise(() => {});
    await restart(both);
    slow.gate = null;
    await restart(both);
    await eventually('the other is told', () => slow.told.length > 0);
    await online('board-1');
    await hears('offline', 'online');
  });

  test('tells a target that is new nothing of the past', async () => {
    await offline('board-1');
    await hears('offline');
    const young = new FakeSender();
    await restart([target(sender), target(young, { name: 'young' })]);
    await online('board-1');
    await hears('offline', 'online');
    await eventually('the new one hears', () => young.told.length > 0);
    expect(young.events).toEqual(['online']);
  });

  test('with an older backup goes on from there', async () => {
    positions = memoryPositions({ lab: { event: 1_000_000, at: NOON + 100 * HOUR } });
    await restart();
    await offline('board-1');
    await hears('offline');
  });
});

test('a store that fails in between loses nothing', async () => {
  const failing = new FailingStore();
  store = failing;
  await restart();
  failing.after = 1;
  // Written, although the daemon was not told so, and neither is whoever asked.
  expect((await offline('board-1')).status).toBe(503);
  await hears('offline');
  await online('board-1');
  await hears('offline', 'online');
});

test('what happens while the past is read is told once', async () => {
  const slow = new SlowStore();
  store = slow;
  await restart();
  const read = slow.hold();
  slow.fails = true;
  expect((await offline('board-1')).status).toBe(503);
  await eventually('the past is read', () => slow.isReading);
  await online('board-1');
  read();
  await hears('offline', 'online');
  await offline('board-1');
  await hears('offline', 'online', 'offline');
});

test('without targets the engine has one listener less, and nothing is written', async () => {
  const before = daemon.engine.audience;
  positions = memoryPositions();
  await restart([]);
  expect(daemon.engine.audience).toBe(before - 1);
  await restart([]);
  expect(positions.saved()).toEqual({});
});

test('an end leaves no timer', async () => {
  await claim('board-1', 'alice');
  await hears('granted');
  await daemon.close();
  expect(clock.pending).toBe(0);
  await start();
});
