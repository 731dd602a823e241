import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Description } from '../../src/core/model.ts';
import { loadDescriptor, readDescriptor } from '../../src/daemon/descriptor.ts';
import { LARGEST_FILE_BYTES, readTextFile } from '../../src/daemon/descriptor-file.ts';
import { didYouMean, formatRemark, refuseProblems, SHOWN_PROBLEMS } from '../../src/daemon/remarks.ts';
import { parseTimestamp } from '../../src/daemon/timestamp.ts';

const PLAIN: Omit<Description, 'name'> = {
  description: '',
  endpoint: '',
  tags: [],
  properties: {},
  env: {},
  slots: 1,
  maxHold: null,
  offline: null,
};

function read(text: string) {
  const result = readDescriptor(text, '/lab/f.yaml', '/home/me');
  if (!result.ok) throw new Error(result.problems.map(formatRemark).join('\n'));
  return result;
}

const resources = (text: string) => read(text).value.resources;
const warnings = (text: string) =>
  read(text).warnings.map((remark) => formatRemark(remark).replace('/lab/f.yaml:', ''));
const only = (fields: string) => resources(`x: {${fields}}`)[0];

function problems(text: string): string[] {
  const result = readDescriptor(text, '/lab/f.yaml');
  return result.ok ? [] : result.problems.map((remark) => formatRemark(remark).replace('/lab/f.yaml:', ''));
}

describe('a file of rent-a-bot', () => {
  test('works unchanged', () => {
    const text = [
      'coffee-machine:',
      '  description: "Kitchen coffee machine"',
      '  endpoint: tcp://192.168.1.50',
      '  tags: coffee, kitchen ,food',
      "'3d-printer-alpha':",
      '  tags: 3d-printer  lab',
      '  endpoint: null',
      '  description:',
      'raspberry-pi-1:',
      '  color: red',
      'Old name:',
    ];
    expect(resources(text.join('\n'))).toEqual([
      {
        ...PLAIN,
        name: 'coffee-machine',
        description: 'Kitchen coffee machine',
        endpoint: 'tcp://192.168.1.50',
        tags: ['coffee', 'kitchen', 'food'],
      },
      { ...PLAIN, name: '3d-printer-alpha', tags: ['3d-printer', 'lab'] },
      { ...PLAIN, name: 'raspberry-pi-1' },
      { ...PLAIN, name: 'Old name' },
    ]);
    expect(warnings(text.join('\n'))).toEqual(['10:3: raspberry-pi-1 has an unknown key "color"; it is ignored']);
    expect(resources(text.join('\r\n'))).toEqual(resources(text.join('\n')));
    expect(resources(`\ufeff---\n${text.join('\n')}\n`)).toEqual(resources(text.join('\n')));
  });

  test('that gives a name twice has it once, with a warning, where it was first and as it was last', () => {
    const text = 'a:\n  tags: x\nb:\na:\n  endpoint: y\n';
    expect(resources(text)).toEqual([
      { ...PLAIN, name: 'a', endpoint: 'y' },
      { ...PLAIN, name: 'b' },
    ]);
    expect(warnings(text)).toEqual(['4:1: "a" is given twice, first in line 1; the last counts']);
  });

  test('without resources is valid, but an empty one is a mistake', () => {
    expect(resources('{}')).toEqual([]);
    expect(resources('--- {}\n')).toEqual([]);
    for (const empty of ['', '\n\n', '# only a comment\n', '---\n', '\ufeff', 'null', '~']) {
      expect(problems(empty)).toEqual([' the descriptor is empty; write {} for one without resources']);
    }
  });
});

