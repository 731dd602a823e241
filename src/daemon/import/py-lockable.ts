import type { Tree, YamlEntry, YamlMap } from '../yaml.ts';
import { describeEntries, type Entry, propertiesFrom } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, mapsIn, nameIn, quotedTree, textAt } from './trees.ts';

/** The resources.json of py-lockable and pytest-lockable: a list of things with an id, and whatever they are asked for by. */
export const pyLockable: Format = {
  name: 'py-lockable',
  recognises: ({ tree }) => firstHas(tree, (has) => has('id') && (has('online') || has('hostname'))),
  read: (found) => {
    const items = mapsIn(found.tree, 'a list of resources, each with an id', found);
    return describeEntries(
      items.flatMap((item) => entryOf(item, found)),
      found,
    );
  },
};

/** These are not properties; `name` is what people call it, as it is locked by its id. */
const OWN = new Set(['id', 'online', 'name', 'description', 'tags']);
const OFFLINE = 'online is false in resources.json';

function entryOf(item: YamlMap, found: Found): readonly Entry[] {
  const named = nameIn(item, 'id', found);
  if (named === null) return [];
  const online = item.entries.get('online')?.value;
  const isOffline = online?.type === 'text' && online.value === false;
  const tags = item.entries.get('tags')?.value;
  const description = item.entries.get(textAt(item, 'description') === null ? 'name' : 'description')?.value;
  const others = [...item.entries].filter(([key]) => !OWN.has(key) || (key === 'tags' && !isWords(tags)));
  const properties = propertiesFrom(others as readonly (readonly [string, YamlEntry])[], item.at, found);
  return [
    {
      ...named,
      says: {
        description: description?.type === 'text' ? description : undefined,
        tags: isWords(tags) ? tags : undefined,
        properties,
        offline: isOffline ? quotedTree(OFFLINE, online.at) : undefined,
      },
    },
  ];
}

function isWords(tree: Tree | undefined): boolean {
  return tree?.type === 'list' && tree.items.every((item) => item.type === 'text' && /^[^\s,]+$/.test(item.text));
}
