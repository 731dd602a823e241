import type { Millis } from './model.ts';
import { isoTime, seconds } from './view.ts';
import type { EventJson, FiguresJson, ResourceFiguresJson, StatsJson } from './wire.ts';

/** A resource as it stands at the end of the span that the statistics are about. */
export interface Standing {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  /** Since when it has been out of service; null where it is not. */
  readonly offlineSince: Millis | null;
  /** When the leases on it were granted that still run. */
  readonly grantedAt: readonly Millis[];
}

export interface Span {
  readonly from: Millis;
  readonly to: Millis;
}

/** What a shell makes of HUP, INT and TERM: somebody stopped the command, so its end says nothing of the resource. */
const STOPPED: ReadonlySet<number> = new Set([129, 130, 143]);

/**
 * Adds up the history of a span. It is read from its newest event to its oldest: so a lease that ended is known with its
 * whole length, one that began before the span is cut at its start, and of a resource nothing has to be kept but how far
 * back it is known to be covered. What the span began with needs no event, nor does what still runs.
 */
export class Tally {
  private readonly resources = new Map<string, ResourceTally>();
  private readonly leases = new Counts();
  private unserved = 0;

  constructor(
    standings: readonly Standing[],
    private readonly span: Span,
  ) {
    for (const standing of standings) this.resources.set(standing.name, new ResourceTally(standing, span));
  }

  /** The next older event. */
  add(event: EventJson): void {
    if (event.type === 'waiter-left') this.unserved += 1;
    this.leases.add(event);
    const at = Date.parse(event.at);
    for (const name of event.resources ?? []) this.resources.get(name)?.add(event, at);
  }

  result(): StatsJson {
    const { from, to } = this.span;
    const tallies = [...this.resources.values()];
    const times = tallies.map((tally) => tally.times());
    const rows = tallies.map((tally, i) => tally.row(times[i] as Times));
    return {
      from: isoTime(from),
      to: isoTime(to),
      resources: besideOthers(rows),
      all: { ...figuresOf(this.leases, sumOf(times)), unserved: this.unserved },
    };
  }
}

/** With the failure rate of all the other rows in each. */
export function besideOthers(rows: readonly Omit<ResourceFiguresJson, 'othersFailureRate'>[]): ResourceFiguresJson[] {
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  const finished = rows.reduce((sum, row) => sum + row.finished, 0);
  return rows.map((row) => ({ ...row, othersFailureRate: rateOf(failed - row.failed, finished - row.finished) }));
}

/** How a stretch of time was spent: `held` by anybody, `offline` and not held, or free. */
interface Times {
  readonly whole: Millis;
  readonly held: Millis;
  readonly offline: Millis;
  /** The lengths of all leases; more than `held` where several share it. */
  readonly leased: Millis;
}

class ResourceTally {
  private readonly counts = new Counts();
  private readonly held = new Coverage();
  private readonly heldOrOffline = new Coverage();
  private leased: Millis = 0;
  /** Offline from what is known already back to the event that says since when. */
  private isOffline: boolean;
  /** It has gone offline later on. */
  private goesOffline: boolean;
  /** When it came to be, as far as the span knows. */
  private born: Millis;
  /** What is older concerns another resource of this name. */
  private isComplete = false;

  constructor(
    private readonly standing: Standing,
    private readonly span: Span,
  ) {
    this.born = span.from;
    this.isOffline = standing.offlineSince !== null;
    this.goesOffline = this.isOffline;
    if (this.isOffline) this.heldOrOffline.add(span.to, span.to);
    for (const at of standing.grantedAt) this.addLease(at, span.to);
  }

  add(event: EventJson, at: Millis): void {
    if (this.isComplete) return;
    this.counts.add(event);
    switch (event.type) {
      case 'lease-ended':
        this.addLease(at - Math.round((event.held ?? 0) * 1000), at);
        break;
      case 'resource-online':
        this.isOffline = true;
        this.goesOffline = false;
        this.heldOrOffline.add(at, at);
        break;
      case 'resource-offline':
        // Where nothing brought it online before it went offline again, only the reason was another.
        if (this.goesOffline || this.isOffline) this.heldOrOffline.extend(at);
        this.isOffline = false;
        this.goesOffline = true;
        break;
      case 'resource-added':
        this.backTo(at);
        this.born = at;
        this.isComplete = true;
        break;
    }
  }

