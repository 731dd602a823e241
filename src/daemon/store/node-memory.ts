import type { NodeStore } from '../../core/nodes.ts';

/** For tests, and for a daemon that may forget: what was added survives `load`, as if it were on a disk. */
export class MemoryNodes implements NodeStore {
  private readonly names: string[] = [];

  load(): readonly string[] {
    return [...this.names];
  }

  add(names: readonly string[]): void {
    this.names.push(...names);
  }
}
