/** How often a value was found in each range, as Prometheus wants it: bounds grow, and a value belongs to the first that it does not exceed. */
export class Histogram {
  private readonly counts: number[];
  private total = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let i = 0;
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i += 1;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.total += value;
  }

  get sum(): number {
    return this.total;
  }

  /** For each bound, and then for infinity, how many values do not exceed it. */
  *buckets(): Generator<readonly [bound: string, count: number]> {
    let count = 0;
    for (const [i, found] of this.counts.entries()) {
      count += found;
      yield [i < this.bounds.length ? String(this.bounds[i]) : '+Inf', count];
    }
  }
}
