import { createServer, type Server } from 'node:http';
import { type connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { httpTransport, parseEndpoint, Unanswered } from '../../src/cli/transport.ts';
import { json, StubDaemon } from './support/stub-daemon.ts';
import { clientAt, temporaryFolder } from './support/world.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

test.each([
  ['http://127.0.0.1:5000', { url: 'http://127.0.0.1:5000', host: '127.0.0.1', port: 5000, prefix: '', secure: false }],
  ['http://ci.lab', { url: 'http://ci.lab:80', host: 'ci.lab', port: 80 }],
  ['https://ci.lab/', { url: 'https://ci.lab', host: 'ci.lab', port: 443, secure: true, prefix: '' }],
  ['https://ci.lab:8443/locks/', { url: 'https://ci.lab:8443/locks', port: 8443, prefix: '/locks' }],
  ['http://[::1]:5000', { url: 'http://[::1]:5000', host: '::1', port: 5000 }],
  ['unix:/run/r.sock', { url: 'unix:/run/r.sock', socketPath: '/run/r.sock' }],
  ['unix:///run/r.sock', { url: 'unix:/run/r.sock', socketPath: '/run/r.sock' }],
])('%s is where a daemon is', (text, endpoint) => {
  expect(parseEndpoint(text, '--url')).toMatchObject(endpoint);
});

test.each([
  '',
  'localhost:5000',
  'ftp://x',
  'http://',
  'unix:relative.sock',
  'http://ann:secret@host',
  'http://host/?token=x',
  `unix:/${'x'.repeat(200)}`,
])('%j is refused, by the name of who said it', (text) => {
  const refusal = parseEndpoint(text, 'RENTABOT_URL');
  expect(refusal).toMatchObject({ code: 'usage', detail: expect.stringMatching(/^RENTABOT_URL: /) });
  expect(JSON.stringify(refusal)).not.toContain('secret');
});

test('what RENTABOT_URL says in a command is read as the same daemon', () => {
  for (const text of ['http://h:1/p', 'https://h', 'http://h', 'unix:/a/b', 'http://[::1]:7']) {
    const endpoint = parseEndpoint(text, '') as { url: string };
    expect(parseEndpoint(endpoint.url, '')).toEqual(endpoint);
  }
});

test('a unix socket and a TCP port are spoken to alike', async () => {
  for (const path of [undefined, join(temporaryFolder(), 's')]) {
    const stub = await new StubDaemon().start(path);
    closers.push(() => stub.stop());
    stub.on('GET /api/v2/queue', (_, response) => json(response, 200, { waiting: [] }));
    expect(await clientAt(stub.url).queue()).toMatchObject({ type: 'ok', body: { waiting: [] } });
  }
});

test.each([
  ['a port where nobody listens', 'http://127.0.0.1:1', 'ECONNREFUSED'],
  ['a socket that does not exist', 'unix:/nonexistent/s', 'ENOENT'],
])('%s is no answer', async (_, url, code) => {
  await expect(clientAt(url).queue()).rejects.toMatchObject({ name: 'Unanswered', code, final: false });
});

test('a connection that breaks in the middle of an answer is no answer', async () => {
  const server = createTcpServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nrentabot-protocol: 2\r\ncontent-length: 100\r\n\r\n{"wait');
      setImmediate(() => socket.destroy());
    });
  });
  const url = await listening(server as unknown as Server);
  await expect(clientAt(url).queue()).rejects.toBeInstanceOf(Unanswered);
});

test('a daemon that takes the request and says nothing is given up after its time', async () => {
  const server = createTcpServer(() => {});
  const url = await listening(server as unknown as Server);
  await expect(clientAt(url).queue({ within: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('a call is given up at once when its signal says so', async () => {
  const server = createTcpServer(() => {});
  const url = await listening(server as unknown as Server);
  const given = new AbortController();
  const call = clientAt(url).queue({ signal: given.signal });
  given.abort();
  await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
});

test('connections are kept for the next request', async () => {
  let connections = 0;
  const server = createServer((_, response) => response.setHeader('rentabot-protocol', '2').end('{}'));
  // However long the next request takes to come.
  server.keepAliveTimeout = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const client = clientAt(await listening(server), httpTransport());
  for (let i = 0; i < 5; i += 1) await client.queue();
  expect(connections).toBe(1);
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<ReturnType<typeof connect>>();
  server.on('connection', (socket) => sockets.add(socket as ReturnType<typeof connect>));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
