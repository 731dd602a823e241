import { expect, test } from 'vitest';
import { IMPORT_FORMATS } from '../../../src/core/imported.ts';
import { readImport } from '../../../src/daemon/import/import.ts';
import { importOf, problemsOf } from './support.ts';

test.each([
  ['rent-a-bot’s and our own', 'a: {description: d, tags: x}\nb: {}\n'],
  ['one with settings', 'resources: {a: {tags: x}}\nfacades: {enema: false}\n'],
  ['one with a list', 'resources: [{name: a, properties: {type: b}}]\n'],
  ['one in brackets', '{a: {tags: [name, b]}}'],
  ['one with a resource called matches', 'matches: {tags: x}\n'],
  ['nothing', '{}'],
])('a descriptor stays one: %s', (_, text) => {
  expect(importOf(text)).toMatchObject({ format: 'descriptor', warnings: [] });
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
