import type { Command } from '../../src/core/command.ts';
import { refusalOf } from '../../src/core/decide.ts';
import { type ErrorCode, RentabotError } from '../../src/core/error.ts';
import type { Counters, Millis, Rules } from '../../src/core/model.ts';
import type { Snapshot } from '../../src/core/state.ts';
import type { Batch } from '../../src/core/store.ts';
import { Engine, type Sight } from '../../src/daemon/engine.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { rules, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { WrappedStore } from '../support/stores.ts';
import type { Chance } from './random.ts';

type Fault = 'none' | 'fails before' | 'fails after' | 'dies before' | 'dies after';

/** A disk that outlives daemons, and fails or takes the daemon with it wherever chance has it. */
export class CrashingStore extends WrappedStore {
  /** Set while the daemon on it is dead: nobody will ever hear from it again. */
  died = false;
  faults = { fails: 0, dies: 0, opens: 0 };
  calm = false;

  constructor(
    private readonly chance: Chance,
    disk = new MemoryStore(),
  ) {
    super(disk);
  }

  override async open(): Promise<Snapshot> {
    if (!this.calm && this.chance.maybe(0.15)) {
      this.faults.opens += 1;
      throw new Error('the disk cannot be read');
    }
    return this.inner.open();
  }

  override async commit(batch: Batch): Promise<void> {
    const fault = this.calm ? 'none' : this.nextFault();
    if (this.chance.maybe(0.3)) await new Promise((resolve) => setImmediate(resolve));
    if (fault === 'fails before') throw new Error('the disk is full');
    if (fault === 'dies before') return this.die();
    await this.inner.commit(batch);
    if (fault === 'fails after') throw new Error('the disk did not say');
    if (fault === 'dies after') return this.die();
  }

  private nextFault(): Fault {
    const fault = this.chance.maybe(0.85)
      ? 'none'
      : this.chance.pick(['fails before', 'fails after', 'dies before', 'dies after'] as const);
    if (fault.startsWith('fails')) this.faults.fails += 1;
    if (fault.startsWith('dies')) this.faults.dies += 1;
    return fault;
  }

  /** Never comes back. */
  private die(): Promise<never> {
    this.died = true;
    return new Promise(() => {});
  }
}

/** What a client hears. `silence`: the daemon died before it could say anything. */
export type Heard =
  | {
      readonly type: 'held';
      readonly fence: number;
      readonly resources: readonly number[];
      readonly counters: Counters;
    }
  | { readonly type: 'waiting'; readonly counters: Counters }
  | { readonly type: 'done' }
  | { readonly type: 'refused'; readonly code: ErrorCode }
  | { readonly type: 'silence' };

/** One host: a disk, a wall clock that people set, and one daemon after the other. */
export class Host {
  readonly store: CrashingStore;
  engine: Engine;
  private clock = new FakeClock();
  private dead = false;
  lives = 0;
  private readonly rules: Rules = rules({ rememberedFor: 1_000_000 * SECOND });

  constructor(private readonly chance: Chance) {
    this.store = new CrashingStore(chance);
    this.engine = this.made();
  }

  /** Time passes, for the daemon as for everybody. */
  async pass(span: Millis): Promise<void> {
    this.clock.advance(span);
    await this.settle();
  }

  /** Starts daemons until one lives. The wall clock may have been set meanwhile. */
  async revive(): Promise<void> {
    for (;;) {
      this.lives += 1;
      this.store.died = false;
      this.dead = false;
      this.engine = this.made();
      try {
        await this.engine.open();
        return;
      } catch {
        await this.engine.close();
      }
    }
  }

  get isDead(): boolean {
    return this.dead || this.store.died;
  }

  async ask(command: Command & { readonly id: string }): Promise<Heard> {
    return this.answer(this.engine.submit(command, (sight) => heard(sight, command)));
  }

  async submit(command: Command): Promise<Heard> {
    return this.answer(this.engine.submit(command, () => ({ type: 'done' }) as const));
  }

  private async answer(asked: Promise<Heard>): Promise<Heard> {
    const died = this.death();
    try {
      return await Promise.race([asked, died.promise]);
    } catch (error) {
      if (error instanceof RentabotError) return { type: 'refused', code: error.refusal.code };
      throw error;
    } finally {
      died.stop();
    }
  }

  /** Resolves once nobody is there any more who could answer. */
  private death(): { readonly promise: Promise<Heard>; readonly stop: () => void } {
    let going = true;
    const promise = new Promise<Heard>((resolve) => {
      const look = (): void => {
        if (!going) return;
        if (this.isDead) resolve({ type: 'silence' });
        else setImmediate(look);
      };
      look();
    });
    return {
      promise,
      stop: () => {
        going = false;
      },
    };
  }

  private settle(): Promise<Heard> {
    return this.answer(this.engine.read(() => ({ type: 'done' })));
  }

  private made(): Engine {
    const engine = new Engine({
      store: this.store,
      rules: this.rules,
      onTrouble: () => {},
      recovery: { attempts: 3, pauseMs: 0 },
      start: (notBefore) => {
        const wall = this.clock.now() + this.chance.pick([0, 0, 0, -3600, -60, 30, 600]) * SECOND;
        this.clock = new FakeClock(Math.max(notBefore, wall));
        return this.clock;
      },
    });
    engine.onDeath = () => {
      this.dead = true;
    };
    return engine;
  }
}

function heard({ state, refusal }: Sight, command: Command & { readonly id: string }): Heard {
  if (refusal) return { type: 'refused', code: refusal.code };
  const { id } = command;
  const counters = { ...state.counters };
  if (command.type === 'release') return { type: 'done' };
  const lease = state.leases.get(id)?.lease;
  if (lease)
    return { type: 'held', fence: lease.fence, resources: lease.uses.map(({ resource }) => resource), counters };
  if (state.queue.byId.has(id)) return { type: 'waiting', counters };
  const spent = state.ended.get(id);
  return { type: 'refused', code: spent ? refusalOf(spent).code : 'not-found' };
}
