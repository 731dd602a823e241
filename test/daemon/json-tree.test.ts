import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readJson } from '../../src/daemon/json-tree.ts';
import { Remarks } from '../../src/daemon/remarks.ts';
import { readAnyYaml } from '../../src/daemon/yaml.ts';

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const library = (text: string) => readAnyYaml(text, new Remarks('x', text));

test(`JSON gives the tree, and the places, that the YAML library gives (seed ${SEED})`, () => {
  const spaces = fc.constantFrom(undefined, 1, 2, '\t');
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), spaces, (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent);
      const tree = readJson(text);
      // Null is the library's to say something about; a text alone on a line, or a key "<<", is such.
      if (tree !== null) expect(tree).toEqual(library(text));
      else expect(text).toMatch(/"<<":/);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test.each(['', '{', '{a: 1}', "{'a': 1}", '{"a":1,}', '[1,]', '[1 2]', '{"a":1,"a":2}', '01', '1.', '"a\nb"', '[1] x'])(
  'leaves %j to the library',
  (text) => expect(readJson(text)).toBeNull(),
);

test('what nests deeply is left to the library, which says where', () => {
  expect(readJson(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toBeNull();
});

test('a text of twenty million characters, and a list of 100,000 things, are read', () => {
  const long = `"${'\\\\x'.repeat(7_000_000)}"`;
  expect(readJson(long)).toMatchObject({ type: 'text', quoted: true });
  const list = Array.from({ length: 100_000 }, (_, id) => ({ id, online: true, tags: ['a', 'b'] }));
  expect(readJson(JSON.stringify(list))).toMatchObject({ type: 'list' });
});
