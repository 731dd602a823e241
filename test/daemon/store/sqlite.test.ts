import { describe } from 'vitest';
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { storeCases } from '../../store.cases.ts';
import { temporaryFolder } from '../../support/daemon.ts';

describe('the SQLite store', () => {
  storeCases(() => {
    const folder = temporaryFolder();
    return {
      name: 'sqlite',
      make: (retention) => new SqliteStore(folder.path, retention),
      remove: folder.remove,
    };
  });
});
