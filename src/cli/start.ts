import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/**
 * Runs the bundle of the command line from V8's code cache, which the build has filled by running a lock: a wrapped
 * command starts sooner by about a tenth of what a bare Node takes (docs/decisions/0003). The cache carries the build's
 * id in its name, because V8 knows a stale one only by its length; one that is missing, or that another Node made, is
 * done without. The build does the same with `RENTABOT_BUILD` empty, and keeps what was compiled until the end.
 */
const file = join(__dirname, 'cli.cjs');
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`;
const cachedData = RENTABOT_BUILD === '' ? undefined : codeCache();
const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
const bundle = { exports: {} };
script.runInThisContext()(bundle.exports, require, bundle, file, __dirname);
module.exports = script;

function codeCache(): Buffer | undefined {
  try {
    return readFileSync(join(__dirname, `cli-${RENTABOT_BUILD}.cache`));
  } catch {
    return undefined;
  }
}
