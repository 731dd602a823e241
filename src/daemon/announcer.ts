import type { Millis } from '../core/model.ts';
import { placesToJson } from '../core/queue-view.ts';
import type { WaitingJson } from '../core/wire.ts';
import { stopwatchMs } from './clock.ts';
import type { Engine } from './engine.ts';

/** Waiters hear of their place no more often than this. */
const PAUSE_MS: Millis = 100;
/** Telling everybody may take up at most one part in so many of the daemon's time. */
const SHARE = 10;
/** So many waiters are told in one go, so that a grant never waits behind a long line of news. */
const AT_ONCE = 100;

export type Listener = (place: WaitingJson) => void;

/**
 * Tells waiters about their place when it changes. A grant concerns one waiter and is told at once, elsewhere; that the
 * thousand behind it have moved up is told in one pass over the queue, and the next pass waits the longer the more it cost.
 */
export class Announcer {
  private readonly listeners = new Map<string, { readonly listener: Listener; last: string }>();
  private timer: NodeJS.Timeout | null = null;
  private stirred = false;
  private pauseMs = PAUSE_MS;
  private readonly unsubscribe: () => void;

  constructor(private readonly engine: Engine) {
    const stir = () => this.stir();
    this.unsubscribe = engine.subscribe(stir, stir);
  }

  /** How many wait for news: to see that nothing leaks. */
  get audience(): number {
    return this.listeners.size;
  }

  /** `known` is the place that the listener has been told already. */
  listen(id: string, known: WaitingJson, listener: Listener): () => void {
    const entry = { listener, last: gist(known) };
    this.listeners.set(id, entry);
    return () => {
      if (this.listeners.get(id) === entry) this.listeners.delete(id);
    };
  }

  close(): void {
    this.unsubscribe();
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.listeners.clear();
  }

  private stir(): void {
    this.stirred = true;
    if (this.timer !== null || this.listeners.size === 0) return;
    this.timer = setTimeout(() => void this.pass(), this.pauseMs);
  }

  private async pass(): Promise<void> {
    this.stirred = false;
    const news = await this.engine.read(({ state, now }) => this.changed(placesToJson(state, now))).catch(() => []);
    for (let i = 0; i < news.length; i += AT_ONCE) {
      for (const { id, place } of news.slice(i, i + AT_ONCE)) this.listeners.get(id)?.listener(place);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.timer = null;
    if (this.stirred) this.stir();
  }

  private changed(places: ReturnType<typeof placesToJson>): { id: string; place: WaitingJson }[] {
    const started = stopwatchMs();
    const news: { id: string; place: WaitingJson }[] = [];
    for (const { queued, place } of places) {
      const entry = this.listeners.get(queued.request.id);
      if (!entry) continue;
      const now = gist(place);
      if (entry.last === now) continue;
      entry.last = now;
      news.push({ id: queued.request.id, place });
    }
    this.pauseMs = Math.max(PAUSE_MS, SHARE * (stopwatchMs() - started));
    return news;
  }
}

/** What makes a change worth telling: not that an estimate moved by a second. */
function gist({ position, blockers }: WaitingJson): string {
  return `${position} ${blockers.map(({ resource, cause, since, until }) => `${resource} ${cause} ${since} ${until}`).join()}`;
}
