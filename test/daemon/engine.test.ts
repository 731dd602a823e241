import { afterEach, describe, expect, test } from 'vitest';
import { type ErrorCode, RentabotError } from '../../src/core/error.ts';
import type { Millis } from '../../src/core/model.ts';
import type { Store } from '../../src/core/store.ts';
import { Engine, type EngineOptions } from '../../src/daemon/engine.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { acquire, declare, description, release, renew, rules, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually } from '../support/daemon.ts';
import { FailingStore, HeldStore } from '../support/stores.ts';

let engine: Engine;
const troubles: string[] = [];
async function start(store: Store, more: Partial<EngineOptions> = {}): Promise<Engine> {
  troubles.length = 0;
  engine = new Engine({
    store,
    rules: rules(),
    onTrouble: (message) => troubles.push(message),
    recovery: { attempts: 3, pauseMs: 1 },
    ...more,
  });
  await engine.open();
  await engine.submit(declare([description('a'), description('b')]), () => null);
  return engine;
}
afterEach(() => engine.close());

/** How an id stands, as a client would hear it. */
function standing(id: string): Promise<string> {
  return engine.read(({ state }) => {
    if (state.leases.has(id)) return 'held';
    return state.queue.byId.has(id) ? 'waiting' : state.ended.has(id) ? 'ended' : 'unknown';
  });
}

/** The code of the refusal that a promise is rejected with. */
async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'answered'> {
  try {
    await promise;
    return 'answered';
  } catch (error) {
    if (error instanceof RentabotError) return error.refusal.code;
    throw error;
  }
}

