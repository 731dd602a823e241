import type { Description } from '../../core/model.ts';
import { seconds } from '../../core/view.ts';
import type { DescribeJson } from '../../core/wire.ts';
import { readDescriptorTree } from '../descriptor.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';

/** Our own file. It takes whatever no other format knows, and says where that is wrong. */
export const descriptor: Format = {
  name: 'descriptor',
  recognises: () => true,
  read: (found) => {
    const tree = isReadable(found) ? found.tree : null;
    return (tree && readDescriptorTree(tree, found.remarks)?.resources.map(toJson)) ?? [];
  },
};

/** Whether it is a text at all; if not, that is said. */
function isReadable({ source, text, remarks }: Found): boolean {
  if (source.type === 'folder') remarks.problem(null, 'it is a folder');
  else if (text === null) remarks.problem(null, 'it is not UTF-8 text; save it as UTF-8');
  return text !== null;
}

/** All of it: what a descriptor does not say of a resource is said as well, as what it is then. */
function toJson({ maxHold, machine, staleAfter, offline, ...rest }: Description): DescribeJson {
  return {
    ...rest,
    maxHold: maxHold === null ? null : seconds(maxHold),
    machine: machine ?? null,
    staleAfter: staleAfter == null ? null : seconds(staleAfter),
    offline: offline && {
      reason: offline.reason,
      until: offline.until === null ? null : new Date(offline.until).toISOString(),
    },
  };
}
