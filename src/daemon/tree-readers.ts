import { parseDuration } from '../core/duration.ts';
import type { Millis } from '../core/model.ts';
import { isUnprintable, oneSpaced } from '../core/name.ts';
import { didYouMean, quote, type Remarks } from './remarks.ts';
import { describeTree, type Tree, type YamlMap } from './yaml.ts';

/**
 * From YAML to values. Each reader takes what it is about ("slots of gpu-0") for its message, and gives null where the
 * file has nothing, or has something wrong, which is then among the remarks.
 */

export const LONGEST_TEXT = 4000;

/** A text of one line; numbers and the like as they are written. Line breaks and tabs become spaces. */
export function readText(tree: Tree, about: string, remarks: Remarks): string | null {
  if (tree.type === 'empty') return null;
  if (tree.type !== 'text') return expected(tree, about, 'a text', remarks);
  const text = oneSpaced(tree.text);
  if (text.length > LONGEST_TEXT) {
    remarks.problem(tree.at, `${about} has at most ${LONGEST_TEXT} characters, this has ${text.length}`);
    return null;
  }
  if (!isUnprintable(text)) return text;
  remarks.problem(tree.at, `${about} has no control characters, found ${quote(text)}`);
  return null;
}

/** A whole number in a range, both ends included. */
export function readCount(
  tree: Tree,
  about: string,
  { min, max }: { readonly min: number; readonly max: number },
  remarks: Remarks,
): number | null {
  if (tree.type === 'empty') return null;
  const count = tree.type === 'text' && /^\d+$/.test(tree.text) ? Number(tree.text) : null;
  if (count !== null && count >= min && count <= max) return count;
  return expected(tree, about, `a whole number from ${min} to ${max}`, remarks);
}

/** Seconds, or `1h30m`; longer than 0, unless `zero` is fine as well. */
export function readDuration(tree: Tree, about: string, remarks: Remarks, { zero = false } = {}): Millis | null {
  if (tree.type === 'empty') return null;
  const span = tree.type === 'text' ? parseDuration(tree.text.trim()) : null;
  return span !== null && (span > 0 || zero) ? span : expected(tree, about, 'a duration as 90, 5m or 1h30m', remarks);
}

/** One of a few words. */
export function readWord<Word extends string>(
  tree: Tree,
  about: string,
  words: readonly Word[],
  remarks: Remarks,
): Word | null {
  if (tree.type === 'empty') return null;
  const text = tree.type === 'text' ? tree.text.trim() : '';
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  return expected(tree, about, words.join(' or '), remarks);
}

/** A map; null where there is none. */
export function readMap(tree: Tree, about: string, remarks: Remarks): YamlMap | null {
  if (tree.type === 'empty') return null;
  return tree.type === 'map' ? tree : expected(tree, about, 'a map of keys and values', remarks);
}

/** Calls the reader of each key that is there; of unknown ones it tells `unknown`, with the key that may have been meant. */
export function readKeys(
  map: YamlMap,
  readers: Readonly<Record<string, (value: Tree, at: number) => void>>,
  unknown: (key: string, at: number, hint: string) => void,
): void {
  for (const [key, { at, value }] of map.entries) {
    const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (read) read(value, at);
    else unknown(key, at, didYouMean(key, Object.keys(readers)));
  }
}

/** Says what was expected and found. */
export function expected(tree: Tree, about: string, what: string, remarks: Remarks): null {
  remarks.problem(tree.at, `${about}: expected ${what}, found ${describeTree(tree)}`);
  return null;
}
