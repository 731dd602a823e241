import type { YamlMap } from '../yaml.ts';
import { describeEntries, type Entry } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, mapsIn, nameIn, tellUnknown, textAt, valueAt } from './trees.ts';

/** What `GET …/resources` of rent-a-bot answers, in both of its APIs. Its descriptor is ours. */
export const rentABot: Format = {
  name: 'rent-a-bot',
  recognises: ({ tree }) => firstHas(valueAt(tree, 'resources'), (has) => has('lock-token')),
  read: (found) => {
    const items = mapsIn(found.tree && (valueAt(found.tree, 'resources') ?? found.tree), 'a list of resources', found);
    return describeEntries(
      items.flatMap((item) => entryOf(item, found)),
      found,
    );
  },
};

const KNOWN = new Set([
  ...['id', 'name', 'description', 'endpoint', 'tags', 'lock-token', 'lock-details'],
  ...['lock-acquired-at', 'lock-expires-at', 'max-lock-duration'],
]);
/** Seconds. It says so of each resource that has no other, and that of its descriptor it never read. */
const ITS_DEFAULT = '86400';

function entryOf(item: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(item, KNOWN, found);
  const named = nameIn(item, 'name', found);
  if (named === null) return [];
  // Whoever has the token may unlock: that there is one is all that is looked at.
  if (textAt(item, 'lock-token') !== null) {
    const until = textAt(item, 'lock-expires-at');
    found.remarks.warn(
      named.at,
      `${named.name} is locked${until === null ? '' : ` until ${until}`} in rent-a-bot; here it is free`,
    );
  }
  const longest = valueAt(item, 'max-lock-duration');
  const says = {
    description: valueAt(item, 'description'),
    endpoint: valueAt(item, 'endpoint'),
    tags: valueAt(item, 'tags'),
    max_hold: textAt(item, 'max-lock-duration') === ITS_DEFAULT ? undefined : longest,
  };
  return [{ ...named, says }];
}
