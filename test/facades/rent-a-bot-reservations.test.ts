import { afterEach, describe, expect, test } from 'vitest';
import { MemoryIdentities } from '../../src/daemon/store/identity-memory.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { description, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, startDaemon, type TestDaemon } from '../support/daemon.ts';

const RESERVATIONS = '/api/v1/reservations';
const RESOURCES = '/api/v1/resources';
const FLEET = [
  description('s1', { tags: ['board', 'uart'] }),
  description('s2', { tags: ['board', 'jtag'] }),
  description('s3', { tags: ['gpu'], maxHold: 600 * SECOND }),
];

let daemon: TestDaemon;
let clock: FakeClock;
async function start(more: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: FLEET, clock, ...more });
}
afterEach(() => daemon.close());

type Body = Record<string, unknown>;

async function ask(method: string, path: string, body?: unknown): Promise<[number, Body]> {
  const { status, text } = await daemon.http.ask(method, path, { body });
  return [status, text === '' ? {} : (JSON.parse(text) as Body)];
}

const show = async (id: unknown): Promise<Body> => (await ask('GET', `${RESERVATIONS}/${id}`))[1];
const claim = (id: unknown) => ask('POST', `${RESERVATIONS}/${id}/claim`);

async function reserve(tags: readonly string[], more: Body = {}): Promise<unknown> {
  const [status, { reservation_id }] = await ask('POST', RESERVATIONS, { tags, quantity: 1, ...more });
  expect(status).toBe(201);
  return reservation_id;
}

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * SECOND);
  await daemon.engine.read(() => null);
}

const stamp = (at = clock.now()): string => new Date(at).toISOString().replace('Z', '000Z');

test('a reservation is pending when it is made, even where it is fulfilled at once', async () => {
  await start();
  const [status, made] = await ask('POST', RESERVATIONS, { tags: ['uart', 'board'], quantity: 1 });
  expect([status, made]).toEqual([
    201,
    {
      reservation_id: expect.stringMatching(/^res_[0-9a-f]{32}$/),
      ...{ status: 'pending', tags: ['uart', 'board'], quantity: 1, ttl: 3600, position_in_queue: null },
      ...{ created_at: stamp(), expires_at: stamp(clock.now() + 3600 * SECOND), fulfilled_at: null },
      ...{ claim_expires_at: null, claimed_at: null, resource_ids: [], lock_tokens: [] },
    },
  ]);
  expect(await show(made.reservation_id)).toMatchObject({
    ...{ status: 'fulfilled', fulfilled_at: stamp(), claim_expires_at: stamp(clock.now() + 60 * SECOND) },
    ...{ position_in_queue: null, resource_ids: [1], lock_tokens: ['hidden'] },
  });
});

test('what is claimed is locked, for its ttl from the claim on, each with a token of its own', async () => {
  await start();
  const id = await reserve(['board'], { quantity: 2, ttl: 100 });
  await pass(30);
  expect((await ask('POST', `${RESOURCES}/1/lock`))[0]).toBe(403);
  const [status, claimed] = await claim(id);
  expect([status, claimed]).toMatchObject([200, { status: 'claimed', claimed_at: stamp(), resource_ids: [1, 2] }]);
  const [one, two] = claimed.lock_tokens as string[];
  expect(one).not.toBe(two);
  const [, { resource }] = await ask('GET', `${RESOURCES}/1`);
  expect(resource).toMatchObject({
    'lock-details': 'Resource locked (reservation)',
    'lock-expires-at': stamp(clock.now() + 100 * SECOND),
  });
  expect((await ask('POST', `${RESOURCES}/1/unlock?lock-token=${two}`))[0]).toBe(403);
  expect((await ask('POST', `${RESOURCES}/1/unlock?lock-token=${one}`))[0]).toBe(200);
  expect((await ask('POST', `${RESOURCES}/1/lock`))[0]).toBe(200);
  expect((await ask('POST', `${RESOURCES}/2/lock`))[0]).toBe(403);
  expect((await ask('POST', `${RESOURCES}/2/extend?lock-token=${two}&additional-ttl=50`))[0]).toBe(200);
  await pass(50);
  expect((await ask('POST', `${RESOURCES}/2/lock`))[0]).toBe(200);
});

