import type { Millis } from './model.ts';

/** Something that time will change. `at` may be earlier than the thing is really due, never later. */
export interface Timer {
  at: Millis;
  readonly kind: 'waiter' | 'lease' | 'resource' | 'drain' | 'silence';
  readonly id: string | number;
  /** Where it stands in the heap; -1 once it is out. */
  index: number;
}

/** A binary heap whose entries know their place, so that what ends early leaves nothing behind. */
export class Timers {
  private readonly heap: Timer[] = [];

  get size(): number {
    return this.heap.length;
  }

  get next(): Timer | null {
    return this.heap[0] ?? null;
  }

  add(kind: Timer['kind'], id: Timer['id'], at: Millis): Timer {
    const timer: Timer = { at, kind, id, index: this.heap.length };
    this.heap.push(timer);
    this.rise(timer);
    return timer;
  }

  move(timer: Timer, at: Millis): void {
    if (timer.index < 0 || timer.at === at) return;
    const earlier = at < timer.at;
    timer.at = at;
    if (earlier) this.rise(timer);
    else this.sink(timer);
  }

  remove(timer: Timer): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.heap.pop();
    if (last === undefined || last === timer) return;
    this.heap[index] = last;
    last.index = index;
    this.rise(last);
    this.sink(last);
  }

  private rise(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.heap[(timer.index - 1) >> 1] as Timer;
      if (parent.at <= timer.at) return;
      this.swap(parent, timer);
    }
  }

  private sink(timer: Timer): void {
    for (;;) {
      const left = this.heap[2 * timer.index + 1];
      const right = this.heap[2 * timer.index + 2];
      const least = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (least === undefined || least.at >= timer.at) return;
      this.swap(timer, least);
    }
  }

  private swap(a: Timer, b: Timer): void {
    const { index } = a;
    a.index = b.index;
    b.index = index;
    this.heap[a.index] = a;
    this.heap[b.index] = b;
  }
}
