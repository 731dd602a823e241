import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AcquireJson } from '../../../src/core/wire.ts';
import { isPlainAcquire } from '../../../src/daemon/routes/plain-acquire.ts';
import { acquireSchema } from '../../../src/daemon/routes/schemas.ts';

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const SECRET = 'a-secret-of-at-least-22-characters';

/** All that there is to say, plainly. */
const FULL = {
  secret: SECRET,
  want: [{ name: 'board-1', id: 1, tags: ['gpu', 'a100'], where: 'mem>=24', count: 2, mode: 'shared' }],
  ttl: 30,
  wait: 60,
  hold: 600,
  priority: 0,
  note: 'for the demo',
  holder: { name: 'nightly', host: 'runner-3', link: 'https://ci/17' },
  guarded: true,
};

/** Around every bound, and of letters that some field takes and another does not. */
const LENGTHS = [0, 1, 21, 22, 100, 101, 199, 200, 201, 256, 257, 500, 501, 2000, 2001];
const LETTERS = [
  'a,b',
  'a b',
  ' a',
  'a\nb',
  'a\n',
  '\ta',
  'é',
  '\u2028',
  '\ud800',
  '\u007f',
  '\u0085',
  '🚀',
  'a_-b',
  'a+b',
];
const LINKS = [
  'https://ci',
  'HTTP://ci',
  'http://',
  'https://c i',
  'ftp://ci',
  ' https://ci',
  `https://${'a'.repeat(2000)}`,
];
const WORDS = ['exclusive', 'shared', 'slot', 'Shared', 'gpu && mem>=24', '((('];
const NUMBERS = [-1001, -1000, -1, -0, 0, 1e-9, 0.5, 1, 1.5, 2, 64, 1000, 1001, 86_400, 86_401, 2 ** 53, 1e308];
const OTHERS = [null, true, false, [], {}, ['a'], [null], [{}], { name: 'a' }, Array(33).fill('a'), Array(65).fill({})];
const VALUES = [...LENGTHS.map((n) => 'a'.repeat(n)), ...LETTERS, ...LINKS, ...WORDS, ...NUMBERS, ...OTHERS];

/** Every place in a request, and some where there should be nothing. */
const keysOf = (of: object): string[] => [...Object.keys(of), 'claim', 'steal', 'other', '__proto__', 'toString'];
const PLACES = [
  ...keysOf(FULL).map((key) => [key]),
  ...keysOf(FULL.want[0] as object).map((key) => ['want', '0', key]),
  ...['0', '1', '2'].map((key) => ['want', '0', 'tags', key]),
  ...['0', '1'].map((key) => ['want', key]),
  ...keysOf(FULL.holder).map((key) => ['holder', key]),
];

interface Change {
  readonly at: readonly string[];
  readonly to: unknown;
}

/** The request with these changes, as it comes from the wire. */
function changed(changes: readonly Change[]): unknown {
  const body = structuredClone(FULL) as unknown;
  for (const { at, to } of changes) {
    const where = at
      .slice(0, -1)
      .reduce((inner: unknown, key) => (inner as Record<string, unknown> | null)?.[key], body);
    // An earlier change may have left nothing there that could have a key.
    if (typeof where !== 'object' || where === null) continue;
    const value = structuredClone(to);
    Object.defineProperty(where, at.at(-1) as string, { value, enumerable: true, configurable: true, writable: true });
  }
  return JSON.parse(JSON.stringify(body));
}

function expectTaken(given: unknown): void {
  expect(acquireSchema.safeParse(given), JSON.stringify(given)).toEqual({ success: true, data: given });
}

test('what is plain is taken by the schema as it is, whatever stands in any place of it', () => {
  const all = PLACES.flatMap((at) => VALUES.map((to) => changed([{ at, to }])));
  const plain = all.filter(isPlainAcquire);
  expect(plain.length).toBeGreaterThan(PLACES.length);
  for (const given of plain) expectTaken(given);
});

test(`or in several (RENTABOT_SEED=${SEED})`, () => {
  const change = fc.record({
    at: fc.constantFrom(...PLACES),
    to: fc.oneof(fc.constantFrom<unknown>(...VALUES), fc.jsonValue()),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
      const given = changed(changes);
      if (isPlainAcquire(given)) expectTaken(given);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test('what clients send is plain', () => {
  const holder = { name: 'nightly', host: 'runner-3', link: 'https://ci.example/job/17' };
  const all: AcquireJson = { secret: SECRET, want: [{ name: 'board-1' }], ttl: 30, wait: null, priority: 0, note: '' };
  expect(isPlainAcquire({ ...all, holder, guarded: true })).toBe(true);
  expect(isPlainAcquire({ secret: SECRET, want: [{ where: 'gpu && mem>=24', count: 2, mode: null }], wait: 60 })).toBe(
    true,
  );
  expect(isPlainAcquire({ secret: SECRET, want: [{ tags: ['gpu', 'a100'], mode: 'shared' }], hold: 600 })).toBe(true);
});

test.each([
  ['no secret', { want: [{ name: 'a' }] }],
  ['nothing wanted', { secret: SECRET, want: [] }],
  ['a key that nobody knows', { secret: SECRET, want: [{ name: 'a' }], prioritiy: 0 }],
  ['a list', [SECRET]],
])('%s is not', (_, given) => {
  expect(isPlainAcquire(given)).toBe(false);
});
