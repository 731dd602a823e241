import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Subject } from './audit.ts';

/** One place in the source, and what stands there instead. The place has to be found exactly once. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const CORE = join(import.meta.dirname, '../../src/core');

/** The core with these changes, bundled and evaluated in memory: no source file is touched. */
export async function variant(...changes: readonly Change[]): Promise<Subject> {
  const result = await build({
    entryPoints: [join(import.meta.dirname, 'subject.ts')],
    ...{ bundle: true, write: false, format: 'cjs', platform: 'neutral', logLevel: 'silent' },
    plugins: [changing(changes)],
  });
  const module: { exports: unknown } = { exports: {} };
  new Function('module', result.outputFiles[0]?.text ?? '')(module);
  return module.exports as Subject;
}

function changing(changes: readonly Change[]): Plugin {
  return {
    name: 'changing',
    setup({ onLoad }) {
      onLoad({ filter: /src\/core\/[a-z-]+\.ts$/ }, async ({ path }) => {
        let contents = await readFile(path, 'utf8');
        for (const { file, find, put } of changes)
          if (path === join(CORE, file)) contents = replaceOnce(contents, file, find, put);
        return { contents, loader: 'ts' };
      });
    },
  };
}

function replaceOnce(source: string, file: string, find: string, put: string): string {
  const found = source.split(find).length - 1;
  if (found !== 1) throw new Error(`${file} has ${JSON.stringify(find)} ${found} times, and should have it once`);
  return source.replace(find, () => put);
}
