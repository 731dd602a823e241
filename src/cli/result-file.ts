import { accessSync, constants, realpathSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Refusal, refuse } from '../core/error.ts';
import type { ExitName } from './exit.ts';

/** What `--result-file` gets; a contract, see docs/cli.md. Spans are seconds. */
export interface ResultJson {
  outcome: 'completed' | 'not-started' | ExitName;
  exitCode: number;
  signal: string | null;
  waited: number;
  held: number;
  lease: { id: string; fence: number; resources: { id: number; name: string; fence: number }[] } | null;
}

/** Before anything is asked: a file that cannot be written must not be found out after an hour's run. */
export function checkResultFile(path: string): Refusal | null {
  const target = resolve(path);
  const kind = statSync(target, { throwIfNoEntry: false });
  try {
    if (kind?.isDirectory()) throw new Error('it is a folder');
    accessSync(kind && !kind.isFile() ? target : dirname(target), constants.W_OK);
    return null;
  } catch (error) {
    return refuse(
      'usage',
      `--result-file: ${path} cannot be written: ${error instanceof Error ? error.message : error}`,
      {
        hint: 'its folder has to exist and be writable',
      },
    );
  }
}

/** Whole or not at all: a reader that looks at the wrong moment sees the old file. A pipe or device is written to as it is. */
export function writeResultFile(path: string, result: ResultJson): void {
  const text = `${JSON.stringify(result)}\n`;
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind && !kind.isFile()) return writeFileSync(path, text);
  const target = kind ? realpathSync(path) : resolve(path);
  const draft = join(dirname(target), `.${basename(target).slice(0, 200)}.${process.pid}`);
  try {
    writeFileSync(draft, text, { flag: 'wx' });
    renameSync(draft, target);
  } catch (error) {
    unlinkIfThere(draft);
    throw error;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It never was.
  }
}
