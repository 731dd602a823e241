/**
 * What one hand-over costs (a release, and the grant to the next waiter) by how many wait and how much there is.
 *
 *     npx tsx test/bench/handover.ts [heap]
 *
 * Prints microseconds, and ratios to the smallest world of the same kind; the goal is a growth below 1.5 times.
 */

import { restore } from '../../src/core/evolve.ts';
import type { Want } from '../../src/core/model.ts';
import { EMPTY_SNAPSHOT, type State } from '../../src/core/state.ts';
import { step } from '../../src/core/step.ts';
import { acquire, declare, description, release, rules, tagged, want } from '../support/builders.ts';
import type { Row } from './report.ts';

const WAITERS = [10, 100, 1_000, 10_000];
const RESOURCES = [10, 100, 1_000, 10_000, 100_000];
const HANDOVERS = 300;
const ROUNDS = 25;

interface Kind {
  readonly name: string;
  readonly tags: (i: number) => readonly string[];
  readonly mem: (i: number) => number;
  /** What the waiter with this number wants; only the first ten resources are in demand. */
  readonly want: (i: number) => Want;
  /** How many of the resources nobody holds and nobody wants. */
  readonly free: number;
}

const busy = (i: number) => i < 10;
const KINDS: readonly Kind[] = [
  { name: 'one tag, all busy', tags: () => ['gpu'], mem: () => 8, want: () => tagged(['gpu']), free: 0 },
  {
    name: 'many tags, all busy',
    tags: (i) => ['gpu', `t${i % 10}`],
    mem: () => 8,
    want: (i) => tagged([`t${i % 10}`]),
    free: 0,
  },
  { name: 'names, all busy', tags: () => ['gpu'], mem: () => 8, want: (i) => want(`name:r-${i % 10}`), free: 0 },
  { name: 'expression, all busy', tags: () => ['gpu'], mem: () => 8, want: () => want('mem>=8'), free: 0 },
  {
    name: 'one tag, half free',
    tags: (i) => [busy(i) ? 'gpu' : 'cpu'],
    mem: () => 8,
    want: () => tagged(['gpu']),
    free: 0.5,
  },
  {
    name: 'two tags, half free',
    tags: (i) => (busy(i) ? ['a', 'b'] : [i % 2 ? 'a' : 'b']),
    mem: () => 8,
    want: () => tagged(['a', 'b']),
    free: 0.5,
  },
  { name: 'names, half free', tags: () => ['gpu'], mem: () => 8, want: (i) => want(`name:r-${i % 10}`), free: 0.5 },
  {
    name: 'expression, half free',
    tags: () => ['gpu'],
    mem: (i) => (busy(i) ? 24 : 8),
    want: () => want('mem>=24'),
    free: 0.5,
  },
  {
    name: 'tag and expression, half free',
    tags: () => ['gpu'],
    mem: (i) => (busy(i) ? 24 : 8),
    want: () => want('gpu && mem>=24'),
    free: 0.5,
  },
  {
    name: 'many expressions, half free',
    tags: () => ['gpu'],
    mem: (i) => (busy(i) ? 24 + i : 8),
    want: (i) => want(`mem>=24 && mem!=${100 + (i % 10)}`),
    free: 0.5,
  },
];

interface Size {
  readonly waiters: number;
  readonly resources: number;
}

/** The ten in demand are held, by name; with `free`, so many of the others are not. */
function build(kind: Kind, waiters: number, resources: number): { readonly state: State; readonly holders: string[] } {
  const limits = { waiters: 1e6, resources: 1e6, leases: 1e6, remembered: 1000 };
  const state = restore(EMPTY_SNAPSHOT, rules(limits), 0);
  const fleet = Array.from({ length: resources }, (_, i) =>
    description(`r-${i}`, { tags: kind.tags(i), properties: { mem: kind.mem(i) } }),
  );
  step(state, [declare(fleet)], 0);
  const held = Math.max(10, Math.round(resources * (1 - kind.free)));
  const ask = (id: string, one: Want) => acquire(id, [one], { ttl: 1e12 });
  step(
    state,
    Array.from({ length: held }, (_, i) => ask(`h-${i}`, want(`name:r-${i}`))),
    0,
  );
  step(
    state,
    Array.from({ length: waiters }, (_, i) => ask(`w-${i}`, kind.want(i))),
    0,
  );
  if (state.queue.size !== waiters) throw new Error(`${kind.name}: ${state.queue.size} wait, not ${waiters}`);
  return { state, holders: Array.from({ length: 10 }, (_, i) => `h-${i}`) };
}

