import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coverWants, type HeldUse, type Thing } from '../../src/core/cover.ts';
import type { Want } from '../../src/core/model.ts';
import { matches, parseWant } from '../../src/core/want.ts';
import type { ModeJson, WantJson } from '../../src/core/wire.ts';

function thing(id: number, more: Partial<Thing> = {}): Thing {
  return { id, name: `r${id}`, tags: ['x'], endpoint: '', properties: {}, slots: 1, ...more };
}

function use(resource: number, mode: ModeJson = 'exclusive', lease = 'L1'): HeldUse {
  return { lease, resource, mode };
}

function read(wants: readonly WantJson[]): Want[] {
  return wants.map((json) => {
    const want = parseWant(json);
    if ('problem' in want) throw new Error(want.problem);
    return want;
  });
}

/** The numbers of what is used, 0 for what has to be asked for; and the rest. */
function covered(wants: readonly WantJson[], held: readonly HeldUse[], things: readonly Thing[]) {
  const cover = coverWants(read(wants), held, things);
  if ('blocked' in cover) return { blockedBy: cover.use?.resource ?? 0 };
  return { uses: cover.uses.map((one) => one?.resource ?? 0), rest: cover.rest };
}

const two = [thing(1), thing(2, { tags: ['x', 'y'], properties: { mem: 40 } })];

describe('what is held around a lock', () => {
  test.each<[string, WantJson]>([
    ['a name', { name: 'r2' }],
    ['a number', { id: 2 }],
    ['tags', { tags: ['x', 'y'] }],
    ['an expression', { where: 'mem>=24' }],
  ])('is found by %s', (_, want) => {
    expect(covered([want], [use(1), use(2)], two)).toEqual({ uses: [2], rest: [] });
  });

  test('is used from the innermost on', () => {
    expect(covered([{ tags: ['x'] }], [use(2, 'exclusive', 'L2'), use(1)], two)).toEqual({ uses: [2], rest: [] });
  });

  test.each<[ModeJson, NonNullable<WantJson['mode']> | null, boolean]>([
    ['exclusive', 'exclusive', true],
    ['exclusive', null, true],
    ['exclusive', 'shared', true],
    ['slot', 'exclusive', false],
    ['slot', null, true],
    ['slot', 'shared', true],
    ['shared', 'exclusive', false],
    ['shared', null, false],
    ['shared', 'shared', true],
  ])('as %s does for one who wants it as %s: %s', (held, mode, does) => {
    const found = covered([{ name: 'r1', mode }], [use(1, held)], [thing(1)]);
    expect(found).toEqual(does ? { uses: [1], rest: [] } : { blockedBy: 1 });
  });

  test('by the lease that holds it as it is wanted, where two hold it', () => {
    const held = [use(1, 'shared', 'L2'), use(1, 'slot', 'L1')];
    const cover = coverWants(read([{ name: 'r1' }]), held, [thing(1, { slots: 3 })]);
    expect(cover).toMatchObject({ uses: [{ lease: 'L1', mode: 'slot' }], rest: [] });
  });

  test('serves one want each, and the more particular one gets what it needs', () => {
    expect(covered([{ tags: ['x'] }, { name: 'r1' }], [use(1)], two)).toEqual({
      uses: [0, 1],
      rest: [{ tags: ['x'], count: 1, mode: null }],
    });
  });
});

describe('what is left to ask for', () => {
  test('is the rest of a count, in the order of the wants', () => {
    const things = [1, 2, 3, 4].map((id) => thing(id));
    const wants: WantJson[] = [{ tags: ['x'], count: 3 }, { name: 'new' }];
    expect(covered(wants, [use(2)], things)).toEqual({
      uses: [2, 0, 0, 0],
      rest: [
        { tags: ['x'], count: 2, mode: null },
        { name: 'new', count: 1, mode: null },
      ],
    });
  });

  test('never is one more slot of what is used already, since a count means different resources', () => {
    const things = [thing(1, { slots: 2 }), thing(2, { slots: 2 })];
    expect(covered([{ tags: ['x', 'x"'], count: 2 }], [use(1, 'slot')], things.map(tagged))).toEqual({
      uses: [1, 0],
      rest: [{ where: 'x && "x\\"" && id!=1', count: 1, mode: null }],
    });
    expect(covered([{ where: 'x || y', count: 2 }], [use(1, 'slot')], things)).toEqual({
      uses: [1, 0],
      rest: [{ where: '(x || y) && id!=1', count: 1, mode: null }],
    });
  });

  test('keeps its mode', () => {
    const wants: WantJson[] = [
      { name: 'r2', mode: 'exclusive' },
      { id: 3, mode: 'shared' },
    ];
    expect(covered(wants, [use(1)], [thing(1), thing(2), thing(3)])).toMatchObject({
      rest: [
        { name: 'r2', mode: 'exclusive' },
        { id: 3, mode: 'shared' },
      ],
    });
  });

  test('may be another slot of what a lock around holds in another way', () => {
    expect(covered([{ name: 'r1' }], [use(1, 'shared')], [thing(1, { slots: 2 })])).toEqual({
      uses: [0],
      rest: [{ name: 'r1', count: 1, mode: null }],
    });
  });
});

