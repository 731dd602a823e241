import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { boardAssets } from '../../scripts/board-assets.mjs';
import type { Change } from './variant.ts';
import type { WireSubject } from './wire-life.ts';

const SOURCE = join(import.meta.dirname, '../../src');

/** Both ends of the wire with these changes, files counted from `src`; bundled and evaluated in memory: no source file is touched. */
export async function wireVariant(...changes: readonly Change[]): Promise<WireSubject> {
  const found = new Set<Change>();
  const result = await build({
    entryPoints: [join(import.meta.dirname, 'wire-subject.ts')],
    ...{ bundle: true, write: false, format: 'cjs', platform: 'node', packages: 'external', logLevel: 'silent' },
    define: { RENTABOT_VERSION: JSON.stringify('0.0.0-test') },
    plugins: [boardAssets, changing(changes, found)],
  });
  for (const change of changes) if (!found.has(change)) throw new Error(`${change.file} is not part of the subject`);
  const module: { exports: unknown } = { exports: {} };
  new Function('module', 'require', result.outputFiles[0]?.text ?? '')(module, createRequire(import.meta.url));
  return module.exports as WireSubject;
}

function changing(changes: readonly Change[], found: Set<Change>): Plugin {
  return {
    name: 'changing',
    setup({ onLoad }) {
      onLoad({ filter: /src\/[a-z/-]+\.ts$/ }, async ({ path }) => {
        let contents = await readFile(path, 'utf8');
        for (const change of changes) {
          if (path !== join(SOURCE, change.file)) continue;
          contents = replaceOnce(contents, change);
          found.add(change);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

function replaceOnce(source: string, { file, find, put }: Change): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${JSON.stringify(find)} ${times} times, and should have it once`);
  return source.replace(find, () => put);
}
