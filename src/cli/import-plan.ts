import type { Scalar } from '../core/model.ts';
import type { DescribedJson, DescribeJson, EditJson, ResourceJson } from '../core/wire.ts';
import { whose } from './text.ts';

/** What an import would do to one resource; `lines` say it to people. */
export type Planned =
  | { readonly type: 'add'; readonly resource: DescribeJson; readonly lines: readonly string[] }
  | {
      readonly type: 'change';
      readonly name: string;
      readonly changes: EditJson;
      /** Where the file has it out of service, and the daemon has not. */
      readonly offline: DescribeJson['offline'];
      /** `slots 1 → 2`. */
      readonly lines: readonly string[];
    }
  | { readonly type: 'remove'; readonly name: string; readonly held: boolean; readonly lines: readonly string[] }
  | { readonly type: 'same'; readonly name: string };

interface Planning {
  /** By the wall clock: an end that has passed is none. */
  readonly now: number;
  /** What is not in the file is to go; this is who has it now. Null where it stays. */
  readonly prune: readonly ResourceJson[] | null;
}

/**
 * The difference between what there is and what a file says. What it says nothing of is left as it is: resources, unless
 * they are pruned, and of a resource what is absent.
 */
export function planImport(
  there: readonly DescribedJson[],
  given: readonly DescribeJson[],
  { now, prune }: Planning,
): readonly Planned[] {
  const known = new Map(there.map((one) => [one.name, one]));
  const planned = given.map((one): Planned => {
    const current = { ...one, offline: isOver(one.offline, now) ? null : (one.offline ?? null) };
    const before = known.get(one.name);
    if (before === undefined) return { type: 'add', resource: current, lines: traitLines(current) };
    return difference(before, current);
  });
  return prune === null ? planned : [...planned, ...removals(there, given, prune)];
}

function isOver(offline: DescribeJson['offline'], now: number): boolean {
  return offline?.until != null && Date.parse(offline.until) <= now;
}

function removals(
  there: readonly DescribedJson[],
  given: readonly DescribeJson[],
  now: readonly ResourceJson[],
): readonly Planned[] {
  const kept = new Set(given.map(({ name }) => name));
  const seen = new Map(now.map((one) => [one.name, one]));
  return there
    .filter(({ name }) => !kept.has(name))
    .map(({ name, source }) => {
      const { leases = [], waiting = 0 } = seen.get(name) ?? {};
      const file = /^file:(.*)$/s.exec(source)?.[1];
      const holders = leases.map(whose).join(', ');
      const lines = [
        ...(holders === '' ? [] : [`held by ${holders}, and goes when that is done`]),
        ...(waiting === 0 ? [] : [`${waiting} ${waiting === 1 ? 'waits' : 'wait'} who could use it`]),
        ...(file === undefined ? [] : [`stays away until ${file} says something else of it`]),
      ];
      return { type: 'remove', name, held: leases.length > 0, lines };
    });
}

const WORDS = {
  description: 'description',
  endpoint: 'endpoint',
  slots: 'slots',
  machine: 'machine',
  maxHold: 'max_hold (seconds)',
  staleAfter: 'stale_after (seconds)',
} as const;
/** What a resource is where nobody says anything. */
const DEFAULTS = { description: '', endpoint: '', slots: 1, machine: null, maxHold: null, staleAfter: null } as const;
const SINGLE = Object.keys(WORDS) as (keyof typeof WORDS)[];

/** What is to be added, without what is as if nobody had said it. */
function traitLines(resource: DescribeJson): readonly string[] {
  const { tags, properties, env, offline } = resource;
  const single = SINGLE.map((key) => ({ key, value: resource[key] ?? DEFAULTS[key] }));
  return [
    ...single.filter(({ key, value }) => value !== DEFAULTS[key]).map(({ key, value }) => `${WORDS[key]} ${value}`),
    ...(tags && tags.length > 0 ? [`${tags.length === 1 ? 'tag' : 'tags'} ${tags.join(', ')}`] : []),
    ...Object.entries(properties ?? {}).map(([key, value]) => `property ${key} ${shown(value)}`),
    ...Object.keys(env ?? {}).map((key) => `env ${key}`),
    ...(offline ? [offlineLine(offline)] : []),
  ];
}

function difference(before: DescribedJson, after: DescribeJson): Planned {
  const { name } = after;
  const changes: { -readonly [Key in keyof EditJson]: EditJson[Key] } = {};
  const lines: string[] = [];
  for (const key of SINGLE) {
    const value = after[key] === undefined ? before[key] : (after[key] ?? DEFAULTS[key]);
    if (before[key] === value) continue;
    Object.assign(changes, { [key]: value });
    lines.push(`${WORDS[key]} ${shown(before[key])} → ${shown(value)}`);
  }
  const tags = after.tags === undefined ? before.tags : (after.tags ?? []);
  const [more, less] = [tags.filter((tag) => !before.tags.includes(tag)), before.tags.filter((t) => !tags.includes(t))];
  if (more.length + less.length > 0) changes.tags = tags;
  lines.push(...more.map((tag) => `tag + ${tag}`), ...less.map((tag) => `tag - ${tag}`));
  const properties = pairs('property', before.properties, after.properties, lines);
  const env = pairs('env', before.env, after.env, lines);
  if (Object.keys(properties).length > 0) changes.properties = properties;
  if (Object.keys(env).length > 0) changes.env = env as Record<string, string | null>;
  const offline = sameOffline(before.offline, after.offline) ? null : (after.offline ?? null);
  if (offline) lines.push(offlineLine(offline));
  return lines.length === 0 ? { type: 'same', name } : { type: 'change', name, changes, offline, lines };
}

function shown(value: Scalar | null): string {
  return value === null || value === '' ? '-' : String(value);
}

function offlineLine({ reason, until }: NonNullable<DescribeJson['offline']>): string {
  return `offline${until ? ` until ${until}` : ''}: ${reason}`;
}

/** In what a variable is set to there may be a secret, so only its name is told. */
function pairs(
  what: 'property' | 'env',
  before: Readonly<Record<string, Scalar>>,
  after: Readonly<Record<string, Scalar>> | null | undefined,
  lines: string[],
): Record<string, Scalar | null> {
  if (after === undefined) return {};
  const changes: [string, Scalar | null][] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after ?? {})])) {
    const [old, now] = [before, after ?? {}].map((all) => (Object.hasOwn(all, key) ? (all[key] ?? null) : null)) as [
      Scalar | null,
      Scalar | null,
    ];
    if (old === now) continue;
    changes.push([key, now]);
    // The number 7 and the text 7 are two things that look alike.
    const show = shown(old) === shown(now) ? JSON.stringify : shown;
    lines.push(what === 'env' ? `env ${key}` : `property ${key} ${show(old)} → ${show(now)}`);
  }
  return Object.fromEntries(changes);
}

/** A file that says nothing of it leaves it as it is. */
function sameOffline(before: DescribedJson['offline'], after: DescribeJson['offline']): boolean {
  if (!after) return true;
  return before?.reason === after.reason && before.until === (after.until ?? null);
}
