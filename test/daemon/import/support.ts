import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { Imported, ImportFormat, Unimportable } from '../../../src/core/imported.ts';
import type { DescribeJson } from '../../../src/core/wire.ts';
import { readImport } from '../../../src/daemon/import/import.ts';

interface Reading {
  readonly where?: string;
  readonly format?: ImportFormat;
}

/** What an import makes of a text or of bytes. */
export function importOf(
  content: string | Uint8Array,
  { where = 'file', format }: Reading = {},
): Imported | Unimportable {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return readImport({ type: 'bytes', where, bytes, path: null }, format ?? null);
}

/** The same where it has to be fine. */
export function imported(content: string | Uint8Array, reading: Reading = {}): Imported {
  return fine(importOf(content, reading));
}

export function fine(read: Imported | Unimportable): Imported {
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  return read;
}

/** What is wrong with it. */
export function problemsOf(content: string | Uint8Array, reading: Reading = {}): readonly string[] {
  const read = importOf(content, reading);
  return 'problems' in read ? read.problems : [];
}

export function named(read: Imported, name: string): DescribeJson | undefined {
  return read.resources.find((one) => one.name === name);
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files, that is gone after the tests of the file. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'rb-import-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
