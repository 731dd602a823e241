import { quote } from '../remarks.ts';
import { describeTree, type YamlMap } from '../yaml.ts';
import { describeEntries, type Entry } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, listTree, mapsIn, tellUnknown, textAt, valueAt } from './trees.ts';

/** The configuration of Boskos: types of resources, each with names, or with how many are made on demand. */
export const boskos: Format = {
  name: 'boskos',
  recognises: ({ tree }) =>
    firstHas(
      valueAt(tree, 'resources'),
      (has) => !has('name') && has('type') && ['names', 'min-count', 'max-count'].some(has),
    ),
  read: (found) => {
    const groups = mapsIn(
      found.tree && (valueAt(found.tree, 'resources') ?? found.tree),
      'a list of types under resources:',
      found,
    );
    return describeEntries(
      groups.flatMap((group) => entriesOf(group, found)),
      found,
    );
  },
};

const KNOWN = new Set(['type', 'state', 'names', 'min-count', 'max-count', 'lifespan', 'needs', 'config']);

function entriesOf(group: YamlMap, found: Found): readonly Entry[] {
  const { remarks } = found;
  tellUnknown(group, KNOWN, found);
  const type = textAt(group, 'type');
  if (type === null) {
    remarks.problem(group.at, 'expected a type for each kind of resource, found none');
    return [];
  }
  const tags = listTree([type], group.entries.get('type')?.value.at ?? group.at);
  const state = textAt(group, 'state') ?? 'free';
  if (state !== 'free') {
    remarks.warn(
      group.at,
      `${type} starts as ${quote(state)} in Boskos, for its janitor to make it free; here nothing cleans, and all are free`,
    );
  }
  const names = valueAt(group, 'names');
  if (names === undefined || names.type === 'empty')
    return dynamic(group, type, found).map((one) => ({ ...one, says: { ...one.says, tags } }));
  if (names.type !== 'list') {
    remarks.problem(names.at, `names of ${type}: expected a list, found ${describeTree(names)}`);
    return [];
  }
  return names.items.flatMap((item) => {
    if (item.type === 'text') return [{ name: item.text, at: item.at, says: { tags } }];
    remarks.problem(item.at, `names of ${type}: expected a text, found ${describeTree(item)}`);
    return [];
  });
}

/** Things that are made on demand are alike: one resource that so many can hold at once. */
function dynamic(group: YamlMap, type: string, { remarks }: Found): readonly Entry[] {
  const slots = valueAt(group, 'max-count') ?? valueAt(group, 'min-count');
  if (slots === undefined) {
    remarks.problem(group.at, `${type} has neither names nor a max-count`);
    return [];
  }
  const left = ['lifespan', 'needs', 'config'].filter((key) => group.entries.has(key));
  const without = left.length === 0 ? '' : `; ${left.join(', ')} ${left.length === 1 ? 'is' : 'are'} left out`;
  remarks.warn(group.at, `${type} is made on demand in Boskos; here it is one resource with as many slots${without}`);
  return [{ name: type, at: group.at, says: { slots } }];
}
