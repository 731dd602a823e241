import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startClock, type TimeSources } from '../../src/daemon/clock.ts';
import { makeIds } from '../../src/daemon/ids.ts';
import { FakeClock } from '../support/clock.ts';

/** A machine whose two clocks the test moves. */
function machine(wall: number) {
  const time = { wall, monotonic: 123.456 };
  const sources: TimeSources = { wall: () => time.wall, monotonic: () => time.monotonic };
  return { time, sources };
}

describe('the daemon clock', () => {
  test('starts at the wall clock and runs by the monotonic one', () => {
    const { time, sources } = machine(1_000_000);
    const clock = startClock(0, sources);
    expect(clock.now()).toBe(1_000_000);
    time.monotonic += 1500.7;
    expect(clock.now()).toBe(1_001_500);
  });

  test('does not hear of the wall clock being set, but can tell', () => {
    const { time, sources } = machine(1_000_000);
    const clock = startClock(0, sources);
    time.wall += 3_600_000;
    expect([clock.now(), clock.drift()]).toEqual([1_000_000, 3_600_000]);
    time.wall -= 7_200_000;
    expect([clock.now(), clock.drift()]).toEqual([1_000_000, -3_600_000]);
  });

  test('never starts before a time that was stored', () => {
    const { time, sources } = machine(1_000_000);
    const clock = startClock(2_000_000.5, sources);
    expect(clock.now()).toBe(2_000_001);
    time.monotonic += 10;
    expect(clock.now()).toBe(2_000_011);
  });

  test('never goes back, even if the monotonic clock of the machine does', () => {
    const { time, sources } = machine(1_000_000);
    const clock = startClock(0, sources);
    time.monotonic += 100;
    expect(clock.now()).toBe(1_000_100);
    time.monotonic -= 50;
    expect(clock.now()).toBe(1_000_100);
  });

  test('of the machine gives whole milliseconds of today', () => {
    const clock = startClock();
    expect(Number.isInteger(clock.now())).toBe(true);
    expect(Math.abs(clock.drift())).toBeLessThan(1000);
  });
});

describe('a wake-up', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('comes when it is time, and not before, although timers may fire early', () => {
    const { time, sources } = machine(1_000_000);
    const clock = startClock(0, sources);
    const wake = vi.fn();
    clock.wakeAt(1_000_100, wake);
    time.monotonic += 99.9;
    vi.advanceTimersByTime(100);
    expect(wake).not.toHaveBeenCalled();
    time.monotonic += 1;
    vi.advanceTimersByTime(1);
    expect(wake).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('can be further away than timers can count', () => {
    const { time, sources } = machine(0);
    const clock = startClock(0, sources);
    const wake = vi.fn();
    const days = 60 * 86_400_000;
    clock.wakeAt(days, wake);
    vi.advanceTimersByTime(2 ** 31);
    expect(wake).not.toHaveBeenCalled();
    time.monotonic += days;
    vi.advanceTimersByTime(2 ** 31);
    expect(wake).toHaveBeenCalledTimes(1);
  });

  test('in the past comes at once, but not before the caller is done', () => {
    const clock = startClock(0, machine(1_000_000).sources);
    const wake = vi.fn();
    clock.wakeAt(5, wake);
    expect(wake).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(wake).toHaveBeenCalledTimes(1);
  });

  test('that was cancelled never comes', () => {
    const clock = startClock(0, machine(1_000_000).sources);
    const wake = vi.fn();
    clock.wakeAt(1_000_010, wake)();
    vi.advanceTimersByTime(1000);
    expect(wake).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('the clock of tests wakes each at its moment, in order, also those that are set on the way', () => {
  const clock = new FakeClock(0);
  const woken: [string, number][] = [];
  clock.wakeAt(20, () => woken.push(['second', clock.now()]));
  clock.wakeAt(10, () => {
    woken.push(['first', clock.now()]);
    clock.wakeAt(15, () => woken.push(['between', clock.now()]));
  });
  clock.wakeAt(30, () => woken.push(['cancelled', clock.now()]))();
  clock.wakeAt(99, () => woken.push(['later', clock.now()]));
  clock.advance(50);
  expect(woken).toEqual([
    ['first', 10],
    ['between', 15],
    ['second', 20],
  ]);
  expect([clock.now(), clock.pending]).toEqual([50, 1]);
});

describe('ids', () => {
  test('sort by time, and have 26 characters of the alphabet', () => {
    const ids = makeIds();
    const sorted = [0, 1, 31, 32, 1_700_000_000_000, 2 ** 48 - 1].map((now) => ids.id(now));
    expect([...sorted].sort()).toEqual(sorted);
    for (const id of sorted) expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
  });

  test('spell the time as the ULID specification does', () => {
    const ids = makeIds((count) => new Uint8Array(count).fill(255));
    expect(ids.id(1_469_918_176_385)).toBe('01ARYZ6S41ZZZZZZZZZZZZZZZZ');
  });

  test('and secrets are different each time', () => {
    const ids = makeIds();
    expect(ids.id(5)).not.toBe(ids.id(5));
    expect(ids.secret()).not.toBe(ids.secret());
    expect(ids.secret()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});