describe('what would wait for itself is blocked', () => {
  test.each<[string, WantJson, HeldUse[], Thing[]]>([
    [
      'all slots, of which a lock around holds one',
      { name: 'r1', mode: 'exclusive' },
      [use(1, 'slot')],
      [thing(1, { slots: 5 })],
    ],
    ['a slot, where locks around hold them all', { name: 'r1' }, [use(1, 'shared')], [thing(1)]],
    ['more than there are beside what is held', { tags: ['x'], count: 2, mode: 'exclusive' }, [use(1, 'shared')], two],
  ])('%s', (_, want, held, things) => {
    expect(covered([want], held, things)).toEqual({ blockedBy: 1 });
  });

  test('what nobody has is blocked by nothing of ours', () => {
    expect(covered([{ tags: ['z'] }], [use(1)], two)).toEqual({ blockedBy: 0 });
  });
});

/** Every way to give each unit a different resource: one that is held as it is wanted, or one that could be asked for. */
function hasAssignment(wants: readonly Want[], held: readonly HeldUse[], things: readonly Thing[]): boolean {
  const units = wants.flatMap((want) => Array.from({ length: want.count }, () => want));
  const enough = { whole: ['exclusive'], slot: ['exclusive', 'slot'], shared: ['exclusive', 'slot', 'shared'] };
  const could = (want: Want, one: Thing): boolean => {
    const modes = held.filter(({ resource }) => resource === one.id).map(({ mode }) => mode);
    if (!matches(want.selector, one)) return false;
    if (modes.some((mode) => enough[want.mode].includes(mode))) return true;
    const slots = modes.filter((mode) => mode === 'slot').length + (modes.includes('shared') ? 1 : 0);
    return want.mode === 'whole' ? slots === 0 : slots < one.slots;
  };
  const search = (unit: number, used: ReadonlySet<number>): boolean =>
    unit === units.length ||
    things.some(
      (one) => !used.has(one.id) && could(units[unit] as Want, one) && search(unit + 1, new Set([...used, one.id])),
    );
  return search(0, new Set());
}

test('in random worlds: blocked only where there is no way, and no resource is used twice', () => {
  const tags = fc.subarray(['a', 'b', 'c']);
  const world = fc.record({
    things: fc.array(fc.record({ tags, slots: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 5 }),
    held: fc.array(fc.record({ at: fc.nat(4), mode: fc.constantFrom<ModeJson>('slot', 'shared') }), { maxLength: 5 }),
    wants: fc.array(
      fc.record({
        tags: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
        count: fc.integer({ min: 1, max: 2 }),
        mode: fc.constantFrom<NonNullable<WantJson['mode']> | null>(null, 'shared', 'exclusive'),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  });
  fc.assert(
    fc.property(world, ({ things: described, held: uses, wants: asked }) => {
      const things = described.map((one, i) => thing(i + 1, one));
      const held = uses.flatMap(({ at, mode }, i): HeldUse[] => {
        const one = things[at];
        if (!one) return [];
        return [use(one.id, one.slots === 1 && mode === 'slot' ? 'exclusive' : mode, `L${i}`)];
      });
      const wants = read(asked);
      const cover = coverWants(wants, held, things);
      expect('blocked' in cover).toBe(!hasAssignment(wants, held, things));
      if ('blocked' in cover) return;
      const used = cover.uses.flatMap((one) => one?.resource ?? []);
      expect(new Set(used).size).toBe(used.length);
      const asks = cover.rest.reduce((sum, { count }) => sum + (count ?? 1), 0);
      expect(used.length + asks).toBe(wants.reduce((sum, { count }) => sum + count, 0));
      for (const one of cover.uses) if (one) expect(held).toContain(one);
    }),
    { numRuns: 500 },
  );
});

function tagged(one: Thing): Thing {
  return { ...one, tags: ['x', 'x"'] };
}
