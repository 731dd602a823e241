import type { Entry } from '../../../core/catalogue.ts';
import type { Resource } from '../../../core/model.ts';
import type { NodeStore } from '../../../core/nodes.ts';

/** A CI host that subsystems are attached to: what their property `node` names. */
export interface Node {
  readonly node_id: number;
  readonly ip_address: string | null;
  readonly node_name: string;
  readonly node_description: string | null;
}

/** Nodes have numbers by first appearance, which they keep, whatever becomes of their resources. */
export class Nodes {
  private numbers: Map<string, number> | null = null;

  constructor(private readonly store: NodeStore) {}

  /** Those of these resources, by number. What a node is like, the first of its resources that says so says. */
  of(entries: readonly Entry[]): Node[] {
    const resources = entries.map(({ resource }) => resource).filter((one) => nodeOf(one) !== null);
    const names = [...new Set(resources.map((one) => nodeOf(one) as string))];
    const numbers = this.numbered(names);
    const nodes = names.map((name) => {
      const own = resources.filter((one) => nodeOf(one) === name);
      const said = (key: string) => own.map((one) => textOf(one, key)).find((text) => text !== null) ?? null;
      return {
        node_id: numbers.get(name) ?? 0,
        ip_address: said('ip_address'),
        node_name: name,
        node_description: said('node_description'),
      };
    });
    return nodes.sort((a, b) => a.node_id - b.node_id);
  }

  private numbered(names: readonly string[]): ReadonlyMap<string, number> {
    this.numbers ??= new Map(this.store.load().map((name, i) => [name, i + 1]));
    const added = names.filter((name) => !this.numbers?.has(name));
    if (added.length > 0) this.store.add(added);
    for (const name of added) this.numbers.set(name, this.numbers.size + 1);
    return this.numbers;
  }
}

export function nodeOf(resource: Resource): string | null {
  return textOf(resource, 'node');
}

export function textOf({ properties }: Resource, key: string): string | null {
  const value = Object.hasOwn(properties, key) ? properties[key] : undefined;
  return value === undefined ? null : String(value);
}
