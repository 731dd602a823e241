// Bundles the script and the style of the board's pages, and gives them to whatever bundles the daemon as text: to
// scripts/build.mjs, to the tests' own build and, as a plugin of Vite, to the tests that import the daemon.

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'rentabot:board-assets';

let made = null;

/** The text of a module with the constants that src/daemon/board/assets.d.ts declares; made once. */
function assetsModule() {
  made ??= bundled();
  return made;
}

async function bundled() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { script: 'src/daemon/board/client/main.ts', style: 'src/daemon/board/client/style.css' },
    outdir: 'assets',
    bundle: true,
    minify: true,
    write: false,
    charset: 'utf8',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    logLevel: 'warning',
    tsconfigRaw: { compilerOptions: {} },
  });
  const found = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  const [script, style] = [found('.js'), found('.css')];
  const named = (text, end) => `board-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${end}`;
  const constants = { SCRIPT: script, SCRIPT_NAME: named(script, 'js'), STYLE: style, STYLE_NAME: named(style, 'css') };
  return Object.entries(constants)
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
    .join('');
}

/** For esbuild. */
export const boardAssets = {
  name: 'board-assets',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^rentabot:board-assets$/ }, ({ path }) => ({ path, namespace: 'board-assets' }));
    onLoad({ filter: /.*/, namespace: 'board-assets' }, async () => ({ contents: await assetsModule(), loader: 'js' }));
  },
};

/** For Vite. */
export function boardAssetsForVite() {
  const id = `\0${NAME}`;
  return {
    name: 'board-assets',
    enforce: 'pre',
    resolveId: (name) => (name === NAME ? id : null),
    load: (found) => (found === id ? assetsModule() : null),
  };
}