/** Whether it has been settled by now, however often the loop turns. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = () => {
    pending = false;
  };
  void promise.then(settled, settled);
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
  return pending;
}

describe('a turn', () => {
  test('is not answered, read, told or watched before it is durable', async () => {
    const store = new HeldStore();
    await start(store);
    const heard: string[] = [];
    engine.subscribe(({ told }) => heard.push(...told.map(({ type }) => type)));
    engine.watch('one', () => heard.push('fate of one'));
    const letGo = store.hold();
    const answered = engine.submit(acquire('one', 'name:a'), ({ state }) => state.leases.size);
    await store.reached();
    const read = engine.read(({ state }) => state.leases.size);
    expect(await isPending(answered)).toBe(true);
    expect(await isPending(read)).toBe(true);
    expect(heard).toEqual([]);
    letGo();
    expect(await answered).toBe(1);
    expect(await read).toBe(1);
    expect(heard).toEqual(['fate of one', 'lease-granted']);
  });

  test('takes all that came while the one before was written, in the order it came, in one commit', async () => {
    const store = new HeldStore();
    await start(store);
    const letGo = store.hold();
    const first = engine.submit(acquire('one', 'name:a'), () => 'one');
    await store.reached();
    const before = store.batches.length;
    const rest = [
      engine.submit(acquire('two', 'name:b'), ({ state }) => [...state.leases.keys()]),
      engine.read(({ state }) => [...state.leases.keys()]),
      engine.submit(acquire('three', 'name:b'), ({ state }) => [...state.queue.byId.keys()]),
      engine.submit(release('two'), ({ state }) => [...state.leases.keys()]),
    ];
    letGo();
    await first;
    const answers = await Promise.all(rest);
    expect(store.batches.length).toBe(before + 1);
    // Each is answered from what the whole turn came to.
    expect(answers).toEqual([['one', 'three'], ['one', 'three'], [], ['one', 'three']]);
    expect(engine.figures.largestBatch).toBe(3);
  });

  test('of renewals that are asked in one breath is one', async () => {
    await start(new HeldStore());
    await engine.submit(acquire('one', 'name:a'), () => null);
    await new Promise((resolve) => setImmediate(resolve));
    const { turns } = engine.figures;
    await Promise.all([1, 2, 3].map(() => engine.submit(renew('one'), () => null)));
    expect(engine.figures.turns).toBe(turns + 1);
  });

  test('of a renewal waits for no company, but for all that came before it', async () => {
    const store = new HeldStore();
    await start(store);
    await engine.submit(acquire('one', 'name:a'), () => null);
    // An answer is given before its turn is quite over.
    await new Promise((resolve) => setImmediate(resolve));
    const answered: string[] = [];
    const ask = (what: string) => engine.submit(renew('one'), () => answered.push(what));
    const alone = engine.submit(renew('one'), () => {
      // Asked by somebody who hears of this turn, it is for another.
      void ask('within');
      answered.push('alone');
    });
    let waited = false;
    setImmediate(() => {
      waited = true;
    });
    await alone;
    expect([answered, waited]).toEqual([['alone'], false]);
    await eventually('the other had its turn', () => answered.length === 2);
    const letGo = store.hold();
    const before = engine.submit(acquire('two', 'name:b'), () => answered.push('before'));
    const joined = ask('joined');
    await store.reached();
    const after = ask('after');
    expect(await isPending(joined)).toBe(true);
    expect(await isPending(after)).toBe(true);
    letGo();
    await Promise.all([before, joined, after]);
    expect(answered).toEqual(['alone', 'within', 'before', 'joined', 'after']);
  });

  test('of more than a thousand commands is several', async () => {
    const store = new HeldStore();
    await start(store);
    const all = Array.from({ length: 2500 }, (_, i) => engine.submit(acquire(`${i}`, 'name:a'), () => i));
    await Promise.all(all);
    expect(engine.figures.largestBatch).toBeLessThanOrEqual(1024);
    expect(store.batches.length).toBe(4);
  });

  test('in which nothing happened is not written', async () => {
    const store = new HeldStore();
    await start(store);
    await engine.submit(acquire('one', 'name:a'), () => null);
    const before = store.batches.length;
    await engine.submit(renew('one'), () => null);
    await engine.submit(acquire('two', 'name:z'), () => null);
    await engine.read(() => null);
    expect(store.batches.length).toBe(before);
  });

  test('whose answer throws rejects that caller alone', async () => {
    await start(new MemoryStore());
    const bad = engine.read(() => {
      throw new TypeError('clumsy');
    });
    const good = engine.submit(acquire('one', 'name:a'), () => 'fine');
    await expect(bad).rejects.toThrow('clumsy');
    expect(await good).toBe('fine');
    expect(engine.figures.commitFailures).toBe(0);
  });

  test('is heard of by all subscribers and watchers, though one of them throws', async () => {
    await start(new MemoryStore());
    const heard: string[] = [];
    engine.subscribe(() => {
      throw new Error('deaf');
    });
    engine.watch('one', () => {
      throw new Error('blind');
    });
    engine.watch('one', () => heard.push('watcher'));
    engine.subscribe(() => heard.push('subscriber'));
    await engine.submit(acquire('one', 'name:a'), () => null);
    expect(await standing('one')).toBe('held');
    expect(heard).toEqual(['watcher', 'subscriber']);
    expect(engine.figures.commitFailures).toBe(0);
    expect(troubles).toHaveLength(2);
  });

  test('that is more than can be asked is refused', async () => {
    const store = new HeldStore();
    await start(store);
    const letGo = store.hold();
    const first = engine.submit(acquire('one', 'name:a'), () => null);
    await store.reached();
    const reads = Array.from({ length: 50_000 }, () => engine.read(() => null));
    expect(await codeOf(engine.read(() => null))).toBe('unavailable');
    letGo();
    await first;
    await Promise.all(reads);
    expect(await standing('one')).toBe('held');
  });
});

describe('a commit that fails', () => {
  test('refuses all of its batch, and leaves the world as it was', async () => {
    const store = new FailingStore();
    await start(store);
    await engine.submit(acquire('one', 'name:a'), () => null);
    store.before = 1;
    const batch = [
      engine.submit(acquire('two', 'name:b'), () => null),
      engine.submit(release('one'), () => null),
      engine.read(() => null),
    ];
    expect(await Promise.all(batch.map(codeOf))).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(await standing('one')).toBe('held');
    expect(await standing('two')).toBe('unknown');
    expect(engine.isOpen).toBe(true);
    expect(troubles).toHaveLength(1);
  });

  test('though it was written is found to be written: the repeated request gets what it had', async () => {
    const store = new FailingStore();
    await start(store);
    store.after = 1;
    expect(await codeOf(engine.submit(acquire('one', 'name:a'), () => null))).toBe('unavailable');
    const fence = await engine.submit(acquire('one', 'name:a'), ({ state }) => state.leases.get('one')?.lease.fence);
    expect(fence).toBe(1);
    expect(await engine.read(({ state }) => state.counters.fence)).toBe(1);
  });

  test('wakes whoever watches, so that nobody waits for what was lost', async () => {
    const store = new FailingStore();
    await start(store);
    let woken = 0;
    engine.watch('somebody', () => {
      woken += 1;
    });
    store.before = 1;
    await codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    await engine.read(() => null);
    expect(woken).toBe(1);
  });

  test('lets what came meanwhile have its turn once the store is back', async () => {
    const store = new FailingStore();
    await start(store);
    store.before = 1;
    const failing = codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    await eventually('it recovers', () => !engine.isOpen || store.before === 0);
    expect(await codeOf(engine.submit(acquire('two', 'name:b'), () => null))).toBe('answered');
    expect(await failing).toBe('unavailable');
  });

  test('is tried to be mended a few times, refusing what comes meanwhile, and then the engine is dead and says so once', async () => {
    const store = new FailingStore();
    await start(store);
    let deaths = 0;
    engine.onDeath = () => {
      deaths += 1;
    };
    store.before = 1;
    store.opens = 1000;
    expect(await codeOf(engine.submit(acquire('one', 'name:a'), () => null))).toBe('unavailable');
    await eventually('it gives up', () => deaths === 1);
    expect(engine.isOpen).toBe(false);
    expect(store.opened).toBe(1 + 3);
    expect(await codeOf(engine.read(() => null))).toBe('unavailable');
    expect(deaths).toBe(1);
  });

  test('is mended at a later attempt', async () => {
    const store = new FailingStore();
    await start(store);
    store.before = 1;
    store.opens = 2;
    await codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    await eventually('it is open', () => engine.isOpen);
    expect(await codeOf(engine.submit(acquire('one', 'name:a'), () => null))).toBe('answered');
  });

  test('does not bring an engine back that is closed meanwhile', async () => {
    const store = new FailingStore();
    await start(store, { recovery: { attempts: 1000, pauseMs: 1 } });
    store.before = 1;
    store.opens = 1_000_000;
    await codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    await eventually('it tries', () => store.opened > 3);
    await engine.close();
    store.opens = 0;
    const opened = store.opened;
    expect(engine.isOpen).toBe(false);
    expect(await codeOf(engine.read(() => null))).toBe('unavailable');
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.opened).toBe(opened);
  });

  test('tells subscribers that they may have missed something', async () => {
    const store = new FailingStore();
    await start(store);
    let missed = 0;
    engine.subscribe(
      () => {},
      () => {
        missed += 1;
      },
    );
    store.after = 1;
    await codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    await engine.read(() => null);
    expect(missed).toBe(1);
  });
});

describe('closing', () => {
  test('finishes the turn under way, refuses what waits for the next, and lets go of the store', async () => {
    const inner = new FailingStore();
    const store = new HeldStore(inner);
    await start(store);
    const letGo = store.hold();
    const under = engine.submit(acquire('one', 'name:a'), () => 'answered');
    await store.reached();
    const next = codeOf(engine.submit(acquire('two', 'name:b'), () => null));
    const closing = engine.close();
    const late = codeOf(engine.read(() => null));
    expect(inner.closed).toBe(0);
    letGo();
    expect(await under).toBe('answered');
    await closing;
    expect([await next, await late]).toEqual(['unavailable', 'unavailable']);
    expect(inner.closed).toBe(1);
  });

  test('leaves no timer', async () => {
    const clock = new FakeClock();
    await start(new MemoryStore(), { start: () => clock });
    await engine.submit(acquire('one', 'name:a'), () => null);
    expect(clock.pending).toBe(1);
    await engine.close();
    expect(clock.pending).toBe(0);
  });
});

describe('time', () => {
  test('ends leases and waits by itself, at their moment and not before', async () => {
    const clock = new FakeClock();
    await start(new MemoryStore(), { start: () => clock });
    await engine.submit(acquire('one', 'name:a', { ttl: 10 * SECOND }), () => null);
    await engine.submit(acquire('two', 'name:a', { ttl: 10 * SECOND }), () => null);
    const types: string[] = [];
    engine.subscribe(({ told }) => types.push(...told.map(({ type }) => type)));
    clock.advance(10 * SECOND - 1);
    expect(await isPending(new Promise<void>((resolve) => engine.subscribe(() => resolve())))).toBe(true);
    const report = new Promise<void>((resolve) => engine.subscribe(() => resolve()));
    clock.advance(1);
    await report;
    expect(types).toEqual(['lease-ended', 'lease-granted']);
    expect(clock.pending).toBe(1);
  });

  test('takes no turn for a deadline that was moved on, and keeps the one it was moved to', async () => {
    const clock = new FakeClock();
    await start(new MemoryStore(), { start: () => clock });
    await engine.submit(acquire('one', 'name:a', { ttl: 10 * SECOND }), () => null);
    clock.advance(5 * SECOND);
    await engine.submit(renew('one'), () => null);
    const { turns } = engine.figures;
    clock.advance(10 * SECOND - 1);
    expect(await isPending(new Promise<void>((resolve) => engine.subscribe(() => resolve())))).toBe(true);
    expect(engine.figures.turns).toBe(turns);
    const ended = new Promise<void>((resolve) => engine.watch('one', resolve));
    clock.advance(1);
    await ended;
    expect(await standing('one')).toBe('ended');
  });

  test('ends a drain by itself, and the queue is served at once, also after a restart', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore();
    await start(store, { start: () => clock });
    await engine.submit(acquire('one', 'name:a', { guarded: true, ttl: 10 * SECOND }), () => null);
    await engine.submit(acquire('two', 'name:a', { ttl: 60 * SECOND }), () => null);
    const ended = new Promise<void>((resolve) => engine.watch('one', resolve));
    clock.advance(10 * SECOND);
    await ended;
    expect([await standing('one'), await standing('two')]).toEqual(['ended', 'waiting']);
    await engine.close();
    clock.advance(SECOND);
    await start(store, { start: () => clock });
    expect(await standing('two')).toBe('waiting');
    const served = new Promise<void>((resolve) => engine.watch('two', resolve));
    clock.advance(SECOND);
    await served;
    expect(await standing('two')).toBe('held');
  });

  test('that comes while a turn is being written is not lost', async () => {
    const clock = new FakeClock();
    const store = new HeldStore();
    await start(store, { start: () => clock });
    await engine.submit(acquire('one', 'name:a', { ttl: 10 * SECOND }), () => null);
    const letGo = store.hold();
    const under = engine.submit(acquire('two', 'name:b', { ttl: 60 * SECOND }), () => null);
    await store.reached();
    clock.advance(20 * SECOND);
    const ended = new Promise<string>((resolve) =>
      engine.subscribe(({ told }) => told.some(({ type }) => type === 'lease-ended') && resolve('ended')),
    );
    letGo();
    await under;
    // The clock of a test wakes nobody who comes late: what is due already is due at once.
    clock.advance(0);
    expect(await ended).toBe('ended');
  });

  test('is set again after the store failed', async () => {
    const clock = new FakeClock();
    const store = new FailingStore();
    await start(store, { start: () => clock });
    await engine.submit(acquire('one', 'name:a', { ttl: 10 * SECOND }), () => null);
    store.before = 1;
    await codeOf(engine.submit(acquire('two', 'name:b'), () => null));
    expect(await standing('one')).toBe('held');
    clock.advance(10 * SECOND);
    await eventually('it ends by itself', async () => (await standing('one')) === 'ended');
  });

  test('never starts before what the store knows: a wall clock set back frees and freezes nothing', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    await start(store, { start: () => clock });
    clock.advance(3_600_000);
    await engine.submit(acquire('one', 'name:a'), () => null);
    const then = clock.now();
    await engine.close();
    const begun: Millis[] = [];
    engine = new Engine({
      store,
      rules: rules(),
      onTrouble: () => {},
      start: (notBefore) => {
        begun.push(notBefore);
        return new FakeClock(notBefore);
      },
    });
    await engine.open();
    expect(begun).toEqual([then]);
    expect(await standing('one')).toBe('held');
    expect(await engine.read(({ state }) => state.leases.get('one')?.lease.expiresAt)).toBe(then + 30 * SECOND);
  });

  test('runs on when the store is opened again', async () => {
    const clock = new FakeClock();
    const store = new FailingStore();
    let starts = 0;
    await start(store, {
      start: () => {
        starts += 1;
        return clock;
      },
    });
    store.before = 1;
    clock.advance(5000);
    await codeOf(engine.submit(acquire('one', 'name:a'), () => null));
    expect(await engine.read(({ now }) => now)).toBe(clock.now());
    expect(starts).toBe(1);
  });
});

test('an engine whose store cannot be had says who has it, and is not open', async () => {
  const store = new FailingStore();
  await start(store);
  const failing = new FailingStore();
  failing.opens = 1;
  const second = new Engine({ store: failing, rules: rules(), onTrouble: () => {} });
  await expect(second.open()).rejects.toThrow('the disk is gone');
  expect(second.isOpen).toBe(false);
  expect(await codeOf(second.read(() => null))).toBe('unavailable');
  await second.close();
});
