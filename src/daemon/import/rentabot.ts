import type { Tree, YamlMap } from '../yaml.ts';
import { describeEntries, type Entry } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, mapsIn, mapTree, nameIn, tellUnknown, textAt, valueAt } from './trees.ts';

/** The JSON of a rentabot: `rentabot export --json`, and the list of `GET /api/v2/resources`. */
export const rentabot: Format = {
  name: 'rentabot',
  recognises: ({ tree }) =>
    firstHas(valueAt(tree, 'resources'), (has) => has('maxHold') && (has('source') || has('leases'))),
  read: (found) => {
    const items = mapsIn(found.tree && (valueAt(found.tree, 'resources') ?? found.tree), 'a list of resources', found);
    if (items.some(({ entries }) => entries.has('leases'))) {
      found.remarks.warn(null, 'this list does not tell the variables for holders (env); `rentabot export` does');
    }
    return describeEntries(
      items.flatMap((item) => entryOf(item, found)),
      found,
      { isOurs: true },
    );
  },
};

const DESCRIBED = ['description', 'endpoint', 'tags', 'slots', 'properties', 'env', 'machine'] as const;
const KNOWN = new Set([
  ...['id', 'name', ...DESCRIBED, 'maxHold', 'staleAfter', 'offline', 'source'],
  ...['state', 'lastUsed', 'drainedAt', 'waiting', 'leases', 'lastSeen'],
]);

function entryOf(item: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(item, KNOWN, found);
  const named = nameIn(item, 'name', found);
  if (named === null) return [];
  if (textAt(item, 'state') === 'retiring') {
    found.remarks.warn(named.at, `${named.name} is about to go there; it is left out`);
    return [];
  }
  const leases = valueAt(item, 'leases');
  const holders =
    leases?.type === 'list' ? leases.items.map((lease) => textAt(valueAt(lease, 'holder') ?? lease, 'name')) : [];
  if (holders.length > 0) {
    found.remarks.warn(
      named.at,
      `${named.name} is held there by ${holders.map((one) => one ?? 'someone').join(', ')}; here it is free`,
    );
  }
  const says = {
    ...Object.fromEntries(DESCRIBED.map((key) => [key, valueAt(item, key)])),
    max_hold: valueAt(item, 'maxHold'),
    stale_after: valueAt(item, 'staleAfter'),
    offline: offlineOf(valueAt(item, 'offline')),
  };
  return [{ ...named, says }];
}

/** Without since when, and who said so. */
function offlineOf(tree: Tree | undefined): Tree | undefined {
  if (tree?.type !== 'map') return tree;
  return mapTree(
    ['reason', 'until'].flatMap((key): [string, Tree][] => {
      const value = valueAt(tree, key);
      return value === undefined ? [] : [[key, value]];
    }),
    tree.at,
  );
}
