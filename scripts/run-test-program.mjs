// Bundles test/NAME/main.ts (bench, faults) and runs it on this Node with the arguments that follow the name.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name, ...args] = process.argv.slice(2);
const outfile = `${root}.bench/${name}.cjs`;
await build({
  entryPoints: [`test/${name}/main.ts`],
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  outfile,
  external: ['playwright-core'],
  logLevel: 'warning',
  define: { RENTABOT_VERSION: '"bench"' },
});
process.exitCode = spawnSync(process.execPath, [outfile, ...args], { cwd: root, stdio: 'inherit' }).status ?? 1;
