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
    const wrong = otherKind(found);
    if (wrong !== null) found.remarks.problem(null, wrong);
    const tree = wrong === null ? found.tree : null;
    return (tree && readDescriptorTree(tree, found.remarks)?.resources.map(toJson)) ?? [];
  },
};

/** What it is, where it cannot be a descriptor whatever is in it. */
function otherKind({ source, text, tree, isMarkup }: Found): string | null {
  if (source.type === 'folder') return 'a folder is read as one of pool-resource, with POOL/claimed and POOL/unclaimed';
  if (text === null) return 'it is neither UTF-8 text nor a database; save a text as UTF-8';
  if (/^\s*(?:<!doctype\s+html|<html)/i.test(text))
    return 'it is a web page, not a list: docs/moving-in.md has the addresses of lists';
  if (isMarkup)
    return 'this kind of XML is not known; that of Jenkins starts with <org.jenkins.plugins.lockableresources…>';
  if (tree === null && /\{\{|\{%|^# *for .* in /m.test(text)) return 'it looks like a template: render it first';
  if (tree?.type === 'list' && tree.items.length === 0) return 'the list is empty';
  return null;
}

/** All of it: what a descriptor does not say of a resource is said as well, as what it is then. */
export function toJson({ maxHold, machine, staleAfter, offline, ...rest }: Description): DescribeJson {
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
