import { describe } from 'vitest';
import { MemoryStore } from '../../../src/daemon/store/memory.ts';
import { machineStoreCases } from '../../machine-store.cases.ts';

describe('machines in memory', () => {
  machineStoreCases(() => {
    // It is its own disk.
    const store = new MemoryStore();
    const open = async () => ({ snapshot: await store.open(), machines: store.machines });
    return { open, reopen: open, remove: async () => {} };
  });
});
