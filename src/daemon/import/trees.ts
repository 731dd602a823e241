import { quote } from '../remarks.ts';
import { describeTree, type Tree, type YamlEntry, type YamlList, type YamlMap, type YamlText } from '../yaml.ts';
import type { Found } from './found.ts';

/** A text of a format that has only texts: what is spelled as a number, true or false is one, as in YAML without quotes. */
export function textTree(text: string, at: number): YamlText {
  const isNumber = text !== '' && String(Number(text)) === text && Number.isFinite(Number(text));
  const value = isNumber ? Number(text) : text === 'true' || text === 'false' ? text === 'true' : text;
  return { type: 'text', at, text, value, quoted: false };
}

/** Words of our own, which mean nothing but themselves. */
export function quotedTree(text: string, at: number): YamlText {
  return { type: 'text', at, text, value: text, quoted: true };
}

export function listTree(texts: readonly string[], at: number): YamlList {
  return { type: 'list', at, items: texts.map((text) => textTree(text, at)) };
}

export function mapTree(pairs: Iterable<readonly [string, Tree]>, at: number): YamlMap {
  const entries = new Map<string, YamlEntry>();
  for (const [key, value] of pairs) entries.set(key, { at: value.at, value });
  return { type: 'map', at, entries };
}

/** What stands under a key, or under one after the other; undefined where there is no such place. */
export function valueAt(tree: Tree | null | undefined, ...keys: readonly string[]): Tree | undefined {
  let found = tree ?? undefined;
  for (const key of keys) found = found?.type === 'map' ? found.entries.get(key)?.value : undefined;
  return found;
}

/** The text under a key; null where there is none, or nothing in it. */
export function textAt(tree: Tree, key: string): string | null {
  const value = valueAt(tree, key);
  return value?.type === 'text' && value.text.trim() !== '' ? value.text.trim() : null;
}

/** Whether the first thing of a list is a map that has such keys. */
export function firstHas(tree: Tree | null | undefined, wanted: (has: (key: string) => boolean) => boolean): boolean {
  const first = tree?.type === 'list' ? tree.items[0] : undefined;
  return first?.type === 'map' && wanted((key) => first.entries.has(key));
}

/** The maps of a list. What is none of these is a mistake that `what` says the like of: `a list of machines`. */
export function mapsIn(tree: Tree | null | undefined, what: string, { remarks }: Found): readonly YamlMap[] {
  // Where nothing could be parsed, that is said already.
  if (tree === null && remarks.problems.length > 0) return [];
  if (tree?.type !== 'list') {
    remarks.problem(tree?.at ?? null, `expected ${what}, found ${tree ? describeTree(tree) : 'none'}`);
    return [];
  }
  return tree.items.flatMap((item) => {
    if (item.type === 'map') return [item];
    remarks.problem(item.at, `expected ${what}: each of them a map, found ${describeTree(item)}`);
    return [];
  });
}

/** The name under a key; null, with a mistake, where it is missing. */
export function nameIn(
  map: YamlMap,
  key: string,
  { remarks }: Found,
): { readonly name: string; readonly at: number } | null {
  const value = map.entries.get(key)?.value;
  if (value?.type === 'text') return { name: value.text.trim(), at: value.at };
  remarks.problem(
    value?.at ?? map.at,
    `expected a text for ${quote(key)}, found ${value ? describeTree(value) : 'none'}`,
  );
  return null;
}

/** Says once of each key that nobody knows what it means. */
export function tellUnknown(map: YamlMap, known: ReadonlySet<string>, found: Found): void {
  for (const [key, { at }] of map.entries) {
    if (!known.has(key)) found.tally(at, `nobody here knows the key ${quote(key)}; it is left out`);
  }
}
