import type { Millis } from '../../src/core/model.ts';
import type { Clock } from '../../src/daemon/clock.ts';

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  private readonly sleepers = new Set<{ readonly at: Millis; readonly wake: () => void }>();
  private ahead = 0;

  constructor(private time: Millis = 1_700_000_000_000) {}

  now(): Millis {
    return this.time;
  }

  wakeAt(at: Millis, wake: () => void): () => void {
    const sleeper = { at, wake };
    this.sleepers.add(sleeper);
    return () => this.sleepers.delete(sleeper);
  }

  drift(): Millis {
    return this.ahead;
  }

  /** Somebody sets the wall clock; the daemon's own runs on. */
  setWall(ahead: Millis): void {
    this.ahead = ahead;
  }

  /** Lets time pass, and wakes whoever is due on the way, each at the moment it asked for. */
  advance(by: Millis): void {
    const end = this.time + by;
    for (let next = this.due(end); next !== null; next = this.due(end)) {
      this.sleepers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    this.time = end;
  }

  /** How many wake-ups are set: to see that nothing leaks. */
  get pending(): number {
    return this.sleepers.size;
  }

  private due(end: Millis) {
    let first: { readonly at: Millis; readonly wake: () => void } | null = null;
    for (const sleeper of this.sleepers) if (sleeper.at <= end && (!first || sleeper.at < first.at)) first = sleeper;
    return first;
  }
}
