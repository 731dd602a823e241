import { quote } from '../remarks.ts';
import type { Tree, YamlEntry, YamlMap } from '../yaml.ts';
import { describeEntries, type Entry, propertiesFrom } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { JENKINS_XML, resourcesInXml } from './jenkins-xml.ts';
import { firstHas, listTree, mapsIn, nameIn, tellUnknown, textAt, textTree, valueAt } from './trees.ts';

/**
 * Lockable Resources of Jenkins: its section of a JCasC file, the XML in which it keeps them, or what
 * `GET /lockable-resources/api/json` answers.
 */
export const jenkins: Format = {
  name: 'jenkins',
  recognises: (found) => (found.isMarkup ? isItsXml(found) : isItsYaml(found.tree) || isItsApi(found.tree)),
  read: (found) => {
    const resources = found.isMarkup ? resourcesInXml(found) : mapsIn(listIn(found.tree), EXPECTED, found);
    return describeEntries(
      resources.flatMap((resource) => entryOf(resource, found)),
      found,
    );
  },
};

const EXPECTED = 'a list under unclassified.lockableResourcesManager.declaredResources';

function isItsXml({ text }: Found): boolean {
  return text !== null && new RegExp(`<${JENKINS_XML.replaceAll('.', '\\.')}[\\s>/]`).test(text.slice(0, 10_000));
}

/** With its list, or with the whole way to it: a resource of ours may be called as one of its keys. */
function isItsYaml(tree: Tree | null): boolean {
  return declaredIn(tree)?.type === 'list' || valueAt(tree, 'unclassified', 'lockableResourcesManager') !== undefined;
}

function isItsApi(tree: Tree | null): boolean {
  return (
    (textAt(tree ?? EMPTY, '_class') ?? '').includes('lockableresources') ||
    firstHas(valueAt(tree, 'resources'), (has) => has('labelsAsList'))
  );
}

const EMPTY: Tree = { type: 'empty', at: 0 };

/** A whole JCasC file, its section alone, or the list that an export of Jenkins begins with. */
function declaredIn(tree: Tree | null): Tree | undefined {
  const manager =
    valueAt(tree, 'unclassified', 'lockableResourcesManager') ?? valueAt(tree, 'lockableResourcesManager');
  return valueAt(manager ?? tree, 'declaredResources') ?? manager;
}

function listIn(tree: Tree | null): Tree | null {
  const declared = declaredIn(tree);
  if (declared?.type === 'map') return null;
  return declared ?? valueAt(tree, 'resources') ?? tree;
}

const KNOWN = new Set([
  ...['name', 'description', 'labels', 'labelsAsList', 'properties', 'note', 'ephemeral', '_class'],
  // What goes on with it there.
  ...['reservedBy', 'reservedByEmail', 'reservedTimestamp', 'reserved', 'free', 'locked', 'lockCause', 'lockReason'],
  ...[
    'buildName',
    'buildExternalizableId',
    'stolen',
    'queueItemId',
    'queueItemProject',
    'queuingStarted',
    'queuedContexts',
  ],
]);

function entryOf(resource: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(resource, KNOWN, found);
  const named = nameIn(resource, 'name', found);
  if (named === null) return [];
  const { name, at } = named;
  if (textAt(resource, 'ephemeral') === 'true') {
    found.remarks.warn(at, `${name} was made up by Jenkins for one lock (ephemeral); it is left out`);
    return [];
  }
  if (name.includes('${'))
    found.remarks.warn(at, `${quote(name)} has a variable, which only Jenkins fills in; it is taken as it is`);
  tellHolder(resource, name, at, found);
  const says = {
    description: valueAt(resource, 'description'),
    tags: tagsOf(resource),
    properties: propertiesOf(resource, found),
  };
  return [{ name, at, says }];
}

function tellHolder(resource: YamlMap, name: string, at: number, { remarks }: Found): void {
  const [reservedBy, since] = [textAt(resource, 'reservedBy'), textAt(resource, 'reservedTimestamp')];
  const build = textAt(resource, 'buildName') ?? textAt(resource, 'buildExternalizableId');
  if (reservedBy !== null) {
    const when = since === null || /^\d+$/.test(since) ? '' : ` since ${since}`;
    remarks.warn(at, `${name} is reserved by ${reservedBy}${when} in Jenkins; here it is free`);
  }
  if (build !== null) remarks.warn(at, `${name} is locked by ${build} in Jenkins; here it is free`);
  else if (textAt(resource, 'locked') === 'true') remarks.warn(at, `${name} is locked in Jenkins; here it is free`);
}

/** Labels have spaces between them. A comma is part of one there, and is none here. */
function tagsOf(resource: YamlMap): Tree | undefined {
  const list = valueAt(resource, 'labelsAsList');
  if (list?.type === 'list' && list.items.length > 0) return list;
  const labels = valueAt(resource, 'labels');
  if (labels?.type !== 'text') return labels ?? list;
  return listTree(
    labels.text.split(/\s+/).filter((label) => label !== ''),
    labels.at,
  );
}

/** And the note, which people write beside the description. */
function propertiesOf(resource: YamlMap, found: Found): Tree | undefined {
  const [tree, note] = [valueAt(resource, 'properties'), valueAt(resource, 'note')];
  const given =
    tree === undefined || tree.type === 'empty' ? [] : mapsIn(tree, 'properties with name and value', found);
  const pairs = given.flatMap((property): [string, YamlEntry][] => {
    const named = nameIn(property, 'name', found);
    const value = valueAt(property, 'value');
    return named === null
      ? []
      : [
          [
            named.name,
            { at: named.at, value: value?.type === 'text' ? textTree(value.text, value.at) : (value ?? EMPTY) },
          ],
        ];
  });
  if (note?.type === 'text' && note.text.trim() !== '') pairs.unshift(['note', { at: note.at, value: note }]);
  if (pairs.length === 0 && tree === undefined) return undefined;
  return propertiesFrom(pairs, resource.at, found);
}