  times(): Times {
    this.backTo(this.born);
    const held = this.held.sum;
    return {
      whole: this.span.to - this.born,
      held,
      offline: this.heldOrOffline.sum - held,
      leased: this.leased,
    };
  }

  row(times: Times): Omit<ResourceFiguresJson, 'othersFailureRate'> {
    const { id, name, tags } = this.standing;
    return { id, name, tags: [...tags], ...figuresOf(this.counts, times) };
  }

  private addLease(granted: Millis, end: Millis): void {
    const start = Math.max(granted, this.span.from);
    this.backTo(end);
    this.held.add(start, end);
    this.heldOrOffline.add(start, end);
    this.leased += end - start;
  }

  /** It was offline from here to what is known already. */
  private backTo(at: Millis): void {
    if (this.isOffline) this.heldOrOffline.extend(at);
  }
}

/** How much of the time is covered by spans that come with their ends in descending order. */
class Coverage {
  sum: Millis = 0;
  /** From here to the end of the span that came last all is covered. */
  private low: Millis = Number.POSITIVE_INFINITY;

  add(start: Millis, end: Millis): void {
    if (end < this.low) this.low = end;
    this.extend(start);
  }

  extend(to: Millis): void {
    if (to >= this.low) return;
    this.sum += this.low - to;
    this.low = to;
  }
}

/** What is counted of leases. */
class Counts {
  grants = 0;
  finished = 0;
  failed = 0;
  readonly waits: number[] = [];

  add({ type, waited, exit, reason }: EventJson): void {
    if (type === 'lease-granted') {
      this.grants += 1;
      this.waits.push(waited ?? 0);
    }
    const isJudged = type === 'lease-kept' || (type === 'lease-ended' && reason === 'released');
    if (!isJudged || exit === undefined || STOPPED.has(exit)) return;
    this.finished += 1;
    if (exit !== 0) this.failed += 1;
  }
}

function figuresOf({ grants, finished, failed, waits }: Counts, { whole, held, offline, leased }: Times): FiguresJson {
  const inService = whole - offline;
  return {
    grants,
    held: seconds(leased),
    utilisation: inService > 0 ? rounded(held / inService) : null,
    offline: seconds(offline),
    waitP50: quantile(waits, 0.5),
    waitP90: quantile(waits, 0.9),
    finished,
    failed,
    failureRate: rateOf(failed, finished),
  };
}

function sumOf(times: readonly Times[]): Times {
  const sum = (of: (one: Times) => Millis): Millis => times.reduce((total, one) => total + of(one), 0);
  return {
    whole: sum(({ whole }) => whole),
    held: sum(({ held }) => held),
    offline: sum(({ offline }) => offline),
    leased: sum(({ leased }) => leased),
  };
}

function rateOf(failed: number, finished: number): number | null {
  return finished > 0 ? rounded(failed / finished) : null;
}

function rounded(part: number): number {
  return Math.round(part * 10_000) / 10_000;
}

/** The smallest of the values that at least this part of them does not exceed; null where there are none. Orders the values. */
function quantile(values: number[], part: number): number | null {
  if (values.length === 0) return null;
  return nth(values, Math.max(0, Math.ceil(part * values.length) - 1));
}

/** Hoare's selection: a sort of as many numbers as a history has would hold up everybody else. */
function nth(values: number[], n: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number;
    let [i, j] = [low, high];
    while (i <= j) {
      while ((values[i] as number) < pivot) i += 1;
      while ((values[j] as number) > pivot) j -= 1;
      if (i > j) break;
      [values[i], values[j]] = [values[j] as number, values[i] as number];
      i += 1;
      j -= 1;
    }
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else break;
  }
  return values[n] as number;
}
