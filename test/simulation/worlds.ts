import type { Acquire, Command } from '../../src/core/command.ts';
import type { Description, Millis, Rules, Want } from '../../src/core/model.ts';
import { EMPTY_SNAPSHOT, type State } from '../../src/core/state.ts';
import {
  ADMIN,
  ALICE,
  accept,
  acquire,
  add,
  askFor,
  BOB,
  declare,
  description,
  edit,
  extend,
  listen,
  offline,
  online,
  release,
  remove,
  renew,
  rules,
  share,
  tagged,
  want,
} from '../support/builders.ts';
import { Rows } from '../support/world.ts';
import { audit, type Subject } from './audit.ts';
import type { Chance } from './random.ts';
import { must, Reference } from './reference.ts';

const TURNS = 60;
const TAGS = ['gpu', 'a100', 'flaky', 'board'];
const NAMES = ['r-0', 'r-1', 'r-2', 'r-3', 'r-4', 'r-5', 'r-6', 'r-7'];
const EXPRESSIONS = ['gpu && !flaky', 'a100 || board', '!gpu', 'mem>=16', 'gpu && mem>=16', 'name=r-*'];
const SPANS = [0, 0, 1, 300, 2_000];
const LEAPS = [9_000, 31_000, 100_000];

/** One random world from its beginning to the end of its last lease. Throws `Broken` where a rule does not hold. */
export function live(chance: Chance, core: Subject): void {
  const world = new RandomWorld(chance, core);
  for (let turn = 0; turn < TURNS; turn += 1) world.turn();
  world.finish();
}

class RandomWorld {
  private readonly rules: Rules;
  private readonly reference: Reference;
  private readonly rows = new Rows();
  private readonly fleet: Map<string, Description>;
  private state: State;
  private now: Millis = 1_000_000;
  private readonly asked: Acquire[] = [];
  private readonly priorities: boolean;
  /** How often time leaps: worlds in a hurry have long queues, slow ones see everything expire. */
  private readonly leaping: number;

  constructor(
    private readonly chance: Chance,
    private readonly core: Subject,
  ) {
    const limits = {
      silence: 30_000,
      waiters: 12,
      remembered: 40,
      rememberedFor: 200_000,
      undeclared: 2,
      resources: 9,
    };
    this.rules = rules(limits, chance.maybe(0.25) ? 'create' : 'refuse', chance.pick([0, 2_000, 2_000, 40_000]));
    this.reference = new Reference(this.rules);
    this.state = core.restore(EMPTY_SNAPSHOT, this.rules, this.now);
    this.priorities = chance.maybe(0.5);
    this.leaping = chance.pick([0.02, 0.05, 0.3]);
    this.fleet = new Map(NAMES.slice(0, chance.between(1, NAMES.length)).map((name) => [name, this.describe(name)]));
    this.play([declare([...this.fleet.values()])]);
  }

  turn(): void {
    this.pass();
    if (this.chance.maybe(this.reference.isDraining() ? 0.2 : 0.04)) this.restart();
    const commands = Array.from({ length: this.chance.below(5) }, () => this.command());
    if (this.chance.maybe(0.2) && commands.length > 0) commands.push(this.chance.pick(commands));
    this.play(commands);
  }

  /** Everybody is kept waiting no longer: with what is held given back, the whole queue has to be served. */
  finish(): void {
    const mend = [...this.state.catalogue.byName.keys()].map(online);
    this.play(mend);
    for (let i = 0; this.reference.leases.length > 0 || this.reference.isDraining(); i += 1) {
      must(i < 100, 'the queue does not get shorter');
      this.play(
        this.reference.leases.map(({ id }) => release(id, { secretHash: null, ended: true, principal: ADMIN })),
      );
      if (this.reference.isDraining()) this.now += this.rules.drain;
    }
    must(this.state.queue.size === 0, `nothing is held, and ${this.state.queue.size} wait`);
  }

  private play(commands: readonly Command[]): void {
    const { events, refusals } = this.core.step(this.state, commands, this.now);
    this.rows.keep(events, this.state.counters, this.now);
    const codes = this.reference.turn(commands, events, this.now);
    for (const [i, code] of codes.entries()) {
      const found = refusals[i]?.code ?? null;
      must(found === code, `${JSON.stringify(commands[i])} is answered ${found}, where ${code} is right`);
    }
    audit(this.state, this.reference, this.core, this.now);
  }

