import type { Millis } from '../../src/core/model.ts';

interface Timer {
  readonly call: () => void;
  /** Of setInterval; null for once. */
  readonly every: Millis | null;
  at: Millis;
  unref(): Timer;
  ref(): Timer;
}

const WALL_START = 1_700_000_000_000;
/** A world that never comes to rest is broken; so many turns of the loop are far more than one moment needs. */
const MOST_TURNS = 20_000;

/**
 * Time for everything in this process, client and daemon alike: it passes when the world says so, from one timer to the
 * next, and what a timer sets off comes to rest before the next one fires. `setImmediate` stays as it is.
 */
export class VirtualTime {
  now: Millis = 0;
  private readonly timers = new Set<Timer>();
  private readonly real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    bigint: process.hrtime.bigint,
    now: performance.now,
    random: Math.random,
  };

  /** `busy` says whether something is still under way that needs no time, only turns of the loop. */
  constructor(
    private readonly busy: () => boolean,
    private readonly random: () => number,
  ) {}

  /** Milliseconds since 1970, for a daemon's clock. */
  wall(): Millis {
    return WALL_START + this.now;
  }

  /** How many timers are set: to see that nothing leaks. */
  get pending(): number {
    return this.timers.size;
  }

  install(): void {
    const set = (call: () => void, span: Millis = 0, every: Millis | null = null): Timer => {
      const timer: Timer = { call, every, at: this.now + Math.max(span, 0), unref: () => timer, ref: () => timer };
      this.timers.add(timer);
      return timer;
    };
    const clear = (timer: unknown): void => void this.timers.delete(timer as Timer);
    Object.assign(globalThis, {
      setTimeout: (call: (...given: unknown[]) => void, span?: Millis, ...given: unknown[]) =>
        set(() => call(...given), span),
      setInterval: (call: () => void, span: Millis = 1) => set(call, span, Math.max(span, 1)),
      clearTimeout: clear,
      clearInterval: clear,
    });
    process.hrtime.bigint = () => BigInt(Math.round(this.now * 1e6));
    // How long the daemon thinks that it took decides how often it tells: on this machine it takes no time at all.
    performance.now = () => this.now;
    Math.random = this.random;
  }

  uninstall(): void {
    const { bigint, now, random, ...timers } = this.real;
    Object.assign(globalThis, timers);
    process.hrtime.bigint = bigint;
    performance.now = now;
    Math.random = random;
    this.timers.clear();
  }

  /** Lets so much time pass. */
  async advance(span: Millis): Promise<void> {
    const end = this.now + span;
    await this.rest();
    let fired = 0;
    for (let due = this.next(end); due !== null; due = this.next(end)) {
      fired = due.at > this.now ? 0 : fired + 1;
      if (fired > MOST_TURNS) throw new Error(`time stands still at ${this.now}, for ${due.call}`);
      this.now = Math.max(this.now, due.at);
      if (due.every === null) this.timers.delete(due);
      else due.at = this.now + due.every;
      due.call();
      await this.rest();
    }
    this.now = end;
  }

  /** Resolves once nothing happens any more without time passing. */
  async rest(): Promise<void> {
    for (let turns = 0, quiet = 0; quiet < 2; turns += 1) {
      if (turns > MOST_TURNS) throw new Error('it never comes to rest');
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.busy() ? 0 : quiet + 1;
    }
  }

  private next(end: Millis): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.timers) if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    return first;
  }
}
