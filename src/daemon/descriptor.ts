import { dirname } from 'node:path';
import type { Description } from '../core/model.ts';
import { RESOURCE_KEYS, readResource } from './described.ts';
import { type ReadFile, readTextFile } from './descriptor-file.ts';
import { type Problem, quote, Remarks, type Warning } from './remarks.ts';
import { LIMIT_RULES, type Settings, type SettingsDraft, settingReaders } from './settings.ts';
import { readKeys } from './tree-readers.ts';
import { describeTree, readYaml, type Tree, type YamlList, type YamlMap } from './yaml.ts';

/** What a descriptor file says. */
export interface Descriptor {
  /** Names are different; in the order of the file. */
  readonly resources: readonly Description[];
  readonly settings: Settings;
}

export type DescriptorResult =
  | { readonly ok: true; readonly value: Descriptor; readonly warnings: readonly Warning[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Most resources in one file; a daemon's own limit is usually lower. */
const MOST_RESOURCES = LIMIT_RULES.resources.max;

/**
 * Reads a descriptor: either resources by name, as rent-a-bot has it, or a map whose `resources:` has them and whose
 * other keys are the daemon's settings. `file` is its absolute path. All mistakes are told at once.
 */
export function readDescriptor(text: string, file: string, home = '/'): DescriptorResult {
  const content = text.startsWith('\ufeff') ? text.slice(1) : text;
  const remarks = new Remarks(file, content);
  const tree = readYaml(content, remarks);
  const value = tree && readDescriptorTree(tree, remarks, home);
  const { problems, warnings } = remarks;
  return value && problems.length === 0 ? { ok: true, value, warnings } : { ok: false, problems };
}

/** The same of what was parsed already; null, or a problem among the remarks, where it cannot be used. */
export function readDescriptorTree(tree: Tree, remarks: Remarks, home = '/'): Descriptor | null {
  return readTop(tree, { folder: dirname(remarks.where), home }, remarks);
}

/** Reads a descriptor from its file. A file that is not there is a mistake. */
export function loadDescriptor(file: string, home = '/', readFile: ReadFile = readTextFile): DescriptorResult {
  const found = readFile(file);
  if (found.type === 'text') return readDescriptor(found.text, file, home);
  const message = found.type === 'missing' ? 'there is no such file' : `cannot be used: ${found.why}`;
  return { ok: false, problems: [{ where: file, line: null, column: null, message }] };
}

function readTop(tree: Tree, base: { folder: string; home: string }, remarks: Remarks): Descriptor | null {
  if (tree.type === 'empty') {
    remarks.problem(null, 'the descriptor is empty; write {} for one without resources');
    return null;
  }
  if (tree.type !== 'map') {
    remarks.problem(tree.at, `expected resources by name, or a map with resources:, found ${describeTree(tree)}`);
    return null;
  }
  const resources = tree.entries.get('resources');
  if (resources === undefined) return { resources: readFlat(tree, remarks), settings: {} };
  const settings: SettingsDraft = {};
  const readers = { ...settingReaders(settings, base, remarks), resources: () => {} };
  readKeys(tree, readers, (key, at, hint) => {
    if (!key.startsWith('x-')) unknownSetting(key, at, hint, tree, remarks);
  });
  return { resources: readResources(resources.value, remarks), settings };
}

function unknownSetting(key: string, at: number, hint: string, map: YamlMap, remarks: Remarks): void {
  const value = map.entries.get(key)?.value;
  const isResource = value?.type === 'map' && RESOURCE_KEYS.some((known) => value.entries.has(known));
  const advice = isResource ? '; a resource belongs under resources:' : hint;
  remarks.problem(at, `there is no setting ${quote(key)}${advice}`);
}

/** Resources by name at the top of the file. */
function readFlat(map: YamlMap, remarks: Remarks): Description[] {
  const settings = settingReaders({}, { folder: '/', home: '/' }, remarks);
  const resources: Description[] = [];
  for (const [name, { at, value }] of limited(map.entries, map.at, remarks)) {
    if (value.type !== 'text' && value.type !== 'list') resources.push(readResource(name, at, value, remarks));
    else remarks.problem(value.at, notAResource(name, value, Object.hasOwn(settings, name)));
  }
  return resources;
}

function notAResource(name: string, value: Tree, isSetting: boolean): string {
  const advice = isSetting
    ? '; settings of the daemon need a top-level resources: beside them, {} if there are none'
    : '';
  return `${quote(name)}: expected a resource (a map of ${RESOURCE_KEYS.slice(0, 4).join(', ')} …), found ${describeTree(value)}${advice}`;
}

function readResources(tree: Tree, remarks: Remarks): Description[] {
  if (tree.type === 'empty') return [];
  if (tree.type === 'map') return readNamed(tree, remarks);
  if (tree.type === 'list') return readListed(tree, remarks);
  remarks.problem(tree.at, `resources: expected resources by name, or a list, found ${describeTree(tree)}`);
  return [];
}

function readNamed(map: YamlMap, remarks: Remarks): Description[] {
  const resources: Description[] = [];
  for (const [name, { at, value }] of limited(map.entries, map.at, remarks)) {
    if (value.type === 'map' || value.type === 'empty') resources.push(readResource(name, at, value, remarks));
    else remarks.problem(value.at, notAResource(name, value, false));
  }
  return resources;
}

function readListed(list: YamlList, remarks: Remarks): Description[] {
  const resources = new Map<string, Description>();
  const places = new Map<string, number>();
  for (const item of limited(list.items, list.at, remarks)) {
    const name = item.type === 'map' ? item.entries.get('name') : undefined;
    if (item.type !== 'map' || name?.value.type !== 'text') {
      const found = item.type === 'map' ? 'none' : describeTree(item);
      remarks.problem(name?.at ?? item.at, `resources: expected a name for each resource, found ${found}`);
      continue;
    }
    const { text, at } = name.value;
    const first = places.get(text);
    if (first !== undefined) {
      remarks.warn(at, `${quote(text)} is given twice, first in line ${remarks.lineOf(first)}; the last counts`);
    }
    places.set(text, first ?? at);
    resources.set(text, readResource(text, at, item, remarks));
  }
  return [...resources.values()];
}

function limited<Item>(items: ReadonlyMap<string, Item>, at: number, remarks: Remarks): Iterable<[string, Item]>;
function limited<Item>(items: readonly Item[], at: number, remarks: Remarks): Iterable<Item>;
function limited(
  items: ReadonlyMap<string, unknown> | readonly unknown[],
  at: number,
  remarks: Remarks,
): Iterable<unknown> {
  const count = items instanceof Map ? items.size : (items as readonly unknown[]).length;
  if (count <= MOST_RESOURCES) return items;
  remarks.problem(at, `a file has at most ${MOST_RESOURCES} resources, this one has ${count}`);
  return [];
}
