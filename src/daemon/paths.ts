import { isAbsolute, resolve } from 'node:path';

/** Where paths in a configuration start from. */
export interface PathBase {
  readonly folder: string;
  readonly home: string;
}

/** A path, or `none`. Relative ones start at the folder of the file, or where the command was typed. */
export function absolutePath(text: string, { folder, home }: PathBase): string {
  if (text === 'none' || isAbsolute(text)) return text;
  return text === '~' || text.startsWith('~/') ? resolve(home, text.slice(2)) : resolve(folder, text);
}
