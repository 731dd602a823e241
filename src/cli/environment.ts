import type { LeaseJson } from '../core/wire.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A variable's name: other systems' rules are narrower, but a name with `=` or a zero byte cannot be passed at all. */
const PASSABLE = /^[^=\0]+$/;

/**
 * The environment of a wrapped command: what a lease gives, over what it inherits. What an outer lock set for
 * resources beyond ours is taken out, so that nobody counts up to a resource that is not theirs.
 */
export function commandEnvironment(inherited: Env, lease: LeaseJson, url: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(inherited)) {
    if (value !== undefined && !/^RENTABOT_\d+_/.test(key)) env[key] = value;
  }
  return Object.assign(env, ownVariables(lease), rentabotVariables(lease, url));
}

function rentabotVariables(lease: LeaseJson, url: string): Record<string, string> {
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
function ownVariables(lease: LeaseJson): Record<string, string> {
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
