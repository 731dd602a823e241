import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IMPORT_FORMATS } from '../../../src/core/imported.ts';
import { readImport } from '../../../src/daemon/import/import.ts';
import { importOf, problemsOf } from './support.ts';

test.each([
  ['rent-a-bot’s and our own', 'a: {description: d, tags: x}\nb: {}\n'],
  ['one with settings', 'resources: {a: {tags: x}}\nfacades: {enema: false}\n'],
  ['one with a list', 'resources: [{name: a, properties: {type: b}}]\n'],
  ['one in brackets', '{a: {tags: [name, b]}}'],
  ['one with capitals', 'resources: {Board1: {tags: x}, b: {}}\n'],
  [
    'one with names that are keys elsewhere',
    'declaredResources: {tags: x}\nlockableResourcesManager: {}\nunclassified: {}\n',
  ],
  ['one with a name like a table', 'name;tags:\n  tags: x\n'],
  ['one with a comment like a table', '#,name,tags\na: {}\n'],
  ["one with a name like labgrid's", "Place 'a':\n  tags: x\n"],
  ['one with a resource called matches', 'matches: {tags: x}\n'],
  ['nothing', '{}'],
])('a descriptor stays one: %s', (_, text) => {
  expect(importOf(text)).toMatchObject({ format: 'descriptor', warnings: [] });
});

test('a descriptor with a slip in a key stays one, which says what was meant', () => {
  const read = importOf('a: {Properties: {mem: 8}}\n');
  expect(read).toMatchObject({
    format: 'descriptor',
    warnings: [expect.stringContaining('did you mean "properties"?')],
  });
});

test.each([
  ['a web page', '<!DOCTYPE html>\n<html></html>', /^file: it is a web page, not a list/],
  ['an empty list', '[]', /^file: the list is empty$/],
  ['text that is not UTF-8', Buffer.from([0x61, 0xff]), /^file: it is neither UTF-8 text nor a database/],
  ['UTF-16', Buffer.from('\ufeffname,tags\n', 'utf16le'), /^file: it is neither UTF-8 text nor a database/],
  ['a list of something', '[{"x": 1}]', /^file:1:1: expected resources by name/],
  ['an empty file', '', /^file: the descriptor is empty/],
])('%s is known as such', (_, content, problem) => {
  expect(problemsOf(content)).toEqual([expect.stringMatching(problem)]);
});

test.each(IMPORT_FORMATS)(
  '%s, asked for by name, says of something else what it expects, and never throws',
  (format) => {
    for (const content of ['', '[]', '7', 'a: [b', '{"resources": 7}', '<a/>', Buffer.from([0xff, 0xfe])]) {
      const read = importOf(content, { format });
      if ('problems' in read)
        expect(read).toMatchObject({ problems: [expect.stringMatching(/^file/), ...read.problems.slice(1)] });
      else expect(read).toMatchObject({ format, resources: [] });
    }
    const hint = `it was read as ${format}, as --format says`;
    expect(importOf('7', { format })).toMatchObject({ hint });
  },
);

test('what was guessed is said where it fails, and more than twenty mistakes are counted', () => {
  expect(importOf('x')).toMatchObject({
    hint: expect.stringContaining('read as a descriptor, as nothing else was recognised'),
  });
  const many = Array.from({ length: 30 }, (_, i) => `- {type: t${i}, max-count: x}`).join('\n');
  const read = importOf(`resources:\n${many}`);
  expect(read).toMatchObject({ hint: expect.stringContaining('read as boskos') });
  expect('problems' in read && read.problems).toHaveLength(21);
  expect('problems' in read && read.problems.at(-1)).toBe('and 10 more');
});

test('more things than a daemon could have are refused, and not one by one', () => {
  const rows = Array.from({ length: 1_000_001 }, (_, i) => `r${i},x`);
  expect(problemsOf(`name,tags\n${rows.join('\n')}\n`)).toEqual([
    expect.stringMatching(/^file: 1000001 things, and \d+ are the most$/),
  ]);
});

test('a file that is not there any more is told, and so is one that only looks like a folder of pools', () => {
  expect(readImport({ type: 'folder', where: 'x', path: import.meta.dirname })).toMatchObject({
    problems: [expect.stringMatching(/^x: it has no POOL/)],
    hint: 'it was read as pool-resource; --format takes it for something else',
  });
});

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);

test(`whatever a slip of the pen makes of a file, there is an answer (seed ${SEED})`, () => {
  const files = [
    'resources: [{type: a, state: free, names: [b, c]}, {type: t, max-count: 3}]',
    'unclassified: {lockableResourcesManager: {declaredResources: [{name: a, labels: "b c", properties: [{name: d, value: e}]}]}}',
    '<?xml version="1.1"?><org.jenkins.plugins.lockableresources.LockableResourcesManager><resources><r><name>a&#x41;</name><labelsAsList><string>b</string></labelsAsList></r></resources></org.jenkins.plugins.lockableresources.LockableResourcesManager>',
    "a: {matches: [{cls: '*', exporter: x, group: y}], tags: {b: c}, aliases: [d]}",
    "Place 'a':\n  tags: b=c, d=e\n  matches:\n    a/b/c -> d\n  acquired: x/y\n",
    'a: {USBSerialPort: {match: {b: c}}, NetworkService: {address: d, port: 1}, location: e}',
    '[{"id": "1", "online": false, "hostname": "h", "a": {"b": [1, "c"]}}]',
    '[{"subsystem_id": 0, "subsystem_name": "a", "node_name": "b", "is_busy": 1, "kind": "c"}]',
    '[{"datacenter": "a", "machine": "b", "lastseen": "2018-11-08T08:47:50"}]',
    '{"resources": [{"name": "a", "lock-token": "x", "tags": "b,c", "max-lock-duration": 60}]}',
    '{"resources": [{"name": "a", "maxHold": 60, "leases": [{"holder": {"name": "b"}}], "offline": {"reason": "c", "until": null}}]}',
    'name,tags,slots\n"a ""b""",c,2\n',
  ];
  const put = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('"', '{', '[', '<', '&', '\n'));
  const slip = fc.record({ at: fc.nat(400), drop: fc.nat(6), put });
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.array(slip, { maxLength: 4 }), (file, slips) => {
      const text = slips.reduce((one, { at, drop, put }) => {
        const place = at % (one.length + 1);
        return one.slice(0, place) + put + one.slice(place + drop);
      }, file);
      const read = importOf(text);
      if (slips.length === 0) expect(read).not.toMatchObject({ format: 'descriptor' });
      if ('problems' in read)
        expect(read.problems.filter((problem) => !/^file|^and \d+ more$/.test(problem))).toEqual([]);
      else expect(read.resources.every(({ name }) => typeof name === 'string')).toBe(true);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test('a name that others get, to be told apart, may be one that there is', () => {
  const rows = ['uart', 'uart', 'b/uart'].map((subsystem_name, subsystem_id) => {
    return { subsystem_id, subsystem_name, node_name: subsystem_id === 0 ? 'a' : 'b' };
  });
  const read = importOf(JSON.stringify(rows.slice(0, 2).concat({ ...rows[2], node_name: 'c' } as never)));
  expect(read).toMatchObject({ resources: [{ name: 'a/uart' }, { name: 'b/uart', properties: { node: 'c' } }] });
  expect('warnings' in read && read.warnings).toContainEqual(
    expect.stringContaining('"b/uart" is given twice; the last counts'),
  );
});
