import {
  accessSync,
  constants,
  existsSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
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
  return checkWritable(path, '--result-file');
}

/** The same for a file with a secret in it, which is a file and nothing else. */
export function checkDetachFile(path: string): Refusal | null {
  return checkWritable(path, '--detach-lease', { isOnlyFile: true });
}

function checkWritable(path: string, option: string, { isOnlyFile = false } = {}): Refusal | null {
  const target = resolve(path);
  const kind = statSync(target, { throwIfNoEntry: false });
  try {
    if (kind?.isDirectory()) throw new Error('it is a folder');
    if (isOnlyFile && kind && !kind.isFile()) throw new Error('it is no file');
    accessSync(kind && !kind.isFile() ? target : dirname(target), constants.W_OK);
    return null;
  } catch (error) {
    return refuse('usage', `${option}: ${path} cannot be written: ${error instanceof Error ? error.message : error}`, {
      hint: 'its folder has to exist and be writable',
    });
  }
}

/** A pipe or device is written to as it is. */
export function writeResultFile(path: string, result: ResultJson): void {
  const text = `${JSON.stringify(result)}\n`;
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind && !kind.isFile()) writeFileSync(path, text);
  else writeWhole(path, text);
}

/** Whole or not at all: a reader that looks at the wrong moment sees the old file. */
export function writeWhole(path: string, text: string, mode = 0o666): void {
  const target = existsSync(path) ? realpathSync(path) : resolve(path);
  const draft = join(dirname(target), `.${basename(target).slice(0, 200)}.${process.pid}`);
  try {
    writeFileSync(draft, text, { flag: 'wx', mode });
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
