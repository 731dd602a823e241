import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Refusal, refuse } from '../core/error.ts';
import type { ImportSource } from '../core/imported.ts';
import { printable } from './text.ts';

/** As much as a daemon reads of its descriptor: 100,000 resources with everything described are about half of it. */
export const LARGEST_IMPORT_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
export const STDIN = '-';
const STDIN_FD = 0;

/** Opens what the command line names: a file, a folder, a pipe, or `-` for stdin. */
export function openSource(named: string, cwd: string): ImportSource | Refusal {
  const where = named === STDIN ? 'stdin' : named;
  try {
    const path = resolve(cwd, named);
    const file = named === STDIN ? STDIN_FD : openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      if (stat.isDirectory()) return { type: 'folder', where, path };
      const bytes = readAll(file);
      if (bytes === null) return tooLarge(where);
      return { type: 'bytes', where, bytes, path: named !== STDIN && stat.isFile() ? path : null };
    } finally {
      if (file !== STDIN_FD) closeSync(file);
    }
  } catch (error) {
    return unreadable(where, (error as Error).message);
  }
}

export function unreadable(where: string, why: string): Refusal {
  return refuse('usage', `${printable(where)} cannot be read: ${why}`, { hint: '' });
}

export function tooLarge(where: string, largest = LARGEST_IMPORT_BYTES): Refusal {
  return unreadable(where, `it has more than ${largest} bytes`);
}

/** Null where it is too much. Piece by piece: of a pipe nobody knows how much will come. */
function readAll(file: number): Uint8Array | null {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const read = readPatiently(file, chunk);
    if (read === 0) return Buffer.concat(chunks, size);
    size += read;
    if (size > LARGEST_IMPORT_BYTES) return null;
    chunks.push(chunk.subarray(0, read));
  }
}

/** Stdin may have been made non-blocking by whoever has its other end. */
function readPatiently(file: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(file, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Windows says the end of a pipe so.
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

const PAUSE_MS = 10;
