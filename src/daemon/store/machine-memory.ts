import type { MachineStore, Seen } from '../../core/machine.ts';

/** For tests, and for a daemon that may forget: what was written survives `load`, as if it were on a disk. */
export class MemoryMachines implements MachineStore {
  private readonly machines = new Map<string, Seen>();

  load(): readonly Seen[] {
    return structuredClone([...this.machines.values()]).sort((a, b) => (a.machine < b.machine ? -1 : 1));
  }

  write(seen: readonly Seen[]): void {
    for (const one of structuredClone(seen)) this.machines.set(one.machine, one);
  }
}
