const FLAWED = { major: 24, from: 19 };

/**
 * What is known to be wrong with a Node under our SQLite binding; null for nothing. From 24.19 on Node 24 ends the process
 * when an object of such a binding is collected while nothing runs (https://github.com/nodejs/node/issues/65446): store/keep-alive.ts
 * keeps that from happening. `version` is as in `process.versions.node`.
 */
export function flawOf(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== FLAWED.major || minor < FLAWED.from) return null;
  return `Node ${version} has a mistake that can end a daemon (nodejs/node#65446); it is worked around, but Node 22 or 24.18 is safer`;
}
