import { certainOf } from './expression.ts';
import type { Millis, Mode, Offline, Resource, Selector, Want } from './model.ts';
import { Ordered, type Place } from './ordered.ts';
import { matches } from './want.ts';

/** Nothing was heard of its machine for longer than its description allows. */
export interface Silence {
  readonly machine: string;
  /** What whoever waits is told. */
  readonly offline: Offline;
}

/** A resource, and how much of it is in use. Only evolve changes one. */
export interface Entry {
  resource: Resource;
  /** Lease id to how it holds this. */
  readonly leases: Map<string, Mode>;
  slotsTaken: number;
  sharers: number;
  whole: boolean;
  /** Held back until then: its last command may not have ended yet. Null where that is not to be feared. */
  drainedAt: Millis | null;
  /** Not handed out until its machine is seen; null where it was, or nobody watches it. */
  silence: Silence | null;
  /** How long it is usually held, in milliseconds: recent holds count more. Null before the first. */
  typicalHold: number | null;
  /** The lists that it stands in while it has room, and its places there; no places while it has none. */
  rooms: readonly Ordered<Entry>[];
  places: Place<Entry>[];
}

/** Resources that some selector could match: look at `members`, or only at those with `room`, best first. */
export interface Pool {
  readonly size: number;
  readonly members: Iterable<Entry>;
  readonly room: Ordered<Entry>;
}

class Index implements Pool {
  readonly members = new Set<Entry>();
  readonly room = new Ordered<Entry>(longerIdle);

  get size(): number {
    return this.members.size;
  }
}

/** What to look for, and the key that says it in one spelling. */
export type Wanted = Pick<Want, 'selector' | 'key'>;

/** A search that passes over more than so many that do not match gets an index of its own. */
const MOST_PASSED = 16;
/** How many such indexes are kept; the oldest goes first. */
const MOST_WATCHED = 1000;

/**
 * All resources, findable by id, name and tag. What has room stands in lists ordered by idleness, so that to pick one
 * costs the same whether ten exist or a hundred thousand. Expressions and combinations of tags are answered from the
 * index of one of their tags, or from all; where that passes over many, they get an index themselves, like a tag.
 */
export class Catalogue {
  readonly byId = new Map<number, Entry>();
  readonly byName = new Map<string, Entry>();
  private readonly tags = new Map<string, Index>();
  private readonly watched = new Map<string, Index & { readonly selector: Selector }>();
  private readonly room = new Ordered<Entry>(longerIdle);
  /** Changes whenever what matches what may have changed. */
  version = 0;

  get size(): number {
    return this.byId.size;
  }

  /** Adds a resource, or gives a known one a new description; what is held stays held. */
  put(resource: Resource): Entry {
    const entry = this.byId.get(resource.id) ?? newEntry(resource);
    for (const tag of entry.resource.tags) if (!resource.tags.includes(tag)) this.leaveTag(tag, entry);
    entry.resource = resource;
    this.byId.set(resource.id, entry);
    this.byName.set(resource.name, entry);
    const indexes = [...new Set(resource.tags)].map((tag) => this.indexOf(tag));
    for (const index of this.watched.values()) {
      if (matches(index.selector, resource)) indexes.push(index);
      else index.members.delete(entry);
    }
    for (const index of indexes) index.members.add(entry);
    this.stand(entry, [this.room, ...indexes.map(({ room }) => room)]);
    this.version += 1;
    return entry;
  }

  remove(entry: Entry): void {
    this.stand(entry, []);
    for (const tag of entry.resource.tags) this.leaveTag(tag, entry);
    for (const index of this.watched.values()) index.members.delete(entry);
    this.byId.delete(entry.resource.id);
    this.byName.delete(entry.resource.name);
    this.version += 1;
  }

  /** To be called after anything that changes whether an entry has room. It keeps its places if it still has. */
  refresh(entry: Entry): void {
    if (!hasRoom(entry, 'slot') && !hasRoom(entry, 'shared')) return this.withdraw(entry);
    if (entry.places.length === entry.rooms.length) return;
    const kept = entry.places;
    entry.places = entry.rooms.map((room) => kept.find(({ list }) => list === room) ?? room.insert(entry));
  }

  /** Its latest use is over: it has been idle for the shortest time of all, and stands last. */
  rest(entry: Entry, at: Millis): void {
    this.withdraw(entry);
    entry.resource = { ...entry.resource, lastUsedAt: Math.max(at, entry.resource.lastUsedAt ?? 0) };
    this.refresh(entry);
  }

  /** The smallest pool that certainly has every match of the selector. Not every member matches. */
  pool(selector: Selector, key?: string): Pool {
    const index = key === undefined ? undefined : this.watched.get(key);
    if (index) return index;
    switch (selector.type) {
      case 'name':
      case 'id':
        return poolOf(this.single(selector));
      case 'tags':
        return this.rarest(selector.tags);
      case 'where': {
        const certain = certainOf(selector.where);
        if (certain === null) return this.all();
        return 'name' in certain ? poolOf(this.byName.get(certain.name)) : this.rarest([certain.tag]);
      }
      default:
        return selector satisfies never;
    }
  }

  *matching(selector: Selector): Generator<Entry> {
    for (const entry of this.pool(selector).members) if (matches(selector, entry.resource)) yield entry;
  }

  /** The one resource that a name or an id stands for; undefined where there is none, or the selector is of another kind. */
  single(selector: Selector): Entry | undefined {
    if (selector.type === 'name') return this.byName.get(selector.name);
    return selector.type === 'id' ? this.byId.get(selector.id) : undefined;
  }

