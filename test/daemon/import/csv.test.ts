import { expect, test } from 'vitest';
import { imported, problemsOf } from './support.ts';

test('a table gives what its columns say; those with other names are properties', () => {
  const read = imported(
    'name,Description,Tags,slots,Max hold,machine,stale_after,offline,mem,IP address\r\n' +
      '"board ""1""","two\r\nlines","a, b",2,1h,m:n,5m,fan broken,16,10.0.0.1\r\n' +
      'b2,,,,,,,no,,\r\n' +
      '\r\n',
  );
  expect(read).toEqual({
    format: 'csv',
    resources: [
      {
        ...{ name: 'board "1"', description: 'two lines', tags: ['a', 'b'], slots: 2, maxHold: 3600, machine: 'm:n' },
        ...{
          staleAfter: 300,
          offline: { reason: 'fan broken', until: null },
          properties: { mem: 16, IP_address: '10.0.0.1' },
        },
      },
      {
        ...{ name: 'b2', description: '', tags: [], slots: 1, maxHold: null, machine: null, staleAfter: null },
        ...{ offline: null, properties: {} },
      },
    ],
    warnings: ['file:3:41: the property "IP address" is called IP_address here'],
  });
});

test.each([
  ['semicolons', 'name;tags\na;x\n'],
  ['tabs', 'name\ttags\na\tx\n'],
  ['a byte order mark', '\ufeffname,tags\na,x'],
  ['labels for tags', 'NAME,Labels\na,x'],
  ['a column that has no name', 'name,tags,\na,x,y\n'],
])('%s are understood', (_, text) => {
  expect(imported(text)).toMatchObject({ format: 'csv', resources: [{ name: 'a', tags: ['x'] }] });
});

test('what no column is about is not said', () => {
  expect(imported('name\na\n', { where: 'lab.csv' }).resources).toEqual([{ name: 'a' }]);
});

test.each([
  [
    'no column of names',
    'host,tags\na,b\n',
    'lab.csv:1:1: expected a column "name" in the first line, found "host", "tags"',
  ],
  ['nothing at all', '', 'lab.csv:1:1: expected a column "name" in the first line, found ""'],
  ['a column twice', 'name,tags,labels\na,b,c\n', 'lab.csv:1:11: there are two columns "tags"'],
  ['too few fields', 'name,tags\na,b\nc\n', 'lab.csv:3:1: expected 2 fields as in the first line, found 1'],
  ['a quote that stays open', 'name,tags\n"a,b\nc,d\n', 'lab.csv:2:1: a quote that opens here is never closed'],
  ['something behind a quote', 'name,tags\n"a"b,c\n', 'lab.csv:2:4: after a field in quotes comes the next field'],
  ['no name', 'name,tags\n,b\n', 'lab.csv:2:1: a name has at least one character: ""'],
  [
    'slots that are no number',
    'name,slots\na,many\n',
    'lab.csv:2:3: slots of a: expected a whole number from 1 to 10000, found "many"',
  ],
  ['a state for a reason', 'name,offline\na,yes\n', 'lab.csv:2:3: offline of a: expected the reason, found "yes"'],
])('a table is told where it has %s', (_, text, problem) => {
  expect(problemsOf(text, { where: 'lab.csv' })).toEqual([problem]);
});

test('no secret is taken over, and none is told', () => {
  const read = imported('name,password,api key\na,hunter2,hunter2\n');
  expect(read.resources).toEqual([{ name: 'a', properties: {} }]);
  expect(JSON.stringify(read)).not.toContain('hunter2');
});