test('better: a claim never hands out a dead token, however short the ttl', async () => {
  await start();
  const id = await reserve(['uart'], { ttl: 5 });
  await pass(30);
  const [, { lock_tokens }] = await claim(id);
  await pass(4);
  const token = (lock_tokens as string[])[0];
  expect((await ask('POST', `${RESOURCES}/1/unlock?lock-token=${token}`))[0]).toBe(200);
});

test('better: only the claim tells tokens', async () => {
  await start();
  const id = await reserve(['uart']);
  const [, { lock_tokens }] = await claim(id);
  const token = (lock_tokens as string[])[0] ?? 'none';
  const rest = [await show(id), await ask('GET', RESERVATIONS), await ask('GET', RESOURCES), await claim(id)];
  expect(JSON.stringify(rest)).not.toContain(token);
  expect(daemon.lines.join('\n')).not.toContain(token);
});

test('what is not claimed in time passes on', async () => {
  await start({ facades: { 'rent-a-bot': { claimWindow: 20 * SECOND } } });
  const [first, second] = [await reserve(['uart']), await reserve(['uart'])];
  await pass(20);
  const message = 'Claim window has expired';
  expect(await claim(first)).toMatchObject([410, { reservation_id: first, message }]);
  expect(await ask('GET', `${RESERVATIONS}/${first}`)).toEqual([
    404,
    { reservation_id: first, message: 'Reservation not found' },
  ]);
  expect(await show(second)).toMatchObject({ status: 'fulfilled' });
  await pass(20);
  expect((await ask('POST', `${RESOURCES}/1/lock`))[0]).toBe(200);
});

test('all or nothing: two with one free hold nothing, and are not overtaken by one', async () => {
  await start();
  const [, { 'lock-token': token }] = await ask('POST', `${RESOURCES}/2/lock`);
  const two = await reserve(['board'], { quantity: 2 });
  const one = await reserve(['uart']);
  expect([(await show(two)).status, (await show(one)).status]).toEqual(['pending', 'pending']);
  expect((await ask('GET', `${RESOURCES}/1`))[1].resource).toMatchObject({ 'lock-token': '' });
  await ask('POST', `${RESOURCES}/2/unlock?lock-token=${token}`);
  expect(await show(two)).toMatchObject({ status: 'fulfilled', resource_ids: [1, 2] });
});

test('better: a position counts those who want the same', async () => {
  await start();
  for (const id of [1, 2, 3]) await ask('POST', `${RESOURCES}/${id}/lock`);
  const ids = [
    await reserve(['uart']),
    await reserve(['gpu'], { ttl: 60 }),
    await reserve(['uart']),
    await reserve(['uart']),
  ];
  const positions = await Promise.all(ids.map(async (id) => (await show(id)).position_in_queue));
  expect(positions).toEqual([1, 1, 2, 3]);
  const [, { reservations }] = await ask('GET', RESERVATIONS);
  expect((reservations as Body[]).map((one) => [one.reservation_id, one.position_in_queue])).toEqual(
    ids.map((id, i) => [id, positions[i]]),
  );
});

test('who waits too long is gone', async () => {
  await start();
  await ask('POST', `${RESOURCES}/1/lock`);
  const id = await reserve(['uart'], { max_wait_time: 10 });
  await pass(10);
  expect((await ask('GET', `${RESERVATIONS}/${id}`))[0]).toBe(404);
});

test('what is pending can be cancelled, and not claimed; what is fulfilled or claimed the other way round', async () => {
  await start();
  const held = await reserve(['uart']);
  const waits = await reserve(['uart']);
  const cancel = (id: unknown) => ask('DELETE', `${RESERVATIONS}/${id}`);
  const pending = { reservation_id: waits, status: 'pending', message: 'Reservation not yet fulfilled' };
  expect(await claim(waits)).toEqual([409, pending]);
  expect(await cancel(waits)).toEqual([204, {}]);
  expect((await cancel(waits))[0]).toBe(404);
  for (const status of ['fulfilled', 'claimed']) {
    const message = `Cannot cancel ${status} reservation`;
    expect(await cancel(held)).toEqual([409, { reservation_id: held, status, message }]);
    await claim(held);
  }
  const message = "Reservation cannot be claimed when status is 'claimed'";
  expect(await claim(held)).toEqual([409, { reservation_id: held, status: 'claimed', message }]);
});

