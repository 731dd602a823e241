import { RentabotError } from '../../core/error.ts';
import type { ResourceJson } from '../../core/wire.ts';
import type { Client } from '../client.ts';
import { refusalOf, textOf } from '../problem.ts';
import { EventReader } from '../sse.ts';
import { Backoff, mono, sleep } from '../time.ts';
import { Unanswered } from '../transport.ts';

/** Changes come in crowds: what is shown is asked for again after so long, and takes no more than a part of the time. */
const LEAST_PAUSE_MS = 100;
const PAUSE_PER_ANSWER = 4;
/** A private daemon goes when nobody asks for anything; whoever looks at this does. */
const ASK_EVERY_MS = 30_000;
const RETRY_MS = { first: 250, longest: 5000 } as const;

export interface Listener {
  resources(resources: readonly ResourceJson[]): void;
  /** It may be out of date; said again with every attempt that fails. */
  trouble(sentence: string): void;
}

/** Follows the daemon: whenever something happens, the resources are asked for again. */
export class Feed {
  private isStirred = false;
  private isAsking = false;
  private fail: (error: unknown) => void = () => {};

  constructor(
    private readonly client: Client,
    private readonly listener: Listener,
    private readonly signal: AbortSignal,
  ) {}

  /** Until it is aborted. Rejects with a RentabotError where the daemon will not have us. */
  async follow(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.fail = reject;
    });
    await Promise.race([this.listenOn(), failed]);
  }

  private async listenOn(): Promise<void> {
    const backoff = new Backoff(RETRY_MS.first, RETRY_MS.longest);
    while (!this.signal.aborted) {
      try {
        await this.listen(() => backoff.reset());
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (!this.signal.aborted) this.listener.trouble(error.message);
      }
      await sleep(backoff.pause(), this.signal);
    }
  }

  private async listen(onOpen: () => void): Promise<void> {
    const answer = await this.client.openEvents(this.signal);
    if (answer.status >= 400) throw refused(refusalOf(answer, await textOf(answer)));
    onOpen();
    // Only now, so that nothing falls between what is shown and what is heard.
    this.stir();
    const asking = setInterval(() => this.stir(), ASK_EVERY_MS);
    const reader = new EventReader();
    try {
      await answer.read((text) => {
        if (reader.push(text).length > 0) this.stir();
      });
    } finally {
      clearInterval(asking);
    }
  }

  private stir(): void {
    this.isStirred = true;
    if (!this.isAsking) void this.ask().catch(this.fail);
  }

  private async ask(): Promise<void> {
    this.isAsking = true;
    while (this.isStirred && !this.signal.aborted) {
      this.isStirred = false;
      const asked = mono();
      await this.show();
      await sleep(Math.max(LEAST_PAUSE_MS, PAUSE_PER_ANSWER * (mono() - asked)), this.signal);
    }
    this.isAsking = false;
  }

  private async show(): Promise<void> {
    try {
      const reply = await this.client.resources({ signal: this.signal });
      if (reply.type === 'ok') this.listener.resources(reply.body.resources);
      else this.listener.trouble(reply.refusal.detail);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (!this.signal.aborted) this.listener.trouble(error.message);
    }
  }
}

/** What may be otherwise in a moment is tried again. */
function refused(refusal: ReturnType<typeof refusalOf>): Error {
  const isForGood = refusal.code === 'denied' || refusal.code === 'unauthorized';
  return isForGood ? new RentabotError(refusal) : new Unanswered('EREFUSED', refusal.detail);
}
