import { describe, expect, test } from 'vitest';
import { acquire, declare, description, offline, online, release, rules, SECOND } from '../support/builders.ts';
import { World } from '../support/world.ts';

const gpu = (name: string, more = {}) => description(name, { tags: ['gpu'], ...more });
const ids = (world: World) =>
  [...world.state.catalogue.byId.values()].map(({ resource }) => `${resource.id} ${resource.name}`);

describe('a reload', () => {
  test('of the same file changes nothing', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]));
    world.turn(declare([gpu('x'), gpu('y')]));
    expect(world.events).toEqual([]);
  });

  test('applies the difference and keeps the ids', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]));
    world.turn(declare([gpu('x', { endpoint: 'there' }), gpu('y'), gpu('z')]));
    expect(world.typesOfEvents()).toEqual(['resource-changed', 'resource-added']);
    expect(ids(world)).toEqual(['1 x', '2 y', '3 z']);
    expect(world.resource('x').endpoint).toBe('there');
  });

  test('gives an id once: what left and comes back is a new resource', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]));
    world.turn(declare([gpu('x')]));
    world.turn(declare([gpu('x'), gpu('y')]));
    expect(ids(world)).toEqual(['1 x', '3 y']);
    world.turn(declare([]));
    world.restart();
    world.turn(declare([gpu('x')]));
    expect(ids(world)).toEqual(['4 x']);
  });

  test('frees nothing that is held: what left the file goes when its holder is done', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]), acquire('a', 'name:x'));
    world.turn(declare([gpu('y')]));
    expect(world.standing('a')).toBe('held');
    expect(world.resource('x').retiring).toBe(true);
    world.ask(release('a'));
    expect(world.typesOfEvents()).toEqual(['lease-ended', 'resource-removed']);
    expect(ids(world)).toEqual(['2 y']);
  });

  test('what is retiring is given to nobody new, and coming back it is as before', () => {
    const world = new World();
    world.turn(declare([gpu('x', { slots: 2 })]), acquire('a', 'gpu'));
    world.turn(declare([gpu('y', { offline: { reason: 'new', until: null } })]));
    expect(world.answer(acquire('b', 'gpu'))).toBe('waiting');
    expect(world.answer(acquire('c', '2*gpu'))).toBe('impossible');
    world.turn(declare([gpu('x', { slots: 2 })]));
    expect(ids(world)).toEqual(['1 x']);
    expect([world.standing('a'), world.standing('b')]).toEqual(['held', 'held']);
  });

  test('whose last of several holders is done removes it once', () => {
    const world = new World();
    world.turn(declare([gpu('x', { slots: 2 })]), acquire('a', 'gpu'), acquire('b', 'gpu'));
    world.turn(declare([]));
    world.turn(release('a'), release('b'));
    expect(world.typesOfEvents()).toEqual(['lease-ended', 'lease-ended', 'resource-removed']);
  });

  test('tells those at once who wait for what is gone', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]), acquire('a', 'name:x'), acquire('b', '2*gpu'), acquire('c', 'gpu'));
    world.turn(declare([gpu('y')]));
    expect(world.standing('b')).toBe('impossible');
    expect(world.standing('c')).toBe('held');
    expect(world.ask(acquire('b', '2*gpu'))).toMatchObject({ code: 'impossible', detail: '2*gpu no longer exists' });
  });

  test('with new tags, more slots or another name wakes who waits for them', () => {
    const world = new World();
    world.turn(declare([gpu('x'), description('y'), gpu('z')]));
    world.turn(acquire('h', 'name:x'), acquire('i', 'name:z'));
    world.turn(acquire('a', 'gpu'), acquire('b', 'name:x'));
    world.turn(declare([gpu('x', { slots: 2 }), gpu('y'), gpu('z')]));
    expect(world.has('a')).toEqual(['y']);
    expect(world.has('b')).toEqual(['x']);
  });

  test('with fewer slots takes nothing from who has them', () => {
    const world = new World();
    world.turn(declare([gpu('x', { slots: 3 })]), acquire('a', 'gpu'), acquire('b', 'gpu'), acquire('c', 'gpu'));
    world.turn(declare([gpu('x')]), acquire('d', 'gpu'));
    expect(world.state.leases.size).toBe(3);
    world.turn(release('a'), release('b'));
    expect(world.standing('d')).toBe('waiting');
    world.ask(release('c'));
    expect(world.standing('d')).toBe('held');
  });

  test('that takes a tag away lets the next through who wants it by another word', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y')]), acquire('h', 'name:y'));
    world.turn(acquire('big', '2*gpu'), acquire('a', 'name:x'));
    expect(world.standing('a')).toBe('waiting');
    world.turn(declare([description('x'), gpu('y'), gpu('z')]));
    expect([world.standing('big'), world.standing('a')]).toEqual(['waiting', 'held']);
  });

  test('leaves what people set: offline stays until somebody says so, or the file changes its mind', () => {
    const world = new World();
    world.turn(declare([gpu('x'), gpu('y', { offline: { reason: 'mended', until: null } })]));
    world.turn(offline('x'), online('y'));
    world.turn(declare([gpu('x', { endpoint: 'there' }), gpu('y', { offline: { reason: 'mended', until: null } })]));
    expect(world.resource('x').offline?.reason).toBe('fan broken');
    expect(world.resource('y').offline).toBeNull();
    world.turn(declare([gpu('x'), gpu('y', { offline: { reason: 'burnt', until: null } })]));
    expect(world.resource('y').offline?.reason).toBe('burnt');
  });

  test('an offline with a time in the past is none', () => {
    const world = new World();
    world.turn(declare([gpu('x', { offline: { reason: 'old', until: world.now } })]));
    expect(world.resource('x').offline).toBeNull();
  });

  test('of one file leaves alone what others describe', () => {
    const world = new World();
    world.turn(declare([gpu('x')], { source: 'file:a' }), declare([gpu('y')], { source: 'file:b' }));
    world.turn(declare([], { source: 'file:a' }));
    expect(ids(world)).toEqual(['2 y']);
  });

  test('that only adds takes nothing away', () => {
    const world = new World();
    world.turn(declare([gpu('x')], { additive: true }), declare([gpu('y')], { additive: true }));
    expect(ids(world)).toEqual(['1 x', '2 y']);
  });

  test('with more resources than the limit is refused whole', () => {
    const world = new World(rules({ resources: 2 }));
    world.turn(declare([gpu('x')]));
    expect(world.ask(declare([gpu('x'), gpu('y'), gpu('z')]))).toMatchObject({
      code: 'limit',
      detail: '3 resources, and the limit (resources) is 2',
    });
    expect(ids(world)).toEqual(['1 x']);
  });

  test('a name given twice: the last counts', () => {
    const world = new World();
    world.turn(declare([gpu('x', { endpoint: 'first' }), gpu('x', { endpoint: 'last' })]));
    expect(ids(world)).toEqual(['1 x']);
    expect(world.resource('x').endpoint).toBe('last');
  });
});

