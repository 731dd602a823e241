/**
 * A process that commits turn after turn and says after each, on stdout, how far it is; the test kills it wherever it
 * likes. What it said was on disk before it said so.
 */
import { SqliteStore } from '../../../src/daemon/store/sqlite.ts';
import { acquire, declare, description, release } from '../../support/builders.ts';
import { Turns } from '../../support/turns.ts';

async function write(folder: string): Promise<void> {
  const store = new SqliteStore(folder);
  const turns = new Turns(store, await store.open());
  store.announce({ pid: process.pid, host: 'here', version: '0', since: 'now', url: null, socket: null });
  const said = turns.state.counters.fence;
  await turns.turn(declare(['a', 'b'].map((name) => description(name))));
  for (let i = said; ; i += 1) {
    turns.now += 1000;
    await turns.turn(acquire(`held ${i}`, 'name:a', { wait: 0 }), acquire(`waits ${i}`, 'name:b'));
    process.stdout.write(
      `${turns.state.counters.fence} ${turns.state.counters.ticket} ${turns.state.counters.event}\n`,
    );
    await turns.turn(release(`held ${i}`), ...(i % 3 === 0 ? [release(`waits ${i}`)] : []));
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

void write(process.argv[2] ?? '');
