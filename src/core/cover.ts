import { expressionKey } from './expression.ts';
import type { Expression, Mode, Selector, Want } from './model.ts';
import { matches } from './want.ts';
import type { ModeJson, ResourceJson, WantJson } from './wire.ts';

/**
 * What of a request the locks around it hold already. A nested lock uses that and asks for the rest; what could only
 * come from a lock around it, which ends after it, is never asked for, because that would wait for itself.
 */

/** One use of a resource by a lock around this one. */
export interface HeldUse {
  readonly lease: string;
  readonly resource: number;
  readonly mode: ModeJson;
}

export type Thing = Pick<ResourceJson, 'id' | 'name' | 'tags' | 'endpoint' | 'properties' | 'slots'>;

export interface Cover {
  /** For each unit of each want, in order, what it uses; null where it has to be asked for. */
  readonly uses: readonly (HeldUse | null)[];
  /** The wants that are left, in order, never for a resource that is used already. */
  readonly rest: readonly WantJson[];
}

/** `use` stands in the way: null where there simply are not enough. */
export interface Blocked {
  readonly blocked: Want;
  readonly use: HeldUse | null;
}

interface Unit {
  readonly want: number;
  /** What is held around us and would do, then what could still be asked for. */
  readonly held: readonly Place[];
  readonly free: readonly Place[];
}

/** A resource by its number, or by its name where nobody described it yet. */
type Place = number | string;

/** `held` innermost first; `things` is everything there is. */
export function coverWants(
  wants: readonly Want[],
  held: readonly HeldUse[],
  things: readonly Thing[],
): Cover | Blocked {
  const byId = new Map(things.map((thing) => [thing.id, thing]));
  const units = wants.flatMap((want, i): Unit[] => {
    const places = placesFor(want, held, things, byId);
    return Array.from({ length: want.count }, () => ({ want: i, ...places }));
  });
  const placed = place(units);
  if (typeof placed === 'number') {
    const want = wants[units[placed]?.want ?? 0] as Want;
    return { blocked: want, use: held.find(({ resource }) => isFor(want, byId.get(resource))) ?? null };
  }
  const uses = units.map(({ want }, i) => {
    const { mode } = wants[want] as Want;
    return held.find((use) => use.resource === placed[i] && satisfies(mode, use.mode)) ?? null;
  });
  const taken = uses.flatMap((use) => (use && byId.get(use.resource)) ?? []);
  const rest = wants.flatMap((want, i): WantJson[] => {
    const missing = units.filter((unit, u) => unit.want === i && uses[u] === null).length;
    if (missing === 0) return [];
    return [
      restOf(
        want,
        missing,
        taken.filter((thing) => isFor(want, thing) && hasRoomBeside(held, thing, want.mode)),
      ),
    ];
  });
  return { uses, rest };
}

/** Whether holding it like this is enough for one who wants it like that. */
function satisfies(wanted: Mode, held: ModeJson): boolean {
  switch (wanted) {
    case 'whole':
      return held === 'exclusive';
    case 'slot':
      return held !== 'shared';
    case 'shared':
      return true;
    default:
      return wanted satisfies never;
  }
}

/** Whether another lease could have it like that while the locks around us go on holding it. As `hasRoom` of the daemon. */
function hasRoomBeside(held: readonly HeldUse[], { id, slots }: Thing, wanted: Mode): boolean {
  const modes = held.filter(({ resource }) => resource === id).map(({ mode }) => mode);
  if (modes.includes('exclusive')) return false;
  const isShared = modes.includes('shared');
  const taken = modes.filter((mode) => mode === 'slot').length + (isShared ? 1 : 0);
  if (wanted === 'whole') return taken === 0;
  return (wanted === 'shared' && isShared) || taken < slots;
}

function isFor({ selector }: Want, thing: Thing | undefined): boolean {
  return thing !== undefined && matches(selector, thing);
}

function placesFor(
  want: Want,
  held: readonly HeldUse[],
  things: readonly Thing[],
  byId: ReadonlyMap<number, Thing>,
): Pick<Unit, 'held' | 'free'> {
  const usable = held.filter(({ resource, mode }) => satisfies(want.mode, mode) && isFor(want, byId.get(resource)));
  const ours = [...new Set(usable.map(({ resource }) => resource))];
  const free: Place[] = things
    .filter((thing) => isFor(want, thing) && !ours.includes(thing.id) && hasRoomBeside(held, thing, want.mode))
    .map(({ id }) => id);
  // It may be created when it is asked for; whether it may is for the daemon to say.
  const { selector } = want;
  if (selector.type === 'name' && !things.some((thing) => isFor(want, thing))) free.push(selector.name);
  return { held: ours, free };
}

/**
 * A different place for each unit by augmenting paths: first as many as can be of what is held, the most particular
 * units first, then the others, which keeps all of those places in use. A number is a unit that has none.
 */
function place(units: readonly Unit[]): readonly Place[] | number {
  const takenBy = new Map<Place, number>();
  const found: (Place | undefined)[] = units.map(() => undefined);
  const choices = (unit: number): number => (units[unit]?.held.length ?? 0) + (units[unit]?.free.length ?? 0);
  const order = units.map((_, unit) => unit).sort((a, b) => choices(a) - choices(b) || a - b);
  const augment = (unit: number, placesOf: (unit: Unit) => readonly Place[], seen: Set<Place>): boolean => {
    const places = placesOf(units[unit] as Unit);
    for (const one of [...places.filter((at) => !takenBy.has(at)), ...places.filter((at) => takenBy.has(at))]) {
      if (seen.has(one)) continue;
      seen.add(one);
      const other = takenBy.get(one);
      if (other !== undefined && !augment(other, placesOf, seen)) continue;
      takenBy.set(one, unit);
      found[unit] = one;
      return true;
    }
    return false;
  };
  for (const unit of order) augment(unit, ({ held }) => held, new Set());
  for (const unit of order) {
    if (found[unit] !== undefined) continue;
    if (!augment(unit, ({ held, free }) => [...held, ...free], new Set())) return unit;
  }
  return found as readonly Place[];
}

/** A count means different resources, so what is used already is left out where the daemon might give more of it. */
function restOf({ selector, mode }: Want, count: number, without: readonly Thing[]): WantJson {
  const more = { count, mode: mode === 'whole' ? ('exclusive' as const) : mode === 'shared' ? mode : null };
  switch (selector.type) {
    case 'name':
      return { name: selector.name, ...more };
    case 'id':
      return { id: selector.id, ...more };
    case 'tags':
      if (without.length === 0) return { tags: selector.tags, ...more };
      return { where: expressionKey(excluding(allTags(selector), without)), ...more };
    case 'where':
      return { where: expressionKey(excluding(selector.where, without)), ...more };
    default:
      return selector satisfies never;
  }
}

function allTags({ tags }: Extract<Selector, { type: 'tags' }>): Expression {
  return tags
    .map((text): Expression => ({ type: 'tag', pattern: { text, glob: false } }))
    .reduce((left, right) => ({ type: 'and', left, right }));
}

function excluding(where: Expression, without: readonly Thing[]): Expression {
  return without.reduce((left: Expression, { id }): Expression => {
    const right: Expression = { type: 'compare', key: 'id', op: '!=', value: { text: String(id), glob: false } };
    return { type: 'and', left, right };
  }, where);
}
