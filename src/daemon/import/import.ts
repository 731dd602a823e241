import type { Description } from '../../core/model.ts';
import { seconds } from '../../core/view.ts';
import type { DescribeJson } from '../../core/wire.ts';
import { readDescriptor } from '../descriptor.ts';
import { formatRemark, SHOWN_PROBLEMS } from '../remarks.ts';

/** A file of some tool that says what there is to share. */
export interface Format {
  /** As people call it. */
  readonly name: string;
  /** Whether a text looks like one of these, by what no other has; asked in the order of the list. */
  readonly recognises: (text: string, file: string) => boolean;
  readonly read: (text: string, file: string) => Omit<Imported, 'format'> | { readonly problems: readonly string[] };
}

/** What a file describes, whatever it was written for. */
export interface Imported {
  readonly format: string;
  readonly resources: readonly DescribeJson[];
  readonly warnings: readonly string[];
}

/** Ours is the last: it takes whatever nobody else knows, and says where that is wrong. */
const FORMATS: readonly Format[] = [
  { name: 'descriptor', recognises: () => true, read: (text, file) => fromDescriptor(text, file) },
];

/** Reads a file of any known tool. Never throws; all mistakes are told at once. */
export function readImport(text: string, file: string): Imported | { readonly problems: readonly string[] } {
  const format = FORMATS.find(({ recognises }) => recognises(text, file)) as Format;
  const read = format.read(text, file);
  return 'problems' in read ? read : { format: format.name, ...read };
}

function fromDescriptor(text: string, file: string): ReturnType<Format['read']> {
  const result = readDescriptor(text, file);
  if (!result.ok) return { problems: result.problems.slice(0, SHOWN_PROBLEMS).map(formatRemark) };
  return { resources: result.value.resources.map(describeJson), warnings: result.warnings.map(formatRemark) };
}

function describeJson({ maxHold, staleAfter, offline, ...rest }: Description): DescribeJson {
  return {
    ...rest,
    maxHold: maxHold === null ? null : seconds(maxHold),
    ...(staleAfter === undefined ? {} : { staleAfter: seconds(staleAfter) }),
    offline: offline && {
      reason: offline.reason,
      until: offline.until === null ? null : new Date(offline.until).toISOString(),
    },
  };
}
