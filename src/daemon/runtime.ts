const FLAWED = { major: 24, from: 19 };

/**
 * What is known to be wrong with a Node under our SQLite binding; null for nothing. From 24.19 on Node 24 ends the process
 * when an object of such a binding is collected while nothing runs (https://github.com/nodejs/node/issues/65446): nothing
 * is lost, but the daemon is gone until somebody starts it again. `version` is as in `process.versions.node`.
 */
export function flawOf(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== FLAWED.major || minor < FLAWED.from) return null;
  return `Node ${version} may end the daemon at any moment (nodejs/node#65446); run it with Node 22, or with 24.18`;
}
