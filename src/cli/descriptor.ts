import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const NAMES = ['.rentabot.yaml', 'rentabot.yaml'] as const;

/**
 * The descriptor of a call: the nearest in this folder and its parents, else the user's own, else what
 * RENTABOT_RESOURCE_DESCRIPTOR says. Null where there is none. It is not read here: the daemon does that.
 */
export function nearestDescriptor(
  folder: string,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  for (let here = resolve(folder); ; here = dirname(here)) {
    const found = NAMES.map((name) => join(here, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(here) === here) break;
  }
  const own = join(home, '.rentabot', 'config.yaml');
  if (existsSync(own)) return own;
  return env.RENTABOT_RESOURCE_DESCRIPTOR ? resolve(folder, env.RENTABOT_RESOURCE_DESCRIPTOR) : null;
}
