import type { DescribeJson } from '../../core/wire.ts';
import { PROPERTY_KEY, type ResourceKey, readResource } from '../described.ts';
import { quote } from '../remarks.ts';
import { LIMIT_RULES } from '../settings.ts';
import type { Tree, YamlEntry, YamlMap } from '../yaml.ts';
import { toJson } from './descriptor.ts';
import type { Found } from './found.ts';
import { textTree } from './trees.ts';

/**
 * One thing of another tool, in the words of a descriptor, with the trees of its own file: so one reader checks all, and
 * knows the place of what it does not like. What the tool has no word for is absent.
 */
export interface Entry {
  readonly name: string;
  readonly at: number;
  readonly says: { readonly [Key in ResourceKey]?: Tree | undefined };
  /** With what tells it from others of its name: `ci-1/uart`. */
  readonly fullName?: string;
}

/** In properties, which everybody may read, none of these has a place. */
const SECRET_KEY = /passw|passphrase|secret|token|credential|(?:api|private|ssh|access)[-_. ]?key/i;
/** `https://user:password@host` */
const PASSWORD = /\/\/[^/\s:@]*:[^/\s@]+@/;
const DEEPEST_PROPERTY = 10;

/** The resources that the things become; with what they say of each, and nothing else. */
export function describeEntries(
  entries: readonly Entry[],
  found: Found,
  { isOurs = false }: { readonly isOurs?: boolean } = {},
): readonly DescribeJson[] {
  const most = LIMIT_RULES.resources.max;
  if (entries.length > most) {
    found.remarks.problem(null, `${entries.length} things, and ${most} are the most`);
    return [];
  }
  return distinct(entries, found).map((entry) => describeEntry(entry, found, isOurs));
}

function describeEntry({ name, at, says }: Entry, found: Found, isOurs: boolean): DescribeJson {
  const pairs = Object.entries(says).flatMap(([key, value]): [string, YamlEntry][] => {
    if (value === undefined || (!isOurs && isSecret(key, value, found))) return [];
    return [[key, { at: value.at, value }]];
  });
  const described = toJson(readResource(name, at, { type: 'map', at, entries: new Map(pairs) }, found.remarks));
  const said = new Set(pairs.map(([key]) => JSON_KEYS[key as ResourceKey]));
  return Object.fromEntries(
    Object.entries(described).filter(([key]) => key === 'name' || said.has(key as keyof DescribeJson)),
  ) as unknown as DescribeJson;
}

const JSON_KEYS: Readonly<Record<ResourceKey, keyof DescribeJson>> = {
  description: 'description',
  endpoint: 'endpoint',
  tags: 'tags',
  slots: 'slots',
  properties: 'properties',
  env: 'env',
  max_hold: 'maxHold',
  max_lock_duration: 'maxHold',
  machine: 'machine',
  stale_after: 'staleAfter',
  offline: 'offline',
};

/** Things of one name are told apart by their full names, where those do; else the last counts, as in a descriptor. */
function distinct(entries: readonly Entry[], found: Found): readonly Entry[] {
  const named = new Map<string, Entry[]>();
  for (const entry of entries) {
    const same = named.get(entry.name);
    if (same) same.push(entry);
    else named.set(entry.name, [entry]);
  }
  const kept = new Map<string, Entry>();
  const keep = (entry: Entry): void => {
    if (kept.has(entry.name)) found.remarks.warn(entry.at, `${quote(entry.name)} is given twice; the last counts`);
    kept.set(entry.name, entry);
  };
  for (const [name, same] of named) {
    const full = new Set(same.map(({ fullName }) => fullName ?? name));
    const last = same.at(-1) as Entry;
    if (same.length === 1) keep(last);
    else if (full.size === same.length) {
      const names = [...full].join(', ');
      found.remarks.warn(same[0]?.at ?? null, `${same.length} are called ${quote(name)}; here they are ${names}`);
      for (const entry of same) keep({ ...entry, name: entry.fullName ?? name });
    } else {
      found.remarks.warn(last.at, `${quote(name)} is given ${same.length} times; the last counts`);
      keep(last);
    }
  }
  return [...kept.values()];
}

/**
 * Properties, from whatever another tool keeps of a thing: what is nested is called `a.b`, a list is a text with commas,
 * and what is no name here becomes one.
 */
export function propertiesFrom(pairs: Iterable<readonly [string, YamlEntry]>, at: number, found: Found): YamlMap {
  const entries = new Map<string, YamlEntry>();
  for (const [key, { at: keyAt, value }] of pairs) {
    for (const [path, leaf] of leavesOf(key, value, found, 0)) {
      if (isSecret(path, leaf, found)) continue;
      const name = [...path].map((character) => (PROPERTY_KEY.test(character) ? character : '_')).join('');
      if (name !== path) found.tally(keyAt, `the property ${quote(path)} is called ${name} here`);
      entries.set(name, { at: keyAt, value: leaf });
    }
  }
  return { type: 'map', at, entries };
}

function leavesOf(key: string, value: Tree, found: Found, depth: number): readonly (readonly [string, Tree])[] {
  if (value.type === 'empty') return [];
  if (value.type === 'text') return [[key, oneLine(value)]];
  const texts = value.type === 'list' ? value.items.filter((item) => item.type === 'text') : [];
  if (value.type === 'list' && texts.length === value.items.length) {
    return [[key, textTree(texts.map(({ text }) => text).join(','), value.at)]];
  }
  if (value.type === 'list' || depth >= DEEPEST_PROPERTY) {
    found.tally(value.at, `${quote(key)} is more than a property can be; it is left out`);
    return [];
  }
  return [...value.entries].flatMap(([inner, entry]) => leavesOf(`${key}.${inner}`, entry.value, found, depth + 1));
}

/** A property is on one line. */
function oneLine(value: Extract<Tree, { type: 'text' }>): Tree {
  if (!/[\r\n\t]/.test(value.text)) return value;
  const text = value.text.trim().replace(/\s+/g, ' ');
  return { ...value, text, value: text };
}

/** Whether somebody must not see it who may see resources; if so, that is said, and not what it is. */
function isSecret(key: string, value: Tree, found: Found): boolean {
  if (SECRET_KEY.test(key)) {
    const where = 'properties are for everybody to see, and env is for the holder alone';
    found.tally(value.at, `${quote(key)} may be a secret, and is left out: ${where}`);
    return true;
  }
  const carries = value.type === 'text' && PASSWORD.test(value.text);
  if (carries) found.tally(value.at, `${quote(key)} carries a password, and is left out`);
  return carries;
}
