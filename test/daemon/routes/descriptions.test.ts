import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DescriptorJson, ResourceJson } from '../../../src/core/wire.ts';
import { description } from '../../support/builders.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf, problemOf } from '../../support/http.ts';

let running: TestDaemon;
beforeEach(async () => {
  running = await startDaemon({ resources: [description('board-1', { tags: ['board'], env: { PORT: '1' } })] });
});
afterEach(() => running.close());

const RESOURCES = '/api/v2/resources';
const one = (name: string) => `${RESOURCES}/${encodeURIComponent(name)}`;
const resourceIn = (answer: { readonly text: string }) =>
  jsonOf<{ readonly resource: ResourceJson }>(answer as never).resource;
const edit = (name: string, body: unknown) => running.http.ask('PATCH', one(name), { body });

describe('POST', () => {
  test('adds a resource with all that a descriptor can say of it', async () => {
    const body = {
      ...{ name: 'gpu 0', description: ' a  card ', endpoint: 'ssh://x', tags: ['gpu', 'gpu'], slots: 2, maxHold: 90 },
      ...{ properties: { mem: 40, rack: 'a', fast: true }, env: { CUDA: '0' } },
      ...{ machine: 'mdc1:a', staleAfter: 600 },
      offline: { reason: 'new', until: '2100-01-01T00:00:00Z' },
    };
    const answer = await running.http.post(RESOURCES, body);
    expect(answer.status).toBe(201);
    expect(resourceIn(answer)).toMatchObject({
      ...{ id: 2, name: 'gpu 0', description: 'a card', tags: ['gpu'], slots: 2, maxHold: 90, state: 'offline' },
      offline: { reason: 'new', until: '2100-01-01T00:00:00.000Z' },
    });
    const exported = jsonOf<DescriptorJson>(await running.http.get('/api/v2/descriptor')).resources;
    expect(exported[1]).toEqual({
      ...body,
      description: 'a card',
      tags: ['gpu'],
      offline: { reason: 'new', until: '2100-01-01T00:00:00.000Z' },
      source: 'api',
    });
  });

  test('repeated is answered as the first time, and another by the name is a conflict', async () => {
    for (let i = 0; i < 2; i += 1) expect((await running.http.post(RESOURCES, { name: 'x' })).status).toBe(201);
    const answer = await running.http.post(RESOURCES, { name: 'x', slots: 2 });
    expect(problemOf(answer)).toMatchObject({ status: 409, code: 'conflict', hint: '`rentabot edit x` changes it' });
  });

  test.each([
    ['no name', {}],
    ['a name with a comma', { name: 'a,b' }],
    ['a name that ends with a space', { name: 'a ' }],
    ['a tag with a space', { name: 'a', tags: ['b c'] }],
    ['more tags than may be', { name: 'a', tags: Array.from({ length: 101 }, (_, i) => `t${i}`) }],
    ['more properties than may be', { name: 'a', properties: Object.fromEntries([...Array(101).keys()].entries()) }],
    ['a property that no expression could name', { name: 'a', properties: { 'a b': 1 } }],
    ['a variable of our own', { name: 'a', env: { RENTABOT_URL: 'x' } }],
    ['no slots', { name: 'a', slots: 0 }],
    ['an unknown key', { name: 'a', slot: 1 }],
  ])('refuses %s', async (_, body) => {
    expect(problemOf(await running.http.post(RESOURCES, body))).toMatchObject({ status: 422, code: 'usage' });
  });
});

describe('PATCH', () => {
  test('changes what is named, and null takes away', async () => {
    await edit('board-1', { properties: { mem: 8, rack: 1 }, description: 'old', maxHold: 5 });
    const answer = await edit('board-1', {
      ...{ addTags: ['flaky'], properties: { mem: null, rack: 2 }, env: null, description: null, maxHold: null },
      slots: 3,
    });
    expect(answer.status).toBe(200);
    expect(resourceIn(answer)).toMatchObject({
      ...{ id: 1, tags: ['board', 'flaky'], properties: { rack: 2 }, description: '', maxHold: null, slots: 3 },
    });
    const { resources } = jsonOf<DescriptorJson>(await running.http.get('/api/v2/descriptor'));
    expect(resources[0]).toMatchObject({ env: {}, source: 'file:test' });
  });

  test('of what it was changes nothing that somebody else has changed since, and is no conflict with itself', async () => {
    const { resources } = jsonOf<DescriptorJson>(await running.http.get('/api/v2/descriptor'));
    const [{ name: _, offline: __, source: ___, ...was }] = resources as [DescriptorJson['resources'][number]];
    const first = { slots: 2, was };
    for (let i = 0; i < 2; i += 1) expect((await edit('board-1', first)).status).toBe(200);
    expect(problemOf(await edit('board-1', { addTags: ['mine'], was }))).toMatchObject({
      ...{ status: 409, code: 'conflict', detail: 'somebody has changed board-1 meanwhile; nothing was changed' },
    });
    expect(resourceIn(await running.http.get(one('board-1')))).toMatchObject({ slots: 2, tags: ['board'] });
    const now = { ...was, slots: 2, tags: [...was.tags].reverse() };
    expect((await edit('board-1', { addTags: ['mine'], was: now })).status).toBe(200);
  });

  test('serves who waits for what it is now', async () => {
    const lease = running.lease();
    await lease.hold('board-1');
    const waiter = running.lease();
    const stream = await waiter.stream('board-1', { wait: null });
    await edit('board-1', { slots: 2 });
    expect((await stream.nextOf('held')).event).toBe('held');
  });

  test('of a name that nobody knows is 404 with the nearest', async () => {
    expect(problemOf(await edit('board-2', { slots: 2 }))).toMatchObject({
      status: 404,
      hint: expect.stringContaining('did you mean board-1?'),
    });
  });
});

describe('DELETE', () => {
  test('is 204, and 404 for what is not there', async () => {
    expect((await running.http.delete(one('board-1'))).status).toBe(204);
    expect(problemOf(await running.http.delete(one('board-1'))).status).toBe(404);
  });

  test('is 202 while it is held, and again, until its holder is done', async () => {
    const lease = running.lease();
    await lease.hold('board-1');
    for (let i = 0; i < 2; i += 1) {
      const answer = await running.http.delete(one('board-1'));
      expect(answer.status).toBe(202);
      expect(resourceIn(answer)).toMatchObject({ state: 'retiring' });
    }
    await lease.release();
    expect((await running.http.get(one('board-1'))).status).toBe(404);
  });

  test('keeps away what its file still has', async () => {
    await running.http.delete(one('board-1'));
    await running.declare([description('board-1', { tags: ['board'], env: { PORT: '1' } }), 'board-2']);
    const { resources } = jsonOf<{ resources: ResourceJson[] }>(await running.http.get(RESOURCES));
    expect(resources.map(({ id, name }) => `${id} ${name}`)).toEqual(['2 board-2']);
  });
});

test('who takes it offline is told by name where the daemon knows nobody', async () => {
  const answer = await running.http.post(`${one('board-1')}/offline`, { reason: 'fan broken', by: 'bob' });
  expect(resourceIn(answer).offline).toMatchObject({ reason: 'fan broken', by: 'bob' });
});

test('and by who they are where it knows them, whatever they say', async () => {
  const known = await startDaemon({
    resources: ['board-1'],
    identify: () => ({ name: 'alice', role: 'admin' }),
  });
  const answer = await known.http.post(`${one('board-1')}/offline`, { reason: 'fan broken', by: 'bob' });
  expect(resourceIn(answer).offline).toMatchObject({ by: 'alice' });
  await known.close();
});
