import type { Tree, YamlEntry, YamlList, YamlText } from './yaml.ts';

/**
 * Reads the YAML that nearly every descriptor is written in: nested maps in blocks, texts on one line, lists in brackets. The
 * library takes 100 ms for 1,000 resources and half a second for 10,000, in which the daemon would answer nobody; this takes a
 * tenth. Whatever it is not sure of, mistakes included, it leaves to the library. A test holds it to the same trees.
 */

const WORD = String.raw`[\p{L}\p{N}_./,@+()%=;~!?*&'-]+(?::[\p{L}\p{N}_./,@+()%=;~!?*&'-]+)*`;
const PLAIN = String.raw`(?=[\p{L}\p{N}/])${WORD}(?: +${WORD})*`;
const ITEM = '[A-Za-z0-9_][\\w.-]*';
const LIST = String.raw`\[ *(?:${ITEM}(?: *, *${ITEM})*)? *\]`;
const VALUE = String.raw`(${PLAIN})|"([^"\\\n\r\t]*)"|'([^'\n\r\t]*)'|(${LIST})`;
const KEY = String.raw`([A-Za-z0-9_][\w./-]{0,200}):(?:( +)(?:${VALUE}))?`;
const COMMENT = String.raw`(?:(?<=[ \n]|^)#[^\n]*)?`;
/** Indent, then nothing or a key; the gap after its colon; and its value: plain, in double or single quotes, or a list. */
const LINE = new RegExp(String.raw`( *)(?:${KEY})? *${COMMENT}(?:\r?\n|$)`, 'uy');
/** The expression takes the square of a line's length to see that it is not plain. */
const LONGEST_LINE = 1000;

type LineParts = readonly (string | undefined)[];

/** A map whose end has not been seen. */
interface OpenMap {
  readonly indent: number;
  readonly entries: Map<string, YamlEntry>;
  /** A key without a value on its line: what is indented further belongs to it. */
  waiting: { readonly key: string; readonly at: number } | null;
}

/** The tree of a text; null where it has to be read by somebody who knows all of YAML. */
export function readPlainYaml(text: string): Tree | null {
  const root: OpenMap = { indent: 0, entries: new Map(), waiting: null };
  const open = [root];
  let at = text.startsWith('---\n') ? 4 : 0;
  let rootAt: number | null = null;
  while (at < text.length) {
    if (lineEnd(text, at) - at > LONGEST_LINE) return null;
    LINE.lastIndex = at;
    const line: LineParts | null = LINE.exec(text);
    if (line === null) return null;
    const [whole = '', indent = '', key] = line;
    if (key !== undefined) {
      const keyAt = at + indent.length;
      rootAt ??= keyAt;
      const map = mapAt(open, indent.length, keyAt);
      if (map === null || !addEntry(map, key, keyAt, line)) return null;
    }
    at += whole.length;
  }
  return rootAt === null ? null : { type: 'map', at: rootAt, entries: root.entries };
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** The map that a line with this indent belongs to: one of the open ones, or a new one for the key that waits. */
function mapAt(open: OpenMap[], indent: number, at: number): OpenMap | null {
  let map = open.at(-1);
  if (map && indent > map.indent) {
    if (map.waiting === null) return null;
    const inner: OpenMap = { indent, entries: new Map(), waiting: null };
    map.entries.set(map.waiting.key, { at: map.waiting.at, value: { type: 'map', at, entries: inner.entries } });
    map.waiting = null;
    open.push(inner);
    return inner;
  }
  while (map && indent < map.indent) {
    open.pop();
    map = open.at(-1);
  }
  return map?.indent === indent ? map : null;
}

/** False where the library has something to say about it. */
function addEntry(map: OpenMap, key: string, at: number, line: LineParts): boolean {
  if (map.entries.has(key) || /^null$/i.test(key)) return false;
  const gap = line[3];
  const value = gap === undefined ? null : lineValue(line, at + key.length + 1 + gap.length);
  map.entries.set(key, { at, value: value ?? { type: 'empty', at } });
  map.waiting = gap === undefined ? { key, at } : null;
  return true;
}

function lineValue([, , , , plain, double, single, list]: LineParts, at: number): Tree | null {
  if (plain !== undefined) return plainText(plain, at);
  if (list !== undefined) return listOf(list, at);
  const text = double ?? single ?? '';
  return { type: 'text', at, text, value: text, quoted: true };
}

function listOf(text: string, at: number): YamlList {
  const items: Tree[] = [];
  for (const item of text.matchAll(/[\w.-]+/g)) {
    items.push(plainText(item[0], at + item.index) ?? { type: 'empty', at });
  }
  return { type: 'list', at, items };
}

const NUMBER = /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)$/;

/** What YAML's core schema takes a text without quotes for; null for one of its words for nothing. */
function plainText(text: string, at: number): YamlText | null {
  if (/^(?:null|Null|NULL)$/.test(text)) return null;
  let value: YamlText['value'] = text;
  if (/^(?:true|True|TRUE|false|False|FALSE)$/.test(text)) value = text.length === 4;
  else if (NUMBER.test(text)) value = Number(text);
  return { type: 'text', at, text, value, quoted: false };
}
