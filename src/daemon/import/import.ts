import type { Imported, ImportSource, Unimportable } from '../../core/imported.ts';
import { formatRemark, SHOWN_PROBLEMS } from '../remarks.ts';
import { descriptor } from './descriptor.ts';
import type { Format } from './format.ts';
import { Found } from './found.ts';

/** In the order in which they are asked whether they recognise it; ours is the last. */
const FORMATS: readonly Format[] = [descriptor];

/** Reads what any known tool has written. Never throws; all mistakes are told at once. */
export function readImport(source: ImportSource): Imported | Unimportable {
  const found = new Found(source);
  const format = FORMATS.find(({ recognises }) => recognises(found)) as Format;
  const resources = format.read(found);
  const { problems, warnings } = found.remarks;
  if (problems.length === 0) return { format: format.name, resources, warnings: warnings.map(formatRemark) };
  const more = problems.length - SHOWN_PROBLEMS;
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(formatRemark);
  return { problems: more > 0 ? [...shown, `and ${more} more`] : shown, hint: 'mend the file and try again' };
}
