import { describe, expect, test } from 'vitest';
import { merged } from '../../src/core/description.ts';
import { tell } from '../../src/core/told.ts';
import {
  acquire,
  add,
  declare,
  description,
  edit,
  offline,
  release,
  remove,
  rules,
  SECOND,
} from '../support/builders.ts';
import { World } from '../support/world.ts';

const gpu = (name: string, more = {}) => description(name, { tags: ['gpu'], ...more });
const ids = (world: World) =>
  [...world.state.catalogue.byId.values()].map(({ resource }) => `${resource.id} ${resource.name}`);

describe('to add a resource', () => {
  test('serves who waits for it, and who asks later', () => {
    const world = new World();
    world.turn(declare([gpu('x')]), acquire('a', 'gpu'), acquire('b', 'gpu'));
    expect(world.ask(add(gpu('y')))).toBeNull();
    expect(world.has('b')).toEqual(['y']);
    expect(world.resource('y')).toMatchObject({ id: 2, source: 'api', retiring: false });
  });

  test('once more changes nothing, and something else by its name is refused', () => {
    const world = new World();
    world.turn(add(gpu('x')));
    expect(world.ask(add(gpu('x')))).toBeNull();
    expect(world.events).toEqual([]);
    expect(world.ask(add(gpu('x', { slots: 2 })))).toMatchObject({
      code: 'conflict',
      detail: 'there is a resource x already',
    });
  });

  test('repeated after it was edited undoes no edit', () => {
    const world = new World();
    world.turn(add(gpu('x')), edit('x', { slots: 2 }));
    expect(world.ask(add(gpu('x')))).toBeNull();
    expect(world.resource('x').slots).toBe(2);
  });

  test('beyond the limit is refused', () => {
    const world = new World(rules({ resources: 1 }));
    world.turn(add(gpu('x')));
    expect(world.ask(add(gpu('y')))).toMatchObject({ code: 'limit' });
  });

  test('describes a name that was made up, held or not, and keeps its number', () => {
    const world = new World(rules({}, 'create'));
    world.turn(acquire('a', 'name:x'));
    world.turn(add(gpu('x', { slots: 2 })));
    expect(ids(world)).toEqual(['1 x']);
    expect(world.answer(acquire('b', 'gpu'))).toBe('held');
  });

  test('under a name that is retiring takes it back, with its holder', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'gpu'));
    world.turn(remove('x'));
    expect(world.ask(add(gpu('x', { slots: 2 })))).toBeNull();
    world.turn(release('a'));
    expect(ids(world)).toEqual(['1 x']);
  });

  test('says in the history who did', () => {
    const world = new World();
    world.turn(add(gpu('x')));
    expect(tell(world.state, world.events, world.now)).toMatchObject([{ type: 'resource-added', by: 'root' }]);
  });
});

describe('to edit a resource', () => {
  test('keeps its number, its holder and those who wait', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'name:x'), acquire('b', 'name:x'));
    world.turn(edit('x', { endpoint: 'there', tags: ['other'] }));
    expect(ids(world)).toEqual(['1 x']);
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'waiting']);
    expect(world.resource('x')).toMatchObject({ endpoint: 'there', tags: ['other'] });
  });

  test('wakes who waits for a tag that it gets', () => {
    const world = new World();
    world.turn(add(gpu('x')), add(description('y')), acquire('a', 'gpu'), acquire('b', 'gpu'));
    world.turn(edit('y', { addTags: ['gpu'] }));
    expect(world.has('b')).toEqual(['y']);
  });

  test('tells those at once who want what no longer exists', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'name:x'), acquire('b', 'gpu'));
    world.turn(edit('x', { removeTags: ['gpu'] }));
    expect(world.standing('b')).toBe('impossible');
  });

  test('raises slots for who waits, and lowers them without taking any away', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'gpu'), acquire('b', 'gpu'), acquire('c', 'gpu'));
    world.turn(edit('x', { slots: 2 }));
    expect(['a', 'b', 'c'].map((id) => world.standing(id))).toEqual(['held', 'held', 'waiting']);
    world.turn(edit('x', { slots: 1 }));
    world.turn(release('a'));
    expect(world.standing('c')).toBe('waiting');
    world.turn(release('b'));
    expect(world.standing('c')).toBe('held');
  });

  test('adds, replaces and takes away single tags, properties and variables', () => {
    const world = new World();
    world.turn(add(gpu('x', { properties: { mem: 8, rack: 1 }, env: { A: '1', B: '2' } })));
    world.turn(
      edit('x', { addTags: ['a', 'gpu'], removeTags: ['b'], properties: { mem: 16, rack: null }, env: { A: null } }),
    );
    expect(world.resource('x')).toMatchObject({ tags: ['gpu', 'a'], properties: { mem: 16 }, env: { B: '2' } });
    world.turn(edit('x', { addTags: ['a'], removeTags: ['b'], properties: { rack: null } }));
    expect(world.events).toEqual([]);
  });

  test('up to a number of tags, however many requests bring them', () => {
    const world = new World();
    const many = (from: number) => Array.from({ length: 60 }, (_, i) => `t${from + i}`);
    world.turn(add(gpu('x', { tags: many(0) })));
    expect(world.ask(edit('x', { addTags: many(60) }))).toMatchObject({
      code: 'usage',
      detail: 'x would have 120 tags, and 100 are the most',
    });
  });

  test('of a name that nobody knows is refused with the nearest', () => {
    const world = new World();
    world.turn(add(gpu('board-1')));
    expect(world.ask(edit('board-2', { slots: 2 }))?.hint).toContain('did you mean board-1?');
  });

  test('of a made-up name keeps it: it is no longer among those that go by themselves', () => {
    const world = new World(rules({ undeclared: 0 }, 'create'));
    world.turn(acquire('a', 'name:x'));
    world.turn(edit('x', { slots: 2 }), release('a'));
    world.turn(acquire('b', 'name:y'));
    expect(ids(world)).toContain('1 x');
  });
});

