import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { QueueJson, ResourcesJson } from '../../src/core/wire.ts';
import { buildProgram } from '../support/build.ts';
import { eventually, temporaryFolder } from '../support/daemon.ts';
import { Http, jsonOf, problemOf } from '../support/http.ts';
import { Serve } from '../support/serve.ts';

let program: string;
let remove: () => void;
let folder: ReturnType<typeof temporaryFolder>;
const started: Serve[] = [];
beforeAll(async () => {
  ({ program, remove } = await buildProgram());
});
afterAll(() => remove());
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(descriptor(), 'board-1: {}\nboard-2: {tags: [arm]}\n');
});
afterEach(async () => {
  for (const serve of started.splice(0)) await serve.stop('SIGKILL');
  folder.remove();
});

const descriptor = (): string => join(folder.path, 'rentabot.yaml');
const data = (): string => join(folder.path, 'data');

async function serve(...args: string[]): Promise<Serve> {
  const usual = ['--listen', '127.0.0.1:0', '--socket', 'none', '--data', data()];
  const given = new Set(args.filter((arg) => arg.startsWith('--')));
  const rest = [0, 2, 4].flatMap((i) => (given.has(usual[i] ?? '') ? [] : usual.slice(i, i + 2)));
  const one = await Serve.start({ program, args: [...rest, ...args], cwd: folder.path });
  started.push(one);
  return one;
}

describe('starting', () => {
  test('says on stdout where it listens, and nothing else', async () => {
    const one = await serve();
    expect(one.stdout).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
    expect((await one.http.get('/readyz')).status).toBe(200);
    await one.lease().hold('board-1');
    await one.stop();
    expect(one.stdout).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
  });

  test('writes who the owner is, for the owner alone, and takes it away in the end', async () => {
    const socket = join(folder.path, 'x.sock');
    const one = await serve('--socket', socket);
    const owner = join(data(), 'owner.json');
    await eventually('it is there', () => existsSync(owner));
    expect(JSON.parse(readFileSync(owner, 'utf8'))).toMatchObject({
      pid: one.pid,
      url: one.url,
      socket,
      version: '0.0.0-test',
    });
    expect(statSync(owner).mode & 0o077).toBe(0);
    expect((await new Http({ socketPath: socket }).get('/healthz')).status).toBe(200);
    await one.stop();
    expect([existsSync(owner), existsSync(socket)]).toEqual([false, false]);
  });

  test('with a socket alone says so', async () => {
    const one = await serve('--listen', 'none', '--socket', join(folder.path, 'x.sock'));
    expect(one.stdout).toBe(`listening on unix:${join(folder.path, 'x.sock')}\n`);
    expect((await one.http.get('/healthz')).status).toBe(200);
  });

  test('a second time on the same data is refused with who holds it, and harms nobody', async () => {
    const one = await serve();
    await one.lease().hold('board-1');
    const two = await serve();
    expect(await two.exited).toEqual({ code: 78, signal: null });
    expect(two.stdout).toBe('');
    expect(two.stderr).toContain(`pid ${one.pid}`);
    expect(two.stderr).toContain(one.url);
    await one.lease().hold('board-2');
    expect(existsSync(join(data(), 'owner.json'))).toBe(true);
  });

  test('on a port that is in use is refused, and leaves the data to others', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const one = await serve('--listen', `127.0.0.1:${port}`);
    expect((await one.exited).code).toBe(78);
    expect(one.stderr).toContain(`cannot listen on 127.0.0.1:${port}: somebody else listens there`);
    taken.close();
    expect((await serve()).url).not.toBe('');
  });

  test('for everybody on the network needs the word for it', async () => {
    const refused = await serve('--listen', '0.0.0.0:0');
    expect((await refused.exited).code).toBe(78);
    expect(refused.stderr).toContain('auth: none');
    writeFileSync(descriptor(), 'auth: none\nresources: {board-1: {}}\n');
    const open = await serve('--listen', '0.0.0.0:0');
    expect(open.stdout).toMatch(/^listening on http:\/\/0\.0\.0\.0:\d+\n$/);
  });

  test('with a descriptor that is wrong is refused with line and column', async () => {
    writeFileSync(descriptor(), 'board-1: {}\nboard-2: {slots: many}\n');
    const one = await serve();
    expect((await one.exited).code).toBe(78);
    expect(one.stderr).toMatch(/rentabot\.yaml:2:\d+/);
    expect(one.stderr).not.toMatch(/^\s+at /m);
  });

  test('on a folder that cannot be used is refused', async () => {
    writeFileSync(join(folder.path, 'file'), '');
    const one = await serve('--data', join(folder.path, 'file', 'data'));
    expect((await one.exited).code).toBe(78);
    expect(one.stderr).toContain('--data');
    expect(one.stderr).not.toMatch(/^\s+at /m);
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('tells who waits to come back, keeps leases and places, and ends with 0', async () => {
    const one = await serve('--socket', join(folder.path, 'x.sock'));
    const [holder, streaming, blocking] = [one.lease(), one.lease(), one.lease()];
    const { fence } = await holder.hold('board-1', { ttl: 3600 });
    const stream = await streaming.stream('board-1');
    await stream.next();
    const blocked = blocking.put('board-1', {}, '?block=60');
    await eventually('both wait', async () => {
      const { waiting } = jsonOf<QueueJson>(await one.http.get('/api/v2/queue'));
      return waiting.length === 2;
    });
    const ended = one.stop(signal);
    expect((await stream.next()).event).toBe('closing');
    const answer = await blocked;
    expect([202, 503]).toContain(answer.status);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(existsSync(join(folder.path, 'x.sock'))).toBe(false);
    expect(one.stderr).not.toMatch(/Warning|^\s+at /m);

    const two = await serve();
    const again = (id: string) => two.lease(id).put('board-1');
    expect(jsonOf<{ lease: { fence: number } }>(await again(holder.id)).lease.fence).toBe(fence);
    expect(jsonOf(await again(blocking.id))).toMatchObject({ state: 'waiting', position: 2 });
    expect(jsonOf(await again(streaming.id))).toMatchObject({ state: 'waiting', position: 1 });
  });

  test('answers what comes over an open connection meanwhile with 503 and when to come back', async () => {
    let raw = '';
    // It waits for two seconds at most, and a machine that stalls for so long has to try again.
    for (let attempt = 0; raw === '' && attempt < 5; attempt += 1) {
      const one = await serve();
      const socket = await one.http.socket();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          raw += chunk;
        })
        .on('error', () => {});
      // A request that is not complete keeps the connection from being idle.
      socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n');
      await one.http.get('/healthz');
      const ended = one.stop(signal);
      await one.logged('stepping down');
      socket.write('\r\n');
      await closed;
      expect((await ended).code).toBe(0);
    }
    expect(raw).toMatch(/^HTTP\/1\.1 503 /);
    expect(raw).toContain('"code":"unavailable"');
    expect(raw.toLowerCase()).toContain('retry-after: 1');
  });
});

