import { MOST_ENTRIES, watchOf } from '../core/description.ts';
import { machineProblem } from '../core/machine.ts';
import type { Description, Millis, Scalar } from '../core/model.ts';
import { isUnprintable, nameProblem, splitTags, tagProblem } from '../core/name.ts';
import { quote, type Remarks } from './remarks.ts';
import { parseTimestamp } from './timestamp.ts';
import { expected, readCount, readDuration, readKeys, readMap, readText } from './tree-readers.ts';
import type { Tree, YamlMap, YamlText } from './yaml.ts';

/** The keys of a resource. */
export const RESOURCE_KEYS = [
  'description',
  'endpoint',
  'tags',
  'slots',
  'properties',
  'env',
  'max_hold',
  'max_lock_duration',
  'machine',
  'stale_after',
  'offline',
] as const;
export type ResourceKey = (typeof RESOURCE_KEYS)[number];

/** Most slots of one resource. */
export const MOST_SLOTS = 10_000;
export const LONGEST_KEY = 100;
export const LONGEST_VALUE = 32_000;

/** What expressions can ask for; `name=` and the like ask for something else. */
export const PROPERTY_KEY = /^[\p{L}\p{N}_.:/@+%~#-]+$/u;
const ENV_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TAKEN_KEYS: ReadonlySet<string> = new Set(['name', 'id', 'endpoint', 'tag']);

type Draft = { -readonly [Key in keyof Omit<Description, 'machine' | 'staleAfter'>]: Description[Key] } & {
  machine: string | null;
  staleAfter: Millis | null;
};

/** Reads one resource. Nothing at all describes one too: its name is enough. */
export function readResource(name: string, at: number, tree: Tree, remarks: Remarks): Description {
  const problem = nameProblem(name);
  if (problem !== null) remarks.problem(at, `${problem}: ${quote(name)}`);
  const draft: Draft = {
    name,
    description: '',
    endpoint: '',
    tags: [],
    properties: {},
    env: {},
    slots: 1,
    maxHold: null,
    offline: null,
    machine: null,
    staleAfter: null,
  };
  const map = readMap(tree, name, remarks);
  if (map) readFields(draft, map, remarks);
  const { machine, staleAfter, ...description } = draft;
  return { ...description, ...watchOf({ machine, staleAfter }) };
}

function readFields(draft: Draft, map: YamlMap, remarks: Remarks): void {
  const about = (key: string) => `${key} of ${draft.name}`;
  const maxHold = (key: string) => (value: Tree) => {
    draft.maxHold = readDuration(value, about(key), remarks);
  };
  const readers: Record<ResourceKey | 'name', (value: Tree, at: number) => void> = {
    // Where resources are a list it is their name; elsewhere it can only agree.
    name: (value, at) => {
      if (value.type === 'text' && value.text === draft.name) return;
      remarks.warn(at, `${draft.name} has its name already; its key "name" is ignored`);
    },
    description: (value) => {
      draft.description = readText(value, about('description'), remarks) ?? '';
    },
    endpoint: (value) => {
      draft.endpoint = readText(value, about('endpoint'), remarks) ?? '';
    },
    tags: (value) => {
      draft.tags = readTags(value, about('tags'), remarks);
    },
    slots: (value) => {
      draft.slots = readCount(value, about('slots'), { min: 1, max: MOST_SLOTS }, remarks) ?? 1;
    },
    properties: (value) => {
      draft.properties = readProperties(value, about('properties'), remarks);
    },
    env: (value) => {
      draft.env = readEnv(value, about('env'), remarks);
    },
    max_hold: maxHold('max_hold'),
    max_lock_duration: (value, at) => {
      if (!map.entries.has('max_hold')) return maxHold('max_lock_duration')(value);
      remarks.warn(at, `${draft.name} has both max_hold and its older name max_lock_duration; max_hold counts`);
    },
    machine: (value) => {
      draft.machine = readMachine(value, about('machine'), remarks);
    },
    stale_after: (value, at) => {
      draft.staleAfter = readDuration(value, about('stale_after'), remarks);
      if (!map.entries.has('machine')) remarks.warn(at, `${draft.name} has stale_after but no machine; it is ignored`);
    },
    offline: (value) => {
      draft.offline = readOffline(value, about('offline'), remarks);
    },
  };
  readKeys(map, readers, (key, at, hint) => {
    remarks.warn(at, `${draft.name} has an unknown key ${quote(key)}${hint || '; it is ignored'}`);
  });
}

function readMachine(tree: Tree, about: string, remarks: Remarks): string | null {
  const machine = readText(tree, about, remarks);
  const problem = machine === null ? null : machineProblem(machine);
  if (problem === null) return machine;
  remarks.problem(tree.at, `${about}: ${problem}, found ${quote(machine ?? '')}`);
  return null;
}

function readTags(tree: Tree, about: string, remarks: Remarks): readonly string[] {
  if (tree.type === 'empty') return [];
  if (tree.type === 'map') {
    expected(tree, about, 'a text with commas or spaces, or a list', remarks);
    return [];
  }
  const items = tree.type === 'list' ? tree.items : [tree];
  const tags: string[] = [];
  for (const item of items) {
    if (item.type === 'list' || item.type === 'map') expected(item, about, 'a text', remarks);
    if (item.type !== 'text') continue;
    const words = tree.type === 'list' ? [item.text.trim()] : splitTags(item.text);
    for (const word of words) {
      const problem = tagProblem(word);
      if (problem === null) tags.push(word);
      else remarks.problem(item.at, `${about}: ${problem}, found ${quote(word)}`);
    }
  }
  const different = [...new Set(tags)];
  if (different.length > MOST_ENTRIES)
    remarks.problem(tree.at, `${about}: at most ${MOST_ENTRIES}, found ${tags.length}`);
  return different;
}

function readProperties(tree: Tree, about: string, remarks: Remarks): Record<string, Scalar> {
  return readEntries(tree, about, remarks, {
    keyProblem: (key) =>
      PROPERTY_KEY.test(key) ? null : 'the name of a property has letters, digits and _.:/@+%~#- only',
    keyWarning: (key) => (TAKEN_KEYS.has(key) ? `an expression with ${key}= means the resource's own ${key}` : null),
    valueOf: (text) => {
      if (text.text.length > LONGEST_VALUE || isUnprintable(text.text)) return null;
      return scalarOf(text);
    },
  });
}

/** A number that would be written differently stays as it is written: serial numbers (007), versions (1.10). */
function scalarOf({ text, value }: YamlText): Scalar {
  return typeof value === 'number' && String(value) !== text ? text : value;
}

function readEnv(tree: Tree, about: string, remarks: Remarks): Record<string, string> {
  return readEntries(tree, about, remarks, {
    keyProblem: (key) => {
      if (!ENV_KEY.test(key)) return 'the name of a variable has letters, digits and _ only';
      return key.startsWith('RENTABOT_') ? 'variables that start with RENTABOT_ are set by rentabot itself' : null;
    },
    keyWarning: () => null,
    valueOf: ({ text }) => (text.length > LONGEST_VALUE || text.includes('\0') ? null : text),
    empty: '',
  });
}

interface EntryRules<Value> {
  readonly keyProblem: (key: string) => string | null;
  readonly keyWarning: (key: string) => string | null;
  /** Null where the text cannot be one. */
  readonly valueOf: (text: YamlText) => Value | null;
  /** What a key without a value has; without this it is left out. */
  readonly empty?: Value;
}

function readEntries<Value>(
  tree: Tree,
  about: string,
  remarks: Remarks,
  rules: EntryRules<Value>,
): Record<string, Value> {
  const map = readMap(tree, about, remarks);
  if (map === null) return {};
  if (map.entries.size > MOST_ENTRIES) {
    remarks.problem(map.at, `${about}: at most ${MOST_ENTRIES}, found ${map.entries.size}`);
    return {};
  }
  const found: [string, Value][] = [];
  for (const [key, { at, value }] of map.entries) {
    const problem = key.length > LONGEST_KEY ? `a name has at most ${LONGEST_KEY} characters` : rules.keyProblem(key);
    if (problem !== null) remarks.problem(at, `${about}: ${problem}, found ${quote(key)}`);
    const warning = rules.keyWarning(key);
    if (warning !== null) remarks.warn(at, `${about}: ${warning}`);
    if (value.type === 'empty' && rules.empty !== undefined) found.push([key, rules.empty]);
    if (value.type === 'empty') continue;
    const read = value.type === 'text' ? rules.valueOf(value) : null;
    if (read !== null) found.push([key, read]);
    else expected(value, `${key} in ${about}`, 'a text, a number, true or false', remarks);
  }
  return Object.fromEntries(found);
}

/** A reason, or a map of reason and until. YAML's many words for no mean that it is not offline, not a reason of "no". */
function readOffline(tree: Tree, about: string, remarks: Remarks): Draft['offline'] {
  if (tree.type === 'empty') return null;
  if (tree.type === 'map') return readOfflineMap(tree, about, remarks);
  const plain = tree.type === 'text' && !tree.quoted ? tree.text.toLowerCase() : '';
  if (['false', 'no', 'off', 'n'].includes(plain)) return null;
  if (['true', 'yes', 'on', 'y'].includes(plain)) return expected(tree, about, 'the reason', remarks);
  const reason = readText(tree, about, remarks);
  if (reason === '') return expected(tree, about, 'the reason', remarks);
  return reason === null ? null : { reason, until: null };
}

function readOfflineMap(map: YamlMap, about: string, remarks: Remarks): Draft['offline'] {
  let reason: string | null = null;
  let until: Millis | null = null;
  const problems = remarks.problems.length;
  const readers = {
    reason: (value: Tree) => {
      reason = readText(value, `reason in ${about}`, remarks);
    },
    until: (value: Tree) => {
      until = readUntil(value, `until in ${about}`, remarks);
    },
  };
  readKeys(map, readers, (key, at, hint) => {
    remarks.warn(at, `${about} has an unknown key ${quote(key)}${hint || '; it is ignored'}`);
  });
  if (reason) return { reason, until };
  if (remarks.problems.length === problems) remarks.problem(map.at, `${about}: expected a reason, found none`);
  return null;
}

function readUntil(tree: Tree, about: string, remarks: Remarks): Millis | null {
  if (tree.type === 'empty') return null;
  const until = tree.type === 'text' ? parseTimestamp(tree.text) : null;
  return until ?? expected(tree, about, 'a time as 2026-01-31 14:00 (UTC) or 2026-01-31T14:00:00+01:00', remarks);
}
