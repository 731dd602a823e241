import type { Millis } from '../../core/model.ts';
import { isoOrNull } from '../../core/view.ts';
import type { NotifyTargetJson } from '../../core/wire-notify.ts';
import type { Log } from '../log.ts';
import type { Notice } from './notice.ts';
import type { Outcome, Sender } from './sender.ts';

/** What a courier needs of the daemon. */
export interface CourierTools {
  readonly now: () => Millis;
  readonly wakeAt: (at: Millis, wake: () => void) => () => void;
  readonly log: Log;
  /** Called whenever something left the queue. */
  readonly onProgress: () => void;
}

/** Beyond that the oldest go: whoever cannot be reached for so long does not want all of it at once. */
export const MOST_QUEUED = 1000;
const FIRST_PAUSE_MS: Millis = 1000;
/** Of a target that fails for long: soon enough after it works again, seldom enough to leave it in peace. */
const LONGEST_PAUSE_MS: Millis = 300_000;

/**
 * Brings notices to one target, in their order. One that cannot be reached is tried again, after pauses that grow, until
 * what is to be told is worth nothing any more. Nobody waits for it: not the engine, and no other target.
 */
export class Courier {
  private readonly queue: Notice[] = [];
  private running: Promise<void> | null = null;
  private readonly stop = new AbortController();
  private closing = false;
  private endPause: (() => void) | null = null;
  private tries = 0;
  private delivered = 0;
  private dropped = 0;
  private deliveredAt: Millis | null = null;
  private failingSince: Millis | null = null;
  private problem: string | null = null;

  constructor(
    readonly name: string,
    private readonly sender: Sender,
    private readonly tools: CourierTools,
  ) {}

  /** What is not delivered yet, oldest first. */
  get waiting(): readonly Notice[] {
    return this.queue;
  }

  give(notice: Notice): void {
    if (this.closing || !this.sender.reaches(notice)) return;
    if (this.queue.length >= MOST_QUEUED) {
      this.queue.shift();
      this.dropped += 1;
    }
    this.queue.push(notice);
    this.running ??= this.run();
  }

  status(): NotifyTargetJson {
    const { name, sender, queue, delivered, dropped, problem } = this;
    return {
      name,
      kind: sender.kind,
      host: sender.host,
      state: problem === null ? 'working' : 'failing',
      problem,
      failingSince: isoOrNull(this.failingSince),
      lastDelivered: isoOrNull(this.deliveredAt),
      waiting: queue.length,
      delivered,
      dropped,
    };
  }

  /** Tries once, past the queue; for somebody who wants to know whether it works. */
  async test(notice: Notice): Promise<Outcome> {
    if (!this.sender.reaches(notice)) return { type: 'refused', why: 'there is no address to send it to' };
    const outcome = await this.sender.send([notice], this.tools.now(), this.stop.signal);
    // What waits because it failed need not wait any longer.
    if (outcome.type === 'delivered') this.endPause?.();
    return outcome;
  }

  /** Tries what is left once more, for so long at most, and lets go of the rest. */
  async close(grace: Millis): Promise<void> {
    this.closing = true;
    this.endPause?.();
    if (this.running) {
      const timer = setTimeout(() => this.stop.abort(), grace);
      await this.running;
      clearTimeout(timer);
    }
    this.stop.abort();
  }

  private async run(): Promise<void> {
    // Not within the turn of the engine that told of it.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) {
      this.dropStale();
      const batch = this.queue.slice(0, this.sender.most);
      if (batch.length === 0) break;
      const outcome = await this.sender.send(batch, this.tools.now(), this.stop.signal);
      if (this.stop.signal.aborted) break;
      if (this.settle(batch, outcome)) continue;
      if (this.closing) break;
      await this.pause(outcome.type === 'unreachable' ? outcome.retryAfter : null);
    }
    // In the same breath as the last look at the queue: what is given from here on starts another run.
    this.running = null;
    this.tools.onProgress();
  }

  /** False where it is to be tried again. */
  private settle(batch: readonly Notice[], outcome: Outcome): boolean {
    if (outcome.type === 'delivered') this.works(batch.length);
    else this.fails(outcome.why);
    if (outcome.type === 'unreachable') return false;
    this.leave(batch);
    if (outcome.type === 'refused') this.drop(batch, outcome.why);
    this.tools.onProgress();
    return true;
  }

  private works(count: number): void {
    const { name, tools } = this;
    if (this.problem !== null) tools.log.info('a notification target works again', { target: name });
    this.problem = null;
    this.failingSince = null;
    this.tries = 0;
    this.delivered += count;
    this.deliveredAt = tools.now();
  }

  private fails(why: string): void {
    const { name, sender, tools } = this;
    if (this.problem === null) {
      this.failingSince = tools.now();
      tools.log.warn('a notification target fails', { target: name, host: sender.host, reason: why });
    }
    this.problem = why;
  }

  /** Its queue may have lost its oldest meanwhile, and so some of these. */
  private leave(batch: readonly Notice[]): void {
    const gone = new Set(batch);
    while (this.queue[0] !== undefined && gone.has(this.queue[0])) this.queue.shift();
  }

  private dropStale(): void {
    const now = this.tools.now();
    const stale = this.queue.filter(({ staleAt }) => staleAt <= now);
    if (stale.length === 0) return;
    this.queue.splice(0, this.queue.length, ...this.queue.filter(({ staleAt }) => staleAt > now));
    this.drop(stale, 'it could not be told in time');
  }

  private drop(notices: readonly Notice[], why: string): void {
    this.dropped += notices.length;
    for (const { event, lease } of notices) {
      this.tools.log.debug('a notification was given up', {
        target: this.name,
        event,
        lease: lease ?? undefined,
        reason: why,
      });
    }
  }

  private pause(wanted: Millis | null): Promise<void> {
    const grown = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.tries, 20));
    this.tries += 1;
    const span = Math.min(LONGEST_PAUSE_MS, Math.max(grown, wanted ?? 0));
    return new Promise((resolve) => {
      const cancel = this.tools.wakeAt(this.tools.now() + span, () => this.endPause?.());
      this.endPause = () => {
        cancel();
        this.endPause = null;
        resolve();
      };
    });
  }
}