describe('names that nobody declared', () => {
  test('are impossible in a shared daemon', () => {
    expect(new World().answer(acquire('a', 'name:x'))).toBe('impossible');
  });

  const creating = (undeclared = 2) => new World(rules({ undeclared }, 'create'));

  test('are made when first asked for, where the rules say so; the second waits for the first', () => {
    const world = creating();
    expect(world.answer(acquire('a', 'name:x'))).toBe('held');
    expect(world.answer(acquire('b', 'name:x'))).toBe('waiting');
    expect(ids(world)).toEqual(['1 x']);
  });

  test('two at once, and next to one that exists', () => {
    const world = creating();
    world.turn(declare([gpu('g')]));
    world.ask(acquire('a', ['name:x', 'gpu', 'name:y']));
    expect(world.has('a')).toEqual(['x', 'g', 'y']);
  });

  test('leave no trace where the rest is impossible, which is what the answer is about', () => {
    const world = creating();
    expect(world.ask(acquire('a', ['name:x', 'gpu']))).toMatchObject({
      code: 'impossible',
      detail: 'no resource matches gpu',
    });
    expect(world.events).toEqual([]);
  });

  test('are bounded by the limit on resources while all of them are held', () => {
    const world = new World(rules({ undeclared: 100, resources: 3 }, 'create'));
    for (const name of ['x', 'y', 'z']) expect(world.answer(acquire(name, `name:${name}`))).toBe('held');
    expect(world.ask(acquire('a', 'name:one-more'))).toMatchObject({ code: 'limit' });
    expect(ids(world)).toEqual(['1 x', '2 y', '3 z']);
  });

  test('the same name twice cannot be had together', () => {
    const world = creating();
    expect(world.ask(acquire('a', ['name:x', 'name:x']))?.detail).toBe(
      'x + x cannot be had together: a name stands for one resource',
    );
  });

  test('beyond the limit those go that nobody needs, longest idle first', () => {
    const world = creating(2);
    for (const id of ['a', 'b', 'c']) {
      world.ask(acquire(id, `name:${id}`));
      world.pass(SECOND);
    }
    expect(ids(world)).toEqual(['1 a', '2 b', '3 c']);
    world.turn(release('b'));
    world.pass(SECOND);
    world.turn(release('a'));
    world.ask(acquire('d', 'name:d'));
    expect(ids(world)).toEqual(['3 c', '4 d']);
  });

  test('a declaration takes over a made-up one, held or not', () => {
    const world = creating();
    world.ask(acquire('a', 'name:x'));
    world.turn(declare([gpu('x', { slots: 2 })]));
    expect(ids(world)).toEqual(['1 x']);
    expect(world.answer(acquire('b', 'gpu'))).toBe('held');
  });
});
