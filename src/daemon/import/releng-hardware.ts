import { quote } from '../remarks.ts';
import type { YamlMap } from '../yaml.ts';
import { describeEntries, type Entry } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { firstHas, listTree, mapsIn, nameIn, quotedTree, tellUnknown } from './trees.ts';

/** What `GET /machines` of releng-hardware answers: machines, with when they were last seen. */
export const relengHardware: Format = {
  name: 'releng-hardware',
  recognises: ({ tree }) => firstHas(tree, (has) => has('datacenter') && has('machine')),
  read: (found) => {
    const machines = mapsIn(found.tree, 'a list of machines', found);
    const entries = machines.flatMap((machine) => entryOf(machine, found));
    if (machines.some((machine) => machine.entries.has('lastseen'))) {
      const how = '`rentabot machines preload` takes that over from the same list';
      found.remarks.warn(null, `when they were last seen is not imported; ${how}`);
    }
    return describeEntries(entries, found);
  },
};

const KNOWN = new Set(['datacenter', 'machine', 'lastseen']);

function entryOf(machine: YamlMap, found: Found): readonly Entry[] {
  tellUnknown(machine, KNOWN, found);
  const [named, datacenter] = [nameIn(machine, 'machine', found), nameIn(machine, 'datacenter', found)];
  if (named === null || datacenter === null) return [];
  if (datacenter.name.includes(':')) {
    found.remarks.problem(datacenter.at, `a datacenter has no colon: ${quote(datacenter.name)}`);
    return [];
  }
  const id = `${datacenter.name}:${named.name}`;
  const says = { machine: quotedTree(id, named.at), tags: listTree([datacenter.name], datacenter.at) };
  return [{ ...named, fullName: id, says }];
}
