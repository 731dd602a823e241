import type { Millis } from '../../core/model.ts';
import type { StatsJson } from '../../core/wire.ts';
import type { Daemon } from '../daemon.ts';

/** What a long history comes to takes a second to add up, and changes little in a minute. */
const KEPT_MS: Millis = 60_000;

interface Kept {
  readonly at: Millis;
  readonly stats: Promise<StatsJson>;
}

/** Sums of the last so many milliseconds, at most a minute old. */
export class Figures {
  private readonly kept = new Map<Millis, Kept>();

  constructor(private readonly daemon: Daemon) {}

  ofLast(span: Millis): Promise<StatsJson> {
    const now = this.daemon.engine.now();
    const known = this.kept.get(span);
    if (known && now - known.at < KEPT_MS) return known.stats;
    const stats = this.daemon.statistics.since(now - span);
    this.kept.set(span, { at: now, stats });
    // A failure is not worth keeping.
    stats.catch(() => this.kept.delete(span));
    return stats;
  }
}
