import type { Millis } from '../core/model.ts';

/**
 * The daemon's time. It is read from the machine's wall clock once, at boot, and runs on by the monotonic clock from
 * there: setting the wall clock, or a leap of NTP, neither frees nor freezes anything. It never starts before a time
 * that was stored, so that what was granted before a restart was not granted in the future.
 */
export interface Clock {
  /** Whole milliseconds since 1970; never less than before. */
  now(): Millis;
  /** Calls `wake` once when `at` has come, never before it; the answer cancels that. */
  wakeAt(at: Millis, wake: () => void): () => void;
  /** How far the wall clock is ahead of this one; grows when somebody sets the wall clock, or the machine sleeps. */
  drift(): Millis;
}

/** What a clock is made of; replaced in its own test alone. */
export interface TimeSources {
  wall(): Millis;
  /** Milliseconds since any fixed moment, with fractions. */
  monotonic(): Millis;
}

/** The longest that setTimeout can count. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

const SYSTEM: TimeSources = { wall: () => Date.now(), monotonic: () => performance.now() };

/** Starts the clock. `notBefore` is the latest time in the store. */
export function startClock(notBefore: Millis = 0, sources: TimeSources = SYSTEM): Clock {
  const started = sources.monotonic();
  const anchor = Math.max(Math.floor(sources.wall()), Math.ceil(notBefore));
  let latest = anchor;
  const now = () => {
    latest = Math.max(latest, Math.floor(anchor + sources.monotonic() - started));
    return latest;
  };
  return { now, wakeAt: (at, wake) => wakeAt(now, at, wake), drift: () => Math.round(sources.wall()) - now() };
}

/** A timer may fire a little early, and counts no further than 24 days: whoever wakes looks at the clock again. */
function wakeAt(now: () => Millis, at: Millis, wake: () => void): () => void {
  let timer: NodeJS.Timeout;
  const sleep = () => {
    timer = setTimeout(look, Math.min(Math.max(at - now(), 0), LONGEST_TIMEOUT));
  };
  const look = () => (now() >= at ? wake() : sleep());
  sleep();
  return () => clearTimeout(timer);
}

/** Milliseconds since any fixed moment, with fractions: to measure how long something took, not when it was. */
export function stopwatchMs(): number {
  return performance.now();
}
