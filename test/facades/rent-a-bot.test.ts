import { afterEach, describe, expect, test } from 'vitest';
import { MemoryIdentities } from '../../src/daemon/store/identity-memory.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { Chance } from '../simulation/random.ts';
import { description, SECOND } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Answer, jsonOf } from '../support/http.ts';

/** What rent-a-bot's own clients see: 2017 is `/rentabot/api/v1.0`, 1.0.0 is `/api/v1`. */
const OLD = '/rentabot/api/v1.0/resources';
const NEW = '/api/v1/resources';

const FLEET = [
  description('s1', { tags: ['board', 'uart'], endpoint: 'tcp://192.0.2.1', description: 'on the desk' }),
  description('s2', { tags: ['board', 'jtag'] }),
  description('s3', { tags: ['gpu', 'big'] }),
  description('s4', { tags: ['gpu', 'big'] }),
  description('s5'),
];

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);

let daemon: TestDaemon;
let clock: FakeClock;
async function start(more: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: FLEET, clock, ...more });
}
afterEach(() => daemon.close());

type Body = Record<string, unknown>;
type Said = [number, Body];

async function said(answer: Promise<Answer>): Promise<Said> {
  const { status, ...rest } = await answer;
  return [status, jsonOf<Body>({ status, ...rest })];
}

const get = (path: string): Promise<Said> => said(daemon.http.get(path));
const post = (path: string, body?: unknown): Promise<Said> => said(daemon.http.ask('POST', path, { body }));

async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * SECOND);
  await daemon.engine.read(() => null);
}

async function lock(path: string, body?: unknown): Promise<string> {
  const [status, answer] = await post(path, body);
  expect([status, answer.message]).toEqual([200, 'Resource locked']);
  return answer['lock-token'] as string;
}

const stamp = (at = clock.now()): string => new Date(at).toISOString().replace('Z', '000Z');
const offset = (at = clock.now()): string => new Date(at).toISOString().replace('Z', '000+00:00');

const FREE_OLD = {
  ...{ id: 1, name: 's1', description: 'on the desk', 'lock-token': null, 'lock-details': 'Resource is available' },
  ...{ endpoint: 'tcp://192.0.2.1', tags: 'board uart' },
};
const FREE_NEW = {
  ...{ id: 1, name: 's1', description: 'on the desk', 'lock-token': '', 'lock-details': 'Resource is available' },
  ...{ endpoint: 'tcp://192.0.2.1', tags: 'board,uart' },
  ...{ 'lock-acquired-at': null, 'lock-expires-at': null, 'max-lock-duration': 86400 },
};

describe('resources', () => {
  test('are listed by id, with nulls on the old prefix and empty texts on the new', async () => {
    await start();
    const [status, { resources }] = await get(OLD);
    expect([status, (resources as Body[]).map(({ id }) => id)]).toEqual([200, [1, 2, 3, 4, 5]]);
    expect((resources as Body[])[0]).toEqual(FREE_OLD);
    expect((resources as Body[])[4]).toMatchObject({ description: null, endpoint: null, tags: null });
    const listed = (await get(NEW))[1].resources as Body[];
    expect([listed.length, listed[0]]).toEqual([5, FREE_NEW]);
    expect(listed[4]).toMatchObject({ description: '', endpoint: '', tags: '' });
  });

  test('are an empty list where there are none', async () => {
    await start({ resources: [] });
    expect([await get(OLD), await get(NEW)]).toEqual([
      [200, { resources: [] }],
      [200, { resources: [] }],
    ]);
  });

  test('are shown one by one, and an unknown id is told as a number', async () => {
    await start();
    expect(await get(`${OLD}/1`)).toEqual([200, { resource: FREE_OLD }]);
    expect(await get(`${NEW}/1`)).toEqual([200, { resource: FREE_NEW }]);
    for (const path of [OLD, NEW]) {
      expect(await get(`${path}/99`)).toEqual([404, { resource_id: 99, message: 'Resource not found' }]);
    }
    expect((await get(`${OLD}/abc`))[0]).toBe(404);
    const [status, { detail }] = await get(`${NEW}/abc`);
    expect([status, detail]).toMatchObject([
      422,
      [{ type: 'int_parsing', loc: ['path', 'resource_id'], input: 'abc' }],
    ]);
  });

  test('a slash at the end leads to the list', async () => {
    await start();
    const { status, headers } = await daemon.http.get(`${NEW}/?x=1`);
    expect([status, headers.location]).toEqual([307, `${NEW}?x=1`]);
  });

  test('unknown paths and methods are told as the original does', async () => {
    await start();
    expect(await get('/api/v1/nothing')).toEqual([404, { detail: 'Not Found' }]);
    expect(await said(daemon.http.delete(`${NEW}/1`))).toEqual([405, { detail: 'Method Not Allowed' }]);
  });
});

