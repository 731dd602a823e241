import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '../src/core/command.ts';
import type { Resource } from '../src/core/model.ts';
import { EMPTY_SNAPSHOT, type Snapshot, type State } from '../src/core/state.ts';
import type { Retention, Store } from '../src/core/store.ts';
import { Chance } from './simulation/random.ts';
import { acquire, declare, description, extend, offline, online, release, rules, SECOND } from './support/builders.ts';
import { Turns } from './support/turns.ts';

/** What a store has to bring to be held to the promises of core/store.ts. */
export interface StoreSubject {
  readonly name: string;
  /** A store on nothing, or on what the store before it left. */
  make(retention?: Retention): Store;
  /** Ends the place where it keeps things. */
  remove(): void;
  /** Why a case does not apply; absent where all do. */
  readonly skips?: { readonly [name in 'ownership']?: string };
}

/** A snapshot in one order; without what need not survive, and without what each store works out in its own way. */
export function comparable({ counters, resources, requests, leases, ended }: Snapshot): unknown {
  const byId = <T extends { request: { id: string } }>(a: T, b: T) => (a.request.id < b.request.id ? -1 : 1);
  return {
    counters,
    resources: [...resources].sort((a, b) => a.id - b.id).map(plain),
    requests: [...requests].sort((a, b) => a.ticket - b.ticket),
    leases: [...leases].sort(byId).map(({ expiresAt: _, ...lease }) => lease),
    ended: [...ended].sort((a, b) => a.seq - b.seq),
  };
}