describe('to remove a resource', () => {
  test('takes it away at once where nobody holds it, and its number with it', () => {
    const world = new World();
    world.turn(add(gpu('x')));
    world.turn(remove('x'));
    expect(ids(world)).toEqual([]);
    world.turn(add(gpu('x')));
    expect(ids(world)).toEqual(['2 x']);
  });

  test('while it is held retires it: nobody new gets it, and it goes when its holder is done', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'gpu'), acquire('b', 'gpu'));
    world.turn(remove('x'));
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'impossible']);
    expect(world.resource('x').retiring).toBe(true);
    world.turn(remove('x'));
    expect(world.events).toEqual([]);
    world.turn(release('a'));
    expect(ids(world)).toEqual([]);
  });

  test('waits for the drain after a silent holder', () => {
    const world = new World();
    world.turn(add(gpu('x')), acquire('a', 'gpu', { guarded: true }));
    world.pass(30 * SECOND);
    world.turn(remove('x'));
    expect(world.resource('x').retiring).toBe(true);
    world.pass(2 * SECOND);
    expect(ids(world)).toEqual([]);
  });

  test('that nobody knows is refused', () => {
    expect(new World().ask(remove('x'))).toMatchObject({ code: 'impossible' });
  });
});

describe('a reload after people changed things', () => {
  const file = (...resources: Parameters<typeof declare>[0]) => declare(resources);

  test('leaves alone what they changed, tag by tag and property by property', () => {
    const world = new World();
    world.turn(file(gpu('x', { properties: { mem: 8, rack: 1 } })));
    world.turn(edit('x', { addTags: ['flaky'], slots: 2, properties: { mem: 16 } }), offline('x'));
    world.restart();
    world.turn(file(gpu('x', { tags: ['gpu', 'new'], properties: { mem: 8, rack: 2 }, endpoint: 'there' })));
    expect(world.resource('x')).toMatchObject({
      id: 1,
      tags: ['gpu', 'new', 'flaky'],
      slots: 2,
      properties: { mem: 16, rack: 2 },
      endpoint: 'there',
      offline: { reason: 'fan broken' },
    });
  });

  test('takes from the file what it says anew of the same', () => {
    const world = new World();
    world.turn(file(gpu('x')), edit('x', { slots: 2 }));
    world.turn(file(gpu('x', { slots: 3 })));
    expect(world.resource('x').slots).toBe(3);
  });

  test('does not bring back what they removed, held or not, over a restart and until the file says something else', () => {
    const world = new World();
    const before = file(gpu('x'), gpu('y'));
    world.turn(before, acquire('a', 'name:x'));
    world.turn(remove('x'), remove('y'));
    world.turn(before);
    expect(world.resource('x').retiring).toBe(true);
    world.turn(release('a'));
    world.restart();
    world.turn(before);
    expect(ids(world)).toEqual([]);
    world.turn(file(gpu('x'), gpu('y', { slots: 2 })));
    expect(ids(world)).toEqual(['3 y']);
  });

  test('brings back what was removed, then left the file, and is described again', () => {
    const world = new World();
    world.turn(file(gpu('x')), remove('x'));
    world.turn(file());
    world.turn(file(gpu('x')));
    expect(ids(world)).toEqual(['2 x']);
  });

  test('leaves alone what they removed and added anew in another way', () => {
    const world = new World();
    world.turn(file(gpu('x')), remove('x'));
    world.turn(add(gpu('x', { slots: 2 })));
    world.turn(file(gpu('x')));
    expect(world.resource('x')).toMatchObject({ id: 2, slots: 2, source: 'file:a' });
    world.turn(file());
    expect(ids(world)).toEqual([]);
  });

  test('that describes what they added takes it over with what they said of it since', () => {
    const world = new World();
    world.turn(add(gpu('x')), edit('x', { addTags: ['flaky'] }));
    world.turn(file(gpu('x', { slots: 2 })));
    expect(world.resource('x')).toMatchObject({ id: 1, source: 'file:a', slots: 2, tags: ['gpu', 'flaky'] });
  });
});

test.each([
  ['says the same', { mem: 1 }, { mem: 2 }, { mem: 1 }, { mem: 2 }],
  ['says something new', { mem: 1 }, { mem: 2 }, { mem: 3 }, { mem: 3 }],
  ['no longer has what is as it was', { mem: 1 }, { mem: 1 }, {}, {}],
  ['no longer has what people changed', { mem: 1 }, { mem: 2 }, {}, {}],
  ['has what people took away', { mem: 1 }, {}, { mem: 1 }, {}],
  ['never had what people added', {}, { mem: 2 }, {}, { mem: 2 }],
  ['has what is called like something every object has', {}, {}, { constructor: 1 }, { constructor: 1 }],
])('where the file %s of a property, that is what counts', (_, before, now, file, expected) => {
  const of = (properties: Record<string, number>) => description('x', { properties });
  expect(merged(of(before), of(now), of(file)).properties).toEqual(expected);
});
