import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { boardAssets } from '../../scripts/board-assets.mjs';
import { temporaryFolder } from './daemon.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** The program as it is shipped, built from the source as it is now: answers with what node is to run. */
export async function buildProgram(): Promise<{ readonly program: string; readonly remove: () => void }> {
  const folder = temporaryFolder();
  const common = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    loader: { '.sh': 'text' },
    define: { RENTABOT_VERSION: '"0.0.0-test"' },
    absWorkingDir: ROOT,
    logLevel: 'warning',
  } as const;
  const dist = join(folder.path, 'dist');
  mkdirSync(dist);
  await Promise.all([
    build({ ...common, entryPoints: ['src/cli/main.ts'], outfile: join(dist, 'cli.cjs'), external: ['./daemon.cjs'] }),
    build({
      ...common,
      entryPoints: ['src/daemon/main.ts'],
      outfile: join(dist, 'daemon.cjs'),
      external: ['better-sqlite3', 'nodemailer', 'saxes'],
      plugins: [boardAssets],
    }),
  ]);
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  return { program: join(dist, 'cli.cjs'), remove: folder.remove };
}
