import type { Ask } from '../../src/cli/transport.ts';
import type { Millis } from '../../src/core/model.ts';
import type { WantJson } from '../../src/core/wire.ts';
import { declare, description } from '../support/builders.ts';
import type { Chance } from './random.ts';
import { type Errand, WireClient } from './wire-client.ts';
import { Ledger } from './wire-ledger.ts';
import { type Ground, Life, type WireSubject } from './wire-life.ts';
import { Network } from './wire-network.ts';
import { VirtualTime } from './wire-time.ts';

const STEPS = 70;
const MOST_AT_ONCE = 7;
/** Steps in which everybody has to be served and gone, once the network is calm. */
const LAST_STEPS = 300;
/** Longer than any ttl, extension, silence and drain: whatever nobody asks for any more has ended by then. */
const AFTERMATH_MS: Millis = 400_000;
const RESOURCES = [
  description('a', { tags: ['x'] }),
  description('b', { tags: ['x'] }),
  description('lic', { slots: 2 }),
];
const WANTS: readonly (readonly WantJson[])[] = [
  [{ name: 'a' }],
  [{ name: 'a' }],
  [{ name: 'b' }],
  [{ tags: ['x'] }],
  [{ tags: ['x'], count: 2 }],
  [{ name: 'lic' }],
  [{ name: 'lic', mode: 'shared' }],
  [
    { name: 'lic', mode: 'exclusive' },
    { name: 'a', mode: 'shared' },
  ],
];
const AFTERS: readonly Errand['after'][] = [
  'release',
  'release',
  'release',
  'release',
  'release',
  'crash',
  'keep',
  'pass',
];
const SPANS: readonly Millis[] = [0, 1, 40, 300, 1000, 3000, 3000, 8000];
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What came of a world, to see that it was wild enough to prove something. */
export interface Tale {
  readonly grants: number;
  /** Everything that reached a daemon, was answered, or was written down. */
  readonly happened: number;
  readonly lives: number;
  readonly commits: number;
  readonly faults: Network['faults'];
}

class World {
  private readonly ledger: Ledger;
  private readonly network: Network;
  private readonly time: VirtualTime;
  private readonly ground: Ground;
  private readonly clients: WireClient[] = [];
  private life: Life | null = null;
  private lives = 0;
  private downUntil: Millis = 0;
  /** A daemon that steps down may have to wait for its disk first. */
  private closing = 0;
  private failure: unknown = null;

  constructor(
    private readonly core: WireSubject,
    private readonly chance: Chance,
  ) {
    const clientOf = (id: string): WireClient | undefined => this.clients.find(({ errand }) => errand.id === id);
    this.time = new VirtualTime(
      () => this.stirs(),
      () => chance.next(),
    );
    this.ledger = new Ledger(() => this.time.now, {
      runs: (id) => clientOf(id)?.runs ?? false,
      waits: (id) => clientOf(id)?.waits ?? false,
    });
    this.network = new Network(
      core,
      chance,
      this.ledger,
      () => this.time.now,
      () => this.life,
    );
    this.ground = {
      ...{ core, chance, time: this.time, ledger: this.ledger },
      ...{ disk: new core.MemoryStore(), troubles: { commits: 0 } },
    };
  }

  async run(): Promise<Tale> {
    this.time.install();
    try {
      await this.start();
      for (let step = 0; step < STEPS; step += 1) await this.step();
      await this.calmDown();
    } finally {
      await this.vanish();
      this.time.uninstall();
    }
    const { grants, happened } = this.ledger;
    return { grants, happened, lives: this.lives, commits: this.ground.troubles.commits, faults: this.network.faults };
  }

  /** A world that broke leaves nothing behind that would meet the clocks of the next. */
  private async vanish(): Promise<void> {
    void this.life?.kill();
    this.network.closeAll();
    await this.time.rest();
  }

  private async step(): Promise<void> {
    const { chance } = this;
    if (this.time.now >= this.downUntil) await this.start();
    if (this.clients.filter(({ done }) => !done).length < MOST_AT_ONCE && chance.maybe(0.5)) this.send();
    if (chance.maybe(0.3)) this.haunt();
    if (chance.maybe(0.1)) this.meddle();
    if (chance.maybe(0.05)) this.someClient()?.interrupt();
    if (chance.maybe(0.05)) this.end();
    await this.pass(chance.maybe(0.04) ? 40_000 : chance.pick(SPANS));
  }

  /** Everybody gets what they want and goes; then time passes, and nothing may be left of anybody. */
  private async calmDown(): Promise<void> {
    this.network.calm = true;
    if (this.life) this.life.store.calm = true;
    for (let step = 0; this.life === null || this.clients.some(({ done }) => !done); step += 1) {
      await this.start();
      this.ledger.must(step < LAST_STEPS, () => 'somebody never got out');
      await this.pass(2000);
    }
    this.network.closeAll();
    await this.pass(AFTERMATH_MS);
    const { engine, announcer, stepsDown } = this.theLife.daemon;
    await this.look(() => engine.read(({ state }) => this.ledger.settled(state)));
    this.ledger.must(
      engine.watched + announcer.audience + stepsDown.audience === 0,
      () => 'somebody is still listened for',
    );
    await this.takeAll();
    void this.theLife.stepDown();
    this.life = null;
    await this.pass(1000);
    this.ledger.must(this.time.pending === 0, () => `${this.time.pending} timers are left of nobody`);
    this.ledger.must(this.network.connections === 0, () => `${this.network.connections} connections are left`);
    this.judge();
  }

