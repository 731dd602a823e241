import type { DescribeJson } from './wire-descriptions.ts';

/** What `rentabot import` can read, as `--format` calls it. */
export const IMPORT_FORMATS = [
  'descriptor',
  'rentabot',
  'rent-a-bot',
  'jenkins',
  'boskos',
  'labgrid',
  'py-lockable',
  'pool-resource',
  'enema',
  'releng-hardware',
  'csv',
] as const;

export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What is to be imported. `where` is what messages call it. */
export type ImportSource =
  | {
      readonly type: 'bytes';
      readonly where: string;
      readonly bytes: Uint8Array;
      /** The file that they are all of; null where they came through a pipe or over HTTP. */
      readonly path: string | null;
    }
  | { readonly type: 'folder'; readonly where: string; readonly path: string };

/** What a source describes, whatever it was written for. */
export interface Imported {
  readonly format: ImportFormat;
  /** What a format has no word for is absent: a resource that is known keeps it. Null says that there is none. */
  readonly resources: readonly DescribeJson[];
  readonly warnings: readonly string[];
}

/** Why a source describes nothing that could be used, with places; and what to do next. */
export interface Unimportable {
  readonly problems: readonly string[];
  readonly hint: string;
}
