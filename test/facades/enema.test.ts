import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MadeTokenJson } from '../../src/core/wire-identity.ts';
import { MemoryNodes } from '../../src/daemon/store/node-memory.ts';
import { description } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Answer, jsonOf } from '../support/http.ts';

/** Enema's REST, seen from outside. Its clients send `Authorization: Basic`, and after it the token as it is. */
const BOARD = { node: 'ci-1', kind: 'board', ip_address: '10.0.0.7', node_description: 'rack 7' };
const RESOURCES = [
  description('board', { description: 'a board', properties: BOARD }),
  description('meter', { properties: { node: 'ci-2', kind: 'meter' } }),
  description('scope', { properties: { node: 'ci-1' } }),
  description('loose'),
];

let clock: FakeClock;
let daemon: TestDaemon;
let nodes: MemoryNodes;
async function start(more: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  nodes = new MemoryNodes();
  daemon = await startDaemon({ resources: RESOURCES, clock, nodes, ...more });
}
afterEach(() => daemon.close());

type Headers = Readonly<Record<string, string>>;
type Said = readonly [number, unknown];

async function tokenFor(name: string, role: string, as: Headers = {}): Promise<Headers> {
  const made = await daemon.http.post('/api/v2/tokens', { name, role }, { headers: as });
  return { authorization: `Basic ${jsonOf<MadeTokenJson>(made).secret}` };
}

const said = (answer: Answer): Said => [answer.status, JSON.parse(answer.text)];
const get = async (path: string, headers: Headers = {}) => said(await daemon.http.get(path, { headers }));
const set = async (id: number | string, body: unknown, headers: Headers = {}, method = 'POST') =>
  said(await daemon.http.ask(method, `/subsystem/status/${id}`, { body, headers }));

const ok = (status: 0 | 1, id: number): Said => [
  200,
  { message: `status successfully set to ${status} for subsystem ${id}` },
];
const unknown = (id: string): Said => [400, { message: `no subsystem with ID ${id} seems to exist` }];
const BAD =
  'bad request, make sure you send JSON data like {"status": 1} and that the Content-Type: application/json header is set';

