import type { Description, Millis, Offline, Resource, Scalar } from './model.ts';

/** Most tags, properties and env variables of one resource, each. */
export const MOST_ENTRIES = 100;

/** Everything of a description that an edit may change: whether it is in service is said in another way. */
export type Traits = Omit<Description, 'name' | 'offline'>;

/** What is to be different. What is absent stays as it is, and so do properties and variables that are not named; null takes one away, or all. */
export interface Changes extends Partial<Omit<Traits, 'properties' | 'env' | 'machine' | 'staleAfter'>> {
  readonly properties?: Readonly<Record<string, Scalar | null>> | null;
  readonly env?: Readonly<Record<string, string | null>> | null;
  readonly machine?: string | null;
  readonly staleAfter?: Millis | null;
  readonly addTags?: readonly string[];
  readonly removeTags?: readonly string[];
}

type Origin = Pick<Resource, 'id' | 'source' | 'declared' | 'lastUsedAt'> & { readonly offline: Offline | null };

/** Written out: of objects that are spread together each has a shape of its own, which is half a kilobyte a resource. */
export function resourceFrom(origin: Origin, name: string, traits: Traits): Resource {
  const { description, endpoint, tags, properties, env, slots, maxHold } = traits;
  const { id, offline, source, declared, lastUsedAt } = origin;
  const resource = {
    id,
    name,
    description,
    endpoint,
    tags,
    properties,
    env,
    slots,
    maxHold,
    offline,
    source,
    declared,
    retiring: false,
    lastUsedAt,
  };
  return traits.machine === undefined ? resource : { ...resource, ...watchOf(traits) };
}

type Watch = { readonly machine?: string | null | undefined; readonly staleAfter?: Millis | null | undefined };

/** Few have a machine, and what has none has not even the key: so what was stored without stays as it was. */
export function watchOf({ machine, staleAfter }: Watch): Pick<Traits, 'machine' | 'staleAfter'> {
  if (machine == null) return {};
  return staleAfter == null ? { machine } : { machine, staleAfter };
}

export function offlineOf({ offline }: Description, now: Millis): Offline | null {
  if (offline === null || (offline.until !== null && offline.until <= now)) return null;
  return { ...offline, by: '', since: now };
}

/** Whether two say the same; in which order tags and properties stand is no difference. */
export function sameTraits(a: Traits, b: Traits): boolean {
  return spelled(a) === spelled(b);
}

function spelled({
  description,
  endpoint,
  tags,
  properties,
  env,
  slots,
  maxHold,
  machine,
  staleAfter,
}: Traits): string {
  const sorted = (record: Readonly<Record<string, unknown>>) => Object.entries(record).sort(([a], [b]) => order(a, b));
  return JSON.stringify([
    description,
    endpoint,
    [...new Set(tags)].sort(order),
    sorted(properties),
    sorted(env),
    slots,
    maxHold,
    machine,
    staleAfter,
  ]);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The traits with the changes made. */
export function changed(traits: Traits, changes: Changes): Traits {
  const { properties, env, addTags = [], removeTags = [], machine, staleAfter, ...rest } = changes;
  const { machine: oldMachine, staleAfter: oldStaleAfter, ...known } = traits;
  const tags = new Set([...(rest.tags ?? known.tags), ...addTags]);
  for (const tag of removeTags) tags.delete(tag);
  return {
    ...known,
    ...rest,
    tags: [...tags],
    properties: patched(traits.properties, properties),
    env: patched(traits.env, env),
    ...watchOf({
      machine: machine === undefined ? oldMachine : machine,
      staleAfter: staleAfter === undefined ? oldStaleAfter : staleAfter,
    }),
  };
}

function patched<T>(
  record: Readonly<Record<string, T>>,
  changes: Readonly<Record<string, T | null>> | null = {},
): Record<string, T> {
  if (changes === null) return {};
  const entries = new Map<string, T>(Object.entries(record));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

/**
 * What a resource is after its file was read again: what the file says anew counts, and where it says the same as
 * `before`, what people have changed since is left alone; tag by tag, and property by property.
 */
export function merged(before: Traits, now: Traits, file: Traits): Traits {
  const pick = <Key extends keyof Traits>(key: Key): Traits[Key] => (before[key] === file[key] ? now : file)[key];
  return {
    description: pick('description'),
    endpoint: pick('endpoint'),
    tags: mergedTags(before.tags, now.tags, file.tags),
    properties: mergedRecord(before.properties, now.properties, file.properties),
    env: mergedRecord(before.env, now.env, file.env),
    slots: pick('slots'),
    maxHold: pick('maxHold'),
    ...watchOf({ machine: pick('machine'), staleAfter: pick('staleAfter') }),
  };
}

function mergedTags(before: readonly string[], now: readonly string[], file: readonly string[]): string[] {
  const added = now.filter((tag) => !before.includes(tag) && !file.includes(tag));
  return [...file.filter((tag) => now.includes(tag) || !before.includes(tag)), ...added];
}

function mergedRecord<T>(
  before: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
  file: Readonly<Record<string, T>>,
): Record<string, T> {
  const keys = new Set([...Object.keys(file), ...Object.keys(now)]);
  const has = (record: Readonly<Record<string, T>>, key: string) => (Object.hasOwn(record, key) ? record[key] : null);
  return Object.fromEntries(
    [...keys].flatMap((key): [string, T][] => {
      const value = has(before, key) === has(file, key) ? has(now, key) : has(file, key);
      return value === null || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** What is too much of it; null if nothing is. Of one request the edge has looked, but changes add up. */
export function excess({ tags, properties, env }: Traits): string | null {
  const counts = { tags: tags.length, properties: Object.keys(properties).length, env: Object.keys(env).length };
  const found = Object.entries(counts).find(([, count]) => count > MOST_ENTRIES);
  return found ? `${found[1]} ${found[0]}, and ${MOST_ENTRIES} are the most` : null;
}
