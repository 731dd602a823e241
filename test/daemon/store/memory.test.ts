import { describe } from 'vitest';
import type { Retention } from '../../../src/core/store.ts';
import { MemoryStore } from '../../../src/daemon/store/memory.ts';
import { storeCases } from '../../store.cases.ts';

describe('the memory store', () => {
  storeCases(() => {
    // It is its own disk: what comes after it has to be the same one.
    let kept: MemoryStore | null = null;
    let keptWith: Retention | undefined;
    return {
      name: 'memory',
      make: (retention) => {
        if (kept === null || (retention !== undefined && retention !== keptWith)) kept = new MemoryStore(retention);
        keptWith = retention;
        return kept;
      },
      remove: () => {
        kept = null;
      },
      skips: { ownership: 'nobody else can reach what lives in this process' },
    };
  });
});
