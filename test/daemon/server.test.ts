import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueueJson } from '../../src/core/wire.ts';
import { drain, listenOnSocket, listenOnTcp, makeServer } from '../../src/daemon/server.ts';
import { acquireJson, newId } from '../support/builders-daemon.ts';
import { eventually, startDaemon, type TestDaemon, temporaryFolder } from '../support/daemon.ts';
import { Http, jsonOf, problemOf } from '../support/http.ts';

describe('what is no request', () => {
  let daemon: TestDaemon;
  beforeEach(async () => {
    daemon = await startDaemon({ resources: ['board-1'] });
  });
  afterEach(async () => {
    expect((await daemon.http.get('/healthz')).status).toBe(200);
    expect(daemon.lines.filter((line) => / error /i.test(line))).toEqual([]);
    await daemon.close();
  });

  /** The first answer of a raw exchange: its status and its problem. */
  function problemIn(raw: string) {
    const [head = '', body = ''] = raw.split('\r\n\r\n');
    expect(head).toMatch(/content-type: application\/problem\+json/i);
    return JSON.parse(body) as { status: number; code: string; detail: string };
  }

  test.each([
    ['words', 'hello\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a broken header', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nbroken\r\n\r\n'],
    ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['a host with a path', 'GET /healthz HTTP/1.1\r\nHost: x/y\r\nConnection: close\r\n\r\n'],
    ['a backslash', 'GET /api\\v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    [
      'two lengths',
      `PUT /api/v2/leases/${newId()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
    ],
    [
      'a length and chunks',
      `PUT /api/v2/leases/${newId()} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    [
      'a broken chunk',
      `PUT /api/v2/leases/${newId()} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`,
    ],
    ['an old version', 'GET /healthz HTTP/0.9\r\n\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('as %s is answered with a problem', async (_, bytes) => {
    const raw = await daemon.http.raw(bytes);
    expect(raw).toMatch(/^HTTP\/1\.1 4\d\d /);
    const { status, code } = problemIn(raw);
    expect(raw.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(['usage', 'not-found']).toContain(code);
  });

  test('HTTP/1.0 without a host is answered', async () => {
    expect(await daemon.http.raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('an absolute address is that of the daemon', async () => {
    const raw = await daemon.http.raw(
      'GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(raw).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('connections that break at any point change nothing and leave nothing', async () => {
    const id = newId();
    const body = JSON.stringify(acquireJson(id, 'board-1'));
    const request = `PUT /api/v2/leases/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let cut = 0; cut < request.length; cut += 7) {
      const socket = await daemon.http.socket();
      await new Promise<void>((resolve) => socket.write(request.slice(0, cut) || ' ', () => resolve()));
      if (cut % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    await eventually('all are closed', () => connections(daemon.server).then((count) => count === 0));
    expect((await daemon.http.get(`/api/v2/leases/${id}`)).status).toBe(404);
    expect(daemon.engine.watched).toBe(0);
  });

  test('a body that comes one byte at a time is read', async () => {
    const id = newId();
    const body = JSON.stringify(acquireJson(id, 'board-1', { note: 'ünïcödé' }));
    const bytes = Buffer.from(body);
    const socket = await daemon.http.socket();
    socket.setNoDelay(true);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write(
      `PUT /api/v2/leases/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    for (const byte of bytes) await new Promise<void>((resolve) => socket.write(Buffer.from([byte]), () => resolve()));
    await eventually('it is answered', () => answer.includes('"note":"ünïcödé"'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test('requests sent in one go are answered in their order', async () => {
    const ids = Array.from({ length: 20 }, () => newId());
    const requests = ids.map((id) => {
      const body = JSON.stringify(acquireJson(id, 'board-1'));
      return `PUT /api/v2/leases/${id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
    const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    const raw = await daemon.http.raw(requests.join('') + last);
    const answered = [...raw.matchAll(/"id":"([0-9a-f-]{36})"/g)].map(([, id]) => id);
    expect([...new Set(answered)].slice(0, 20)).toEqual(ids);
    expect([...raw.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      '200',
      ...Array(19).fill('202'),
      '200',
    ]);
  });

  test('garbage after a request that waits ends that connection, not the answer of another', async () => {
    await daemon.lease().hold('board-1', { ttl: 3600 });
    const id = newId();
    const body = JSON.stringify(acquireJson(id, 'board-1'));
    const head = `Host: localhost\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const socket = await daemon.http.socket();
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk;
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`PUT /api/v2/leases/${id} HTTP/1.1\r\n${head}`);
    await eventually('it waits', () => raw.includes('event: waiting'));
    socket.write('garbage\r\n\r\n');
    await closed;
    expect(raw.match(/HTTP\/1\.1/g)).toHaveLength(1);
    await eventually('it no longer counts', () => daemon.daemon.announcer.audience === 0);
  });

  test('an upload that is refused does not stop the connection from being used again, or is closed', async () => {
    const body = 'x'.repeat(300_000);
    for (let i = 0; i < 5; i += 1) {
      const answer = await daemon.http.put(`/api/v2/leases/${newId()}`, body).catch(() => null);
      if (answer) expect(problemOf(answer).status).toBe(413);
      expect((await daemon.http.get('/healthz')).status).toBe(200);
    }
  });

  test('a thousand connections dropped at once are forgotten', async () => {
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => daemon.http.socket()));
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => {});
      const id = newId();
      const body = JSON.stringify(acquireJson(id, 'board-1'));
      socket.write(
        `PUT /api/v2/leases/${id}?block=300 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${i % 3 === 0 ? body.slice(0, 20) : body}`,
      );
    }
    await eventually('they wait', async () => {
      const { waiting } = jsonOf<QueueJson>(await daemon.http.get('/api/v2/queue'));
      return waiting.length === 665;
    });
    for (const socket of sockets) socket.destroy();
    await eventually('all are closed', () => connections(daemon.server).then((count) => count <= 2));
    await eventually('nobody watches', () => daemon.engine.watched === 0);
    await eventually('nobody waits for the end', () => daemon.daemon.stepsDown.audience === 0);
  });
});

test('more connections than the limit are answered 429, and those before them go on', async () => {
  const daemon = await startDaemon({ http: { connections: 10 } });
  const sockets = await Promise.all(Array.from({ length: 10 }, () => daemon.http.socket()));
  const answer = await daemon.http.get('/healthz');
  expect(problemOf(answer)).toMatchObject({ status: 429, code: 'limit' });
  expect(problemOf(answer).detail).toContain('connections');
  expect(answer.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
  for (const socket of sockets.slice(0, 5)) socket.destroy();
  await eventually('there is room again', async () => (await daemon.http.get('/healthz')).status === 200);
  for (const socket of sockets) socket.destroy();
  await daemon.close();
});

describe('listening', () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  const servers: Server[] = [];
  const made = (): Server => {
    const server = makeServer((_, response) => void response.end('ok'), 100);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers) server.closeAllConnections();
    await drain(servers.splice(0));
  });

  test('on a port that is in use is refused, with what to do', async () => {
    const { port } = await listenOnTcp(made(), { host: '127.0.0.1', port: 0 });
    await expect(listenOnTcp(made(), { host: '127.0.0.1', port })).rejects.toMatchObject({
      refusal: { code: 'config', detail: `cannot listen on 127.0.0.1:${port}: somebody else listens there` },
    });
  });

  test('on a socket makes its folder, gives it the mode, and takes it away in the end', async () => {
    const path = join(folder.path, 'a', 'b', 'x.sock');
    const warnings: string[] = [];
    const server = made();
    expect(await listenOnSocket(server, { paths: [path], explicit: true }, 0o600, (text) => warnings.push(text))).toBe(
      path,
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder.path, 'a', 'b')).mode & 0o777).toBe(0o700);
    expect((await new Http({ socketPath: path }).get('/')).text).toBe('ok');
    await drain([server]);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test('replaces a socket that nobody answers on', async () => {
    const path = join(folder.path, 'stale.sock');
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    spawnSync(process.execPath, ['-e', listen]);
    expect(statSync(path).isSocket()).toBe(true);
    expect(await listenOnSocket(made(), { paths: [path], explicit: true }, 0o666, () => {})).toBe(path);
    expect((await new Http({ socketPath: path }).get('/')).text).toBe('ok');
  });

  test('does not touch what is no socket', async () => {
    const path = join(folder.path, 'file');
    writeFileSync(path, 'precious');
    const listening = listenOnSocket(made(), { paths: [path], explicit: true }, 0o666, () => {});
    await expect(listening).rejects.toMatchObject({ refusal: { code: 'config' } });
    expect(statSync(path).size).toBe(8);
  });

  test('refuses a named socket that a living daemon has, and does without a default one, with a warning', async () => {
    const path = join(folder.path, 'taken.sock');
    const other = createServer();
    servers.push(other);
    await new Promise<void>((resolve) => other.listen(path, resolve));
    const explicit = listenOnSocket(made(), { paths: [path], explicit: true }, 0o666, () => {});
    await expect(explicit).rejects.toMatchObject({
      refusal: { detail: `another daemon answers on the socket ${path}` },
    });
    const warnings: string[] = [];
    expect(await listenOnSocket(made(), { paths: [path], explicit: false }, 0o666, (text) => warnings.push(text))).toBe(
      null,
    );
    expect(warnings).toHaveLength(1);
    expect(statSync(path).isSocket()).toBe(true);
  });

  test('takes the next place where the first cannot be used', async () => {
    const blocked = join(folder.path, 'blocked');
    writeFileSync(blocked, '');
    const paths = [join(blocked, 'x.sock'), join(folder.path, 'second.sock')];
    expect(await listenOnSocket(made(), { paths, explicit: false }, 0o666, () => {})).toBe(paths[1]);
  });

  test('refuses a path that is longer than a socket may have', async () => {
    const path = join(folder.path, 'x'.repeat(120));
    mkdirSync(folder.path, { recursive: true });
    const listening = listenOnSocket(made(), { paths: [path], explicit: true }, 0o666, () => {});
    await expect(listening).rejects.toMatchObject({ refusal: { code: 'config' } });
  });
});

function connections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
}