  /** Whatever matches. */
  search(wanted: Wanted): Iterable<Entry> {
    if (!isSingle(wanted.selector)) return this.sift(wanted, ({ members }) => members);
    const entry = this.single(wanted.selector);
    return entry === undefined ? [] : [entry];
  }

  /** Whatever matches and has room, best first. */
  searchRoom(wanted: Wanted): Iterable<Entry> {
    if (!isSingle(wanted.selector)) return this.sift(wanted, ({ room }) => room);
    const entry = this.single(wanted.selector);
    return entry === undefined || entry.places.length === 0 ? [] : [entry];
  }

  tagNames(): IterableIterator<string> {
    return this.tags.keys();
  }

  private all(): Pool {
    return { size: this.byId.size, members: this.byId.values(), room: this.room };
  }

  private rarest(tags: readonly string[]): Pool {
    let rarest: Pool | null = null;
    for (const tag of tags) {
      const index = this.tags.get(tag);
      if (!index) return EMPTY;
      if (rarest === null || index.size < rarest.size) rarest = index;
    }
    return rarest ?? this.all();
  }

  private indexOf(tag: string): Index {
    const known = this.tags.get(tag);
    if (known) return known;
    const made = new Index();
    this.tags.set(tag, made);
    return made;
  }

  private leaveTag(tag: string, entry: Entry): void {
    const index = this.tags.get(tag);
    index?.members.delete(entry);
    if (index?.size === 0) this.tags.delete(tag);
  }

  /** Makes these the lists that an entry stands in. In those that it stood in before it keeps its place. */
  private stand(entry: Entry, rooms: readonly Ordered<Entry>[]): void {
    entry.rooms = rooms;
    const stays = new Set(rooms);
    for (const place of entry.places) if (place.list && !stays.has(place.list)) place.list.remove(place);
    entry.places = entry.places.filter(({ list }) => list !== null);
    this.refresh(entry);
  }

  private withdraw(entry: Entry): void {
    for (const place of entry.places) place.list?.remove(place);
    entry.places.length = 0;
  }

  private *sift({ selector, key }: Wanted, side: (pool: Pool) => Iterable<Entry>): Generator<Entry> {
    let passed = 0;
    let found = 0;
    for (const entry of side(this.pool(selector, key))) {
      if (matches(selector, entry.resource)) {
        found += 1;
        yield entry;
      } else if (passed < MOST_PASSED) passed += 1;
      else {
        yield* after(found, side(this.watch(selector, key)));
        return;
      }
    }
  }

  /** An index for this selector, in the order of the pool that it was searched in so far. */
  private watch(selector: Selector, key: string): Index {
    const { members, room } = this.pool(selector);
    const index = Object.assign(new Index(), { selector });
    for (const entry of members) {
      if (!matches(selector, entry.resource)) continue;
      index.members.add(entry);
      entry.rooms = [...entry.rooms, index.room];
    }
    for (const entry of room) if (index.members.has(entry)) entry.places.push(index.room.insert(entry));
    this.watched.set(key, index);
    const [oldest] = this.watched.keys();
    if (this.watched.size > MOST_WATCHED && oldest !== undefined) this.unwatch(oldest);
    return index;
  }

  private unwatch(key: string): void {
    const index = this.watched.get(key);
    this.watched.delete(key);
    for (const entry of index?.members ?? []) {
      this.stand(
        entry,
        entry.rooms.filter((room) => room !== index?.room),
      );
    }
  }
}

/** Whether one more lease of this mode may have it now. */
export function hasRoom(entry: Entry, mode: Mode): boolean {
  return entry.drainedAt === null && fits(entry, mode);
}

/**
 * Whether one more lease of this mode fits beside those that there are. All sharers together occupy one slot, so that
 * one rule serves ordinary resources (one slot: readers or a writer) and licences (many slots).
 */
export function fits(entry: Entry, mode: Mode): boolean {
  const { retiring, slots } = entry.resource;
  const offline = outOfService(entry);
  if (offline !== null || retiring || entry.whole) return false;
  const taken = entry.slotsTaken + (entry.sharers > 0 ? 1 : 0);
  switch (mode) {
    case 'slot':
      return taken < slots;
    case 'whole':
      return taken === 0;
    case 'shared':
      return entry.sharers > 0 || taken < slots;
    default:
      return mode satisfies never;
  }
}

/** Why it is out of service: people, or a file, said so, or its machine is silent. Null where it is not. */
export function outOfService({ resource, silence }: Entry): Offline | null {
  return resource.offline ?? silence?.offline ?? null;
}

/** Whether it stands for one resource at most. */
export function isSingle({ type }: Selector): boolean {
  return type === 'name' || type === 'id';
}

/** Never used comes before used long ago before used just now; among equals the lowest id. */
export function longerIdle(a: Entry, b: Entry): boolean {
  const x = a.resource.lastUsedAt ?? -1;
  const y = b.resource.lastUsedAt ?? -1;
  return x === y ? a.resource.id < b.resource.id : x < y;
}

function newEntry(resource: Resource): Entry {
  return {
    resource,
    leases: new Map(),
    slotsTaken: 0,
    sharers: 0,
    whole: false,
    drainedAt: null,
    silence: null,
    typicalHold: null,
    rooms: [],
    places: [],
  };
}

function poolOf(entry: Entry | undefined): Pool {
  if (entry === undefined) return EMPTY;
  const room = new Ordered<Entry>(longerIdle);
  if (entry.places.length > 0) room.insert(entry);
  return { size: 1, members: [entry], room };
}

const EMPTY: Pool = { size: 0, members: [], room: new Ordered<Entry>(longerIdle) };

function* after<T>(count: number, list: Iterable<T>): Generator<T> {
  let seen = 0;
  for (const one of list) {
    if (seen >= count) yield one;
    seen += 1;
  }
}