/** Worlds of one kind side by side, each measured in turn, round by round: what disturbs one disturbs all. */
function measure(kind: Kind, sizes: readonly Size[]): number[] {
  const worlds = sizes.map(({ waiters, resources }) => ({ ...build(kind, waiters, resources), joined: waiters }));
  const best = worlds.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [i, world] of worlds.entries()) best[i] = Math.min(best[i] as number, handOver(kind, world));
  }
  return best;
}

/** Microseconds for one hand-over; after each one more waiter joins, so that the queue stays as long as it is. */
function handOver(kind: Kind, world: { readonly state: State; readonly holders: string[]; joined: number }): number {
  const { state, holders } = world;
  let spent = 0;
  for (let i = 0; i < HANDOVERS; i += 1) {
    const started = performance.now();
    const { events } = step(state, [release(holders.shift() as string)], 1);
    spent += performance.now() - started;
    const granted = events.find((event) => event.type === 'lease-granted');
    if (granted?.type !== 'lease-granted') throw new Error(`${kind.name}: nobody was granted anything`);
    const { request, uses } = granted.lease;
    holders.push(request.id);
    step(state, [acquire(`w-${world.joined}`, [kind.want((uses[0]?.resource ?? 1) - 1)], { ttl: 1e12 })], 1);
    world.joined += 1;
  }
  return (spent * 1000) / HANDOVERS;
}

function row(label: string, figures: readonly number[]): string {
  const least = figures[0] as number;
  const cells = figures.map((figure) => `${figure.toFixed(2)} µs ×${(figure / least).toFixed(2)}`.padStart(20));
  return `${label.padEnd(32)}${cells.join('')}`;
}

function handovers(only: string | undefined): void {
  const kinds = KINDS.filter(({ name }) => only === undefined || name.includes(only));
  for (const kind of kinds) measure(kind, [{ waiters: 100, resources: 100 }]);
  table('waiters (1,000 resources)', WAITERS, (waiters) => ({ waiters, resources: 1_000 }));
  table('resources (1,000 waiters)', RESOURCES, (resources) => ({ waiters: 1_000, resources }));

  function table(title: string, sizes: readonly number[], of: (size: number) => Size) {
    console.log(`\n${title.padEnd(32)}${sizes.map((n) => n.toLocaleString('en').padStart(20)).join('')}`);
    for (const kind of kinds) console.log(row(kind.name, measure(kind, sizes.map(of))));
  }
}

function heap(): void {
  const used = () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const before = used();
  const { state } = build(KINDS[1] as Kind, 10_000, 10_000);
  const grown = used() - before;
  console.log(
    `10,000 resources (${state.leases.size} held) and ${state.queue.size} waiters: ${grown.toFixed(1)} MiB of heap`,
  );
}

if (process.argv[1]?.endsWith('handover.ts')) {
  if (process.argv[2] === 'heap') heap();
  else handovers(process.argv[2]);
}

/** The growth from the smallest to the largest world, the worst kind of each, as rows of the report. */
export async function handover(): Promise<Row[]> {
  const growth = (name: string, sizes: readonly number[], of: (size: number) => Size): Row => {
    const found = KINDS.map((kind) => {
      const [least = 0, most = 0] = measure(kind, [of(sizes[0] as number), of(sizes.at(-1) as number)]);
      return { kind, least, most, ratio: most / least };
    }).sort((a, b) => b.ratio - a.ratio);
    const worst = found[0] as (typeof found)[number];
    return {
      what: `one hand-over, from ${sizes[0]} to ${sizes.at(-1)?.toLocaleString('en')} ${name}, µs (${worst.kind.name}: the worst of ${KINDS.length} kinds)`,
      figure: worst.most.toFixed(1),
      baseline: `${worst.least.toFixed(1)} (${sizes[0]} ${name})`,
      ratio: worst.ratio,
      goal: '1.5 times',
    };
  };
  for (const kind of KINDS) measure(kind, [{ waiters: 100, resources: 100 }]);
  return [
    growth('waiters', WAITERS, (waiters) => ({ waiters, resources: 1_000 })),
    growth('resources', RESOURCES, (resources) => ({ waiters: 1_000, resources })),
  ];
}