test('the list is empty, or has all of them in order; what was given back is forgotten', async () => {
  await start();
  expect(await ask('GET', RESERVATIONS)).toEqual([200, { reservations: [] }]);
  const ids = [await reserve(['uart']), await reserve(['jtag']), await reserve(['uart'])];
  const listed = async () =>
    ((await ask('GET', RESERVATIONS))[1].reservations as Body[]).map((one) => one.reservation_id);
  expect(await listed()).toEqual(ids);
  const [, { lock_tokens }] = await claim(ids[0]);
  await ask('POST', `${RESOURCES}/1/unlock?lock-token=${(lock_tokens as string[])[0]}`);
  expect(await listed()).toEqual(ids.slice(1));
});

describe('a reservation is refused', () => {
  test.each([
    ['no body', undefined],
    ['no tags', { quantity: 1 }],
    ['empty tags', { tags: [], quantity: 1 }],
    ['tags that are none', { tags: [1], quantity: 1 }],
    ['no quantity', { tags: ['board'] }],
    ['none of them', { tags: ['board'], quantity: 0 }],
    ['a ttl of nothing', { tags: ['board'], quantity: 1, ttl: 0 }],
    ['a wait of nothing', { tags: ['board'], quantity: 1, max_wait_time: 0 }],
  ])('with %s', async (_, body) => {
    await start();
    const [status, { detail }] = await ask('POST', RESERVATIONS, body);
    expect([status, Array.isArray(detail)]).toEqual([422, true]);
  });

  test('where nothing matches, or not for so long', async () => {
    await start();
    const message = 'No resources match the specified tags';
    const none = await ask('POST', RESERVATIONS, { tags: ['boat'], quantity: 1 });
    expect(none).toEqual([404, { tags: ['boat'], message }]);
    expect(await ask('POST', RESERVATIONS, { tags: ['gpu'], quantity: 1 })).toEqual([
      400,
      {
        ...{ tags: ['gpu'], quantity: 1, ttl: 3600, compatible_count: 0, matching_count: 1 },
        message:
          'Requested TTL (3600s) exceeds max_lock_duration for available resources. Need 1 compatible resources, found 0',
      },
    ]);
  });

  test('better: too few are told as too few', async () => {
    await start();
    const [status, { message }] = await ask('POST', RESERVATIONS, { tags: ['board'], quantity: 3 });
    expect([status, message]).toEqual([400, 'Not enough resources match the specified tags. Need 3, found 2']);
  });
});

test('an unknown id is not found, and neither is a lease of our own protocol', async () => {
  await start();
  const native = daemon.lease();
  await native.hold('s1');
  for (const id of ['res_0', `res_${'0'.repeat(32)}`, `res_${native.id.replaceAll('-', '')}`]) {
    for (const [method, path] of [
      ['GET', `${RESERVATIONS}/${id}`],
      ['POST', `${RESERVATIONS}/${id}/claim`],
      ['DELETE', `${RESERVATIONS}/${id}`],
    ] as const) {
      expect(await ask(method, path)).toEqual([404, { reservation_id: id, message: 'Reservation not found' }]);
    }
  }
  expect((await native.show()).status).toBe(200);
});

test('everything is as it was after a restart', async () => {
  const [store, identities] = [new MemoryStore(), new MemoryIdentities()];
  await start({ store, identities });
  const [claimed, offered, waits] = [await reserve(['uart']), await reserve(['jtag']), await reserve(['board'])];
  const [, { lock_tokens }] = await claim(claimed);
  const before = (await ask('GET', RESERVATIONS))[1];
  await daemon.close();
  daemon = await startDaemon({ store, identities, clock });
  expect((await ask('GET', RESERVATIONS))[1]).toEqual(before);
  const token = (lock_tokens as string[])[0];
  expect((await ask('POST', `${RESOURCES}/1/unlock?lock-token=${token}`))[0]).toBe(200);
  expect([(await claim(waits))[0], (await claim(offered))[0]]).toEqual([200, 200]);
});

test('with identities only whoever made it, or an admin, claims or cancels it', async () => {
  let name = 'ann';
  await start({ identify: () => ({ name, role: name === 'root' ? 'admin' : 'user' }) });
  const [held, waits] = [await reserve(['uart']), await reserve(['uart'])];
  name = 'bob';
  expect((await claim(held))[0]).toBe(403);
  expect((await ask('DELETE', `${RESERVATIONS}/${waits}`))[0]).toBe(403);
  name = 'root';
  expect((await claim(held))[0]).toBe(200);
  name = 'ann';
  expect((await ask('DELETE', `${RESERVATIONS}/${waits}`))[0]).toBe(204);
});
