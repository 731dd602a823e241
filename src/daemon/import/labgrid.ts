import { RESOURCE_KEYS } from '../described.ts';
import { quote } from '../remarks.ts';
import { describeTree, type Tree, type YamlEntry, type YamlMap } from '../yaml.ts';
import { describeEntries, type Entry, propertiesFrom } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { PLACE_LINE, placesInText } from './labgrid-text.ts';
import { listTree, quotedTree, tellUnknown, textAt, textTree, valueAt } from './trees.ts';

/**
 * labgrid's places: the coordinator's places.yaml, or what `labgrid-client -v places` prints. Or the groups of an exporter's
 * configuration, where there are no places yet.
 */
export const labgrid: Format = {
  name: 'labgrid',
  recognises: (found) => isText(found) || (!isOurs(found.tree) && (hasPlaces(found.tree) || hasGroups(found.tree))),
  read: (found) => {
    const tree = isText(found) ? placesInText(found.text ?? '') : found.tree;
    if (tree?.type !== 'map') {
      const what = tree === null ? 'none' : describeTree(tree ?? { type: 'empty', at: 0 });
      if (found.remarks.problems.length === 0)
        found.remarks.problem(tree?.at ?? null, `expected places or groups by name, found ${what}`);
      return [];
    }
    const read = hasPlaces(tree) ? placeOf : groupOf;
    return describeEntries(
      [...tree.entries].flatMap(([name, entry]) => read(name, entry, found)),
      found,
    );
  },
};

function isText({ text }: Found): boolean {
  return text !== null && PLACE_LINE.test(text) && /^ {2}matches:[ \r]*$/m.test(text);
}

/** A name of ours may be capitalised, as only classes are there. */
function isOurs(tree: Tree | null): boolean {
  return valueAt(tree, 'resources') !== undefined;
}

function hasPlaces(tree: Tree | null): boolean {
  const first = firstOf(tree);
  return first?.type === 'map' && valueAt(first, 'matches')?.type === 'list';
}

/** The names of classes are capitalised, and the keys of a descriptor are not, unless somebody slips. */
function hasGroups(tree: Tree | null): boolean {
  const first = firstOf(tree);
  if (first?.type !== 'map') return false;
  const keys = [...first.entries.keys()];
  if (keys.some((key) => OUR_KEYS.has(key.toLowerCase()))) return false;
  const isClass = (key: string, value: Tree) => /^[A-Z][A-Za-z0-9]+$/.test(key) || textAt(value, 'cls') !== null;
  return [...first.entries].some(([key, { value }]) => isResource(key, value) && isClass(key, value));
}

const OUR_KEYS: ReadonlySet<string> = new Set(RESOURCE_KEYS);

function isResource(key: string, value: Tree): boolean {
  return key !== 'location' && value.type === 'map';
}

function firstOf(tree: Tree | null): Tree | undefined {
  return tree?.type === 'map' ? [...tree.entries.values()].find(({ value }) => value.type === 'map')?.value : undefined;
}

const KNOWN = new Set([
  ...['aliases', 'comment', 'tags', 'matches', 'created', 'changed'],
  ...['acquired', 'acquired_resources', 'allowed', 'reservation'],
]);

function placeOf(name: string, { at, value: place }: YamlEntry, found: Found): readonly Entry[] {
  if (place.type !== 'map') return notAMap(name, at, place, found);
  tellUnknown(place, KNOWN, found);
  const acquired = textAt(place, 'acquired');
  if (acquired !== null) found.remarks.warn(at, `${name} is acquired by ${acquired} in labgrid; here it is free`);
  const tags = valueAt(place, 'tags');
  const pairs = tags?.type === 'map' ? [...tags.entries].map(retyped) : [];
  const says = {
    description: valueAt(place, 'comment'),
    endpoint: matchesOf(valueAt(place, 'matches')),
    tags: valueAt(place, 'aliases'),
    properties: propertiesFrom(pairs, at, found),
  };
  return [{ name, at, says }];
}

/** All tags are texts there. */
function retyped([key, { at, value }]: [string, YamlEntry]): [string, YamlEntry] {
  return [key, { at, value: value.type === 'text' ? textTree(value.text, value.at) : value }];
}

/** Where its things are: `exporter/group/class`, or with the name of a resource behind it. */
function matchesOf(tree: Tree | undefined): Tree | undefined {
  if (tree?.type !== 'list') return undefined;
  const texts = tree.items.map((match) => {
    if (match.type === 'text') return match.text;
    const parts = ['exporter', 'group', 'cls', 'name'].map((key) => textAt(match, key));
    return parts
      .slice(0, parts[3] === null ? 3 : 4)
      .map((part) => part ?? '*')
      .join('/');
  });
  return quotedTree(texts.join(' '), tree.at);
}

/** What an exporter offers together hangs on one board. Of the parameters of its drivers only the address is taken. */
function groupOf(name: string, { at, value: group }: YamlEntry, found: Found): readonly Entry[] {
  if (group.type !== 'map') return notAMap(name, at, group, found);
  const resources = [...group.entries].filter(([key, { value }]) => isResource(key, value));
  const odd = [...group.entries].find(
    ([key, { value }]) => key !== 'location' && !isResource(key, value) && value.type !== 'empty',
  );
  if (odd) found.tally(odd[1].at, `${quote(odd[0])} is no resource of labgrid; it is left out`);
  const classes = resources.map(([key, { value }]) => textAt(value, 'cls') ?? key);
  const location = group.entries.get('location');
  const says = {
    tags: listTree([...new Set(classes)], at),
    endpoint: resources.map(([, { value }]) => addressOf(value as YamlMap)).find((address) => address !== undefined),
    properties: location ? propertiesFrom([['location', location]], at, found) : undefined,
  };
  return [{ name, at, says }];
}

function addressOf(resource: YamlMap): Tree | undefined {
  const [address, port] = [textAt(resource, 'address') ?? textAt(resource, 'host'), textAt(resource, 'port')];
  return address === null ? undefined : quotedTree(port === null ? address : `${address}:${port}`, resource.at);
}

function notAMap(name: string, at: number, tree: Tree, { remarks }: Found): readonly Entry[] {
  remarks.problem(at, `${quote(name)}: expected a map, found ${describeTree(tree)}`);
  return [];
}
