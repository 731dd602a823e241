import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** What reading a file came to. */
export type FileText =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'missing' }
  /** `why` completes "cannot be used: …". */
  | { readonly type: 'unreadable'; readonly why: string };

export type ReadFile = (path: string) => FileText;

/** 100,000 resources with everything described are about half of it. */
export const LARGEST_FILE_BYTES = 32 * 1024 * 1024;

/** Reads a text file in UTF-8, with or without a byte order mark; never throws. */
export function readTextFile(path: string): FileText {
  try {
    // Not blocking: opening a named pipe would wait for somebody to write to it.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) return { type: 'unreadable', why: 'it is not a regular file' };
      if (stat.size > LARGEST_FILE_BYTES) return tooLarge(stat.size);
      return decode(readFileSync(file));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return outcomeOf(error);
  }
}

function decode(bytes: Buffer): FileText {
  if (bytes.length > LARGEST_FILE_BYTES) return tooLarge(bytes.length);
  try {
    return { type: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { type: 'unreadable', why: 'it is not UTF-8 text; save it as UTF-8' };
  }
}

function tooLarge(size: number): FileText {
  return { type: 'unreadable', why: `it has ${size} bytes, and ${LARGEST_FILE_BYTES} are the most` };
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links go in a circle',
};

function outcomeOf(error: unknown): FileText {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return { type: 'missing' };
  return { type: 'unreadable', why: REASONS[code] ?? (error instanceof Error ? error.message : String(error)) };
}