describe('a descriptor that changes', () => {
  async function names(one: Serve): Promise<string> {
    const { resources } = jsonOf<ResourcesJson>(await one.http.get('/api/v2/resources'));
    return resources.map(({ id, name, state }) => `${id} ${name} ${state}`).join(', ');
  }

  test.each(['SIGHUP', 'a look at the file'])('is applied by difference on %s, whatever is held', async (how) => {
    const one = await serve();
    const [holder, waiter] = [one.lease(), one.lease()];
    await holder.hold('board-1', { ttl: 3600 });
    expect(problemOf(await one.lease().put('board-3')).code).toBe('impossible');
    const stream = await waiter.stream(['tag:arm', 'board-1']);
    await stream.next();
    writeFileSync(descriptor(), 'board-2: {tags: [arm, fast]}\nboard-3: {tags: [arm]}\n');
    if (how === 'SIGHUP') one.kill('SIGHUP');
    await eventually('it is applied', async () => (await names(one)).includes('board-3'));
    expect(await names(one)).toBe('1 board-1 retiring, 2 board-2 free, 3 board-3 free');
    expect((await stream.next()).event).toBe('problem');
    expect((await holder.renew()).status).toBe(200);
    await holder.release();
    expect(await names(one)).toBe('2 board-2 free, 3 board-3 free');
  });

  test('to something wrong changes nothing, and says where', async () => {
    const one = await serve();
    writeFileSync(descriptor(), 'board-1: {}\n  board-9: [}\n');
    one.kill('SIGHUP');
    const line = await one.logged('descriptor not applied');
    expect(line).toMatch(/rentabot\.yaml:2:\d+/);
    expect(await names(one)).toBe('1 board-1 free, 2 board-2 free');
    writeFileSync(descriptor(), 'board-2: {}\n');
    one.kill('SIGHUP');
    await eventually('it is applied', async () => (await names(one)) === '2 board-2 free');
  });

  test('again and again under load loses nothing', async () => {
    const one = await serve();
    let busy = true;
    const failures: string[] = [];
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (busy) {
          const client = one.lease();
          const answer = await client.put('tag:arm', { wait: 150 }, '?block=150');
          if (answer.status !== 200) failures.push(answer.text);
          const released = await client.release();
          if (released.status !== 204) failures.push(released.text);
        }
      }),
    );
    for (let i = 0; i < 20; i += 1) {
      writeFileSync(descriptor(), `board-1: {}\nboard-2: {tags: [arm]}\nextra-${i}: {tags: [arm]}\n`);
      one.kill('SIGHUP');
      await eventually('it is applied', async () => (await names(one)).includes(`extra-${i} `));
    }
    busy = false;
    await load;
    expect(failures).toEqual([]);
    writeFileSync(descriptor(), 'board-1: {}\nboard-2: {tags: [arm]}\n');
    one.kill('SIGHUP');
    await eventually('only two are left', async () => (await names(one)) === '1 board-1 free, 2 board-2 free');
  });
});

test('secrets are nowhere in the log, in the data or in what is read', async () => {
  const one = await serve();
  const client = one.lease();
  await client.hold('board-1', { note: 'nightly' });
  await client.renew();
  await one.http.put(client.path, { secret: `${client.secret}-wrong`, want: [{ name: 'board-1' }] });
  await client.release();
  await one.logged('lease-ended');
  const history = (await one.http.get('/api/v2/history')).text;
  await one.stop();
  const db = readFileSync(join(data(), 'rentabot.db'), 'latin1');
  for (const text of [one.stderr, one.stdout, history, db]) expect(text).not.toContain(client.secret);
  expect(history).toContain('nightly');
});
