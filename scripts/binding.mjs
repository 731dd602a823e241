// After `npm ci`: the SQLite binding is optional, so npm says nothing when it could not be built. The usual reason is
// that Node's headers cannot be downloaded although they are installed beside Node; then it is built again with those.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [name, version] = Object.entries(optionalDependencies)[0];
const prefix = dirname(dirname(process.execPath));

if (!isWanted() || works()) process.exit(0);
if (existsSync(join(prefix, 'include/node/node.h'))) {
  console.log(`building ${name} with the headers in ${prefix}/include/node`);
  const env = { ...process.env, npm_config_nodedir: prefix };
  const flags = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts=false', `${name}@${version}`];
  spawnSync('npm', flags, { cwd: root, env, stdio: 'inherit' });
}
if (!works()) console.warn(`${name} could not be built: everything but the daemon works (see README.md)`);

/** False with --omit=optional, which asks for a client alone. */
function isWanted() {
  return !/\boptional\b/.test(process.env.npm_config_omit ?? '') && process.env.npm_config_optional !== 'false';
}

/** In a process of its own: what failed to load once is remembered. */
function works() {
  const probe = `new (require(${JSON.stringify(name)}))(':memory:').close()`;
  return spawnSync(process.execPath, ['-e', probe], { cwd: root }).status === 0;
}
