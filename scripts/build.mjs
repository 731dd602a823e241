// Bundles what bin/rentabot.js runs. Separate files, so that a wrapped command loads only the client: opening hono, zod
// and yaml takes several times as long as the whole of `rentabot lock -- true` does.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { boardAssets } from './board-assets.mjs';
import { fillCodeCache } from './code-cache.mjs';
import { writeManPage } from './man-page.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  loader: { '.sh': 'text' },
  define: { RENTABOT_VERSION: JSON.stringify(version) },
  absWorkingDir: root,
  logLevel: 'warning',
  // Helps nobody who reads a stack trace in a log, and costs start-up time: names stay, layout goes.
  minifyWhitespace: true,
  minifySyntax: true,
  // A lazy import of a built-in module becomes a lazy require: Node's loader of ES modules takes longer than the module.
  supported: { 'dynamic-import': false },
};

await Promise.all([
  build({ ...common, entryPoints: ['src/cli/main.ts'], outfile: 'dist/cli.cjs', external: ['./daemon.cjs'] }),
  build({
    ...common,
    entryPoints: ['src/daemon/main.ts'],
    outfile: 'dist/daemon.cjs',
    // What few daemons load is loaded from its package: a mail client alone is a quarter of the time that the bundle takes.
    external: ['better-sqlite3', 'nodemailer', 'saxes'],
    plugins: [boardAssets],
  }),
]);

const id = createHash('sha256')
  .update(readFileSync(`${root}dist/cli.cjs`))
  .digest('hex')
  .slice(0, 16);
const start = (outfile, RENTABOT_BUILD) =>
  build({
    ...common,
    entryPoints: ['src/cli/start.ts'],
    outfile,
    define: { RENTABOT_BUILD: JSON.stringify(RENTABOT_BUILD) },
  });
const cache = `cli-${id}.cache`;
for (const name of readdirSync(`${root}dist`)) if (/^cli-.*\.cache/.test(name)) rmSync(`${root}dist/${name}`);
await start('dist/warm-up.cjs', '');
await fillCodeCache(`${root}dist/warm-up.cjs`, `${root}dist/${cache}`);
rmSync(`${root}dist/warm-up.cjs`);
await start('dist/rentabot.cjs', id);
await writeManPage(root, version, common);
