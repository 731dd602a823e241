import { type Refusal, RentabotError } from '../../core/error.ts';
import type { Want } from '../../core/model.ts';
import type { ResourceJson } from '../../core/wire.ts';
import type { Client } from '../client.ts';
import { passes } from '../filter.ts';
import type { Paint } from '../talk.ts';
import { Feed } from './feed.ts';
import { Screen } from './screen.ts';
import { draw, FIRST_VIEW, keysIn, press, type Scene, type View } from './view.ts';

const TICK_MS = 1000;

/** How it came to an end. */
export interface Leaving {
  readonly signal: NodeJS.Signals | null;
  readonly refusal: Refusal | null;
}

/** Shows what there is, and keeps it up to date, until somebody leaves. */
export async function showLive(
  client: Client,
  filter: readonly Want[],
  first: readonly ResourceJson[],
  paint: Paint,
): Promise<Leaving> {
  const over = new AbortController();
  let leaving: Leaving = { signal: null, refusal: null };
  const end = (how: Partial<Leaving>): void => {
    if (!over.signal.aborted) leaving = { ...leaving, ...how };
    over.abort();
  };
  const show = new Show(filter, first, paint, end);
  const ticking = setInterval(() => show.redraw(), TICK_MS);
  show.screen.open();
  try {
    await new Feed(client, show, over.signal).follow();
  } catch (error) {
    if (!(error instanceof RentabotError)) throw error;
    end({ refusal: error.refusal });
  } finally {
    over.abort();
    clearInterval(ticking);
    show.screen.close();
  }
  return leaving;
}

class Show {
  readonly screen: Screen;
  private view: View = FIRST_VIEW;
  private scene: Scene;
  /** What is shown while it is paused. */
  private still: Scene | null = null;

  constructor(
    private readonly filter: readonly Want[],
    first: readonly ResourceJson[],
    private readonly paint: Paint,
    private readonly end: (how: Partial<Leaving>) => void,
  ) {
    this.screen = new Screen(process.stdin, process.stdout, this);
    this.scene = this.sceneOf(first);
  }

  resources(resources: readonly ResourceJson[]): void {
    this.scene = this.sceneOf(resources);
    this.redraw();
  }

  trouble(sentence: string): void {
    this.scene = { ...this.scene, trouble: `${sentence}; trying again` };
    this.redraw();
  }

  typed(text: string): void {
    for (const key of keysIn(text)) {
      const next = press(this.view, key, this.screen.size);
      if (next === null) return this.end(key === 'q' ? {} : { signal: 'SIGINT' });
      this.view = next;
    }
    this.still = this.view.isPaused ? (this.still ?? this.current()) : null;
    this.redraw();
  }

  leave(signal: NodeJS.Signals | null): void {
    this.end({ signal });
  }

  redraw(): void {
    const { lines, view } = draw(this.view, this.still ?? this.current(), this.screen.size, this.paint);
    this.view = view;
    this.screen.draw(lines);
  }

  private current(): Scene {
    return { ...this.scene, now: Date.now() };
  }

  private sceneOf(resources: readonly ResourceJson[]): Scene {
    return { resources: resources.filter((one) => passes(this.filter, one)), trouble: null, now: Date.now() };
  }
}