describe('the fields of a resource', () => {
  test.each<[string, Partial<Description>]>([
    ['description: "  two\\n lines "', { description: 'two lines' }],
    ['description: 2001-01-01', { description: '2001-01-01' }],
    ['endpoint: 5000', { endpoint: '5000' }],
    ['endpoint: 1.10', { endpoint: '1.10' }],
    ['endpoint: yes', { endpoint: 'yes' }],
    ['tags: [gpu, 100, "a100", gpu]', { tags: ['gpu', '100', 'a100'] }],
    ['tags: "a,b c,, d"', { tags: ['a', 'b', 'c', 'd'] }],
    ['tags: ""', { tags: [] }],
    ['tags: [a, ~]', { tags: ['a'] }],
    ['slots: 4', { slots: 4 }],
    ['slots: "4"', { slots: 4 }],
    ['slots: ', { slots: 1 }],
    ['max_hold: 90', { maxHold: 90_000 }],
    ['max_hold: 1h30m', { maxHold: 5_400_000 }],
    ['max_lock_duration: 3600', { maxHold: 3_600_000 }],
    ['max_hold: null', { maxHold: null }],
    ['machine: "mdc1:t-linux-1", stale_after: 5m', { machine: 'mdc1:t-linux-1', staleAfter: 300_000 }],
    ['machine: mdc1:t-linux-1', { machine: 'mdc1:t-linux-1' }],
    ['offline: fan broken', { offline: { reason: 'fan broken', until: null } }],
    [
      'offline: {reason: fan, until: 2026-01-31 14:00}',
      { offline: { reason: 'fan', until: Date.UTC(2026, 0, 31, 14) } },
    ],
    ['offline: {reason: fan}', { offline: { reason: 'fan', until: null } }],
    ['offline: no', { offline: null }],
    ['offline: false', { offline: null }],
    ['offline: "no"', { offline: { reason: 'no', until: null } }],
    [
      'env: {A: 0, B: true, C: 1.10, D: , E: "x y", F: 0x10}',
      { env: { A: '0', B: 'true', C: '1.10', D: '', E: 'x y', F: '0x10' } },
    ],
    ['properties: {mem: 24, f: 1.5, on: true, s: x}', { properties: { mem: 24, f: 1.5, on: true, s: 'x' } }],
    [
      'properties: {v: 1.10, sn: 007, big: 12345678901234567890, e: 1e3, q: "5", none: }',
      { properties: { v: '1.10', sn: '007', big: '12345678901234567890', e: '1e3', q: '5' } },
    ],
    ['properties: {__proto__: x}', { properties: Object.fromEntries([['__proto__', 'x']]) }],
  ])('%s', (fields, expected) => {
    const found = only(fields);
    expect(found).toEqual({ ...PLAIN, name: 'x', ...expected });
    expect(warnings(`x: {${fields}}`)).toEqual([]);
  });

  test.each<[string, string]>([
    ['tgas: a', '1:5: x has an unknown key "tgas", did you mean "tags"?'],
    ['maxHold: 5', '1:5: x has an unknown key "maxHold", did you mean "max_hold"?'],
    [
      'max_hold: 5, max_lock_duration: 6',
      '1:18: x has both max_hold and its older name max_lock_duration; max_hold counts',
    ],
    ['name: y', '1:5: x has its name already; its key "name" is ignored'],
    ['offline: {reason: a, untl: 5}', '1:26: offline of x has an unknown key "untl", did you mean "until"?'],
    ['properties: {name: a}', "1:18: properties of x: an expression with name= means the resource's own name"],
    ['tags: a, tags: b', '1:14: "tags" is given twice, first in line 1; the last counts'],
    ['tags: !mine a', '1:11: unresolved tag: !mine'],
  ])('%s is worth a warning', (fields, warning) => expect(warnings(`x: {${fields}}`)).toEqual([warning]));

  test.each<[string, string]>([
    ['description: [a]', '1:18: description of x: expected a text, found a list'],
    ['description: "a\\eb"', '1:18: description of x has no control characters, found "a\\u001bb"'],
    ['endpoint: {a: b}', '1:15: endpoint of x: expected a text, found a map'],
    ['tags: {a: b}', '1:11: tags of x: expected a text with commas or spaces, or a list, found a map'],
    ['tags: [a b]', '1:12: tags of x: a tag has neither spaces nor commas, found "a b"'],
    ['tags: ["a,b"]', '1:12: tags of x: a tag has neither spaces nor commas, found "a,b"'],
    ['tags: [[a]]', '1:12: tags of x: expected a text, found a list'],
    ['tags: "a\\0b"', '1:11: tags of x: a tag has no control characters, found "a\\u0000b"'],
    ['slots: -1', '1:12: slots of x: expected a whole number from 1 to 10000, found -1'],
    ['slots: 0', '1:12: slots of x: expected a whole number from 1 to 10000, found 0'],
    ['slots: 1.5', '1:12: slots of x: expected a whole number from 1 to 10000, found 1.5'],
    ['slots: many', '1:12: slots of x: expected a whole number from 1 to 10000, found "many"'],
    ['max_hold: 0', '1:15: max_hold of x: expected a duration as 90, 5m or 1h30m, found 0'],
    ['max_hold: -5', '1:15: max_hold of x: expected a duration as 90, 5m or 1h30m, found -5'],
    ['max_lock_duration: 1:30', '1:24: max_lock_duration of x: expected a duration as 90, 5m or 1h30m, found "1:30"'],
    ['stale_after: soon', '1:18: stale_after of x: expected a duration as 90, 5m or 1h30m, found "soon"'],
    ['machine: []', '1:14: machine of x: expected a text, found a list'],
    [
      'machine: mdc1',
      '1:14: machine of x: a machine is DATACENTER:HOST, without spaces, commas and control characters, found "mdc1"',
    ],
    ['offline: true', '1:14: offline of x: expected the reason, found true'],
    ['offline: yes', '1:14: offline of x: expected the reason, found "yes"'],
    ['offline: ""', '1:14: offline of x: expected the reason, found ""'],
    ['offline: {until: 2026-01-31}', '1:14: offline of x: expected a reason, found none'],
    [
      'offline: {reason: a, until: 14:00}',
      '1:33: until in offline of x: expected a time as 2026-01-31 14:00 (UTC) or 2026-01-31T14:00:00+01:00, found "14:00"',
    ],
    ['env: [A]', '1:10: env of x: expected a map of keys and values, found a list'],
    ['env: {1A: x}', '1:11: env of x: the name of a variable has letters, digits and _ only, found "1A"'],
    [
      'env: {RENTABOT_LEASE: x}',
      '1:11: env of x: variables that start with RENTABOT_ are set by rentabot itself, found "RENTABOT_LEASE"',
    ],
    ['env: {A: "a\\0b"}', '1:14: A in env of x: expected a text, a number, true or false, found "a\\u0000b"'],
    ['env: {A: [x]}', '1:14: A in env of x: expected a text, a number, true or false, found a list'],
    [
      'properties: {"a b": 1}',
      '1:18: properties of x: the name of a property has letters, digits and _.:/@+%~#- only, found "a b"',
    ],
    ['properties: {a: {b: c}}', '1:21: a in properties of x: expected a text, a number, true or false, found a map'],
  ])('%s is a mistake', (fields, problem) => expect(problems(`x: {${fields}}`)).toEqual([problem]));

  test('are not more than a hundred of a kind', () => {
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`);
    expect(problems(`x: {tags: [${many.join()}]}`)).toEqual(['1:11: tags of x: at most 100, found 101']);
    expect(problems(`x: {env: {${many.join(': 1, ')}: 1}}`)).toEqual(['1:10: env of x: at most 100, found 101']);
  });

  test.each<[string, string]>([
    ['"a,b":', '1:1: a name has no comma: "a,b"'],
    ['" a":', '1:1: a name neither starts nor ends with a space: " a"'],
    ['"a\\tb":', '1:1: a name has no control characters and no line breaks: "a\\tb"'],
    ['"":', '1:1: a name has at least one character: ""'],
    [`${'n'.repeat(201)}:`, `1:1: a name has at most 200 characters, this one has 201: "${'n'.repeat(60)}…"`],
    ['"\\u202egpu":', '1:1: a name has no control characters and no line breaks: "\\u202egpu"'],
    ['{a: {}}: x', '1:1: expected a key, found a map'],
    ['null: {}', '1:1: expected a key, found nothing'],
  ])('%j is no name', (text, problem) => expect(problems(text)).toEqual([problem]));
});

describe('a structured file', () => {
  test('has resources by name, or as a list, beside settings', () => {
    const map = read('resources:\n  a: {slots: 2}\n  b:\nlisten: 127.0.0.1:0\n').value;
    const list = read('listen: 127.0.0.1:0\nresources:\n- name: a\n  slots: 2\n- {name: b}\n').value;
    expect(map).toEqual({
      resources: [
        { ...PLAIN, name: 'a', slots: 2 },
        { ...PLAIN, name: 'b' },
      ],
      settings: { listen: { host: '127.0.0.1', port: 0 }, listenAt: { line: 4, column: 9 } },
    });
    expect(list).toEqual({ ...map, settings: { ...map.settings, listenAt: { line: 1, column: 9 } } });
  });

  test('may have none', () => {
    for (const none of ['resources:', 'resources: {}', 'resources: []']) expect(resources(none)).toEqual([]);
  });

  test('may keep templates under keys that start with x-', () => {
    const text = 'x-gpu: &gpu\n  tags: [gpu]\n  slots: 2\nresources:\n  a: {<<: *gpu, slots: 3}\n  b: *gpu\n';
    expect(resources(text)).toEqual([
      { ...PLAIN, name: 'a', tags: ['gpu'], slots: 3 },
      { ...PLAIN, name: 'b', tags: ['gpu'], slots: 2 },
    ]);
  });

  test('may merge several templates: the first wins, and what stands beside them wins over all', () => {
    const templates = 'x-a: &a {tags: a, slots: 2, endpoint: a}\nx-b: &b {tags: b, slots: 3, description: b}\n';
    expect(resources(`${templates}resources:\n  x: {slots: 4, <<: [*a, *b]}\n`)).toEqual([
      { ...PLAIN, name: 'x', tags: ['a'], slots: 4, endpoint: 'a', description: 'b' },
    ]);
  });

  test.each<[string, string]>([
    ['resources: 5', '1:12: resources: expected resources by name, or a list, found 5'],
    ['resources: [a]', '1:13: resources: expected a name for each resource, found "a"'],
    ['resources: [{slots: 2}]', '1:13: resources: expected a name for each resource, found none'],
    ['resources: {a: 5}', '1:16: "a": expected a resource (a map of description, endpoint, tags, slots …), found 5'],
    [
      'resources:\nlisten: 1.2.3.4',
      '2:9: listen: expected HOST:PORT, as 127.0.0.1:5000 or [::1]:5000, or none, found "1.2.3.4"',
    ],
    ['resources:\nlimts: {}', '2:1: there is no setting "limts", did you mean "limits"?'],
    ['resources:\nboard-1: {tags: x}', '2:1: there is no setting "board-1"; a resource belongs under resources:'],
    ['resources:\nlog: {levl: info}', '2:7: log has no setting "levl", did you mean "level"?'],
    ['resources:\nlog: {level: loud}', '2:14: level in log: expected debug or info or warn or error, found "loud"'],
    ['resources:\nlimits: {waiters: 0}', '2:19: waiters in limits: expected a whole number from 1 to 1000000, found 0'],
    ['resources:\nlimits: {silence: 1s}', '2:19: silence in limits: expected 5 to 3600 seconds, found "1s"'],
    ['resources:\nauth: password', '2:7: auth: expected none, found "password"'],
    ['resources:\nundeclared: maybe', '2:13: undeclared: expected create or refuse, found "maybe"'],
    ['resources:\nfacades: {enema: 5}', '2:18: enema in facades: expected true, false or a map of options, found 5'],
    ['resources:\nfacades: {enemy: false}', '2:11: facades has no "enemy", did you mean "enema"?'],
    [
      'resources:\nfacades: {rent-a-bot: {expose_token: true}}',
      '2:24: rent-a-bot in facades has no option "expose_token", did you mean "expose_tokens"?',
    ],
    [
      'resources:\nfacades: {rent-a-bot: {expose_tokens: 7}}',
      '2:39: expose_tokens of rent-a-bot in facades: expected true or false, found 7',
    ],
    ['resources:\ndata: ""', '2:7: data: expected a path, found ""'],
    [
      'listen: 127.0.0.1:5000',
      '1:9: "listen": expected a resource (a map of description, endpoint, tags, slots …), found "127.0.0.1:5000"; ' +
        'settings of the daemon need a top-level resources: beside them, {} if there are none',
    ],
  ])('%j is a mistake', (text, problem) => expect(problems(text)).toEqual([problem]));

  test('warns of a name that the list has twice', () => {
    const text = 'resources:\n- name: a\n- name: b\n- name: a\n  slots: 2\n';
    expect(resources(text).map(({ name, slots }) => [name, slots])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(warnings(text)).toEqual(['4:9: "a" is given twice, first in line 2; the last counts']);
  });

  test('has paths that start at its folder', () => {
    const { settings } = read('resources:\nsocket: run/a.sock\ndata: ~/state\n').value;
    expect(settings).toEqual({ socket: '/lab/run/a.sock', data: '/home/me/state' });
  });
});

describe('what is no YAML', () => {
  test.each<[string, string]>([
    ['a:\n\tb: c', '2:1: a tab cannot indent in YAML; use spaces'],
    ['a:\n  tags: x\n \tslots: 1', '3:1: a tab cannot indent in YAML; use spaces'],
    ['a: "b', '1:6: a text in quotes before this place is never closed'],
    ['a: @b', '1:4: a text cannot start with this character; put it in quotes'],
    ['a: b: c', '1:4: a text with ": " in it needs quotes, or a line is indented too far'],
    ['a:\n---\nb:', '2:1: a file is one YAML document; a second one starts here'],
    ['a: {tags: *gpu}', '1:11: the alias "*gpu" has no anchor before it'],
    ['a: &a {<<: *a}', '1:12: the alias "*a" contains itself'],
    ['a: {<<: 5}', '1:9: expected a map to merge, found 5'],
    ['- a', '1:1: expected resources by name, or a map with resources:, found a list'],
    ['hello', '1:1: expected resources by name, or a map with resources:, found "hello"'],
  ])('%j is told with its place', (text, problem) => expect(problems(text)).toEqual([problem]));

  test.each<[string, string, string]>([
    ['lists in brackets', '['.repeat(200_000), '1:101: nested more than 100 levels deep'],
    ['lists in one line', `${'- '.repeat(200_000)}a`, '1:1: nested more than 100 levels deep'],
    ['maps in braces', '{a: '.repeat(101), '1:401: nested more than 100 levels deep'],
  ])('nests for ever is refused before it fills the stack: %s', (_, text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test('is not taken for nesting where brackets stand in texts', () => {
    const lines = Array.from({ length: 150 }, (_, i) => `b${i}:\n  description: "old [${i}"\n  endpoint: a{\n`);
    expect(resources(lines.join('') + "c: {description: '['}\n".repeat(1))).toHaveLength(151);
  });

  test('tells several mistakes at once', () => {
    expect(problems('a: {slots: 0}\nb: [x]\nc: {max_hold: never}\n')).toHaveLength(3);
    expect(problems('a: @x\nb: {\nc: "\n').length).toBeGreaterThan(1);
  });
});

describe('a text that is made to grow', () => {
  const levels = (line: (level: number) => string) => Array.from({ length: 40 }, (_, i) => line(i)).join('\n');

  test('by aliases of aliases is read in a moment', () => {
    const started = performance.now();
    problems(levels((i) => `l${i}: &l${i} [${i === 0 ? 'x' : `*l${i - 1}, `.repeat(30)}]`));
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test('by merges of merges is refused in a moment', () => {
    const started = performance.now();
    const text = levels((i) => `l${i}: &l${i} {<<: [${i === 0 ? '' : `*l${i - 1}, `.repeat(5000)}], k${i}: x}`);
    expect(problems(text)[0]).toMatch(/merge keys bring in over 1000000 keys$/);
    expect(performance.now() - started).toBeLessThan(60_000);
  });
});

test('no text makes reading throw, and each remark has a place in it', () => {
  const piece = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: ',
    '|',
    '#',
    '\t',
    '!',
    'tags',
    'resources:',
    '?',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
  );
  const safe = fc.property(text, (yaml) => {
    const result = readDescriptor(yaml, 'f');
    const lines = yaml.split('\n').length;
    for (const { line, column } of result.ok ? result.warnings : result.problems) {
      expect(line === null || (line >= 1 && line <= lines)).toBe(true);
      expect(column === null || (column >= 1 && column <= yaml.length + 1)).toBe(true);
    }
    expect(result.ok || result.problems.length > 0).toBe(true);
  });
  fc.assert(safe, { numRuns: 3000 });
});

describe('a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rentabot-descriptor-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const written = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test('that cannot be used is named, with the reason', () => {
    const message = (path: string) => {
      const result = loadDescriptor(path);
      return result.ok ? '' : result.problems.map(formatRemark).join('\n').replace(path, 'FILE');
    };
    mkdirSync(join(folder, 'dir'));
    expect(message(join(folder, 'none.yaml'))).toBe('FILE: there is no such file');
    expect(message(join(folder, 'dir'))).toBe('FILE: cannot be used: it is not a regular file');
    expect(message('/dev/null')).toBe('FILE: cannot be used: it is not a regular file');
    expect(message(written('latin1.yaml', Buffer.from('a: {description: gr\xfcn}', 'latin1')))).toBe(
      'FILE: cannot be used: it is not UTF-8 text; save it as UTF-8',
    );
    expect(message(written('large.yaml', Buffer.alloc(LARGEST_FILE_BYTES + 1, '#')))).toMatch(
      /it has \d+ bytes, and \d+ are the most$/,
    );
  });

  test('with a byte order mark is read', () => {
    expect(readTextFile(written('bom.yaml', '\ufeffa:\n'))).toEqual({ type: 'text', text: 'a:\n' });
  });
});

test.each<[string, number | null]>([
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  ['2026-1-3', Date.UTC(2026, 0, 3)],
  ['2026-01-31 14:00', Date.UTC(2026, 0, 31, 14)],
  ['2026-01-31T14:00:05.25Z', Date.UTC(2026, 0, 31, 14, 0, 5, 250)],
  ['2026-01-31t14:00:00+01:00', Date.UTC(2026, 0, 31, 13)],
  ['2026-01-31 14:00:00 -5', Date.UTC(2026, 0, 31, 19)],
  ['2026-01-31 14:00 +05:30', Date.UTC(2026, 0, 31, 8, 30)],
  ['2026-02-30', null],
  ['2026-13-01', null],
  ['2026-01-31 24:00', null],
  ['2026-01-31 14:60', null],
  ['0001-01-01', null],
  ['14:00', null],
  ['tomorrow', null],
  ['', null],
])('the moment %j', (text, moment) => expect(parseTimestamp(text)).toBe(moment));

test.each([
  ['desciption', 'description'],
  ['end-point', 'endpoint'],
  ['maxHold', 'max_hold'],
  ['TAGS', 'tags'],
  ['solts', 'slots'],
])('%s was probably meant as %s', (word, meant) => {
  expect(didYouMean(word, ['description', 'endpoint', 'tags', 'slots', 'max_hold'])).toBe(`, did you mean "${meant}"?`);
});

test('nothing is guessed where nothing is near', () => expect(didYouMean('colour', ['tags', 'endpoint'])).toBe(''));

test('problems are refused together, with code config, and not more than a screenful', () => {
  const remark = { where: 'f.yaml', line: 3, column: 7, message: 'wrong' };
  const refusal = refuseProblems(Array.from({ length: SHOWN_PROBLEMS + 5 }, () => remark));
  expect(refusal.code).toBe('config');
  expect(refusal.detail.split('\n')).toHaveLength(SHOWN_PROBLEMS + 1);
  expect(refusal.detail).toMatch(/^f\.yaml:3:7: wrong\n.*\nand 5 more$/s);
});