  private restart(): void {
    const { fence, ticket, resourceId } = this.state.counters;
    this.state = this.core.restore(this.rows.snapshot(), this.rules, this.now);
    const { counters } = this.state;
    const kept = counters.fence >= fence && counters.ticket >= ticket && counters.resourceId >= resourceId;
    must(kept, 'a counter went back over a restart');
    this.reference.restart(this.now);
    this.play([]);
  }

  /** Time passes: not at all, by some span, to the next deadline, or to just before it. */
  private pass(): void {
    const deadline = this.reference.deadline();
    if (!this.chance.maybe(this.leaping) || !Number.isFinite(deadline)) {
      this.now += this.chance.pick(this.chance.maybe(this.leaping / 2) ? LEAPS : SPANS);
      return;
    }
    this.now = Math.max(this.now, deadline - (this.chance.maybe(0.3) ? 1 : 0));
  }

  private command(): Command {
    const { chance } = this;
    const dice = chance.next();
    if (dice < 0.43 || this.asked.length === 0) return this.ask();
    const id = this.someId();
    const who = this.credentials(id);
    if (dice < 0.46) return this.acceptOffer();
    if (dice < 0.48) return share(id, chance.pick(['alice', 'bob']), { ...who, shared: chance.maybe(0.7) });
    if (dice < 0.5) return askFor(chance.pick(NAMES), { note: chance.pick(['please', 'now']) });
    if (dice < 0.59) return release(id, { ...who, ended: chance.maybe(0.5), ...this.somePart(id) });
    if (dice < 0.68) return renew(id, who);
    if (dice < 0.77) return this.extend();
    if (dice < 0.82) return listen(id, chance.maybe(0.6) ? 1 : -1);
    if (dice < 0.86) return offline(chance.pick(NAMES), { until: chance.maybe(0.5) ? this.now + 20_000 : null });
    if (dice < 0.88) return online(chance.pick(NAMES));
    if (dice < 0.91) return this.again();
    if (dice < 0.96) return this.byPeople();
    return this.reload();
  }

  /** Mostly of something that is held, and for longer than a ttl. */
  /** One resource of the lease or, now and then, one that it does not have. */
  private somePart(id: string): { readonly only?: number } {
    const { chance } = this;
    if (chance.maybe(0.7)) return {};
    const uses = this.reference.leases.find((one) => one.id === id)?.uses ?? [];
    return { only: uses.length > 0 && chance.maybe(0.9) ? chance.pick(uses).resource : 1 };
  }

  private extend(): Command {
    const { chance } = this;
    const { leases } = this.reference;
    const id = leases.length > 0 && chance.maybe(0.8) ? chance.pick(leases).id : this.someId();
    const guarded = chance.pick([null, null, null, false, true]);
    const note = guarded === false && chance.maybe(0.5) ? 'kept' : null;
    return extend(id, chance.pick([1000, 60_000, 400_000]), {
      ...this.credentials(id),
      guarded,
      note,
      ...(chance.maybe(0.2) ? { exact: true } : {}),
    });
  }

  private ask(): Acquire {
    const { chance } = this;
    const wants = Array.from({ length: chance.pick([1, 1, 1, 2, 3]) }, () => this.someWant());
    const person = chance.maybe(0.3) ? this.someClaim() : {};
    const asked = acquire(`id-${this.asked.length}`, wants, {
      ttl: chance.pick([5_000, 30_000]),
      wait: chance.pick([null, null, null, null, 0, 10_000, 50_000]),
      hold: chance.pick([null, null, null, 8_000, 60_000]),
      priority: this.priorities ? chance.pick([0, 0, 0, 5, -3]) : 0,
      guarded: chance.maybe(0.5),
      principal: chance.maybe(0.7) ? ALICE : BOB,
      ...person,
    });
    this.asked.push(asked);
    return asked;
  }

  /** Some are offered first, some take over; a few are asked for in ways that are refused. */
  private someClaim(): Partial<Acquire> {
    const { chance } = this;
    const claim = {
      for: chance.pick([3_000, 90_000, 400_000, null]),
      accept: chance.pick([null, 1_000, 20_000]),
      ...chance.pick([{}, { attended: true } as const]),
    };
    const guarded = chance.maybe(0.05);
    if (chance.maybe(0.6)) return { claim, guarded };
    const wants = chance
      .some(NAMES, 0.25)
      .map((name) => want(`name:${name}`, chance.pick([null, null, 'shared', 'exclusive'])));
    const principal = chance.maybe(0.9) ? ADMIN : BOB;
    const named = wants.length > 0 && chance.maybe(0.9) ? { wants } : {};
    return { claim: chance.maybe(0.95) ? claim : null, guarded, steals: 'a demo', principal, ...named };
  }

