import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { descriptorYaml } from '../../../src/cli/descriptor-yaml.ts';
import { planImport } from '../../../src/cli/import-plan.ts';
import { isUnprintable } from '../../../src/core/name.ts';
import type { DescribedJson, DescribeJson, DescriptorJson } from '../../../src/core/wire.ts';
import { readImport } from '../../../src/daemon/import/import.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf } from '../../support/http.ts';

/** Whatever the daemon takes comes back from a file that was exported, and says then that nothing changes. */
const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const NOW = Date.parse('2026-06-01T12:00:00Z');

let running: TestDaemon;
beforeAll(async () => {
  running = await startDaemon();
});
afterAll(() => running.close());

/** Of YAML's own words, of spaces, and of any characters that there are. */
const WORDS = [
  'no',
  'null',
  '~',
  '007',
  '1.10',
  '1e3',
  '.inf',
  '0x1f',
  'true',
  '- a',
  'a: b',
  '#c',
  '*d',
  '&e',
  '<<',
  '"',
];
const anything = fc.oneof(
  fc.constantFrom(
    ...WORDS,
    "it's",
    '{',
    '[',
    '%',
    '@',
    '`',
    '\\',
    '? x',
    ': y',
    '2026-01-31',
    '12:30:45',
    'a  b',
    'é\u0301',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
);
const line = anything.filter((text) => !isUnprintable(text));
const seen = line.filter((text) => text.trim() !== '');
const word = seen.map((text) => text.replace(/[\s,]/g, '')).filter((text) => text !== '');
const name = seen.map((text) => text.trim().replaceAll(',', ';')).filter((text) => text !== '' && text.length < 100);
const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.:/@+%~#-]{1,12}$/),
  fc.constantFrom('__proto__', 'constructor', 'ключ', 'null', 'true', '1', '-', '~', '#a', 'a:', '%x'),
);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e21, 1e-7, 2 ** 53, 0.1, -0, 5e-324),
);
const span = fc.oneof(fc.constantFrom(null, 0.25, 90.5), fc.integer({ min: 1, max: 1_000_000 }));
const variable = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).filter((one) => !one.startsWith('RENTABOT_'));
const value = fc
  .oneof(anything, fc.constantFrom('', '\n', ' a\n\tb ', '\u0085\u2028'))
  .map((text) => text.replaceAll('\0', ''));
const described = fc.record(
  {
    name,
    description: line,
    endpoint: line,
    tags: fc.uniqueArray(word, { maxLength: 4 }),
    properties: fc.dictionary(key, fc.oneof(line, number, fc.boolean()), { maxKeys: 4, noNullPrototype: true }),
    env: fc.dictionary(variable, value, {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    slots: fc.integer({ min: 1, max: 10_000 }),
    maxHold: span,
    machine: fc.constantFrom('mdc1:a', 'mdc1:#b', '1:2', 'a:b:c', "it's:{}"),
    staleAfter: span,
    offline: fc.record({
      reason: seen,
      until: fc.constantFrom(null, '2100-01-01T12:30:00.5Z', '2100-01-01T01:00:00+02:00'),
    }),
  },
  { requiredKeys: ['name', 'machine'] },
);

const path = (one: string) => `/api/v2/resources/${encodeURIComponent(one)}`;

async function add(bodies: readonly { readonly name: string }[]): Promise<readonly DescribedJson[]> {
  for (const body of bodies) {
    const { status, text } = await running.http.post('/api/v2/resources', body);
    if (status !== 201) throw new Error(`${status}: ${text}: ${JSON.stringify(body)}`);
  }
  return jsonOf<DescriptorJson>(await running.http.get('/api/v2/descriptor')).resources;
}

function readBack(text: string): readonly DescribeJson[] {
  const back = readImport({ type: 'bytes', where: 'x.yaml', bytes: Buffer.from(text), path: null });
  if ('problems' in back) throw new Error(`${back.problems.join('\n')}\n${text}`);
  return back.resources;
}

test(`what is exported says when it is imported that nothing changes (seed ${SEED})`, async () => {
  const several = fc.uniqueArray(described, { selector: (one) => one.name, minLength: 1, maxLength: 4 });
  const changesNothing = async (bodies: readonly { readonly name: string }[]): Promise<void> => {
    try {
      const there = await add(bodies);
      const plan = planImport(there, readBack(descriptorYaml(there)), { now: NOW, prune: [] });
      expect(plan).toEqual(bodies.map((one) => ({ type: 'same', name: one.name })));
    } finally {
      for (const { name: one } of bodies) await running.http.ask('DELETE', path(one));
    }
  };
  await fc.assert(fc.asyncProperty(several, changesNothing), { seed: SEED, numRuns: 200 });
});