describe('on a daemon that knows nobody', () => {
  beforeEach(() => start());

  test('GET /status has a row for each subsystem, with its node', async () => {
    expect(await get('/status')).toEqual([
      200,
      [
        {
          ...{ subsystem_id: 1, subsystem_name: 'board', node_id: 1, kind: 'board', subsystem_description: 'a board' },
          ...{ is_busy: 0, ip_address: '10.0.0.7', node_name: 'ci-1', node_description: 'rack 7' },
        },
        {
          ...{ subsystem_id: 2, subsystem_name: 'meter', node_id: 2, kind: 'meter', subsystem_description: '' },
          ...{ is_busy: 0, ip_address: null, node_name: 'ci-2', node_description: null },
        },
        {
          ...{ subsystem_id: 3, subsystem_name: 'scope', node_id: 1, kind: null, subsystem_description: '' },
          ...{ is_busy: 0, ip_address: '10.0.0.7', node_name: 'ci-1', node_description: 'rack 7' },
        },
        {
          ...{ subsystem_id: 4, subsystem_name: 'loose', node_id: null, kind: null, subsystem_description: '' },
          ...{ is_busy: 0, ip_address: null, node_name: null, node_description: null },
        },
      ],
    ]);
  });

  test('GET /nodes has each node once', async () => {
    expect(await get('/nodes')).toEqual([
      200,
      [
        { node_id: 1, ip_address: '10.0.0.7', node_name: 'ci-1', node_description: 'rack 7' },
        { node_id: 2, ip_address: null, node_name: 'ci-2', node_description: null },
      ],
    ]);
  });

  test('a node keeps its number when others go, and across a restart', async () => {
    await get('/nodes');
    await daemon.declare([description('new', { properties: { node: 'ci-0' } }), description('meter', RESOURCES[1])]);
    const numbers = async () =>
      ((await get('/nodes'))[1] as { node_id: number; node_name: string }[]).map(Object.values);
    expect((await numbers()).map(([id, , name]) => [id, name])).toEqual([
      [2, 'ci-2'],
      [3, 'ci-0'],
    ]);
    await daemon.close();
    daemon = await startDaemon({ resources: [description('x', { properties: { node: 'ci-0' } })], clock, nodes });
    expect((await numbers()).map(([id, , name]) => [id, name])).toEqual([[3, 'ci-0']]);
  });

  test('a status of 1 claims, and 0 gives back; the status is a bare number', async () => {
    expect(await get('/subsystem/status/1')).toEqual([200, 0]);
    expect(await set(1, { status: 1 })).toEqual(ok(1, 1));
    expect(await get('/subsystem/status/1')).toEqual([200, 1]);
    expect(await set(1, { status: 0 })).toEqual(ok(0, 1));
    expect(await get('/subsystem/status/1')).toEqual([200, 0]);
  });

  test('differs: what is busy is 409, also for whoever has it', async () => {
    await set(1, { status: 1 });
    const [status, body] = await set(1, { status: 1 });
    expect([status, body]).toEqual([
      409,
      { message: `subsystem 1 is busy: enema has it since ${new Date(clock.now()).toISOString()}` },
    ]);
  });

  test('ten that claim at once are one that has it and nine that do not', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => set(1, { status: 1 })));
    expect(all.map(([status]) => status).sort()).toEqual([200, ...Array(9).fill(409)]);
  });

  test('what is free may be given back', async () => {
    expect(await set(2, { status: 0 })).toEqual(ok(0, 2));
  });

  test('a claim and a lease of our own exclude each other, and it is seen in both', async () => {
    const lease = daemon.lease();
    await lease.hold('board', { holder: { name: 'ann', host: 'ws' } });
    expect(await get('/subsystem/status/1')).toEqual([200, 1]);
    expect((await set(1, { status: 1 }))[0]).toBe(409);
    await lease.release();
    await set(1, { status: 1 });
    expect((await daemon.lease().put('board', { wait: 0 })).status).toBe(409);
  });

  test('what a command uses is told to end, and is not said to be free before it has', async () => {
    const lease = daemon.lease();
    await lease.hold('board', { guarded: true });
    const ending: Said = [409, { message: 'subsystem 1 is free when the command that uses it has ended' }];
    expect(await set(1, { status: 0 })).toEqual(ending);
    expect(await get('/subsystem/status/1')).toEqual([200, 1]);
    await daemon.http.ask('DELETE', `${lease.path}?ended=true`, { headers: lease.authorization });
    expect(await set(1, { status: 0 })).toEqual(ok(0, 1));
  });

  test('a claim takes every slot, and lasts until it is given back', async () => {
    await daemon.declare([...RESOURCES, description('many', { slots: 3 })]);
    await set(5, { status: 1 });
    clock.advance(400 * 86_400_000);
    expect(await get('/subsystem/status/5')).toEqual([200, 1]);
    expect((await daemon.lease().put('many', { wait: 0 })).status).toBe(409);
  });

  test('what is out of service is busy', async () => {
    await daemon.http.post('/api/v2/resources/board/offline', { reason: 'fan' });
    expect(await get('/subsystem/status/1')).toEqual([200, 1]);
    expect((await set(1, { status: 1 }))[0]).toBe(409);
  });

  test('an id that there is not is 400, for all of them', async () => {
    for (const id of ['9', '0', '-1', '9999999999999999999']) {
      expect(await get(`/subsystem/status/${id}`)).toEqual(unknown(id));
      expect(await set(id, { status: 1 })).toEqual(unknown(id));
      expect(await set(id, { status: 0 })).toEqual(unknown(id));
    }
  });

  test('differs: an id that is no number is 400, and nothing of it is run', async () => {
    const id = '1;UPDATE subsystems SET is_busy=5';
    expect(await get(`/subsystem/status/${encodeURIComponent(id)}`)).toEqual(unknown(id));
    expect(await set(encodeURIComponent(id), { status: 1 })).toEqual(unknown(id));
    expect(await get('/subsystem/status/1')).toEqual([200, 0]);
  });

  test.each([{}, { status: 2 }, { status: '1' }, { status: null }, { state: 1 }, [], 'text', '{', undefined])(
    'differs: anything but a status of 0 or 1 is 400: %j',
    async (body) => {
      expect(await set(1, body)).toEqual([400, { message: BAD }]);
      expect(await get('/subsystem/status/1')).toEqual([200, 0]);
    },
  );

  test('differs: PUT answers as POST does', async () => {
    expect(await set(1, { status: 1 }, {}, 'PUT')).toEqual(ok(1, 1));
    expect((await set(1, { status: 1 }, {}, 'PUT'))[0]).toBe(409);
    expect(await set(1, { status: 0 }, {}, 'PUT')).toEqual(ok(0, 1));
  });
});

