import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** One fenced block. `line` is where its text starts, counted from 1. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

/** What people read: paths from the project's folder. */
export function documents(): string[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  return [...top, ...markdownUnder('docs'), ...markdownUnder('examples')];
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The fenced blocks of a text, without the indent of the list item that they stand in. */
export function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^( *)```(\w*)[^\n]*\n(.*?)^ *```$/gms)].map((found) => {
    const [, indent = '', language = '', body = ''] = found;
    const line = text.slice(0, found.index).split('\n').length + 1;
    return { language, text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), line };
  });
}

/** The text without its fenced blocks and inline code, where brackets and hashes mean something else. */
export function proseOf(text: string): string {
  return text.replace(/^( *)```.*?^ *```$/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ' '));
}

/** The part under a heading, down to the next heading that is as high. */
export function sectionOf(text: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 1;
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const length = lines.slice(start + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n');
}

function markdownUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}
