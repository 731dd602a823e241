import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResourceJson } from '../../src/core/wire.ts';
import type { MadeTokenJson } from '../../src/core/wire-identity.ts';
import type { MachineEntryJson, MachinesJson } from '../../src/core/wire-machines.ts';
import { description } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';

/** The HTTP side of releng-hardware, seen from outside: a client of the original changes the address and nothing else. */
const HEARD: MachineEntryJson = {
  datacenter: 'mdc1',
  machine: 't-linux64-ms-100',
  lastseen: '2018-11-08T08:47:50.939514',
};
const OTHER: MachineEntryJson = { datacenter: 'mdc2', machine: 't-w1064-ms-7', lastseen: '2018-11-08T08:47:51' };

let clock: FakeClock;
let daemon: TestDaemon;
beforeEach(async () => {
  clock = new FakeClock(Date.parse('2026-01-31T12:00:00.250Z'));
  daemon = await startDaemon({ clock });
});
afterEach(() => daemon.close());

const preload = (body: unknown) => daemon.http.post('/api/v2/machines', body);
const beat = (id: string) => daemon.http.post(`/api/v2/machines/${encodeURIComponent(id)}/seen`, {});

describe('GET /machines', () => {
  test('is an empty array where nothing was ever heard of', async () => {
    const answer = await daemon.http.get('/machines');
    expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([200, '[]', 'application/json']);
  });

  test('is an array with three keys an entry, indented by two', async () => {
    await preload([OTHER, HEARD]);
    const { status, text } = await daemon.http.get('/machines');
    expect([status, text]).toEqual([200, JSON.stringify([HEARD, OTHER], null, 2)]);
    expect(text.split('\n').slice(0, 3)).toEqual(['[', '  {', '    "datacenter": "mdc1",']);
  });

  test('can be taken over again as it is', async () => {
    await preload([OTHER, HEARD]);
    const { text } = await daemon.http.get('/machines');
    const another = await startDaemon({ clock });
    expect((await another.http.post('/api/v2/machines', JSON.parse(text))).text).toBe('{"taken":2,"older":0}');
    expect((await another.http.get('/machines')).text).toBe(text);
    await another.close();
  });
});

describe('GET /machines/{datacenter}:{machine}', () => {
  test('is when it was last seen, to the microsecond, as a bare string of JSON', async () => {
    await preload([HEARD, OTHER]);
    const answer = await daemon.http.get('/machines/mdc1:t-linux64-ms-100');
    expect([answer.status, answer.text]).toEqual([200, '"2018-11-08T08:47:50.939514"']);
    expect(answer.headers['content-type']).toBe('application/json');
    expect((await daemon.http.get('/machines/mdc2:t-w1064-ms-7')).text).toBe('"2018-11-08T08:47:51"');
  });

  test.each(['mdc1:nobody', 'mdc1', 'mdc1:', ':', 'nothing here'])(
    'is 404 and "unknown machine" where it was never heard of: %s',
    async (id) => {
      await preload([HEARD]);
      const answer = await daemon.http.get(`/machines/${encodeURIComponent(id)}`);
      expect([answer.status, answer.text]).toEqual([404, 'unknown machine']);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    },
  );

  test('splits the id at its first colon', async () => {
    await preload([{ ...HEARD, machine: 'fe80::1' }]);
    expect((await daemon.http.get('/machines/mdc1:fe80::1')).status).toBe(200);
    expect(jsonOf<MachineEntryJson[]>(await daemon.http.get('/machines'))).toEqual([{ ...HEARD, machine: 'fe80::1' }]);
  });

  test('differs: a host with a slash can be asked for, encoded', async () => {
    await preload([{ ...HEARD, machine: 'rack/7' }]);
    expect((await daemon.http.get('/machines/mdc1:rack%2F7')).status).toBe(200);
  });
});

describe('a sign of life', () => {
  test('is UTC without a zone, as the original writes it', async () => {
    expect((await beat('mdc1:a')).status).toBe(200);
    expect((await daemon.http.get('/machines/mdc1:a')).text).toBe('"2026-01-31T12:00:00.250000"');
    clock.advance(750);
    expect(jsonOf(await beat('mdc1:a'))).toEqual({
      machine: 'mdc1:a',
      lastSeen: '2026-01-31T12:00:01Z',
      resources: [],
    });
    expect((await daemon.http.get('/machines/mdc1:a')).text).toBe('"2026-01-31T12:00:01"');
  });

  test.each(['mdc1', 'mdc1:', ':a', 'mdc1:a b', 'mdc1:a,b', 'mdc1:\u202ea', `mdc1:${'a'.repeat(200)}`])(
    'is refused for what is no machine: %j',
    async (id) => {
      const answer = await beat(id);
      expect([answer.status, jsonOf<{ code: string }>(answer).code]).toEqual([422, 'usage']);
      expect((await daemon.http.get('/machines')).text).toBe('[]');
    },
  );
});

