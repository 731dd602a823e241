import type { Command } from '../../src/core/command.ts';
import { restore } from '../../src/core/evolve.ts';
import type { Millis, Rules } from '../../src/core/model.ts';
import { EMPTY_SNAPSHOT, type Snapshot, type State } from '../../src/core/state.ts';
import { step } from '../../src/core/step.ts';
import type { Batch, Store } from '../../src/core/store.ts';
import { tell } from '../../src/core/told.ts';
import { Facts } from '../../src/daemon/store/facts.ts';
import { rules } from './builders.ts';

/** A world whose turns are committed one by one. */
export class Turns {
  state: State;
  readonly facts: Facts;
  private readonly given: Rules;

  constructor(
    private store: Store,
    from: Snapshot = EMPTY_SNAPSHOT,
    public now: Millis = 1_700_000_000_000,
    given: Rules = rules(),
  ) {
    this.given = given;
    this.state = restore(from, given, now);
    this.facts = new Facts(from);
  }

  /** The batch that a turn leads to, not yet written. */
  batch(...commands: Command[]): Batch {
    const { events } = step(this.state, commands, this.now);
    const told = tell(this.state, events, this.now);
    return structuredClone({ at: this.now, events, counters: this.state.counters, told });
  }

  async turn(...commands: Command[]): Promise<Batch> {
    const batch = this.batch(...commands);
    if (batch.events.length > 0) {
      await this.store.commit(batch);
      this.facts.apply(structuredClone(batch));
    }
    return batch;
  }

  /** Goes on with what survived, in a store that was just opened. */
  resume(store: Store, snapshot: Snapshot): void {
    this.store = store;
    this.state = restore(snapshot, this.given, this.now);
  }
}
