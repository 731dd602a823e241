import type { Millis, Rules } from '../../src/core/model.ts';
import type { Snapshot } from '../../src/core/state.ts';
import type { Batch, Store } from '../../src/core/store.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { Nodes } from '../../src/daemon/facades/enema/nodes.ts';
import { Identities } from '../../src/daemon/identity/identities.ts';
import { createLog } from '../../src/daemon/log.ts';
import { Meters } from '../../src/daemon/meters.ts';
import { Notifier } from '../../src/daemon/notify/notifier.ts';
import { Proxies } from '../../src/daemon/peer.ts';
import { Statistics } from '../../src/daemon/statistics.ts';
import { MemoryIdentities } from '../../src/daemon/store/identity-memory.ts';
import { MemoryNodes } from '../../src/daemon/store/node-memory.ts';
import { rules } from '../support/builders.ts';
import { memoryPositions } from '../support/notify.ts';
import { WrappedStore } from '../support/stores.ts';
import type { Chance } from './random.ts';
import type { Ledger } from './wire-ledger.ts';
import type * as subject from './wire-subject.ts';
import type { VirtualTime } from './wire-time.ts';

export type WireSubject = typeof subject;

/** What a life needs of its world. */
export interface Ground {
  readonly core: WireSubject;
  readonly chance: Chance;
  readonly time: VirtualTime;
  readonly ledger: Ledger;
  /** Outlives every daemon. */
  readonly disk: Store;
  readonly troubles: { commits: number };
}

/** How far the wall clock is off when a daemon starts. */
const SKEWS_MS: readonly Millis[] = [0, 0, -60_000, -600_000];

/** How long answers under way may take once a daemon steps down. */
const DRAIN_MS: Millis = 10;

/** One daemon from its start to its end: everything of it but sockets. */
export class Life {
  readonly daemon: Daemon;
  /** Resolves with null once nobody will ever hear of it again. */
  readonly death: Promise<null>;
  readonly store: LifeStore;
  private readonly app: ReturnType<WireSubject['createApp']>;
  private die: (nothing: null) => void = () => {};

  constructor(private readonly ground: Ground) {
    const { core, chance, time } = ground;
    this.death = new Promise((resolve) => {
      this.die = resolve;
    });
    this.store = new LifeStore(ground);
    const own: Rules = rules();
    const skew = chance.pick(SKEWS_MS);
    const engine = new core.Engine({
      store: this.store,
      rules: own,
      onTrouble: () => {},
      recovery: { attempts: 3, pauseMs: 1 },
      start: (notBefore) => core.startClock(notBefore, { wall: () => time.wall() + skew, monotonic: () => time.now }),
    });
    const ids = core.makeIds();
    const known = new MemoryIdentities();
    const identities = new Identities({ store: known, ids, now: () => engine.now(), exposed: false });
    const log = createLog({ format: 'text', level: 'error', now: () => engine.now(), write: () => {} });
    const { store } = this;
    this.daemon = {
      engine,
      store,
      announcer: new core.Announcer(engine),
      statistics: new Statistics(engine, this.store),
      ids,
      meters: new Meters(),
      notifier: new Notifier({ engine, store, log, targets: [], positions: memoryPositions() }),
      log,
      rules: own,
      facades: {},
      nodes: new Nodes(new MemoryNodes()),
      http: { body: 65_536, connections: 1000 },
      identities,
      callerOf: (ask) => identities.callerOf(ask),
      identify: (ask) => identities.callerOf(ask).principal,
      proxies: new Proxies(),
      localNames: [],
      describe: null,
      stop: null,
      stepsDown: new core.StepDown(),
      startedAt: time.now,
      dataFolder: null,
    };
    this.app = core.createApp(this.daemon);
  }

  /** Turns, commands and what waits for its turn: as long as these move it is not at rest. */
  get pulse(): string {
    const { engine } = this.daemon;
    return `${engine.figures.turns} ${engine.figures.commitFailures} ${engine.backlog}`;
  }

  open(): Promise<void> {
    return this.daemon.engine.open();
  }

  async fetch(request: Request): Promise<Response> {
    return this.app.fetch(request);
  }

  /** What its clock, which has whole milliseconds, showed at a moment of the world's time at the latest. */
  clockAt(moment: Millis): Millis {
    return this.daemon.engine.now() + 1 - (this.ground.time.now - moment);
  }

  /** As SIGTERM has it: who waits is told to come back, answers under way are given, the store is let go. */
  async stepDown(): Promise<void> {
    const { stepsDown, announcer, engine } = this.daemon;
    stepsDown.begin();
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    this.die(null);
    announcer.close();
    await engine.close();
  }

  /** As SIGKILL has it: what is on its way to the disk gets there or not, and nobody is told. */
  async kill(): Promise<void> {
    this.store.dead = true;
    this.die(null);
    this.daemon.announcer.close();
    await this.daemon.engine.close();
  }
}

/** The way of one daemon to the disk: slow at times, failing at times before and at times after it has written. */
export class LifeStore extends WrappedStore {
  dead = false;
  calm = false;
  /** What it loads gets a new ttl: when it starts, and when a commit has failed. */
  openedAt: Millis = 0;

  constructor(private readonly ground: Ground) {
    super(ground.disk);
  }

  override async open(): Promise<Snapshot> {
    if (this.dead) throw new Error('dead');
    this.openedAt = this.ground.time.now;
    return this.inner.open();
  }

  override async commit(batch: Batch): Promise<void> {
    const { chance, ledger, troubles } = this.ground;
    const fault = this.calm || !chance.maybe(0.06) ? 'none' : chance.pick(['before', 'after'] as const);
    if (!this.calm && chance.maybe(0.1)) await this.pause(chance.pick([1, 30, 700]));
    if (fault !== 'none') troubles.commits += 1;
    if (fault === 'before' || (this.dead && chance.maybe(0.5))) throw new Error('the disk is full');
    await this.inner.commit(batch);
    ledger.write(batch.events);
    if (fault === 'after' || this.dead) throw new Error('the disk did not say');
  }

  private pause(span: Millis): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, span));
  }
}
