import type { ImportFormat } from '../../core/imported.ts';
import type { DescribeJson } from '../../core/wire.ts';
import type { Found } from './found.ts';

/** A file, a folder or a list of some tool that says what there is to share. */
export interface Format {
  readonly name: ImportFormat;
  /** Whether it looks like one of these, by what no other has. */
  readonly recognises: (found: Found) => boolean;
  /** What is wrong, or suspicious, goes to the remarks; of what has a problem nothing is used. */
  readonly read: (found: Found) => readonly DescribeJson[];
}