  /** One who wants everything has to get it at once. */
  private async takeAll(): Promise<void> {
    const want = RESOURCES.map(({ name }): WantJson => ({ name, mode: 'exclusive' }));
    const { grants } = this.ledger;
    this.send({ want, wait: 0, after: 'release', work: 10 });
    await this.pass(1000);
    this.ledger.must(this.ledger.grants === grants + 1, () => 'nobody holds anything, and not all can be had');
  }

  private async pass(span: Millis): Promise<void> {
    await this.time.advance(span);
    const { life } = this;
    if (life) {
      const compare = life.daemon.engine.read(({ state }) =>
        this.ledger.compare(state, life.store.openedAt, (moment) => life.clockAt(moment)),
      );
      await this.look(() => compare.catch(() => {}));
    }
    this.judge();
  }

  /** A slow disk may hold it up for as long as time stands still. */
  private async look(at: () => Promise<unknown>): Promise<void> {
    void at();
    await this.time.rest();
  }

  private judge(): void {
    if (this.failure !== null) throw this.failure;
    if (this.ledger.broken !== null) throw new Error(`${this.ledger.broken}\n${this.ledger.tell()}`);
  }

  private async start(): Promise<void> {
    if (this.life !== null || this.closing > 0) return;
    const life = new Life(this.ground);
    this.lives += 1;
    await life.open();
    const first = this.lives === 1;
    life.store.calm = first || this.network.calm;
    if (first) await life.daemon.engine.submit(declare(RESOURCES), () => null);
    life.store.calm = this.network.calm;
    life.daemon.engine.onDeath = () => this.end();
    this.life = life;
  }

  /** The daemon goes, by a word or by force, and another comes after a while. */
  private end(): void {
    const { life } = this;
    if (life === null || this.network.calm) return;
    this.downUntil = this.time.now + this.chance.pick([0, 100, 2000, 9000]);
    this.closing += 1;
    const closed = this.chance.maybe(0.5) ? life.stepDown() : life.kill();
    void closed.then(() => {
      this.closing -= 1;
    });
    this.life = null;
  }

  private send(more: Partial<Errand> = {}): void {
    const { chance } = this;
    const errand: Errand = {
      id: this.mint(),
      want: chance.pick(WANTS),
      ttl: chance.pick([3000, 10_000, 30_000]),
      wait: chance.pick([null, null, null, 0, 20_000]),
      work: chance.pick([0, 100, 2000, 15_000, 60_000]),
      dying: chance.pick([0, 2000, 100_000]),
      json: chance.maybe(0.3),
      after: chance.pick(AFTERS),
      ...more,
    };
    const client = new WireClient(this.core, errand, this.network.transport, this.ledger, chance);
    this.clients.push(client);
    client.run().catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  /** Something that was sent long ago arrives once more, whatever has become of it since. */
  private haunt(): void {
    if (this.network.past.length > 0) this.network.bring(this.chance.pick(this.network.past));
  }

  /** An admin asks for a lease back; or a holder extends, or looks. */
  private meddle(): void {
    const client = this.someClient();
    if (!client) return;
    const { chance } = this;
    const path = `/api/v2/leases/${client.errand.id}`;
    const own = { authorization: `Lease ${client.secret}` };
    const revoke = { method: 'DELETE', path, headers: {} } as const;
    const extend = {
      method: 'POST',
      path: `${path}/extend`,
      headers: { ...own, 'content-type': 'application/json' },
      body: JSON.stringify({ for: chance.pick([1, 10, 60]) }),
    } as const;
    const look = { method: 'GET', path, headers: own } as const;
    const ask: Ask = { ...chance.pick([revoke, extend, extend, look]), answerWithin: 10_000 };
    // An admin's word takes even those out of the queue who wait.
    if (ask.method === 'DELETE' && client.held === null) return;
    const endpoint = { url: '', secure: false, socketPath: null, host: '', port: 0, prefix: '' };
    this.network
      .transport(endpoint, ask)
      .then((answer) => answer.read(() => {}))
      .catch(() => {});
  }

  private someClient(): WireClient | null {
    const live = this.clients.filter(({ done }) => !done);
    return live.length === 0 ? null : this.chance.pick(live);
  }

  private get theLife(): Life {
    if (this.life === null) throw new Error('there is no daemon');
    return this.life;
  }

  private lastPulse = '';
  private stirs(): boolean {
    const pulse = `${this.network.activity} ${this.life?.pulse}`;
    const stirred = pulse !== this.lastPulse;
    this.lastPulse = pulse;
    return stirred;
  }

  private mint(): string {
    const digits = Array.from({ length: 20 }, () => CROCKFORD[this.chance.below(32)]);
    return `01JD${String(this.clients.length).padStart(2, '0')}${digits.join('')}`.slice(0, 26);
  }
}

/** Lives one world. Throws what is wrong with it, and with which seed. */
export async function liveOnWire(core: WireSubject, chance: Chance): Promise<Tale> {
  return new World(core, chance).run();
}
