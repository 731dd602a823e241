import { vi } from 'vitest';

/** As it was before any test stopped it. */
const { setTimeout: reallyAfter } = globalThis;
const LOOK_MS = 5;

/**
 * From now on time passes for the program only where the test lets it pass; what comes over a connection comes as
 * ever. So no stall of the machine makes anything late. `vi.useRealTimers()` ends it.
 */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] });
}

/** So many milliseconds pass at once. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Time passes, slowly compared to what comes over connections, until it is so. */
export async function passUntil(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await pass(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Looks again and again, whether time stands still or not; the test's own time limits it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => reallyAfter(resolve, LOOK_MS));
}

/** Time passes until it is settled, and how. */
export async function passing<T>(promise: Promise<T>): Promise<T> {
  const isSettled = watch(promise);
  await passUntil(isSettled);
  return promise;
}

/** The same, no faster than in reality, for what other processes have to do meanwhile; a stall is no more than a step. */
export async function passingSlowly<T>(promise: Promise<T>): Promise<T> {
  const isSettled = watch(promise);
  while (!isSettled()) {
    await pass(1);
    await new Promise((resolve) => reallyAfter(resolve, 1));
  }
  return promise;
}

function watch(promise: Promise<unknown>): () => boolean {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  void promise.then(settle, settle);
  return () => settled;
}
