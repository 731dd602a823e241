import type { Tree, YamlMap } from '../yaml.ts';
import { listTree, mapTree, quotedTree, textTree } from './trees.ts';

/** What `labgrid-client -v places` prints begins so. */
export const PLACE_LINE = /^Place '(.+)':[ \r]*$/m;

interface Place {
  readonly name: string;
  readonly at: number;
  readonly fields: [string, Tree][];
  readonly matches: Tree[];
}

/** The same places as the coordinator's places.yaml has them. Lines that are none of these are passed over, as there are more. */
export function placesInText(text: string): YamlMap {
  const places: Place[] = [];
  let section = '';
  let at = 0;
  for (const line of text.split('\n')) {
    const name = PLACE_LINE.exec(line)?.[1];
    const place = places.at(-1);
    const [, key, value = ''] = /^ {2}(\w[\w ]*):(?: (.*))?$/.exec(line.trimEnd()) ?? [];
    const item = /^ {4}(\S.*)$/.exec(line.trimEnd())?.[1];
    if (name !== undefined) places.push({ name, at, fields: [], matches: [] });
    else if (place && key !== undefined) {
      section = key;
      const tree = fieldTree(key, value.trim(), at);
      if (tree !== null) place.fields.push([key, tree]);
    } else if (item !== undefined && section === 'matches') {
      place?.matches.push(quotedTree(item.replace(/ -> .*$/, ''), at));
    }
    at += line.length + 1;
  }
  return mapTree(
    places.map((place) => [place.name, placeTree(place)]),
    0,
  );
}

function placeTree({ at, fields, matches }: Place): YamlMap {
  return mapTree([...fields, ['matches', { type: 'list', at, items: matches }]], at);
}

/** Null for what nothing is made of. */
function fieldTree(key: string, value: string, at: number): Tree | null {
  if (key === 'comment') return quotedTree(value, at);
  if (key === 'acquired') return value === 'None' ? null : quotedTree(value, at);
  if (key === 'aliases') return listTree(value.split(', '), at);
  if (key !== 'tags') return null;
  const pairs = value.split(', ').map((pair) => /^([^=]*)=(.*)$/.exec(pair) ?? []);
  return mapTree(
    pairs.flatMap(([, name, text]): [string, Tree][] => (name === undefined ? [] : [[name, textTree(text ?? '', at)]])),
    at,
  );
}