/** With its keys in one order. */
function plain(resource: Resource): unknown {
  return Object.fromEntries(Object.entries(resource).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Every store in the house keeps these promises. */
export function storeCases(makeSubject: () => StoreSubject): void {
  let subject: StoreSubject;
  let store: Store;
  beforeEach(() => {
    subject = makeSubject();
    store = subject.make();
  });
  afterEach(async () => {
    await store.close();
    subject.remove();
  });

  async function reopened(): Promise<Snapshot> {
    await store.close();
    store = subject.make();
    return store.open();
  }

  describe('what is committed', () => {
    test('a store that was never written opens empty', async () => {
      expect(comparable(await store.open())).toEqual(comparable(EMPTY_SNAPSHOT));
    });

    test('survives close and open: resources, waiters, leases, spent ids and counters', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a'), description('b', { tags: ['gpu'], slots: 3, env: { X: '1' } })]));
      await turns.turn(acquire('one', 'name:a'), acquire('two', 'name:a'), acquire('three', 'gpu'));
      turns.now += SECOND;
      await turns.turn(release('three'), offline('b', { until: turns.now + 60 * SECOND }));
      const snapshot = await reopened();
      expect(comparable(snapshot)).toEqual(comparable(turns.facts.snapshot()));
      expect(snapshot.latest).toBe(turns.now);
      expect(snapshot.counters.fence).toBe(2);
    });

    test('survives being opened and closed several times without a commit between', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]), acquire('one', 'name:a'));
      const first = comparable(await reopened());
      expect(comparable(await reopened())).toEqual(first);
      expect(comparable(await reopened())).toEqual(first);
    });

    test('knows the latest of the times that it was told', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]));
      turns.now += 1_000_000;
      await turns.turn(acquire('one', 'name:a'));
      expect((await reopened()).latest).toBe(turns.now);
    });

    test('gives past holds back for estimates, oldest first', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a'), description('b')]));
      for (const [id, name, span] of [
        ['one', 'a', 1005],
        ['two', 'b', 20_000],
        ['three', 'a', 3000],
      ] as const) {
        await turns.turn(acquire(id, `name:${name}`));
        turns.now += span;
        await turns.turn(release(id));
      }
      const { holds } = await reopened();
      expect(holds.map(({ resource, held }) => [resource, Math.round(held)])).toEqual([
        [1, 1005],
        [2, 20_000],
        [1, 3000],
      ]);
    });

    test('what memory changes later does not reach what was written', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a', { tags: ['x'] })]));
      const batch = turns.batch(acquire('one', 'name:a'));
      await store.commit(batch);
      (batch.counters as { fence: number }).fence = 99;
      expect((await reopened()).counters.fence).toBe(1);
    });

    test('a resource that is removed and one of its name that comes later are two', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]));
      await turns.turn(declare([]));
      await turns.turn(declare([description('a', { slots: 2 })]));
      const { resources } = await reopened();
      expect(resources.map(({ id, slots }) => [id, slots])).toEqual([[2, 2]]);
    });

    test('the last of several changes to one resource counts, in one batch and over many', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]), offline('a'), online('a'), offline('a', { reason: 'again' }));
      await turns.turn(declare([description('a', { tags: ['new'] })]));
      await turns.turn(acquire('one', 'name:a'), online('a'));
      await turns.turn(release('one'));
      expect(comparable(await reopened())).toEqual(comparable(turns.facts.snapshot()));
    });

    test('forgotten ids are gone, those after them are not', async () => {
      const turns = new Turns(store, await store.open());
      for (let i = 0; i < 5; i += 1) await turns.turn(release(`early ${i}`));
      turns.now += 3_599 * SECOND;
      for (let i = 0; i < 5; i += 1) await turns.turn(release(`late ${i}`));
      turns.now += SECOND;
      const { events } = await turns.turn();
      expect(events.map(({ type }) => type)).toEqual(['ids-forgotten']);
      await turns.turn(release('last'));
      const { ended } = await reopened();
      expect(ended.map(({ id }) => id)).toEqual(['late 0', 'late 1', 'late 2', 'late 3', 'late 4', 'last']);
    });

    test('an id that was forgotten and is used again is held, not spent, after a restart', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]), release('one'));
      turns.now += 3_600 * SECOND - 1;
      await turns.turn(release('two'));
      const snapshot = await reopened();
      turns.resume(store, snapshot);
      turns.now += 1;
      await turns.turn(acquire('one', 'name:a'));
      const { leases, ended } = await reopened();
      expect(leases.map(({ request }) => request.id)).toEqual(['one']);
      expect(ended.map(({ id }) => id)).toEqual(['two']);
    });
  });

  describe('what a silent holder had', () => {
    const silence = async (): Promise<Turns> => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]), acquire('one', 'name:a', { guarded: true, ttl: 10 * SECOND }));
      turns.now += 10 * SECOND;
      await turns.turn(acquire('two', 'name:a'));
      expect(turns.state.leases.size).toBe(0);
      return turns;
    };

    test('is still held back after a restart, for the rest of its drain', async () => {
      const turns = await silence();
      turns.now += 1999;
      const snapshot = await reopened();
      turns.resume(store, snapshot);
      await turns.turn();
      expect([...turns.state.leases.keys()]).toEqual([]);
      turns.now += 1;
      await turns.turn();
      expect([...turns.state.leases.keys()]).toEqual(['two']);
    });

    test('goes after a restart if its file had left it meanwhile', async () => {
      const turns = await silence();
      await turns.turn(release('two'), declare([]));
      turns.now += 5 * SECOND;
      const snapshot = await reopened();
      expect(snapshot.resources.map(({ retiring }) => retiring)).toEqual([true]);
      turns.resume(store, snapshot);
      await turns.turn();
      expect((await reopened()).resources).toEqual([]);
    });
  });

  describe('random turns', () => {
    const seed = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
    test(`add up to what their events say, however often it is opened again (RENTABOT_SEED=${seed})`, async () => {
      const chance = new Chance(seed);
      const turns = new Turns(store, await store.open(), 1_700_000_000_000, rules({ remembered: 1000 }));
      for (let i = 0; i < 1000; i += 1) {
        turns.now += chance.below(20 * SECOND);
        await turns.turn(...randomCommands(chance, turns.state));
        if (!chance.maybe(0.02)) continue;
        const snapshot = await reopened();
        expect(comparable(snapshot), `turn ${i}`).toEqual(comparable(turns.facts.snapshot()));
        turns.resume(store, snapshot);
      }
      expect(comparable(await reopened())).toEqual(comparable(turns.facts.snapshot()));
    });
  });

  describe('history', () => {
    test('is told newest first, a page at a time, without gap or repetition', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a'), description('b')]));
      for (let i = 0; i < 700; i += 1) {
        turns.now += SECOND;
        await turns.turn(acquire(`${i}`, i % 3 === 0 ? 'name:b' : 'name:a'));
        await turns.turn(release(`${i}`));
      }
      const all = await store.history({ resource: null, since: null, before: null, limit: 10_000 });
      expect(all.map(({ id }) => id)).toEqual(all.map((_, i) => turns.state.counters.event - i));
      const paged: number[] = [];
      for (let before: number | null = null; ; ) {
        const page = await store.history({ resource: null, since: null, before, limit: 97 });
        if (page.length === 0) break;
        paged.push(...page.map(({ id }) => id));
        before = paged.at(-1) ?? null;
      }
      expect(paged).toEqual(all.map(({ id }) => id));
      const onB = await store.history({ resource: 'b', since: null, before: null, limit: 10_000 });
      expect(onB).toEqual(all.filter(({ resources }) => resources?.includes('b')));
      const since = turns.now - 100 * SECOND;
      const late = await store.history({ resource: null, since, before: null, limit: 10_000 });
      expect(late).toEqual(all.filter(({ at }) => Date.parse(at) >= since));
    });

    test('survives a restart, and goes on with the next number', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]), acquire('one', 'name:a'));
      const before = await store.history({ resource: null, since: null, before: null, limit: 100 });
      const snapshot = await reopened();
      turns.resume(store, snapshot);
      await turns.turn(release('one'));
      const after = await store.history({ resource: null, since: null, before: null, limit: 100 });
      expect(after.slice(1)).toEqual(before);
      expect(after[0]).toMatchObject({ type: 'lease-ended', id: (before[0]?.id ?? 0) + 1 });
    });

    test('finds a resource by its exact name, whatever characters it has', async () => {
      const names = ['a%', 'a_', 'ab', 'A%', 'a\\', 'a"b', 'ünï', "it's", 'a', 'note'];
      const turns = new Turns(store, await store.open());
      await turns.turn(declare(names.map((name) => description(name))));
      for (const name of names) await turns.turn(acquire(name, [{ ...acquireOf(name) }], { note: names.join(' ') }));
      for (const reopen of [false, true]) {
        if (reopen) await reopened();
        for (const name of names) {
          const found = await store.history({ resource: name, since: null, before: null, limit: 100 });
          expect(
            found.map(({ resources }) => resources),
            name,
          ).toEqual([[name], [name]]);
        }
      }
    });

    test('events after a number come oldest first, up to the limit', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]));
      for (let i = 0; i < 300; i += 1) await turns.turn(acquire(`${i}`, 'name:a'), release(`${i}`));
      const newest = turns.state.counters.event;
      const all = await store.eventsAfter(0, 100_000);
      expect(all.map(({ id }) => id)).toEqual(Array.from({ length: newest }, (_, i) => i + 1));
      expect(await store.eventsAfter(newest - 7, 100)).toEqual(all.slice(-7));
      expect(await store.eventsAfter(10, 20)).toEqual(all.slice(10, 30));
      expect(await store.eventsAfter(newest, 100)).toEqual([]);
      await reopened();
      expect(await store.eventsAfter(newest - 7, 100)).toEqual(all.slice(-7));
    });

    test('is bounded by number', async () => {
      await store.close();
      store = subject.make({ events: 500, keepFor: 1_000_000_000 });
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]));
      for (let i = 0; i < 2000; i += 1) await turns.turn(acquire(`${i}`, 'name:a'), release(`${i}`));
      const kept = await store.history({ resource: null, since: null, before: null, limit: 1_000_000 });
      expect(kept.length).toBeGreaterThanOrEqual(500);
      // What is not yet sorted away comes on top, and is bounded itself.
      expect(kept.length).toBeLessThan(500 + 2000);
    });

    test('is bounded by age', async () => {
      await store.close();
      store = subject.make({ events: 1_000_000, keepFor: 10 * SECOND });
      const turns = new Turns(store, await store.open());
      await turns.turn(declare([description('a')]));
      for (let i = 0; i < 1000; i += 1) {
        turns.now += 100;
        await turns.turn(acquire(`${i}`, 'name:a'), release(`${i}`));
      }
      turns.now += 20 * SECOND;
      for (let i = 0; i < 1000; i += 1) await turns.turn(acquire(`late ${i}`, 'name:a'), release(`late ${i}`));
      const kept = await store.history({ resource: null, since: null, before: null, limit: 1_000_000 });
      const old = kept.filter(({ lease }) => !lease?.startsWith('late'));
      // What is kept together goes together.
      expect(old.length).toBeLessThan(250);
    });

    test('a turn that says nothing adds nothing', async () => {
      const turns = new Turns(store, await store.open());
      await turns.turn(release('never heard of'));
      expect(await store.history({ resource: null, since: null, before: null, limit: 10 })).toEqual([]);
      expect((await reopened()).ended).toHaveLength(1);
    });
  });

  describe('ownership', () => {
    test('closing twice is harmless, and so is closing what was never opened', async () => {
      await store.close();
      await store.open();
      await store.close();
      await store.close();
    });

    test('a second owner is refused while the first lives, and welcome after it closed', async ({ skip }) => {
      const why = subject.skips?.ownership;
      if (why) skip(why);
      await store.open();
      const second = subject.make();
      await expect(second.open()).rejects.toMatchObject({ refusal: { code: 'config' } });
      await store.close();
      await second.open();
      await second.close();
    });

    test('nothing can be committed before open or after close', async ({ skip }) => {
      const why = subject.skips?.ownership;
      if (why) skip(why);
      const batch = new Turns(store).batch(declare([description('a')]));
      await expect(store.commit(batch)).rejects.toThrow();
      await store.open();
      await store.close();
      await expect(store.commit(batch)).rejects.toThrow();
    });
  });
}

