import type { LeaseJson } from '../core/wire.ts';
import { mintNonce } from './ids.ts';

type Env = Readonly<Record<string, string | undefined>>;
/** What a command is told of: a lease, or what a nested lock uses of several. */
export type CommandLease = Pick<LeaseJson, 'id' | 'fence' | 'resources'>;
/** What resources set for their holder, by lease and by their names. */
type HeldVariables = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

/** A variable's name: other systems' rules are narrower, but a name with `=` or a zero byte cannot be passed at all. */
const PASSABLE = /^[^=\0]+$/;
/** A secret is for whoever adopts a lease, not for what it runs. */
const KEPT_BACK: ReadonlySet<string> = new Set(['RENTABOT_LEASE_SECRET', 'RENTABOT_HELD', 'RENTABOT_HELD_ENV']);
const HELD_ITEM = /^([\w-]{1,64}):[\w-]{8}$/;
/** Deeper nesting than this is a loop. */
const MOST_ITEMS = 64;
/** Linux refuses to start a program with a variable of 128 KiB. */
const LONGEST_VARIABLE = 100_000;

/** The item of RENTABOT_HELD by which what one run of `lock` started is recognised: the lease, and a nonce of the run. */
export function markOf(lease: string): string {
  return `${lease}:${mintNonce()}`;
}

/** The leases of the locks that this runs in, innermost first, each once. */
export function heldLeases({ RENTABOT_HELD: chain }: Env): readonly string[] {
  const items = (chain ?? '').split(',').slice(-MOST_ITEMS).reverse();
  return [...new Set(items.flatMap((item) => HELD_ITEM.exec(item)?.[1] ?? []))];
}

/** What a held resource sets for its holder; null where it is not known any more. */
export function heldVariables(env: Env, lease: string, resource: string): Readonly<Record<string, string>> | null {
  return readHeldVariables(env)[lease]?.[resource] ?? null;
}

/**
 * The environment of a wrapped command: what a lease gives, over what it inherits. What an outer lock set for
 * resources beyond ours is taken out, so that nobody counts up to a resource that is not theirs. `held` is the mark
 * of this run, which joins those of the outer ones.
 */
export function commandEnvironment(
  inherited: Env,
  lease: CommandLease,
  url: string,
  held: string,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(inherited)) {
    if (value !== undefined && !/^RENTABOT_\d+_/.test(key) && !KEPT_BACK.has(key)) env[key] = value;
  }
  return Object.assign(env, ownVariables(lease), rentabotVariables(lease, url), heldChain(inherited, lease, held));
}

function heldChain(inherited: Env, lease: CommandLease, held: string): Record<string, string> {
  const { RENTABOT_HELD: outer } = inherited;
  const RENTABOT_HELD = outer ? `${outer},${held}` : held;
  const own = Object.fromEntries(lease.resources.flatMap(({ name, env }) => (isEmpty(env) ? [] : [[name, env]])));
  const known = readHeldVariables(inherited);
  const chain = new Set(heldLeases(inherited));
  const all = Object.entries({ ...known, [lease.id]: { ...known[lease.id], ...own } });
  const used = all.filter(([id, variables]) => (id === lease.id || chain.has(id)) && !isEmpty(variables));
  const text = JSON.stringify(Object.fromEntries(used));
  if (used.length === 0 || text.length > LONGEST_VARIABLE) return { RENTABOT_HELD };
  return { RENTABOT_HELD, RENTABOT_HELD_ENV: text };
}

/** Anybody may set a variable; what is not as we write it counts as nothing. */
function readHeldVariables({ RENTABOT_HELD_ENV: text }: Env): HeldVariables {
  try {
    const read: unknown = JSON.parse(text ?? '{}');
    return isRecord(read) ? Object.fromEntries(Object.entries(read).filter(isByResource)) : {};
  } catch {
    return {};
  }
}

function isByResource(entry: [string, unknown]): entry is [string, HeldVariables[string]] {
  return isRecord(entry[1]) && Object.values(entry[1]).every(isVariables);
}

function isVariables(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((one) => typeof one === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: object | undefined): boolean {
  return Object.keys(value ?? {}).length === 0;
}

function rentabotVariables(lease: CommandLease, url: string): Record<string, string> {
  const first = lease.resources[0];
  const variables: Record<string, string> = {
    RENTABOT_RESOURCE: first?.name ?? '',
    RENTABOT_RESOURCES: lease.resources.map(({ name }) => name).join(','),
    RENTABOT_ENDPOINT: first?.endpoint ?? '',
    RENTABOT_LEASE: lease.id,
    RENTABOT_FENCE: String(lease.fence),
    RENTABOT_URL: url,
  };
  for (const [i, { name, endpoint, properties }] of lease.resources.entries()) {
    for (const [key, value] of Object.entries(properties))
      variables[`RENTABOT_${i}_${upper(key)}`] = clean(String(value));
    variables[`RENTABOT_${i}_NAME`] = name;
    variables[`RENTABOT_${i}_ENDPOINT`] = endpoint;
  }
  return variables;
}

/** The resources' own `env:`, joined with a comma where several set the same key: `CUDA_VISIBLE_DEVICES=0,3`. */
function ownVariables(lease: CommandLease): Record<string, string> {
  const values = new Map<string, string[]>();
  for (const { env } of lease.resources) {
    for (const [key, value] of Object.entries(env ?? {})) {
      if (PASSABLE.test(key)) values.set(key, [...(values.get(key) ?? []), clean(value)]);
    }
  }
  return Object.fromEntries([...values].map(([key, all]) => [key, all.join(',')]));
}

function upper(property: string): string {
  return property.toUpperCase().replace(/[^A-Z0-9_]/g, '_');
}

/** A zero byte ends a C string, and Node refuses to start a command with one. */
function clean(value: string): string {
  return value.replaceAll('\0', '');
}
