import { type Refusal, refuse } from '../../core/error.ts';
import type { Millis } from '../../core/model.ts';

/** Failures are counted for this long. */
const WINDOW_MS: Millis = 15 * 60_000;
/** So many for one name from one address; the name alone has room for more, or anybody could keep its owner out. */
const MOST = { pair: 10, address: 50, name: 100 } as const;
/** Names and addresses that are counted at once; the oldest are forgotten first. */
const MOST_COUNTED = 10_000;

interface Count {
  failures: number;
  readonly since: Millis;
}

/** How often somebody may guess at a password. */
export class LoginLimit {
  private readonly counts = new Map<string, Count>();

  constructor(private readonly now: () => Millis) {}

  /** Why not now; null where it may be tried. Counts as a failure until `succeeded` takes it back, so that many at once are no way past. */
  attempt(name: string, address: string): Refusal | null {
    for (const [key, most] of keysOf(name, address)) {
      const count = this.current(key);
      if (count === undefined || count.failures < most) continue;
      const retryAfter = Math.ceil((count.since + WINDOW_MS - this.now()) / 1000);
      return refuse('limit', 'too many wrong passwords', { retryAfter, hint: 'wait, and mind the caps lock' });
    }
    for (const [key] of keysOf(name, address)) this.add(key);
    return null;
  }

  succeeded(name: string, address: string): void {
    const [pair, ...others] = keysOf(name, address).map(([key]) => key);
    this.counts.delete(pair ?? '');
    for (const key of others) {
      const count = this.current(key);
      if (count) count.failures -= 1;
    }
  }

  private current(key: string): Count | undefined {
    const count = this.counts.get(key);
    if (count === undefined || this.now() - count.since < WINDOW_MS) return count;
    this.counts.delete(key);
    return undefined;
  }

  private add(key: string): void {
    const count = this.current(key);
    if (count) count.failures += 1;
    else this.counts.set(key, { failures: 1, since: this.now() });
    if (this.counts.size <= MOST_COUNTED) return;
    for (const oldest of this.counts.keys()) return void this.counts.delete(oldest);
  }
}

function keysOf(name: string, address: string): readonly (readonly [string, number])[] {
  return [
    [`pair ${address} ${name}`, MOST.pair],
    [`address ${address}`, MOST.address],
    [`name ${name}`, MOST.name],
  ];
}
