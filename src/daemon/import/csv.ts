import { RESOURCE_KEYS, type ResourceKey } from '../described.ts';
import { quote } from '../remarks.ts';
import type { Tree, YamlEntry } from '../yaml.ts';
import { describeEntries, type Entry, propertiesFrom } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { textTree } from './trees.ts';

/** A table as spreadsheets write it: the first line names the columns, of which `name` is one. */
export const csv: Format = {
  name: 'csv',
  recognises: ({ source, text }) => {
    if (text === null) return false;
    const isCalledSo = /\.(?:csv|tsv)$/i.test(source.where);
    const line = /^[^\r\n]*/.exec(text.slice(0, LONGEST_HEADER))?.[0] ?? '';
    // A line of YAML or JSON, and a comment, may have commas, too.
    if (/[{[]|^#|:\s|:$/.test(line)) return isCalledSo;
    const names = namesOf(line);
    return isCalledSo || (names.length > 1 && names.includes('name'));
  },
  read: (found) => describeEntries(entriesOf(found), found),
};

interface Field {
  readonly text: string;
  readonly at: number;
}

const DELIMITERS = [',', ';', '\t'] as const;
const LONGEST_HEADER = 10_000;
/** What the columns of other tools' tables are often called. */
const ALIASES: Readonly<Record<string, string>> = { tag: 'tags', labels: 'tags', label: 'tags' };
/** What a cell can hold; the others are maps. */
const COLUMNS: ReadonlySet<string> = new Set(RESOURCE_KEYS.filter((key) => key !== 'properties' && key !== 'env'));

/** The one that the first line has most of. */
function delimiterOf(line: string): string {
  const bare = line.replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function namesOf(line: string): readonly string[] {
  return line.split(delimiterOf(line)).map((text) => columnName(text.replaceAll('"', '')));
}

function columnName(text: string): string {
  const name = text.trim().toLowerCase().replace(/[ -]/g, '_');
  const known = ALIASES[name] ?? name;
  return known === 'name' || COLUMNS.has(known) ? known : text.trim();
}

function entriesOf(found: Found): readonly Entry[] {
  const { text, remarks } = found;
  if (text === null) {
    remarks.problem(null, 'expected a table as text in UTF-8, with a line for each resource');
    return [];
  }
  const [header, ...rows] = rowsOf(text, found);
  if (header === undefined) return [];
  const columns = header.map((field) => columnName(field.text));
  if (!columns.includes('name')) {
    remarks.problem(0, `expected a column "name" in the first line, found ${columns.map(quote).join(', ') || 'none'}`);
  }
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined)
    remarks.problem(header[columns.lastIndexOf(twice)]?.at ?? 0, `there are two columns ${quote(twice)}`);
  if (remarks.problems.length > 0) return [];
  return rows.flatMap((fields) => entryOf(fields, columns, found));
}

function entryOf(fields: readonly Field[], columns: readonly string[], found: Found): readonly Entry[] {
  const at = fields[0]?.at ?? 0;
  if (fields.length === 1 && fields[0]?.text.trim() === '') return [];
  if (fields.length !== columns.length) {
    found.remarks.problem(at, `expected ${columns.length} fields as in the first line, found ${fields.length}`);
    return [];
  }
  const says: { [Key in ResourceKey]?: Tree } = {};
  const properties: [string, YamlEntry][] = [];
  let [name, nameAt] = ['', at];
  for (const [i, column] of columns.entries()) {
    const field = fields[i] as Field;
    const text = field.text.trim();
    const value: Tree = text === '' ? { type: 'empty', at: field.at } : textTree(text, field.at);
    if (column === 'name') [name, nameAt] = [text, field.at];
    else if (COLUMNS.has(column)) says[column as ResourceKey] = value;
    else if (column !== '') properties.push([column, { at: field.at, value }]);
  }
  const hasProperties = columns.some((column) => column !== 'name' && column !== '' && !COLUMNS.has(column));
  if (hasProperties) says.properties = propertiesFrom(properties, at, found);
  return [{ name, at: nameAt, says }];
}

/** RFC 4180: fields in quotes may have delimiters, line breaks and doubled quotes in them. */
function rowsOf(text: string, { remarks }: Found): readonly (readonly Field[])[] {
  const delimiter = delimiterOf(/^[^\r\n]*/.exec(text.slice(0, LONGEST_HEADER))?.[0] ?? '');
  const plain = new RegExp(`[^${delimiter}\\r\\n]*`, 'y');
  const rows: Field[][] = [];
  let row: Field[] = [];
  let at = 0;
  while (at <= text.length) {
    const start = at;
    let value = '';
    if (text[at] === '"') {
      const end = closingQuote(text, at + 1);
      if (end < 0) {
        remarks.problem(start, 'a quote that opens here is never closed');
        return [];
      }
      value = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    }
    plain.lastIndex = at;
    const rest = plain.exec(text)?.[0] ?? '';
    at += rest.length;
    if (start < at - rest.length && rest.trim() !== '')
      remarks.problem(at - rest.length, 'after a field in quotes comes the next field');
    row.push({ text: value === '' ? rest : value, at: start });
    if (text[at] === delimiter) {
      at += 1;
      continue;
    }
    rows.push(row);
    row = [];
    at += text.startsWith('\r\n', at) ? 2 : 1;
    if (at >= text.length) break;
  }
  return rows;
}

/** Where the field ends: at a quote that no other follows. */
function closingQuote(text: string, from: number): number {
  let end = text.indexOf('"', from);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end;
}