function acquireOf(name: string) {
  return {
    selector: { type: 'name', name } as const,
    key: `name:${JSON.stringify(name)}`,
    count: 1,
    mode: 'slot' as const,
  };
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

/** A handful of whatever clients, people and files do. */
function randomCommands(chance: Chance, state: State): Command[] {
  const known = [...state.leases.keys(), ...state.queue.byId.keys()];
  return Array.from({ length: chance.between(0, 4) }, () => {
    const roll = chance.next();
    if (roll < 0.45) {
      const wants = chance.maybe(0.2)
        ? ['name:a', 'name:b']
        : [chance.pick(['gpu', '2*gpu', ...NAMES.map((n) => `name:${n}`)])];
      const wait = chance.pick([null, 0, 5 * SECOND, 60 * SECOND]);
      const hold = chance.pick([null, null, 30 * SECOND]);
      return acquire(`lease ${chance.below(3000)}`, wants, {
        wait,
        hold,
        guarded: chance.maybe(0.3),
        ttl: 10 * SECOND,
      });
    }
    if (roll < 0.7 && known.length > 0) return release(chance.pick(known), { ended: chance.maybe(0.5) });
    const guarded = chance.pick([null, false]);
    if (roll < 0.8 && known.length > 0) return extend(chance.pick(known), chance.between(1, 100) * SECOND, { guarded });
    if (roll < 0.86) return release(`lease ${chance.below(3000)}`);
    if (roll < 0.9) return offline(chance.pick(NAMES), { until: null, reason: `reason ${chance.below(3)}` });
    if (roll < 0.94) return online(chance.pick(NAMES));
    const some = chance.some(NAMES, 0.8);
    return declare(
      some.map((name) =>
        description(name, { tags: chance.maybe(0.5) ? ['gpu'] : ['gpu', 'x'], slots: chance.between(1, 2) }),
      ),
    );
  });
}
