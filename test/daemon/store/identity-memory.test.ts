import { describe } from 'vitest';
import { MemoryIdentities } from '../../../src/daemon/store/identity-memory.ts';
import { identityStoreCases } from '../../identity-store.cases.ts';

describe('identities in memory', () => {
  identityStoreCases(() => {
    // It is its own disk.
    const kept = new MemoryIdentities();
    return { open: async () => kept, reopen: async () => kept, remove: async () => {} };
  });
});
