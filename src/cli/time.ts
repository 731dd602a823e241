import { uptime } from 'node:os';

/** Milliseconds on a clock that never jumps; only differences mean something. */
export type Mono = number;

/** Not `performance.now()`: touching that global loads node:perf_hooks, 3 ms of a call that takes 70. */
export function mono(): Mono {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** For how long the machine has slept so far, to 10 ms: `mono` stands still meanwhile, but a daemon elsewhere goes on. */
export function slept(): number {
  return uptime() * 1000 - mono();
}

/** Resolves after so long, or at once when the signal is aborted; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, Math.min(ms, 2 ** 31 - 1)));
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Grows from `first` to `longest`, doubling; each pause is 50 to 100 % of that, so that a crowd does not come back at once. */
export class Backoff {
  private next: number;

  constructor(
    private readonly first: number,
    private readonly longest: number,
  ) {
    this.next = first;
  }

  pause(): number {
    const pause = this.next * (0.5 + Math.random() / 2);
    this.next = Math.min(this.longest, this.next * 2);
    return pause;
  }

  reset(): void {
    this.next = this.first;
  }
}
