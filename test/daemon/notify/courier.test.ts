import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog } from '../../../src/daemon/log.ts';
import { Courier, MOST_QUEUED } from '../../../src/daemon/notify/courier.ts';
import { type Outcome, unreachable } from '../../../src/daemon/notify/sender.ts';
import { FakeClock } from '../../support/clock.ts';
import { eventually } from '../../support/daemon.ts';
import { FakeSender, NOON, notice } from '../../support/notify.ts';

const MINUTE = 60_000;
const DOWN: Outcome = unreachable('it refused the connection');

let clock: FakeClock;
let sender: FakeSender;
let courier: Courier;
let lines: string[];
beforeEach(() => {
  clock = new FakeClock(NOON);
  sender = new FakeSender();
  lines = [];
  const log = createLog({ format: 'text', level: 'info', now: () => clock.now(), write: (line) => lines.push(line) });
  courier = new Courier('lab', sender, {
    now: () => clock.now(),
    wakeAt: (at, wake) => clock.wakeAt(at, wake),
    log,
    onProgress: () => {},
  });
});
afterEach(() => courier.close(0));

const give = (...ids: string[]) => {
  for (const id of ids) courier.give(notice({ id }));
};
const told = () => sender.told.map(({ id }) => id);
const waits = () => eventually('it pauses before the next try', () => clock.pending === 1);
const done = () => eventually('nothing is left', () => courier.waiting.length === 0);

test('notices are told one after the other, in their order', async () => {
  give('1', '2', '3');
  await done();
  expect(told()).toEqual(['1', '2', '3']);
  expect(courier.status()).toMatchObject({ name: 'lab', state: 'working', delivered: 3, waiting: 0, dropped: 0 });
});

test('the first try is not made in the turn that gave it', () => {
  give('1');
  expect(sender.tries).toEqual([]);
});

test('who takes several at once gets what waits, and no more than it takes', async () => {
  sender.most = 2;
  give('1', '2', '3');
  await done();
  expect(sender.tries.map((batch) => batch.map(({ id }) => id))).toEqual([['1', '2'], ['3']]);
});

describe('one that cannot be reached', () => {
  beforeEach(async () => {
    sender.outcome = DOWN;
    give('1', '2');
    await waits();
  });

  test('is tried again after pauses that double, up to five minutes', async () => {
    const pauses: number[] = [];
    for (let tries = 2; tries < 13; tries += 1) {
      const before = clock.now();
      while (sender.tries.length < tries) {
        clock.advance(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      pauses.push((clock.now() - before) / 1000);
      await waits();
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  test('gets everything, in order, once it can be', async () => {
    sender.outcome = { type: 'delivered' };
    clock.advance(MINUTE);
    await done();
    expect(told()).toEqual(['1', '2']);
    expect(courier.status()).toMatchObject({ state: 'working', problem: null, failingSince: null, delivered: 2 });
  });

  test('is tried again soon when it fails another time', async () => {
    for (let tries = 2; tries < 5; tries += 1) {
      clock.advance(5 * MINUTE);
      await eventually('it was tried', () => sender.tries.length === tries);
      await waits();
    }
    sender.outcome = { type: 'delivered' };
    clock.advance(5 * MINUTE);
    await done();
    sender.outcome = DOWN;
    const before = sender.tries.length;
    give('3');
    await eventually('it was tried', () => sender.tries.length === before + 1);
    await waits();
    clock.advance(1000);
    await eventually('it was tried again', () => sender.tries.length === before + 2);
  });

  test('is shown as failing, and told of in the log when it begins and when it ends', async () => {
    expect(courier.status()).toMatchObject({
      state: 'failing',
      problem: 'it refused the connection',
      failingSince: new Date(NOON).toISOString(),
      waiting: 2,
    });
    for (let tries = 2; tries < 6; tries += 1) {
      clock.advance(5 * MINUTE);
      await eventually('it was tried', () => sender.tries.length === tries);
      await waits();
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/warn {2}a notification target fails target=lab host=receiver.example reason="it refused/);
    sender.outcome = { type: 'delivered' };
    clock.advance(5 * MINUTE);
    await done();
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('a notification target works again');
  });

  test('is spared what is worth nothing any more', async () => {
    courier.give(notice({ id: '3', staleAt: NOON + MINUTE }));
    sender.outcome = { type: 'delivered' };
    clock.advance(2 * MINUTE);
    await done();
    expect(told()).toEqual(['1', '2']);
    expect(courier.status()).toMatchObject({ delivered: 2, dropped: 1 });
  });

  test('gives up after a day', async () => {
    clock.advance(25 * 60 * MINUTE);
    await done();
    expect(courier.status()).toMatchObject({ state: 'failing', waiting: 0, dropped: 2 });
  });

  test('keeps a bounded number, the newest', async () => {
    for (let id = 3; id <= MOST_QUEUED + 5; id += 1) give(`${id}`);
    expect(courier.waiting).toHaveLength(MOST_QUEUED);
    expect(courier.waiting[0]?.id).toBe('6');
    expect(courier.status().dropped).toBe(5);
  });

  test('is tried at once when a test of it has succeeded', async () => {
    sender.outcome = { type: 'delivered' };
    expect(await courier.test(notice({ id: 'test' }))).toEqual({ type: 'delivered' });
    await done();
    expect(told()).toEqual(['test', '1', '2']);
  });

  test('is tried once more when the daemon stops, and then left', async () => {
    await courier.close(MINUTE);
    expect(sender.tries).toHaveLength(2);
    expect(courier.waiting).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });
});

test('who says when is not asked before, but at least every five minutes', async () => {
  sender.outcome = unreachable('it answered 429', 10_000);
  give('1');
  await waits();
  clock.advance(9999);
  expect(sender.tries).toHaveLength(1);
  sender.outcome = unreachable('it answered 429', 3_600_000);
  clock.advance(1);
  await eventually('it was tried', () => sender.tries.length === 2);
  await waits();
  clock.advance(5 * MINUTE);
  await eventually('it was tried', () => sender.tries.length === 3);
});

test('what is refused is not tried again, and holds up nothing', async () => {
  sender.outcome = { type: 'refused', why: 'it answered 404' };
  give('1');
  await done();
  expect(courier.status()).toMatchObject({ state: 'failing', problem: 'it answered 404', dropped: 1 });
  sender.outcome = { type: 'delivered' };
  give('2');
  await done();
  expect(told()).toEqual(['2']);
  expect(courier.status()).toMatchObject({ state: 'working', dropped: 1, delivered: 1 });
});

test('what comes while one is on its way comes after it', async () => {
  let open = () => {};
  sender.gate = new Promise((resolve) => {
    open = resolve;
  });
  give('1');
  await eventually('it is on its way', () => sender.tries.length === 1);
  give('2');
  open();
  await done();
  expect(told()).toEqual(['1', '2']);
});

test('a receiver that hangs holds up the end of the daemon for the grace alone', async () => {
  sender.gate = new Promise(() => {});
  give('1');
  await eventually('it is on its way', () => sender.tries.length === 1);
  await courier.close(1);
  expect(courier.waiting).toHaveLength(1);
  expect(courier.status().state).toBe('working');
});

test('nothing is taken after the end', async () => {
  await courier.close(0);
  give('1');
  expect(courier.waiting).toEqual([]);
});
