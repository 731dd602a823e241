import { afterEach, expect, test, vi } from 'vitest';
import type { WaitingJson } from '../../src/core/wire.ts';
import { Announcer } from '../../src/daemon/announcer.ts';
import { Engine } from '../../src/daemon/engine.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { acquire, declare, description, release, rules, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually } from '../support/daemon.ts';
import { FailingStore } from '../support/stores.ts';

let engine: Engine;
let announcer: Announcer;
const clock = new FakeClock();
async function start(store = new MemoryStore() as FailingStore | MemoryStore): Promise<void> {
  engine = new Engine({ store, rules: rules(), onTrouble: () => {}, start: () => clock, recovery: { pauseMs: 1 } });
  await engine.open();
  announcer = new Announcer(engine);
  await engine.submit(declare([description('a'), description('b')]), () => null);
  await engine.submit(acquire('holder', 'name:a', { ttl: 3600 * SECOND }), () => null);
}
afterEach(async () => {
  announcer.close();
  await engine.close();
});

const NOWHERE: WaitingJson = { state: 'waiting', id: '', position: 0, eta: null, blockers: [] };

/** Waits in the queue, and hears of its place. */
async function waiter(id: string, told: string[]): Promise<() => void> {
  await engine.submit(acquire(id, 'name:a'), () => null);
  return announcer.listen(id, NOWHERE, ({ position }) => told.push(`${id} ${position}`));
}

test('everybody whose place changes hears of it, and nobody else', async () => {
  await start();
  const told: string[] = [];
  for (const id of ['one', 'two', 'three']) await waiter(id, told);
  await engine.submit(acquire('elsewhere', 'name:b'), () => null);
  await eventually('all know their place', () => told.length === 3);
  told.length = 0;
  await engine.submit(release('two'), () => null);
  await eventually('one has moved up', () => told.length > 0);
  expect(told).toEqual(['three 2']);
});

test('many changes in a short time are told once', async () => {
  await start();
  const told: string[] = [];
  await waiter('last', told);
  // No time passes between them, however long they take.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    for (let i = 0; i < 50; i += 1) {
      await engine.submit(acquire(`${i}`, 'name:a', { priority: 1 }), () => null);
    }
    await vi.advanceTimersByTimeAsync(99);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
  } finally {
    vi.useRealTimers();
  }
  await eventually('it knows', () => told.length > 0);
  expect(told).toEqual(['last 51']);
});

test('whoever no longer listens hears nothing, and an old one does not silence a new one', async () => {
  await start();
  const [old, young]: [string[], string[]] = [[], []];
  const stop = await waiter('one', old);
  announcer.listen('one', NOWHERE, ({ position }) => young.push(`${position}`));
  stop();
  await engine.submit(acquire('first', 'name:a', { priority: 1 }), () => null);
  await eventually('the new one hears', () => young.at(-1) === '2');
  expect(old).toEqual([]);
});

test('a store that fails in between does not end the news', async () => {
  const store = new FailingStore();
  await start(store);
  const told: string[] = [];
  await waiter('one', told);
  store.before = 1;
  await engine.submit(acquire('x', 'name:a', { priority: 1 }), () => null).catch(() => null);
  await engine.submit(acquire('x', 'name:a', { priority: 1 }), () => null);
  await eventually('it knows', () => told.at(-1) === 'one 2');
});

test('closing leaves nobody and no timer', async () => {
  await start();
  const told: string[] = [];
  await waiter('one', told);
  announcer.close();
  expect(announcer.audience).toBe(0);
  expect(engine.audience).toBe(0);
});