describe('on a daemon that knows who comes', () => {
  let admin: Headers;
  beforeEach(async () => {
    await start();
    admin = await tokenFor('root', 'admin');
  });

  test('differs: without a token that is good everything is 401, and changes nothing', async () => {
    const strangers: Headers[] = [{}, ...['Basic', 'Basic wrong', 'Basic rb_wrong', 'Basic YTpi'].map(authorization)];
    for (const headers of strangers) {
      for (const path of ['/status', '/nodes', '/subsystem/status/1', '/subsystem/status/9']) {
        expect(await get(path, headers)).toEqual([401, { message: 'unauthorized!' }]);
      }
      expect(await set(1, { status: 1 }, headers)).toEqual([401, { message: 'unauthorized!' }]);
      expect(await set(1, { status: 1 }, headers, 'PUT')).toEqual([401, { message: 'unauthorized!' }]);
    }
    expect(await get('/subsystem/status/1', admin)).toEqual([200, 0]);
  });

  test("a claim is the token's own: others may not give it back, an admin may", async () => {
    const [ann, bob] = [await tokenFor('ann', 'user', admin), await tokenFor('bob', 'user', admin)];
    expect(await set(1, { status: 1 }, ann)).toEqual(ok(1, 1));
    expect(await set(1, { status: 1 }, ann)).toMatchObject([
      409,
      { message: expect.stringContaining('busy: ann has it') },
    ]);
    expect(await set(1, { status: 0 }, bob)).toEqual([403, { message: 'subsystem 1 is held by ann' }]);
    expect(await get('/subsystem/status/1', bob)).toEqual([200, 1]);
    expect(await set(1, { status: 0 }, ann)).toEqual(ok(0, 1));
    await set(1, { status: 1 }, bob);
    expect(await set(1, { status: 0 }, admin)).toEqual(ok(0, 1));
  });

  test('a viewer sees, and claims nothing', async () => {
    const viewer = await tokenFor('wall', 'viewer', admin);
    expect((await get('/status', viewer))[0]).toBe(200);
    expect((await set(1, { status: 1 }, viewer))[0]).toBe(403);
  });

  test('the same token does as a bearer token, and as a key', async () => {
    const token = admin.authorization?.slice('Basic '.length) ?? '';
    expect((await get('/status', authorization(`Bearer ${token}`)))[0]).toBe(200);
    expect((await get('/status', { 'x-api-key': token }))[0]).toBe(200);
  });
});

function authorization(value: string): Headers {
  return { authorization: value };
}

test('a claim ends by itself where the configuration says so', async () => {
  await start({ facades: { enema: { ttl: 8 * 3_600_000 } } });
  await set(1, { status: 1 });
  clock.advance(8 * 3_600_000 - 1);
  expect(await get('/subsystem/status/1')).toEqual([200, 1]);
  clock.advance(1);
  await daemon.engine.read(() => null);
  expect(await get('/subsystem/status/1')).toEqual([200, 0]);
});

test('it can be switched off', async () => {
  await start({ facades: { enema: false } });
  for (const path of ['/status', '/nodes', '/subsystem/status/1']) expect((await get(path))[0]).toBe(404);
});
