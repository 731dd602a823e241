import type { Imported, ImportFormat, ImportSource, Unimportable } from '../../core/imported.ts';
import { formatRemark, type Remark, SHOWN_PROBLEMS } from '../remarks.ts';
import { boskos } from './boskos.ts';
import { csv } from './csv.ts';
import { descriptor } from './descriptor.ts';
import { enema } from './enema.ts';
import type { Format } from './format.ts';
import { Found } from './found.ts';
import { jenkins } from './jenkins.ts';
import { labgrid } from './labgrid.ts';
import { poolResource } from './pool-resource.ts';
import { pyLockable } from './py-lockable.ts';
import { relengHardware } from './releng-hardware.ts';
import { rentABot } from './rent-a-bot.ts';
import { rentabot } from './rentabot.ts';

/**
 * In the order in which they are asked whether they recognise it. Those first that need not parse it: what is no YAML is a
 * mistake only once it is to be some. Ours takes whatever is left.
 */
const FORMATS: readonly Format[] = [
  ...[poolResource, csv, labgrid, jenkins, enema, relengHardware, rentABot, rentabot, boskos, pyLockable],
  descriptor,
];

/** Reads what any known tool has written; `wanted` says which, where that is not to be found out. Never throws; all mistakes are told at once. */
export function readImport(source: ImportSource, wanted: ImportFormat | null = null): Imported | Unimportable {
  const found = new Found(source);
  const format = FORMATS.find(({ name, recognises }) =>
    wanted === null ? recognises(found) : name === wanted,
  ) as Format;
  const resources = format.read(found);
  const { problems, warnings } = found.remarks;
  if (problems.length > 0)
    return { problems: shown(inOrder(problems).map(formatRemark)), hint: hintOf(format, wanted) };
  found.tellTallied();
  return { format: format.name, resources, warnings: inOrder(warnings).map(formatRemark) };
}

/** Of the file: it was gone through more than once. */
function inOrder(remarks: readonly Remark[]): readonly Remark[] {
  return [...remarks].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

function shown(problems: readonly string[]): readonly string[] {
  const more = problems.length - SHOWN_PROBLEMS;
  return more > 0 ? [...problems.slice(0, SHOWN_PROBLEMS), `and ${more} more`] : problems;
}

function hintOf({ name }: Format, wanted: ImportFormat | null): string {
  if (wanted !== null) return `it was read as ${name}, as --format says`;
  if (name !== 'descriptor') return `it was read as ${name}; --format takes it for something else`;
  return 'it was read as a descriptor, as nothing else was recognised; --format says what it is';
}
