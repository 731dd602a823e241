import { roughDuration } from '../core/duration.ts';
import type { Hold } from './lease.ts';
import { nameOf, namesOf } from './sentences.ts';
import type { Talk } from './talk.ts';
import { mono } from './time.ts';

/** Whoever pressed Ctrl-Z waits for the prompt. */
const RENEW_WITHIN_MS = 1000;

/**
 * Ctrl-Z. The terminal stops the command itself; we renew the lease once, say how long that lasts, and stop as well.
 * While we are stopped nobody renews, so the guard ends the command shortly before the lease runs out. When we go on
 * it is renewed at once.
 *
 * It is the default of SIGTSTP that stops us, not SIGSTOP: the kernel ignores it where no shell is there to go on again.
 */
export class JobControl {
  private isListening = false;
  private isClosed = false;

  constructor(
    private readonly lease: Hold,
    private readonly argv: readonly string[],
    private readonly talk: Talk,
  ) {
    process.on('SIGCONT', this.goOn);
    this.listenForStop();
  }

  close(): void {
    this.isClosed = true;
    process.removeListener('SIGTSTP', this.onStop);
    process.removeListener('SIGCONT', this.goOn);
  }

  private listenForStop(): void {
    if (!this.isListening) process.on('SIGTSTP', this.onStop);
    this.isListening = true;
  }

  private readonly onStop = (): void => void this.stop();

  private async stop(): Promise<void> {
    // Without a listener the next one has its default effect, also if we do not get further than this.
    process.removeListener('SIGTSTP', this.onStop);
    this.isListening = false;
    await this.renew();
    // It went on, or is over, meanwhile.
    if (this.isListening || this.isClosed || this.lease.lost.aborted) return;
    const left = roughDuration(this.lease.deadBy - mono());
    const names = namesOf(this.lease.lease);
    const are = this.lease.lease.resources.length === 1 ? 'is' : 'are';
    this.talk.say(
      'stopped',
      `stopped: ${names} ${are} held for ${left} at most; ${nameOf(this.argv)} is ended then, unless \`fg\` comes before`,
    );
    process.kill(process.pid, 'SIGTSTP');
  }

  private readonly goOn = (): void => {
    this.listenForStop();
    void this.renew();
  };

  /** Best effort: what comes of it, a loss as well, shows in the lease. */
  private async renew(): Promise<void> {
    await this.lease.refresh(AbortSignal.timeout(RENEW_WITHIN_MS)).catch(() => false);
  }
}
