import { describe, expect, test } from 'vitest';
import { imported, problemsOf } from './support.ts';

/** Formats that are a list of things and little else. */

describe('Boskos', () => {
  test('its names have their type as tag; what is made on demand is one resource with slots', () => {
    const read = imported(`resources:
- {type: project, state: free, names: [alfa, bravo]}
- {type: token, min-count: 2, max-count: 5, lifespan: 5m, needs: {project: 1}}
`);
    expect(read).toEqual({
      format: 'boskos',
      resources: [
        { name: 'alfa', tags: ['project'] },
        { name: 'bravo', tags: ['project'] },
        { name: 'token', tags: ['token'], slots: 5 },
      ],
      warnings: [
        'file:3:3: token is made on demand in Boskos; here it is one resource with as many slots; lifespan, needs are left out',
      ],
    });
  });

  test('says that nothing cleans what starts dirty, and which keys it does not know', () => {
    const { warnings } = imported('resources:\n- {type: p, state: dirty, names: [a], nmaes: [b]}\n');
    expect(warnings).toEqual([
      'file:2:3: p starts as "dirty" in Boskos, for its janitor to make it free; here nothing cleans, and all are free',
      'file:2:39: nobody here knows the key "nmaes"; it is left out',
    ]);
  });

  test.each([
    ['no type', '- {names: [a]}', 'file:3:3: expected a type for each kind of resource, found none'],
    ['no list of names', '- {type: b, names: a}', 'file:3:20: names of b: expected a list, found "a"'],
    ['a map among the names', '- {type: b, names: [{a: 1}]}', 'file:3:21: names of b: expected a text, found a map'],
    [
      'a type with a space',
      '- {type: b c, names: [a]}',
      'file:3:10: tags of a: a tag has neither spaces nor commas, found "b c"',
    ],
    ['nothing to make', '- {type: b}', 'file:3:3: b has neither names nor a max-count'],
    [
      'too many slots',
      '- {type: b, max-count: 99999}',
      'file:3:24: slots of b: expected a whole number from 1 to 10000, found 99999',
    ],
  ])('is told where it has %s', (_, line, problem) => {
    expect(problemsOf(`resources:\n- {type: x, names: [x]}\n${line}\n`)).toEqual([problem]);
  });
});

describe('py-lockable', () => {
  test('is locked by its id; what it is asked for by are properties, and what is not online is offline', () => {
    const list = [
      {
        id: 1,
        online: true,
        hostname: 'h',
        type: 'gpu',
        hw: { ram: 8, parts: ['a', 'b'] },
        tags: ['x', 'y'],
        none: null,
      },
      { id: '2', online: false, name: 'the old one', slots: [{ a: 1 }] },
      { id: '3', tags: 'p q' },
    ];
    const { format, resources, warnings } = imported(JSON.stringify(list));
    expect(format).toBe('py-lockable');
    expect(resources).toEqual([
      { name: '1', tags: ['x', 'y'], properties: { hostname: 'h', type: 'gpu', 'hw.ram': 8, 'hw.parts': 'a,b' } },
      {
        name: '2',
        description: 'the old one',
        properties: {},
        offline: { reason: 'online is false in resources.json', until: null },
      },
      { name: '3', properties: { tags: 'p q' } },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^file:1:\d+: "slots" is more than a property can be; it is left out$/),
    ]);
  });

  test.each([
    ['no id', '[{"id":"1","online":true},\n{"online":true}]', 'file:2:1: expected a text for "id", found none'],
    ['an id that is a list', '[{"id":[],"online":true}]', 'file:1:8: expected a text for "id", found a list'],
    [
      'something else among them',
      '[{"id":"1","online":true},\n7]',
      'file:2:1: expected a list of resources, each with an id: each of them a map, found 7',
    ],
  ])('is told where it has %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('nothing that looks like a secret is taken over, however deep it is', () => {
    const list = [
      { id: '1', online: true, ssh: { password: 'hunter2' }, apiKey: 'hunter2', url: 'http://a:hunter2@b/' },
    ];
    const read = imported(JSON.stringify(list));
    expect(read.resources).toEqual([{ name: '1', properties: {} }]);
    expect(read.warnings).toHaveLength(3);
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });
});

