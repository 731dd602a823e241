import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchSource, isUrl } from '../../src/cli/import-fetch.ts';

let server: http.Server;
let url: string;
const asked: http.IncomingHttpHeaders[] = [];

const ANSWERS: Readonly<Record<string, (response: http.ServerResponse) => void>> = {
  '/list': (response) => response.end('[1]'),
  '/moved': (response) => response.writeHead(302, { location: '/list?token=hunter2' }).end(),
  '/round': (response) => response.writeHead(307, { location: '/round' }).end(),
  '/elsewhere': (response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end(),
  '/unknown': (response) => response.writeHead(404).end('no'),
  '/private': (response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end('{"message":"unauthorized!"}'),
  '/large': (response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    response.write('x'.repeat(2000));
  },
  '/broken': (response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('x', () => response.socket?.destroy());
  },
  '/silent': () => {},
  '/stalls': (response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('x');
  },
};

beforeAll(async () => {
  server = http.createServer((request, response) => {
    asked.push(request.headers);
    ANSWERS[new URL(request.url ?? '', 'http://x').pathname]?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test.each([
  ['http://a', true],
  ['HTTPS://a', true],
  ['lab.yaml', false],
  ['unix:/x', false],
  ['./http://a', false],
])('%s is a url: %s', (text, expected) => expect(isUrl(text)).toBe(expected));

test('what answers is bytes, also where the list has moved; its query is not shown, and no secret is sent along', async () => {
  for (const path of ['/list', '/moved']) {
    const found = await fetchSource(url + path);
    expect(found).toMatchObject({ type: 'bytes', where: `${url}/list`, path: null });
    expect('bytes' in found && Buffer.from(found.bytes).toString()).toBe('[1]');
  }
  expect(asked.every((headers) => headers.authorization === undefined && headers.cookie === undefined)).toBe(true);
});

describe('is refused, and says so:', () => {
  const bounds = { silence: 100, largest: 1000 };
  test.each([
    ['/unknown', 'usage', 'cannot be read: it answers 404 Not Found'],
    ['/private', 'denied', 'cannot be read: it answers 401 Unauthorized'],
    ['/large', 'usage', 'cannot be read: it has more than 1000 bytes'],
    ['/round', 'usage', 'cannot be read: it leads on more than 5 times'],
    ['/elsewhere', 'usage', 'cannot be read: it leads to what is no url'],
  ])('%s', async (path, code, problem) => {
    expect(await fetchSource(url + path, bounds)).toMatchObject({ code, detail: `${url}${path} ${problem}` });
  });

  test.each([
    ['/broken', '{url}/broken broke off the connection'],
    ['/silent', 'nothing heard from {url}/silent'],
    ['/stalls', 'nothing heard from {url}/stalls'],
  ])('%s', async (path, problem) => {
    const detail = problem.replace('{url}', url);
    expect(await fetchSource(url + path, bounds)).toMatchObject({ code: 'unreachable', detail });
  });

  test('what takes too long altogether', async () => {
    const found = await fetchSource(`${url}/silent`, { longest: 100 });
    expect(found).toMatchObject({ code: 'unreachable', detail: `${url}/silent took too long` });
  });

  test('nobody there', async () => {
    expect(await fetchSource('http://127.0.0.1:9/x')).toMatchObject({
      code: 'unreachable',
      detail: 'nobody listens at http://127.0.0.1:9/x',
    });
  });

  test('a password in the url, which is not repeated', async () => {
    const found = await fetchSource('http://ann:hunter2@127.0.0.1:9/x?token=hunter2');
    expect(found).toMatchObject({ code: 'usage', hint: expect.stringContaining('curl') });
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('what is no url', async () => {
    expect(await fetchSource('http://%%/')).toMatchObject({ code: 'usage', detail: expect.stringContaining('no url') });
  });
});
