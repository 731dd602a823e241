import type { ErrorCode, Refusal } from '../core/error.ts';
import type { StoredEvent } from '../core/event.ts';
import type { EndReason, Outcome } from '../core/model.ts';
import type { Report } from './engine.ts';
import { Histogram } from './histogram.ts';

const MINUTE_S = 60;
const HOUR_S = 3600;
/** People and pipelines wait and hold for anything between a blink and days. */
const SPANS_S = [
  0.01,
  0.1,
  1,
  5,
  15,
  MINUTE_S,
  5 * MINUTE_S,
  15 * MINUTE_S,
  HOUR_S,
  3 * HOUR_S,
  8 * HOUR_S,
  24 * HOUR_S,
  72 * HOUR_S,
] as const;

/** What is counted from the start of the daemon: of what happened, and of what it refused. */
export class Meters {
  readonly waits = new Histogram(SPANS_S);
  readonly holds = new Histogram(SPANS_S);
  readonly ends = new Tallies<EndReason>();
  readonly left = new Tallies<Outcome>();
  readonly refusals = new Tallies<ErrorCode>();
  /** Commands by how they ended, where their wrapper said so. */
  readonly commands = new Tallies<'succeeded' | 'failed'>();

  readonly hear = ({ events }: Pick<Report, 'events'>): void => {
    for (const event of events) this.count(event);
  };

  /** Counts it, and gives it back. */
  refused(refusal: Refusal): Refusal {
    this.refusals.add(refusal.code);
    return refusal;
  }

  private count(event: StoredEvent): void {
    switch (event.type) {
      case 'lease-granted':
        this.waits.observe((event.at - event.lease.request.askedAt) / 1000);
        break;
      case 'lease-ended':
        this.holds.observe((event.ended.at - event.lease.grantedAt) / 1000);
        this.ends.add(event.ended.reason);
        if (event.exit !== null) this.commands.add(event.exit === 0 ? 'succeeded' : 'failed');
        break;
      case 'lease-kept':
        if (event.exit !== null) this.commands.add(event.exit === 0 ? 'succeeded' : 'failed');
        break;
      case 'waiter-left':
        this.left.add(event.ended.outcome);
        break;
    }
  }
}

/** How often each word was counted. */
export class Tallies<Word extends string> {
  readonly counts = new Map<Word, number>();

  add(word: Word): void {
    this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
  }
}
