import { quote } from '../remarks.ts';
import type { Tree, YamlMap } from '../yaml.ts';
import type { Found } from './found.ts';
import { mapTree, quotedTree } from './trees.ts';
import { readXml, type XmlElement } from './xml.ts';

/** `org.jenkins.plugins.lockableresources.LockableResourcesManager.xml`, in which the plugin keeps its state. */
export const JENKINS_XML = 'org.jenkins.plugins.lockableresources.LockableResourcesManager';

/** The resources in it, with the keys that JCasC has. */
export function resourcesInXml(found: Found): readonly YamlMap[] {
  const root = readXml(found.text ?? '', found);
  if (root === null) return [];
  const resources = root.children.find(({ name }) => name === 'resources');
  if (root.name === JENKINS_XML && resources) return resources.children.map(resourceTree);
  const what =
    root.name === JENKINS_XML ? `<resources> in it, found none` : `<${JENKINS_XML}>, found ${quote(root.name)}`;
  found.remarks.problem(root.at, `expected ${what}`);
  return [];
}

function resourceTree(element: XmlElement): YamlMap {
  return mapTree(
    element.children.flatMap((child): [string, Tree][] => {
      const tree = fieldTree(child);
      return tree === null ? [] : [[child.name, tree]];
    }),
    element.at,
  );
}

/** Of what has elements in it, only properties and labels are read; one release wrote labels as such a list. */
function fieldTree({ name, at, text, children }: XmlElement): Tree | null {
  if (name === 'properties') return { type: 'list', at, items: children.map(resourceTree) };
  if (name === 'labelsAsList' || (name === 'labels' && children.length > 0)) {
    return { type: 'list', at, items: children.map((label) => quotedTree(label.text.trim(), label.at)) };
  }
  return children.length > 0 ? null : quotedTree(text.trim(), at);
}