describe('a list that is taken over', () => {
  test('differs: never goes backwards', async () => {
    await preload([HEARD]);
    const older = { ...HEARD, lastseen: '2018-11-08T08:47:50.939513' };
    expect((await preload([older, OTHER])).text).toBe('{"taken":1,"older":1}');
    expect((await daemon.http.get('/machines/mdc1:t-linux64-ms-100')).text).toBe(`"${HEARD.lastseen}"`);
    await preload([{ ...HEARD, lastseen: '2018-11-08T08:47:50.939515' }]);
    expect((await daemon.http.get('/machines/mdc1:t-linux64-ms-100')).text).toBe('"2018-11-08T08:47:50.939515"');
  });

  test.each([
    ['no time', { ...OTHER, lastseen: 'yesterday' }, 'entry 2, mdc2:t-w1064-ms-7: "yesterday" is no time'],
    [
      'a zone',
      { ...OTHER, lastseen: '2018-11-08T08:47:51+01:00' },
      'entry 2, mdc2:t-w1064-ms-7: "2018-11-08T08:47:51+',
    ],
    ['no host', { ...OTHER, machine: 'a b' }, 'entry 2, mdc2:a b: a machine is DATACENTER:HOST'],
    ['a colon too many', { ...OTHER, datacenter: 'm:d' }, 'entry 2, m:d:t-w1064-ms-7: a datacenter has no colon'],
    ['a key too few', { datacenter: 'mdc2', machine: 'a' }, '1.lastseen: '],
    ['a key too many', { ...OTHER, state: 'up' }, '1: Unrecognized key: "state"'],
    ['no entry', 'mdc2:a', '1: '],
  ])('differs: is refused as a whole for one entry with %s, which is named', async (_, bad, sentence) => {
    const answer = await preload([HEARD, bad]);
    expect(answer.status).toBe(422);
    expect(jsonOf<{ detail: string }>(answer).detail).toContain(sentence);
    expect((await daemon.http.get('/machines')).text).toBe('[]');
  });

  test('differs: is refused where it is more than five minutes ahead', async () => {
    const early = await startDaemon({ clock: new FakeClock(Date.parse('2018-11-08T08:42:50.939Z')) });
    const answer = await early.http.post('/api/v2/machines', [OTHER, HEARD]);
    expect(jsonOf<{ detail: string }>(answer).detail).toBe(
      "mdc2:t-w1064-ms-7: 2018-11-08T08:47:51 is more than 5 minutes ahead of the daemon's clock",
    );
    const just = [{ ...OTHER, lastseen: '2018-11-08T08:47:50.939000' }];
    expect((await early.http.post('/api/v2/machines', just)).status).toBe(200);
    await early.close();
  });

  test('may be as long as there may be machines', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ ...HEARD, machine: `t-linux64-ms-${i}` }));
    expect((await preload(many)).text).toBe('{"taken":3000,"older":0}');
  });
});

describe('a resource with a machine', () => {
  const shown = async () =>
    jsonOf<{ resource: ResourceJson }>(await daemon.http.get('/api/v2/resources/board')).resource;

  test('shows when that was last seen, with its zone, and is handed out only while that is not too long ago', async () => {
    await daemon.declare([description('board', { machine: 'mdc1:a', staleAfter: 60_000 })]);
    expect(await shown()).toMatchObject({ state: 'offline', machine: 'mdc1:a', lastSeen: null, staleAfter: 60 });
    expect(jsonOf(await beat('mdc1:a'))).toMatchObject({ resources: ['board'] });
    expect(await shown()).toMatchObject({ state: 'free', lastSeen: '2026-01-31T12:00:00.250000Z' });
    clock.advance(60_000);
    expect((await daemon.lease().put('board', { wait: 0 })).status).toBe(409);
    const list = jsonOf<MachinesJson>(await daemon.http.get('/api/v2/machines'));
    expect(list.machines).toEqual([
      { machine: 'mdc1:a', lastSeen: '2026-01-31T12:00:00.250000Z', resources: ['board'] },
    ]);
  });
});

test('the list of machines comes in pages', async () => {
  await preload([HEARD, OTHER]);
  const page = async (query: string) =>
    jsonOf<MachinesJson>(await daemon.http.get(`/api/v2/machines?${query}`)).machines.map(({ machine }) => machine);
  expect(await page('limit=1')).toEqual(['mdc1:t-linux64-ms-100']);
  expect(await page('limit=1&after=mdc1:t-linux64-ms-100')).toEqual(['mdc2:t-w1064-ms-7']);
  expect((await daemon.http.get('/api/v2/machines?after=mdc9:x')).status).toBe(404);
});

test('it is for those that the daemon knows, once it knows somebody, with a token in either header', async () => {
  expect((await daemon.http.get('/machines')).status).toBe(200);
  const admin = await tokenFor('admin', {});
  expect((await daemon.http.get('/machines')).status).toBe(401);
  expect((await daemon.http.get('/machines/mdc1:a')).status).toBe(401);
  const [viewer, user] = [await tokenFor('viewer', admin), await tokenFor('user', admin)];
  expect((await daemon.http.get('/machines', { headers: { 'x-api-key': bare(viewer) } })).status).toBe(200);
  expect((await daemon.http.get('/machines', { headers: viewer })).status).toBe(200);
  const statuses = async (headers: Headers) => [
    (await daemon.http.post('/api/v2/machines/mdc1:a/seen', {}, { headers })).status,
    (await daemon.http.post('/api/v2/machines', [], { headers })).status,
  ];
  expect(await statuses(viewer)).toEqual([403, 403]);
  expect(await statuses(user)).toEqual([200, 403]);
  expect(await statuses(admin)).toEqual([200, 200]);
});

type Headers = Readonly<Record<string, string>>;

async function tokenFor(role: string, headers: Headers): Promise<Headers> {
  const made = await daemon.http.post('/api/v2/tokens', { name: `ci-${role}`, role }, { headers });
  return { authorization: `Bearer ${jsonOf<MadeTokenJson>(made).secret}` };
}

function bare({ authorization = '' }: Headers): string {
  return authorization.slice('Bearer '.length);
}

test('it can be switched off, and then only the native API is left', async () => {
  const quiet = await startDaemon({ facades: { 'releng-hardware': false } });
  expect((await quiet.http.get('/machines')).status).toBe(404);
  expect((await quiet.http.get('/api/v2/machines')).status).toBe(200);
  await quiet.close();
});
