import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LARGEST_HEADERS, LONGEST_URL } from '../../src/daemon/app.ts';
import { acquireJson, newId, secretOf } from '../support/builders-daemon.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Answer, problemOf } from '../support/http.ts';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
});
afterAll(() => daemon.close());

const path = (): string => `/api/v2/leases/${newId()}`;

async function changesNothing(ask: () => Promise<Answer>): Promise<Answer> {
  const before = await world();
  const answer = await ask();
  expect(await world()).toBe(before);
  return answer;
}

async function world(): Promise<string> {
  const pages = await Promise.all(
    ['leases', 'queue', 'resources', 'history'].map((of) => daemon.http.get(`/api/v2/${of}`)),
  );
  return pages.map(({ text }) => text).join('\n');
}

describe('every answer', () => {
  test('says version and protocol, is not to be cached, and is what it says it is', async () => {
    for (const [method, where] of [
      ['GET', '/healthz'],
      ['GET', '/api/v2/resources'],
      ['GET', '/nowhere'],
      ['PUT', '/api/v2/queue'],
      ['DELETE', path()],
      ['GET', '/metrics'],
    ] as const) {
      const { headers } = await daemon.http.ask(method, where);
      expect(headers, where).toMatchObject({
        'rentabot-version': '0.0.0-test',
        'rentabot-protocol': '2',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  test('to HEAD is that to GET, without its body', async () => {
    const { status, text } = await daemon.http.ask('HEAD', '/healthz');
    expect([status, text]).toEqual([200, '']);
  });
});

describe('addresses', () => {
  test.each([
    '/nowhere',
    '/api',
    '/api/v2',
    '/api/v2/',
    '/api/v2/lease',
    '/api/v2/leases/',
    '/api/v2/resources/',
    '/api/v2/leases/a/b/c',
    '/api/v2/leases//renew',
    '//api/v2/leases',
    '/%00',
    '/%E0%A4%A',
    '/api/v2/leases/..',
  ])('%s is 404, with what was asked for', async (where) => {
    const answer = await daemon.http.get(where);
    expect(problemOf(answer)).toMatchObject({ status: 404, code: 'not-found' });
  });

  test.each([
    ['POST', '/api/v2/leases', 'GET'],
    ['PATCH', '/api/v2/leases/01ARZ3NDEKTSV4RRFFQ69G5FAV', 'PUT, GET, DELETE'],
    ['GET', '/api/v2/leases/01ARZ3NDEKTSV4RRFFQ69G5FAV/renew', 'POST'],
    ['GET', '/api/v2/leases/01ARZ3NDEKTSV4RRFFQ69G5FAV/extend', 'POST'],
    ['DELETE', '/api/v2/queue', 'GET'],
    ['PUT', '/api/v2/history', 'GET'],
    ['POST', '/healthz', 'GET'],
    ['OPTIONS', '/api/v2/events', 'GET'],
    ['GET', '/api/v2/resources/board-1/offline', 'POST'],
  ])('%s %s is 405, and Allow says %s', async (method, where, allow) => {
    const answer = await daemon.http.ask(method, where);
    expect(problemOf(answer)).toMatchObject({ status: 405, code: 'method-not-allowed' });
    expect(answer.headers.allow).toBe(allow);
  });

  test.each(['/api/v2/resources?x=', '/api/v2/leases/', '/nowhere/', '/'])(
    'longer than the limit are 414, below %s too',
    async (start) => {
      const answer = await daemon.http.get(start + 'a'.repeat(LONGEST_URL));
      expect(problemOf(answer)).toMatchObject({ status: 414, code: 'uri-too-long' });
    },
  );

  test('that are longer still are 414, and beyond what the parser takes 431', async () => {
    for (const [length, code] of [
      [20_000, 'uri-too-long'],
      [60_000, 'uri-too-long'],
      [70_000, 'headers-too-large'],
      [400_000, 'headers-too-large'],
    ] as const) {
      const answer = await daemon.http.raw(
        `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, `${length}`).toMatch(code === 'uri-too-long' ? /^HTTP\/1\.1 414 / : /^HTTP\/1\.1 431 /);
      expect(answer).toContain(`"code":"${code}"`);
    }
  });
});

describe('headers', () => {
  test('that are too large are 431, with any path', async () => {
    for (const where of ['/healthz', '/nowhere']) {
      const answer = await daemon.http.get(where, { headers: { 'x-large': 'a'.repeat(LARGEST_HEADERS) } });
      expect(problemOf(answer)).toMatchObject({ status: 431, code: 'headers-too-large' });
    }
  });

  test('that are larger than the parser takes are 431 as well', async () => {
    const answer = await daemon.http.raw(
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain('"code":"headers-too-large"');
  });
});

describe('bodies', () => {
  test.each([
    ['nothing', ''],
    ['half an object', '{"secret":'],
    ['words', 'give me board-1'],
    ['an unfinished text', '{"secret":"'],
    ['deep brackets', '['.repeat(20_000)],
  ])('that are %s are 400', async (_, body) => {
    const answer = await changesNothing(() => daemon.http.put(path(), body));
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'usage' });
  });

  test('that are not UTF-8 are 400', async () => {
    const id = newId();
    const whole = Buffer.from(JSON.stringify(acquireJson(id, 'board-1', { note: 'xx' })));
    whole[whole.indexOf('xx')] = 0xff;
    const answer = await changesNothing(() => daemon.http.put(`/api/v2/leases/${id}`, whole));
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'usage' });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'jsonish', ''])(
    'of the type "%s" are 415',
    async (type) => {
      const id = newId();
      const answer = await changesNothing(() =>
        daemon.http.put(`/api/v2/leases/${id}`, acquireJson(id, 'board-1'), { headers: { 'content-type': type } }),
      );
      expect(problemOf(answer)).toMatchObject({ status: 415, code: 'usage' });
    },
  );

  test('that are compressed are 415', async () => {
    const id = newId();
    const answer = await changesNothing(() =>
      daemon.http.put(`/api/v2/leases/${id}`, acquireJson(id, 'board-1'), { headers: { 'content-encoding': 'gzip' } }),
    );
    expect(problemOf(answer)).toMatchObject({ status: 415, code: 'usage' });
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/vnd.x+json'])(
    'of the type %s are read',
    async (type) => {
      const id = newId();
      const answer = await daemon.http.put(`/api/v2/leases/${id}`, acquireJson(id, 'nothing'), {
        headers: { 'content-type': type },
      });
      expect(problemOf(answer).code).toBe('impossible');
    },
  );

  test('larger than the limit are 413, whether their length is told or not', async () => {
    const body = JSON.stringify({ secret: 'a'.repeat(70_000) });
    expect(problemOf(await daemon.http.put(path(), body))).toMatchObject({ status: 413, code: 'usage' });
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const head = `PUT ${path()} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n`;
    const answer = await daemon.http.raw(`${head}Connection: close\r\n\r\n${chunks}`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"usage"');
  });

  test('of exactly the limit are read', async () => {
    const id = newId();
    const json = JSON.stringify(acquireJson(id, 'nothing'));
    const answer = await daemon.http.put(`/api/v2/leases/${id}`, json.padEnd(65_536));
    expect(problemOf(answer).code).toBe('impossible');
    expect((await daemon.http.put(`/api/v2/leases/${id}`, json.padEnd(65_537))).status).toBe(413);
  });
});

describe('an acquire that is not what it should be', () => {
  const good = acquireJson('x', 'board-1');
  test.each([
    ['a list', [good]],
    ['null', null],
    ['a text', '"x"'],
    ['without a secret', { want: good.want }],
    ['without a want', { secret: good.secret }],
    ['with no wants', { ...good, want: [] }],
    ['with a short secret', { ...good, secret: 'short' }],
    ['with a secret of other characters', { ...good, secret: `${'x'.repeat(21)}ü` }],
    ['with a secret that is too long', { ...good, secret: 'x'.repeat(257) }],
    ['with a misspelled key', { ...good, prioritiy: 1 }],
    ['with a prototype', JSON.stringify(good).replace('{', '{"__proto__":{"x":1},')],
    ['with a constructor', { ...good, constructor: 1 }],
    ['with a ttl of 1', { ...good, ttl: 1 }],
    ['with a ttl of 86401', { ...good, ttl: 86_401 }],
    ['with a ttl in words', { ...good, ttl: '30' }],
    ['with an endless ttl', JSON.stringify({ ...good, ttl: 5 }).replace('"ttl":5', '"ttl":1e999')],
    ['with a negative wait', { ...good, wait: -1 }],
    ['with a hold of 0', { ...good, hold: 0 }],
    ['with half a priority', { ...good, priority: 0.5 }],
    ['with a great priority', { ...good, priority: 1_000_000 }],
    ['with a note of lines', { ...good, note: 'one\ntwo' }],
    ['with a note that colours the terminal', { ...good, note: '\u001b[31m' }],
    ['with a note that turns the line round', { ...good, note: '\u202eevil' }],
    ['with a long note', { ...good, note: 'x'.repeat(501) }],
    ['with a holder in words', { ...good, holder: 'me' }],
    ['with a holder of unknown parts', { ...good, holder: { nam: 'me' } }],
    ['with a link that runs code', { ...good, holder: { link: 'javascript:alert(1)' } }],
    ['with guarded in words', { ...good, guarded: 'yes' }],
    ['with a want in words', { ...good, want: ['board-1'] }],
    ['with a want of nothing', { ...good, want: [{}] }],
    ['with a want of two kinds', { ...good, want: [{ name: 'board-1', id: 1 }] }],
    ['with a want of an unknown kind', { ...good, want: [{ nmae: 'board-1' }] }],
    ['with a want of no tags', { ...good, want: [{ tags: [] }] }],
    ['with a tag of two words', { ...good, want: [{ tags: ['a b'] }] }],
    ['with a count of 0', { ...good, want: [{ tags: ['a'], count: 0 }] }],
    ['with two of one name', { ...good, want: [{ name: 'board-1', count: 2 }] }],
    ['with half an id', { ...good, want: [{ id: 1.5 }] }],
    ['with a broken expression', { ...good, want: [{ where: 'gpu && (' }] }],
    ['with an unknown mode', { ...good, want: [{ name: 'board-1', mode: 'slot' }] }],
  ])('%s is 422, says where, and changes nothing', async (_, body) => {
    const id = newId();
    const answer = await changesNothing(() => daemon.http.put(`/api/v2/leases/${id}`, body));
    expect(problemOf(answer)).toMatchObject({ status: 422, code: 'usage' });
    expect((await daemon.http.get(`/api/v2/leases/${id}`)).status).toBe(404);
  });

  test('has its place told, with a caret where it is in an expression', async () => {
    const one = problemOf(await daemon.http.put(path(), { ...good, want: [{ tags: ['a'] }, { where: 'gpu && &' }] }));
    expect(one.detail).toMatch(/^want\.1: /);
    expect(one.detail).toMatch(/gpu && &\n\s+\^/);
    const two = problemOf(await daemon.http.put(path(), { ...good, ttl: 'x', holder: { name: 7 } }));
    expect(two.detail).toMatch(/ttl: /);
    expect(two.detail).toMatch(/holder\.name: /);
  });

  test('never has its secret told back', async () => {
    const secret = `${secretOf('loud')}!`;
    const { text } = await daemon.http.put(path(), { ...good, secret, want: 1 });
    expect(text).not.toContain(secret);
  });
});

test.each([
  'x',
  '01ARZ3NDEKTSV4RRFFQ69G5FA',
  '01ARZ3NDEKTSV4RRFFQ69G5FAU',
  '91ARZ3NDEKTSV4RRFFQ69G5FAV',
  'ffffffff-ffff-ffff-ffff-fffffffffff',
  '../x',
  '%00',
  'a'.repeat(3000),
  '%F0%28',
])('the id %s is not one: 400, for every method', async (id) => {
  const where = `/api/v2/leases/${id === '../x' ? '..%2Fx' : id}`;
  const answers = [
    await daemon.http.put(where, acquireJson('x', 'board-1')),
    await daemon.http.get(where),
    await daemon.http.delete(where),
    await daemon.http.post(`${where}/renew`, {}),
    await daemon.http.post(`${where}/extend`, { for: 1 }),
  ];
  for (const answer of answers) expect(problemOf(answer)).toMatchObject({ status: 400, code: 'usage' });
});

test('an authorization that is no secret is 400, and one of another kind is none', async () => {
  const where = path();
  for (const authorization of [
    'Lease',
    'Lease x',
    'lease  ',
    `Lease ${'x'.repeat(300)}`,
    `Lease ${'x'.repeat(30)} y`,
  ]) {
    expect(problemOf(await daemon.http.delete(where, { headers: { authorization } })).status, authorization).toBe(400);
  }
  expect((await daemon.http.delete(where, { headers: { authorization: 'Bearer xyz' } })).status).toBe(204);
});

test('queries that are not what they should be are 400', async () => {
  const id = newId();
  for (const query of ['block=x', 'block=-1', 'block=', 'block=1e9', 'block=NaN']) {
    const answer = await changesNothing(() =>
      daemon.http.put(`/api/v2/leases/${id}?${query}`, acquireJson(id, 'board-1')),
    );
    expect(problemOf(answer), query).toMatchObject({ status: 400, code: 'usage' });
  }
  for (const where of [
    'history?limit=0',
    'history?limit=1001',
    'history?limit=1.5',
    'history?limit=x',
    'history?before=x',
    'history?before=0',
    'history?since=yesterday',
    'leases?limit=0',
    'queue?limit=-1',
    'resources?limit=x',
    'resources?limit=1.5',
  ]) {
    expect(problemOf(await daemon.http.get(`/api/v2/${where}`)), where).toMatchObject({ status: 400, code: 'usage' });
  }
  expect(problemOf(await daemon.http.delete(`/api/v2/leases/${id}?ended=perhaps`)).status).toBe(400);
});

test('nothing of all this was worth an error in the log', () => {
  expect(daemon.lines.filter((line) => / error /i.test(line))).toEqual([]);
  expect(daemon.troubles).toEqual([]);
});
