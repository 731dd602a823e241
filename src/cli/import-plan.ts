import type { Scalar } from '../core/model.ts';
import type { DescribedJson, DescribeJson, EditJson } from '../core/wire.ts';

/** What an import would do to one resource. */
export type Planned =
  | { readonly type: 'add'; readonly resource: DescribeJson }
  | {
      readonly type: 'change';
      readonly name: string;
      readonly changes: EditJson;
      /** Where the file has it out of service, and the daemon has not. */
      readonly offline: DescribeJson['offline'];
      /** For people: `slots 1 → 2`. */
      readonly lines: readonly string[];
    }
  | { readonly type: 'same'; readonly name: string };

/** The difference between what there is and what a file says. What the file does not have is left as it is. */
export function planImport(there: readonly DescribedJson[], given: readonly DescribeJson[]): readonly Planned[] {
  const known = new Map(there.map((one) => [one.name, one]));
  return given.map((one) => {
    const before = known.get(one.name);
    return before === undefined ? { type: 'add', resource: one } : difference(before, one);
  });
}

function difference(before: DescribedJson, after: DescribeJson): Planned {
  const { name } = after;
  const changes: { -readonly [Key in keyof EditJson]: EditJson[Key] } = {};
  const lines: string[] = [];
  const texts = { description: after.description ?? '', endpoint: after.endpoint ?? '' };
  const spans = { maxHold: after.maxHold ?? null, staleAfter: after.staleAfter ?? null };
  const single = { ...texts, slots: after.slots ?? 1, machine: after.machine ?? null, ...spans };
  for (const [key, value] of Object.entries(single)) {
    const old = before[key as keyof typeof single];
    if (old === value) continue;
    Object.assign(changes, { [key]: value });
    lines.push(`${WORDS[key] ?? key} ${shown(old)} → ${shown(value)}`);
  }
  const tags = after.tags ?? [];
  const [more, less] = [tags.filter((tag) => !before.tags.includes(tag)), before.tags.filter((t) => !tags.includes(t))];
  if (more.length + less.length > 0) changes.tags = tags;
  lines.push(...more.map((tag) => `tag + ${tag}`), ...less.map((tag) => `tag - ${tag}`));
  const properties = pairs('property', before.properties, after.properties ?? {}, lines);
  const env = pairs('env', before.env, after.env ?? {}, lines);
  if (Object.keys(properties).length > 0) changes.properties = properties;
  if (Object.keys(env).length > 0) changes.env = env as Record<string, string | null>;
  const offline = sameOffline(before.offline, after.offline) ? null : (after.offline ?? null);
  if (offline) lines.push(`offline: ${offline.reason}`);
  return lines.length === 0 ? { type: 'same', name } : { type: 'change', name, changes, offline, lines };
}

const WORDS: Readonly<Record<string, string>> = {
  maxHold: 'max_hold (seconds)',
  staleAfter: 'stale_after (seconds)',
};

function shown(value: Scalar | null): string {
  return value === null || value === '' ? '-' : String(value);
}

/** In what a variable is set to there may be a secret, so only its name is told. */
function pairs(
  what: 'property' | 'env',
  before: Readonly<Record<string, Scalar>>,
  after: Readonly<Record<string, Scalar>>,
  lines: string[],
): Record<string, Scalar | null> {
  const changes: Record<string, Scalar | null> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [Object.hasOwn(before, key) ? before[key] : null, Object.hasOwn(after, key) ? after[key] : null];
    if (old === now || old === undefined || now === undefined) continue;
    changes[key] = now;
    lines.push(what === 'env' ? `env ${key}` : `property ${key} ${shown(old)} → ${shown(now)}`);
  }
  return changes;
}

/** A file that says nothing of it leaves it as it is. */
function sameOffline(before: DescribedJson['offline'], after: DescribeJson['offline']): boolean {
  if (!after) return true;
  return before?.reason === after.reason && before.until === (after.until ?? null);
}
