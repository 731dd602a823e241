import { describe } from 'vitest';
import { MemoryNodes } from '../../../src/daemon/store/node-memory.ts';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { nodeStoreCases } from '../../node-store.cases.ts';
import { temporaryFolder } from '../../support/daemon.ts';

describe('numbers of nodes in memory', () => {
  nodeStoreCases(() => {
    // It is its own disk.
    const kept = new MemoryNodes();
    return { open: async () => kept, reopen: async () => kept, remove: async () => {} };
  });
});

describe('numbers of nodes in SQLite', () => {
  nodeStoreCases(() => {
    const folder = temporaryFolder();
    let store = new SqliteStore(folder.path);
    const open = async () => {
      await store.open();
      return store.nodes;
    };
    return {
      open,
      reopen: async () => {
        await store.close();
        store = new SqliteStore(folder.path);
        return open();
      },
      remove: async () => {
        await store.close();
        folder.remove();
      },
    };
  });
});