describe('releng-hardware', () => {
  const entry = (datacenter: string, machine: string) => ({
    datacenter,
    machine,
    lastseen: '2018-11-08T08:47:50.939514',
  });

  test('each machine is a resource that is on it; of one name, the datacenter tells them apart', () => {
    const read = imported(JSON.stringify([entry('mdc1', 'a'), entry('mdc2', 'b'), entry('mdc1', 'b')], null, 2));
    expect(read.format).toBe('releng-hardware');
    expect(read.resources).toEqual([
      { name: 'a', machine: 'mdc1:a', tags: ['mdc1'] },
      { name: 'mdc2:b', machine: 'mdc2:b', tags: ['mdc2'] },
      { name: 'mdc1:b', machine: 'mdc1:b', tags: ['mdc1'] },
    ]);
    expect(read.warnings).toEqual([
      'file: when they were last seen is not imported; `rentabot machines preload` takes that over from the same list',
      'file:9:16: 2 are called "b"; here they are mdc2:b, mdc1:b',
    ]);
  });

  test.each([
    ['a datacenter with a colon', [entry('a:b', 'c')], 'file:1:16: a datacenter has no colon: "a:b"'],
    ['a machine with a space', [entry('a', 'b c')], /^file:1:\d+: machine of b c: a machine is DATACENTER:HOST/],
    [
      'no datacenter',
      [entry('a', 'b'), { machine: 'c' }],
      /^file:1:\d+: expected a text for "datacenter", found none$/,
    ],
  ])('is told where it has %s', (_, list, problem) => {
    expect(problemsOf(JSON.stringify(list))).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });
});

describe('rent-a-bot', () => {
  const one = {
    id: 1,
    name: 'a',
    description: 'd',
    endpoint: 'tcp://a',
    tags: 'x y',
    'lock-token': null,
    'lock-details': 'Resource is available',
  };

  test('its API of 2017 and that of 1.0.0 give the same, with the longest lock where it is not the default', () => {
    const expected = { name: 'a', description: 'd', endpoint: 'tcp://a', tags: ['x', 'y'] };
    expect(imported(JSON.stringify({ resources: [one] }))).toEqual({
      format: 'rent-a-bot',
      resources: [expected],
      warnings: [],
    });
    const newer = { ...one, tags: 'x,y', 'lock-token': '', 'lock-acquired-at': null, 'lock-expires-at': null };
    const longest = [86_400, 7200].map((seconds) => ({ ...newer, name: `a${seconds}`, 'max-lock-duration': seconds }));
    expect(imported(JSON.stringify({ resources: longest })).resources).toEqual([
      { ...expected, name: 'a86400' },
      { ...expected, name: 'a7200', maxHold: 7200 },
    ]);
  });

  test('what is locked there is said, and its token is not', () => {
    const locked = { ...one, 'lock-token': 'hunter2', 'lock-expires-at': '2026-01-01T00:00:00.000000Z' };
    const read = imported(JSON.stringify({ resources: [locked] }));
    expect(read.warnings).toEqual([
      'file:1:30: a is locked until 2026-01-01T00:00:00.000000Z in rent-a-bot; here it is free',
    ]);
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });

  test('is told where it is wrong', () => {
    const wrong = [
      { ...one, name: 'a,b' },
      { ...one, tags: { x: 1 } },
    ];
    expect(problemsOf(JSON.stringify({ resources: wrong }, null, 1))).toEqual([
      'file:5:12: a name has no comma: "a,b"',
      'file:17:12: tags of a: expected a text with commas or spaces, or a list, found a map',
    ]);
  });
});

describe('another rentabot', () => {
  const described = {
    ...{
      name: 'a',
      description: 'd',
      endpoint: 'ssh://u:p@h',
      tags: ['x'],
      properties: { n: 7, t: '7' },
      env: { A: 's' },
      slots: 2,
    },
    ...{ maxHold: 0.25, offline: { reason: 'no', until: '2100-01-01T00:00:00.000Z' }, machine: null, staleAfter: null },
  };

  test('an export as JSON gives all of it, as it was', () => {
    const { source: _, ...expected } = { ...described, source: 'api' };
    expect(imported(JSON.stringify({ resources: [{ ...described, source: 'api' }] }))).toEqual({
      format: 'rentabot',
      resources: [expected],
      warnings: [],
    });
  });

  test('the list of resources gives what is in it, and says who has what, and that env is not', () => {
    const { env: _, ...seen } = described;
    const listed = {
      ...{ ...seen, id: 1, state: 'held', lastUsed: null, drainedAt: null, waiting: 0 },
      offline: { reason: 'fan', until: null, by: 'bob', since: '2026-01-01T00:00:00.000Z' },
      leases: [{ id: 'L', holder: { name: 'ann', host: 'ws', link: null }, note: '' }],
    };
    const { resources, warnings } = imported(
      JSON.stringify({ resources: [listed, { ...listed, name: 'b', state: 'retiring' }] }),
    );
    expect(resources).toEqual([{ ...seen, offline: { reason: 'fan', until: null } }]);
    expect(warnings).toEqual([
      'file: this list does not tell the variables for holders (env); `rentabot export` does',
      'file:1:23: a is held there by ann; here it is free',
      expect.stringMatching(/^file:1:\d+: b is about to go there; it is left out$/),
    ]);
  });
});