test('it says that it is well, and ready', async () => {
  await start();
  expect(await get('/health')).toEqual([200, { status: 'ok' }]);
  expect(await get('/readiness')).toEqual([200, { status: 'ready' }]);
});

describe.each([
  ['the old prefix', OLD],
  ['the new prefix', NEW],
])('locks on %s', (_, path) => {
  test('are had once, and given back with the token', async () => {
    await start();
    const token = await lock(`${path}/1/lock`);
    expect(token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const [, { resource }] = await get(`${path}/1`);
    expect(resource).toMatchObject({ 'lock-details': 'Resource locked' });
    expect((await post(`${path}/1/lock`))[0]).toBe(403);
    expect(await post(`${path}/1/unlock?lock-token=${token}`)).toEqual([200, { message: 'Resource unlocked' }]);
    expect((await get(`${path}/1`))[1].resource).toMatchObject({ 'lock-details': 'Resource available' });
    expect(await lock(`${path}/1/lock`)).not.toBe(token);
  });

  test('are not undone without the right token', async () => {
    await start();
    const token = await lock(`${path}/1/lock`);
    const other = await lock(`${path}/2/lock`);
    const message = 'Cannot unlock resource, the lock token is not valid.';
    for (const [query, given] of [
      ['', null],
      ['?lock-token=', ''],
      ['?lock-token=wrong', 'wrong'],
      ['?lock-token=hidden', 'hidden'],
      [`?lock-token=${other}`, other],
    ]) {
      const [status, body] = await post(`${path}/1/unlock${query}`);
      expect([status, body.message, body['invalid-lock-token']]).toEqual([403, message, given]);
      expect((body.resource as Body).id).toBe(1);
    }
    expect((await post(`${path}/1/unlock?lock-token=${token}`))[0]).toBe(200);
  });

  test('unlocking what is free, or does not exist, is told apart', async () => {
    await start();
    expect(await post(`${path}/1/unlock`)).toEqual([403, { resource_id: 1, message: 'Resource is already unlocked' }]);
    for (const verb of ['lock', 'unlock']) {
      expect(await post(`${path}/99/${verb}`)).toEqual([404, { resource_id: 99, message: 'Resource not found' }]);
    }
  });

  test('by tags the first that is free is taken, and no other than has all of them', async () => {
    await start();
    const ids: unknown[] = [];
    for (let i = 0; i < 2; i += 1) {
      const [, { resource }] = await post(`${path}/lock?tag=gpu&tag=big`);
      ids.push((resource as Body).id);
    }
    expect(ids).toEqual([3, 4]);
    expect((await post(`${path}/lock?tag=gpu&tag=big`))[0]).toBe(403);
    for (const query of ['tag=gpu&tag=uart', 'tag=gpu,big', 'tag=gpu%20big', 'tag=']) {
      const tags = new URLSearchParams(query).getAll('tag');
      const message = 'No resource found matching the tag(s)';
      expect(await post(`${path}/lock?${query}`)).toEqual([404, { tags, message }]);
    }
  });

  test('an id counts before a name, and a name before tags', async () => {
    await start();
    const locked = async (query: string) => ((await post(`${path}/lock?${query}`))[1].resource as Body).id;
    expect(await locked('id=2&name=s1&tag=gpu')).toBe(2);
    expect(await locked('name=s1&tag=gpu')).toBe(1);
    expect(await post(`${path}/lock?name=nobody`)).toEqual([
      404,
      { resource_name: 'nobody', message: 'Resource not found' },
    ]);
    expect(await post(`${path}/lock?color=blue`)).toEqual([400, { message: 'Bad Request' }]);
  });

  test('better: an id may be called rid, as the documentation of the original has it', async () => {
    await start();
    expect((await post(`${path}/lock?rid=5`))[1]).toMatchObject({ resource: { id: 5 } });
  });

  test('better: no answer but that of the lock tells its token, nor does the log', async () => {
    await start();
    const token = await lock(`${path}/1/lock`);
    const answers = [await get(path), await get(`${path}/1`), await post(`${path}/1/unlock?lock-token=x`)];
    answers.push(await get('/api/v2/leases'), await get('/api/v2/history'), await get('/api/v2/resources'));
    expect(JSON.stringify(answers)).not.toContain(token);
    expect(daemon.lines.join('\n')).not.toContain(token);
    expect(answers[1]?.[1].resource).toMatchObject({ 'lock-token': 'hidden' });
  });

  test('better: older waiters are not overtaken', async () => {
    await start({ resources: [description('s1'), description('s2')] });
    const both = daemon.lease();
    const token = await lock(`${path}/2/lock`);
    await both.wait(['s1', 's2']);
    expect((await get(`${path}/1`))[1].resource).toMatchObject({ 'lock-details': 'Resource is available' });
    expect((await post(`${path}/1/lock`))[0]).toBe(403);
    await post(`${path}/2/unlock?lock-token=${token}`);
    expect((await both.show()).status).toBe(200);
  });

  test('and native leases exclude each other', async () => {
    await start();
    const native = daemon.lease();
    await native.hold('s1');
    expect((await post(`${path}/1/lock`))[0]).toBe(403);
    expect((await post(`${path}/1/unlock?lock-token=${native.secret}`))[0]).toBe(403);
    await lock(`${path}/2/lock`);
    expect((await daemon.lease().put('s2', { wait: 0 })).status).toBe(409);
  });

  test('take all of what has slots, and nothing of what is offline', async () => {
    await start({ resources: [description('licence', { slots: 3 }), description('broken')] });
    await daemon.http.post('/api/v2/resources/broken/offline', { reason: 'fan' });
    expect((await post(`${path}/2/lock`))[0]).toBe(403);
    await lock(`${path}/1/lock`);
    expect((await daemon.lease().put('licence', { wait: 0 })).status).toBe(409);
  });

  test('survive a restart, and so do their tokens', async () => {
    const [store, identities] = [new MemoryStore(), new MemoryIdentities()];
    await start({ store, identities });
    const token = await lock(`${path}/1/lock`);
    await daemon.close();
    daemon = await startDaemon({ store, identities, clock });
    expect((await post(`${path}/1/lock`))[0]).toBe(403);
    expect((await post(`${path}/1/unlock?lock-token=${token}`))[0]).toBe(200);
  });

  test(`many at once get exactly as many as there are, each with a token of its own (seed ${SEED})`, async () => {
    const chance = new Chance(SEED);
    const count = chance.between(1, 12);
    await start({ resources: Array.from({ length: count }, (_, i) => description(`b${i}`, { tags: ['board'] })) });
    for (let round = 0; round < 8; round += 1) {
      const lockers = chance.between(1, 2 * count);
      const asked = await Promise.all(Array.from({ length: lockers }, () => post(`${path}/lock?tag=board`)));
      const granted = asked.filter(([status]) => status === 200).map(([, body]) => body);
      expect(granted).toHaveLength(Math.min(lockers, count));
      expect(new Set(granted.map((body) => body['lock-token'])).size).toBe(granted.length);
      expect(new Set(granted.map((body) => (body.resource as Body).id)).size).toBe(granted.length);
      for (const body of granted) {
        await post(`${path}/${(body.resource as Body).id}/unlock?lock-token=${body['lock-token']}`);
      }
    }
  });
});

describe('the old prefix', () => {
  test('says of what is locked how it was asked for', async () => {
    await start();
    await lock(`${OLD}/1/lock`);
    const message = 'Cannot lock the requested resource, resource(s) already locked';
    expect(await post(`${OLD}/1/lock`)).toEqual([403, { id: 1, name: null, tags: null, message }]);
    expect(await post(`${OLD}/lock?id=1`)).toEqual([403, { id: '1', name: null, tags: [], message }]);
    expect(await post(`${OLD}/lock?name=s1`)).toEqual([403, { id: null, name: 's1', tags: [], message }]);
    expect(await post(`${OLD}/lock?tag=uart`)).toEqual([403, { id: null, name: null, tags: ['uart'], message }]);
    expect(await post(`${OLD}/lock?id=99`)).toEqual([404, { resource_id: '99', message: 'Resource not found' }]);
  });

  test('gives a lock that lasts until it is given back, over restarts', async () => {
    const store = new MemoryStore();
    await start({ store });
    const [, body] = await post(`${OLD}/1/lock`);
    expect(Object.keys(body)).toEqual(['message', 'lock-token', 'resource']);
    await pass(1_000_000);
    await daemon.close();
    daemon = await startDaemon({ store, clock });
    await pass(1_000_000);
    expect((await post(`${OLD}/1/lock`))[0]).toBe(403);
  });

  test('better: the longest time that the file allows ends it', async () => {
    await start({ resources: [description('s1', { maxHold: 60 * SECOND })] });
    await lock(`${OLD}/1/lock`);
    await pass(60);
    await lock(`${OLD}/1/lock`);
  });
});

describe('the end of a lock', () => {
  test('is in an hour, or as many seconds later as were asked for, and the same after a restart', async () => {
    const store = new MemoryStore();
    await start({ store });
    const since = clock.now();
    const [, first] = await post(`${NEW}/1/lock`);
    expect(first).toMatchObject({ 'locked-at': offset(), 'expires-at': offset(clock.now() + 3600 * SECOND) });
    const [, second] = await post(`${NEW}/lock?name=s2`, { ttl: 60 });
    const end = stamp(since + 60 * SECOND);
    expect(second.resource).toMatchObject({ 'lock-acquired-at': stamp(), 'lock-expires-at': end });
    expect((second.resource as Body)['lock-token']).toBe(second['lock-token']);
    expect((await post(`${NEW}/3/lock`, { ttl: null }))[0]).toBe(200);
    await pass(50);
    await daemon.close();
    daemon = await startDaemon({ store, clock });
    expect((await get(`${NEW}/2`))[1].resource).toMatchObject({ 'lock-expires-at': end });
    await pass(10);
    expect((await get(`${NEW}/2`))[1].resource).toMatchObject({
      'lock-token': '',
      'lock-details': `Auto-expired at ${offset()}`,
    });
  });

  test('is not later than the resource allows', async () => {
    await start({
      resources: [description('s1', { maxHold: 7200 * SECOND }), description('s2', { maxHold: 600 * SECOND })],
    });
    const message = 'Requested TTL (7201s) exceeds maximum allowed duration (7200s)';
    const refused = { resource_id: 1, ttl: 7201, max_lock_duration: 7200, message };
    expect(await post(`${NEW}/1/lock`, { ttl: 7201 })).toEqual([400, refused]);
    const [, body] = await post(`${NEW}/2/lock`);
    expect(body['expires-at']).toBe(offset(clock.now() + 600 * SECOND));
  });

  test('better: by tags only what allows it is taken', async () => {
    const short = description('short', { tags: ['x'], maxHold: 60 * SECOND });
    await start({ resources: [short, description('long', { tags: ['x'] })] });
    expect((await post(`${NEW}/lock?tag=x`, { ttl: 600 }))[1]).toMatchObject({ resource: { name: 'long' } });
    expect((await post(`${NEW}/lock?tag=x`, { ttl: 600 }))[0]).toBe(403);
    expect((await post(`${NEW}/lock?tag=x`, { ttl: 86_401 }))[0]).toBe(400);
  });

  test.each([0, -5, 1.5, [], 'soon'])('better: a ttl of %j is refused', async (ttl) => {
    await start();
    const [status, { detail }] = await post(`${NEW}/1/lock`, { ttl });
    expect([status, (detail as Body[])[0]?.loc]).toEqual([422, ['body', 'ttl']]);
  });

  test('better: an expired lock is free at once, its token is dead and it cannot be revived', async () => {
    await start();
    const token = await lock(`${NEW}/1/lock`, { ttl: 10 });
    await pass(10);
    const query = `lock-token=${token}`;
    const message = 'Cannot extend lock on unlocked resource';
    const revived = await post(`${NEW}/1/extend?${query}&additional-ttl=60`);
    expect(revived).toEqual([403, { resource_id: 1, message }]);
    await lock(`${NEW}/1/lock`);
    expect((await post(`${NEW}/1/unlock?${query}`))[0]).toBe(403);
  });

  test('is moved to so many seconds from now, also where that is sooner', async () => {
    await start();
    const token = await lock(`${NEW}/1/lock`, { ttl: 600 });
    await pass(10);
    const extended = await post(`${NEW}/1/extend?lock-token=${token}&additional-ttl=60`);
    expect(extended).toEqual([
      200,
      {
        message: 'Lock extended',
        'new-expires-at': offset(clock.now() + 60 * SECOND),
        'total-lock-duration': 70,
      },
    ]);
    await pass(60);
    await lock(`${NEW}/1/lock`);
  });

  test('is not moved by others, beyond the longest, or by nothing', async () => {
    await start({ resources: [description('s1', { maxHold: 600 * SECOND })] });
    const token = await lock(`${NEW}/1/lock`, { ttl: 60 });
    const extend = (query: string) => post(`${NEW}/1/extend?${query}`);
    expect(await extend('lock-token=x&additional-ttl=5')).toMatchObject([
      403,
      { message: 'Cannot extend lock, the lock token is not valid.', 'invalid-lock-token': 'x', resource: { id: 1 } },
    ]);
    await pass(10);
    const message = 'Total lock duration (610s) would exceed maximum allowed (600s)';
    const refused = { resource_id: 1, total_duration: 610, max_lock_duration: 600, message };
    expect(await extend(`lock-token=${token}&additional-ttl=600`)).toEqual([400, refused]);
    expect((await extend(`lock-token=${token}`))[0]).toBe(422);
    expect((await extend('additional-ttl=5'))[0]).toBe(422);
    expect((await extend(`lock-token=${token}&additional-ttl=x`))[0]).toBe(422);
    expect((await extend(`lock-token=${token}&additional-ttl=0`))[0]).toBe(422);
    const unknown = { resource_id: 9, message: 'Resource not found' };
    expect(await post(`${NEW}/9/extend?lock-token=x&additional-ttl=5`)).toEqual([404, unknown]);
  });

  test('an end can be given to what was locked through the old prefix', async () => {
    await start();
    const token = await lock(`${OLD}/1/lock`);
    expect((await get(`${NEW}/1`))[1].resource).toMatchObject({ 'lock-expires-at': null });
    await post(`${NEW}/1/extend?lock-token=${token}&additional-ttl=60`);
    await pass(60);
    await lock(`${OLD}/1/lock`);
  });
});

describe('the new prefix', () => {
  test('says of what is locked which resource it was', async () => {
    await start();
    await lock(`${NEW}/1/lock`);
    const message = 'Cannot lock the requested resource, resource is already locked';
    for (const path of [`${NEW}/1/lock`, `${NEW}/lock?id=1`, `${NEW}/lock?name=s1`]) {
      expect(await post(path)).toEqual([403, { resource_id: 1, message }]);
    }
    const none = 'No available resource found matching the tag(s)';
    expect(await post(`${NEW}/lock?tag=uart`)).toEqual([403, { tags: ['uart'], message: none }]);
    expect(await post(`${NEW}/lock?id=99`)).toEqual([404, { resource_id: 99, message: 'Resource not found' }]);
    expect((await post(`${NEW}/lock?id=abc`))[0]).toBe(422);
    expect(await post(`${NEW}/lock?id=0`)).toEqual([400, { message: 'Bad Request' }]);
  });

  test('refuses a body that is no JSON object', async () => {
    await start();
    for (const body of ['{', '[1]', '"x"']) expect((await post(`${NEW}/1/lock`, body))[0]).toBe(422);
  });
});

test('with `expose_tokens` whoever looks sees tokens, as with the original', async () => {
  await start({ facades: { 'rent-a-bot': { exposeTokens: true } } });
  const token = await lock(`${OLD}/1/lock`);
  expect((await get(`${OLD}/1`))[1].resource).toMatchObject({ 'lock-token': token });
  await daemon.lease().hold('s2');
  expect((await get(`${OLD}/2`))[1].resource).toMatchObject({ 'lock-token': 'hidden' });
  const { checks } = (await get('/api/v2/doctor'))[1];
  expect(checks).toContainEqual(expect.objectContaining({ name: 'rent-a-bot', state: 'warn' }));
});

test('switched off it is not there', async () => {
  await start({ facades: { 'rent-a-bot': false } });
  for (const path of [OLD, NEW, '/health', '/api/v1/reservations']) expect((await get(path))[0]).toBe(404);
});

test('with identities it takes an X-API-Key or a bearer token, and asks for the role that it needs', async () => {
  await start();
  const { identities } = daemon.daemon;
  const host = { name: '', role: 'admin' } as const;
  await identities.people.add({ name: 'ann', role: 'admin', password: 'correct horse battery', mail: null });
  const secretOf = (name: string, role: 'viewer' | 'user'): string => {
    const made = identities.credentials.add(host, name, role, null);
    if ('code' in made) throw new Error(made.detail);
    return made.secret;
  };
  const [user, viewer] = [secretOf('ci', 'user'), secretOf('wall', 'viewer')];
  const status = async (method: string, path: string, headers: Record<string, string> = {}) =>
    (await daemon.http.ask(method, path, { headers })).status;
  expect(await status('GET', OLD)).toBe(401);
  expect(await status('GET', '/health')).toBe(200);
  expect(await status('GET', OLD, { 'x-api-key': viewer })).toBe(200);
  expect(await status('POST', `${OLD}/1/lock`, { 'x-api-key': viewer })).toBe(403);
  expect(await status('POST', `${OLD}/1/lock`, { authorization: `Bearer ${user}` })).toBe(200);
});
