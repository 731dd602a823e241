import { type Entry, hasRoom } from './catalogue.ts';
import type { Mode, Use, Want } from './model.ts';
import type { Queued } from './queue.ts';
import type { State } from './state.ts';

/**
 * How many more candidates than needed are looked at to find one that nobody else wants. A bound: with every resource
 * wanted by others, a perfect choice would look at all of them.
 */
const LOOK_AHEAD = 64;

interface Candidate {
  readonly entry: Entry;
  /** How many other waiters could use it. */
  readonly others: number;
}

/**
 * Resources for everything this waiter wants, or null while they cannot be had together. It takes only what it stands
 * first for. Among candidates it prefers what the fewest others could use, then the longest idle.
 */
export function assign(state: State, queued: Queued): readonly Use[] | null {
  return assignTo(state, queued.request.wants, queued);
}

/** Whether somebody who asked now, behind everybody who waits, would be served at once. */
export function availableNow(state: State, wants: readonly Want[]): boolean {
  return assignTo(state, wants, null) !== null;
}

function assignTo(state: State, wants: readonly Want[], queued: Queued | null): readonly Use[] | null {
  const only = onlyUnit(wants);
  if (only !== null) return onlyUse(candidatesOf(state, queued, only, 1)[0], only.mode);
  const needed = wants.reduce((sum, { count }) => sum + count, 0);
  const found: Candidate[][] = [];
  for (const want of wants) {
    const candidates = candidatesOf(state, queued, want, needed);
    if (candidates.length < want.count) return null;
    found.push(candidates);
  }
  return matchUp(wants, found);
}

/** Whether everything could be had together if all that exists were online and free. */
export function everPossible(state: State, wants: readonly Want[]): boolean {
  const only = onlyUnit(wants);
  if (only !== null) return existing(state, only, 1).length > 0;
  const needed = wants.reduce((sum, { count }) => sum + count, 0);
  const found = wants.map((want) => existing(state, want, needed));
  return matchUp(wants, found) !== null;
}

/** Nearly every request is for one thing: there is nothing to match up then. */
function onlyUnit(wants: readonly Want[]): Want | null {
  const [first] = wants;
  return first !== undefined && wants.length === 1 && first.count === 1 ? first : null;
}

/** Up to so many of those that one want could have if everything were online and free. */
function existing(state: State, want: Want, needed: number): Candidate[] {
  const found: Candidate[] = [];
  for (const entry of state.catalogue.search(want)) {
    if (!entry.resource.retiring) found.push({ entry, others: 0 });
    if (found.length === needed) break;
  }
  return found;
}

/**
 * The best candidates for one want. As many as the whole request needs are enough for any assignment to exist that
 * could exist at all: the other wants take fewer than that.
 */
function candidatesOf(state: State, queued: Queued | null, want: Want, needed: number): Candidate[] {
  const found: Candidate[] = [];
  // Whoever stands behind another who wants the same is first for nothing of it.
  const ahead = state.queue.lines.get(want.key)?.waiters.first ?? queued;
  if (ahead !== queued) return found;
  let contested = 0;
  for (const entry of state.catalogue.searchRoom(want)) {
    if (!hasRoom(entry, want.mode)) continue;
    const { first, others } = state.queue.standing(queued, entry);
    if (!first) continue;
    found.push({ entry, others });
    if (others > 0) contested += 1;
    if (found.length - contested >= needed || found.length >= needed + LOOK_AHEAD) break;
  }
  // Stable, so that equals stay in order of idleness.
  if (contested > 0) found.sort((a, b) => a.others - b.others);
  return found;
}

/** Gives each unit of each want a different resource, by augmenting paths (Kuhn), the most particular wants first. */
function matchUp(wants: readonly Want[], found: readonly (readonly Candidate[])[]): readonly Use[] | null {
  const units = wants.flatMap(({ count, mode }, want) => Array.from({ length: count }, () => ({ want, mode })));
  const takenBy = new Map<Entry, number>();
  const order = units.map((_, unit) => unit).sort((a, b) => choices(a) - choices(b) || a - b);
  function choices(unit: number): number {
    return found[units[unit]?.want ?? 0]?.length ?? 0;
  }
  function place(unit: number, seen: Set<Entry>): boolean {
    const candidates = found[units[unit]?.want ?? 0] ?? [];
    const free = candidates.find(({ entry }) => !takenBy.has(entry) && !seen.has(entry));
    if (free) {
      takenBy.set(free.entry, unit);
      return true;
    }
    for (const { entry } of candidates) {
      if (seen.has(entry)) continue;
      seen.add(entry);
      if (!place(takenBy.get(entry) as number, seen)) continue;
      takenBy.set(entry, unit);
      return true;
    }
    return false;
  }
  for (const unit of order) if (!place(unit, new Set())) return null;
  const uses: Use[] = [];
  for (const [entry, unit] of takenBy) uses[unit] = { resource: entry.resource.id, mode: units[unit]?.mode ?? 'slot' };
  return uses;
}

function onlyUse(candidate: Candidate | undefined, mode: Mode): readonly Use[] | null {
  return candidate ? [{ resource: candidate.entry.resource.id, mode }] : null;
}