  private acceptOffer(): Command {
    const offered = this.reference.leases.filter(({ offeredUntil }) => offeredUntil !== null);
    const id = offered.length > 0 ? this.chance.pick(offered).id : this.someId();
    return accept(id, this.credentials(id));
  }

  /** The same request again; sometimes with another secret, or another want. */
  private again(): Acquire {
    const known = this.chance.pick(this.asked);
    if (this.chance.maybe(0.1)) return { ...known, secretHash: 'guessed' };
    return this.chance.maybe(0.1) ? { ...known, wants: [want('name:r-0', 'shared'), want('!nothing')] } : known;
  }

  private someWant(): Want {
    const { chance } = this;
    const mode = chance.pick([null, null, null, 'shared', 'exclusive'] as const);
    const count = chance.pick([1, 1, 1, 2]);
    const dice = chance.next();
    if (dice < 0.3) return want(`name:${chance.pick(chance.maybe(0.9) ? [...this.fleet.keys(), 'r-0'] : NAMES)}`, mode);
    if (dice < 0.35) return want(`#${chance.between(1, 8)}`, mode);
    if (dice < 0.75) return tagged(chance.some(TAGS.slice(0, 3), 0.35), count, mode);
    return { ...want(chance.pick(EXPRESSIONS), mode), count };
  }

  private someId(): string {
    const { chance } = this;
    const extended = this.reference.leases.filter(({ keptUntil }) => keptUntil !== null);
    if (extended.length > 0 && chance.maybe(0.2)) return chance.pick(extended).id;
    const live = [...this.reference.leases, ...this.reference.waiters];
    if (live.length > 0 && chance.maybe(0.8)) return chance.pick(live).id;
    return chance.maybe(0.1) ? `id-${this.asked.length}` : chance.pick(this.asked).id;
  }

  private credentials(id: string) {
    const { chance } = this;
    if (chance.maybe(0.75)) return { secretHash: `hash of ${id}` };
    if (chance.maybe(0.2)) return { secretHash: 'guessed' };
    return { secretHash: null, principal: chance.pick([ADMIN, ALICE, BOB]) };
  }

  /** A resource comes, changes or goes while everything runs. */
  private byPeople(): Command {
    const { chance } = this;
    const name = chance.pick(NAMES);
    const dice = chance.next();
    if (dice < 0.25) return add(this.describe(name));
    if (dice < 0.5) return remove(name);
    const [tags, some] = [chance.some(TAGS, 0.5), chance.some(TAGS, 0.3)];
    return edit(name, {
      ...chance.pick([{ tags }, { addTags: some }, { removeTags: some }, { addTags: some, removeTags: tags }, {}]),
      ...chance.pick([{ properties: { mem: chance.pick([8, 24, null]) } }, {}, {}]),
      ...chance.pick([{ slots: chance.between(1, 3) }, {}]),
      ...chance.pick([{ maxHold: chance.pick([null, 20_000]) }, {}, {}]),
    });
  }

  /** A file changes a little, or another file comes in. */
  private reload(): Command {
    const { chance, fleet } = this;
    const name = chance.pick(NAMES);
    if (chance.maybe(0.3)) fleet.delete(name);
    else fleet.set(name, this.describe(name));
    if (chance.maybe(0.2)) return declare([this.describe(name)], { source: 'file:b', additive: true });
    return declare([...fleet.values()]);
  }

  private describe(name: string): Description {
    const { chance } = this;
    const off = { reason: 'mended', until: chance.maybe(0.5) ? this.now + 15_000 : null };
    return description(name, {
      tags: chance.some(TAGS, 0.6),
      properties: chance.maybe(0.5) ? { mem: chance.pick([8, 16, 24]) } : {},
      slots: chance.pick([1, 1, 1, 2, 3]),
      maxHold: chance.pick([null, null, null, 20_000]),
      offline: chance.maybe(0.1) ? off : null,
    });
  }
}

/** Lives one world after another; on failure says which seed shows it again. */
export function simulate(
  core: Subject,
  worlds: Iterable<number>,
  chanceOf: (seed: number) => Chance,
): BrokenWorld | null {
  for (const seed of worlds) {
    try {
      live(chanceOf(seed), core);
    } catch (cause) {
      return new BrokenWorld(seed, cause);
    }
  }
  return null;
}

export class BrokenWorld extends Error {
  constructor(
    readonly seed: number,
    cause: unknown,
  ) {
    super(`world ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
