import { statSync } from 'node:fs';
import { RentabotError } from '../../core/error.ts';
import type { ImportSource } from '../../core/imported.ts';
import { LIMIT_RULES } from '../settings.ts';
import { type Cell, readEnemaDatabase } from '../store/enema-database.ts';
import type { Tree, YamlEntry, YamlMap } from '../yaml.ts';
import { describeEntries, type Entry, propertiesFrom } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, listTree, mapsIn, mapTree, nameIn, quotedTree, tellUnknown, textAt, valueAt } from './trees.ts';

/** Enema's subsystems: its app.db, or what `GET /status` or `GET /nodes` answers. */
export const enema: Format = {
  name: 'enema',
  recognises: (found) => isDatabase(found.source) || isStatus(found.tree) || isNodes(found.tree),
  read: (found) => {
    const rows = isDatabase(found.source) ? rowsIn(found) : mapsIn(found.tree, 'a list of subsystems', found);
    if (isNodes(found.tree))
      found.remarks.warn(null, 'these are nodes; what hangs on them, and is lent there, is in `GET /status`');
    const read = isNodes(found.tree) ? nodeOf : subsystemOf;
    return describeEntries(
      rows.flatMap((row) => read(row, found)),
      found,
    );
  },
};

const MAGIC = 'SQLite format 3\0';

function isDatabase(source: ImportSource): source is Extract<ImportSource, { type: 'bytes' }> {
  return source.type === 'bytes' && Buffer.from(source.bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

function isStatus(tree: Tree | null): boolean {
  return firstHas(tree, (has) => has('subsystem_id'));
}

function isNodes(tree: Tree | null): boolean {
  return firstHas(tree, (has) => has('node_name') && !has('subsystem_id'));
}

function rowsIn(found: Found): readonly YamlMap[] {
  const { source, remarks } = found;
  if (!isDatabase(source)) return [];
  try {
    const unwritten = ['-wal', '-journal'].find((end) => source.path !== null && sizeOf(source.path + end) > 0);
    if (unwritten !== undefined) {
      throw new Error(`${source.where}${unwritten} beside it has changes that are not in it yet; stop Enema first`);
    }
    return readEnemaDatabase(source.bytes, LIMIT_RULES.resources.max).map((row) =>
      mapTree(
        Object.entries(row).map(([key, cell]): [string, Tree] => [key, cellTree(cell)]),
        0,
      ),
    );
  } catch (error) {
    remarks.problem(null, messageOf(error as Error));
    return [];
  }
}

function messageOf(error: Error): string {
  if (!(error instanceof RentabotError)) return error.message;
  const instead = 'import what `GET /status` of the running Enema answers, or install better-sqlite3';
  return `${error.message}; ${instead}`;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function cellTree(cell: Cell): Tree {
  if (cell === null || cell instanceof Uint8Array) return { type: 'empty', at: 0 };
  return typeof cell === 'number'
    ? { type: 'text', at: 0, text: String(cell), value: cell, quoted: false }
    : quotedTree(String(cell), 0);
}

const KNOWN = new Set([
  ...['subsystem_id', 'subsystem_name', 'node_id', 'kind', 'subsystem_description', 'is_busy'],
  ...['ip_address', 'node_name', 'node_description'],
]);

function subsystemOf(row: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(row, KNOWN, found);
  const named = nameIn(row, 'subsystem_name', found);
  if (named === null) return [];
  const node = textAt(row, 'node_name');
  const fullName = node === null ? undefined : `${node}/${named.name}`;
  const kind = textAt(row, 'kind');
  if (Number(textAt(row, 'is_busy') ?? 0) === 1) {
    found.remarks.warn(
      named.at,
      `${fullName ?? named.name} is busy in Enema, which does not know by whom; here it is free`,
    );
  }
  const says = {
    description: valueAt(row, 'subsystem_description'),
    endpoint: valueAt(row, 'ip_address'),
    tags: kind !== null && /^[^\s,]+$/.test(kind) ? listTree([kind], named.at) : undefined,
    properties: propertiesFrom(picked(row, { node: 'node_name', ...SAME }), named.at, found),
  };
  return [{ ...named, says, ...(fullName === undefined ? {} : { fullName }) }];
}

/** Under the names by which our own Enema protocol finds them. */
const SAME = { kind: 'kind', ip_address: 'ip_address', node_description: 'node_description' } as const;

function nodeOf(row: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(row, KNOWN, found);
  const named = nameIn(row, 'node_name', found);
  if (named === null) return [];
  const properties = propertiesFrom(picked(row, { node: 'node_name', ip_address: 'ip_address' }), named.at, found);
  return [
    {
      ...named,
      says: { description: valueAt(row, 'node_description'), endpoint: valueAt(row, 'ip_address'), properties },
    },
  ];
}

function picked(row: YamlMap, keys: Readonly<Record<string, string>>): readonly (readonly [string, YamlEntry])[] {
  return Object.entries(keys).flatMap(([key, from]): [string, YamlEntry][] => {
    const entry = row.entries.get(from);
    return entry === undefined ? [] : [[key, entry]];
  });
}
