import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { descriptorYaml } from '../../src/cli/descriptor-yaml.ts';
import { planImport } from '../../src/cli/import-plan.ts';
import type { ImportSource } from '../../src/core/imported.ts';
import type { DescribedJson } from '../../src/core/wire.ts';
import { readImport } from '../../src/daemon/import/import.ts';

const plain: DescribedJson = {
  ...{ name: 'x', description: '', endpoint: '', tags: [], properties: {}, env: {} },
  ...{ slots: 1, maxHold: null, offline: null, machine: null, staleAfter: null, source: 'api' },
};
const sourceOf = (text: string, where = 'test.yaml'): ImportSource => ({
  ...{ type: 'bytes', where, bytes: Buffer.from(text), path: where },
});
const read = (yaml: string) => {
  const found = readImport(sourceOf(yaml));
  if ('problems' in found) throw new Error(`${found.problems.join('\n')}\n${yaml}`);
  return found;
};

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);

const word = fc.oneof(
  fc.constantFrom(
    'no',
    'null',
    '~',
    '007',
    '1.10',
    '1e3',
    'true',
    '- a',
    'a: b',
    '#c',
    '*d',
    '&e',
    '<<',
    "it's",
    '"',
    '{',
  ),
  fc.string({ minLength: 1, maxLength: 12 }).map((text) => text.replace(/[^ -~]/g, 'ü').trim() || 'x'),
);
const text = word.map((one) => one.replace(/\s+/g, ' '));
const key = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/);
const name = text.map((one) => one.replaceAll(',', ';'));
const tag = text.map((one) => one.replace(/[\s,]/g, '_'));
const span = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 1_000_000 }), fc.constant(0.25), fc.constant(90.5));
const watch = fc.oneof(
  fc.constant({ machine: null, staleAfter: null }),
  fc.record({ machine: fc.constantFrom('mdc1:a', 'mdc1:#b', '1:2'), staleAfter: span }),
);
const traits = fc.record({
  name,
  description: fc.oneof(fc.constant(''), text),
  endpoint: fc.oneof(fc.constant(''), text),
  tags: fc.uniqueArray(tag, { maxLength: 4 }),
  properties: fc.dictionary(key, fc.oneof(text, fc.integer(), fc.boolean()), { maxKeys: 3, noNullPrototype: true }),
  env: fc.dictionary(
    fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).filter((one) => !one.startsWith('RENTABOT_')),
    fc.oneof(
      fc.constant(''),
      fc.string({ maxLength: 12 }).map((one) => one.replaceAll('\0', '')),
    ),
    { maxKeys: 3, noNullPrototype: true },
  ),
  slots: fc.integer({ min: 1, max: 10_000 }),
  maxHold: span,
  offline: fc.oneof(
    fc.constant(null),
    fc.record({ reason: text, until: fc.constantFrom(null, '2100-01-01T12:30:00.500Z') }),
  ),
  source: fc.constant('api'),
});
const described: fc.Arbitrary<DescribedJson> = fc
  .tuple(traits, watch)
  .map(([one, machine]) => ({ ...one, ...machine }));

test(`what is exported reads back as what it was (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.uniqueArray(described, { selector: (one) => one.name, maxLength: 5 }), (resources) => {
      const back = read(descriptorYaml(resources)).resources;
      expect(back.map((one) => ({ machine: null, staleAfter: null, ...one, source: 'api' }))).toEqual(resources);
      expect(planImport(resources, back).every(({ type }) => type === 'same')).toBe(true);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

describe('the difference', () => {
  test('names what is new and what changes, and never what a variable is set to', () => {
    const there = [{ ...plain, tags: ['a', 'b'], properties: { mem: 8 }, env: { TOKEN: 'old-secret', GONE: '1' } }];
    const given = read(
      'x: {tags: [b, c], slots: 2, properties: {mem: 16}, env: {TOKEN: new-secret}, max_hold: 1h, machine: d:m}\ny: {}',
    );
    const plan = planImport(there, given.resources);
    expect(plan).toMatchObject([
      {
        type: 'change',
        name: 'x',
        changes: {
          ...{ slots: 2, maxHold: 3600, machine: 'd:m', tags: ['b', 'c'], properties: { mem: 16 } },
          env: { TOKEN: 'new-secret', GONE: null },
        },
        lines: [
          'slots 1 → 2',
          'machine - → d:m',
          'max_hold (seconds) - → 3600',
          ...['tag + c', 'tag - a', 'property mem 8 → 16', 'env TOKEN', 'env GONE'],
        ],
      },
      { type: 'add', resource: { name: 'y' } },
    ]);
    expect(JSON.stringify(plan.map((step) => (step.type === 'change' ? step.lines : [])))).not.toContain('secret');
  });

  test('leaves what is offline so, where the file says nothing of it, and takes it out of service where it does', () => {
    const there = [{ ...plain, offline: { reason: 'fan', until: null } }];
    expect(planImport(there, read('x: {}').resources)).toEqual([{ type: 'same', name: 'x' }]);
    expect(planImport([plain], read('x: {offline: fan}').resources)).toMatchObject([
      { type: 'change', offline: { reason: 'fan' }, lines: ['offline: fan'] },
    ]);
  });
});

test('a mistake in a file is told with its place', () => {
  expect(readImport(sourceOf('x: {slots: none}', 'lab.yaml'))).toEqual({
    problems: [expect.stringMatching(/^lab\.yaml:1:12: slots of x: expected a whole number/)],
    hint: 'mend the file and try again',
  });
});
