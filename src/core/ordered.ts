/** One place in an ordered list; whoever inserted keeps it to remove by. */
export interface Place<T> {
  readonly value: T;
  before: Place<T> | null;
  after: Place<T> | null;
  list: Ordered<T> | null;
}

/**
 * A linked list in order, for things that nearly always arrive last and leave from anywhere: both cost the same however
 * many there are. (A Set would do but for its tombstones: first() after many removals from the front is linear.)
 */
export class Ordered<T> {
  size = 0;
  private head: Place<T> | null = null;
  private tail: Place<T> | null = null;

  /** `comesBefore(a, b)` is a strict total order. */
  constructor(private readonly comesBefore: (a: T, b: T) => boolean) {}

  get first(): T | null {
    return this.head?.value ?? null;
  }

  get last(): T | null {
    return this.tail?.value ?? null;
  }

  /** Inserts from the end: linear in how many come after it. */
  insert(value: T): Place<T> {
    let before = this.tail;
    while (before !== null && this.comesBefore(value, before.value)) before = before.before;
    const place: Place<T> = { value, before, after: before === null ? this.head : before.after, list: this };
    if (before === null) this.head = place;
    else before.after = place;
    if (place.after === null) this.tail = place;
    else place.after.before = place;
    this.size += 1;
    return place;
  }

  remove(place: Place<T>): void {
    if (place.list !== this) return;
    if (place.before === null) this.head = place.after;
    else place.before.after = place.after;
    if (place.after === null) this.tail = place.before;
    else place.after.before = place.before;
    place.list = null;
    this.size -= 1;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let place = this.head; place !== null; place = place.after) yield place.value;
  }

  /** The first place, for loops that are too hot for an iterator. */
  get start(): Place<T> | null {
    return this.head;
  }
}
