import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RentabotError, refuse } from '../../src/core/error.ts';
import { DEFAULT_PORT } from '../../src/core/wire.ts';
import { startClock } from '../../src/daemon/clock.ts';
import { OPERATIONS } from '../../src/daemon/routes/openapi.ts';
import { EXAMPLE_ID } from '../../src/daemon/routes/openapi-examples.ts';
import { ApiDescription } from '../support/api-description.ts';
import { description as resource } from '../support/builders.ts';
import { acquireJson, newId } from '../support/builders-daemon.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import type { Answer, Asking, EventStream } from '../support/http.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const RESOURCES = [
  resource('board-1', { tags: ['board'], properties: { rack: 7, fast: true, site: 'lab' }, env: { PORT: '1' } }),
  resource('board-2', { tags: ['board'], offline: { reason: 'fan broken', until: null } }),
  resource('gpu-0', { tags: ['gpu'], slots: 2, maxHold: 3_600_000, endpoint: 'ssh://lab-3' }),
  resource('gpu-1', { tags: ['gpu'] }),
];

describe('every answer is as described', () => {
  const description = new ApiDescription();
  let running: TestDaemon;

  beforeAll(async () => {
    // Of a real clock, for a wait that runs out; every lease that is not to expire has a long ttl.
    running = await startDaemon({ resources: RESOURCES, clock: startClock() });
  });
  afterAll(() => running.close());

  /** Asks, and holds the answer against the description. */
  async function ask(expected: number, method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const answer = await running.http.ask(method, path, asking);
    expect(description.faults(method, path, answer), `${method} ${path}: ${answer.text}`).toEqual([]);
    expect(answer.status, answer.text).toBe(expected);
    return answer;
  }

  async function nextOf(stream: EventStream, event: string, method: string, path: string): Promise<void> {
    const message = await stream.nextOf(event);
    expect(description.eventFaults(method, path, message)).toEqual([]);
  }

  test('of a lease from asking to its end', async () => {
    const { id, path, authorization } = running.lease();
    const body = acquireJson(id, 'board-1', { note: 'nightly', holder: { name: 'ci' }, hold: 3600 });
    await ask(200, 'PUT', path, { body });
    await ask(200, 'PUT', `${path}?block=0`, { body });
    await ask(200, 'GET', path);
    await ask(200, 'GET', '/api/v2/leases?limit=1');
    await ask(200, 'POST', `${path}/renew`, { headers: authorization });
    await ask(200, 'POST', `${path}/extend`, { headers: authorization, body: { for: 60 } });
    const claim = { for: 60, guarded: false, note: 'having a look' };
    await ask(200, 'POST', `${path}/extend`, { headers: authorization, body: claim });
    await ask(422, 'POST', `${path}/extend`, { headers: authorization, body: { for: 60, guarded: true } });
    await ask(204, 'DELETE', path, { headers: authorization });
    await ask(410, 'GET', path);
    await ask(410, 'PUT', path, { body });
    await ask(410, 'POST', `${path}/renew`, { headers: authorization });
    await ask(410, 'POST', `${path}/extend`, { headers: authorization, body: { for: 60 } });
  });

  test('of a waiter, its stream and the queue', async () => {
    const holder = running.lease();
    await holder.hold('board-1');
    const waiter = running.lease();
    await ask(202, 'PUT', waiter.path, { body: acquireJson(waiter.id, 'board-1', { wait: 600 }) });
    await ask(200, 'GET', waiter.path);
    await ask(200, 'GET', '/api/v2/queue');
    await ask(200, 'GET', '/api/v2/resources/board-1');
    const stream = await waiter.stream('board-1', { wait: 600 });
    await nextOf(stream, 'waiting', 'PUT', waiter.path);
    await holder.release();
    await nextOf(stream, 'held', 'PUT', waiter.path);
    await waiter.release();
  });

  test('of a stream that ends without a lease', async () => {
    const holder = running.lease();
    await holder.hold('board-1');
    const waiter = running.lease();
    const stream = await waiter.stream('board-1');
    await waiter.release();
    await nextOf(stream, 'problem', 'PUT', waiter.path);
    await holder.release();
  });

  test('of a guarded lease that is told to end', async () => {
    const lease = running.lease();
    const { path } = lease;
    await lease.hold('gpu-1', { guarded: true });
    const stream = await lease.messages();
    await ask(202, 'DELETE', path);
    await nextOf(stream, 'message', 'GET', path);
    await ask(200, 'GET', path);
    await lease.release('?ended=true');
    await nextOf(stream, 'ended', 'GET', path);
  });

  test('of a claim that is offered, accepted, asked for, shared and stolen', async () => {
    const [claim, other, thief] = [running.lease(), running.lease(), running.lease()];
    const headers = claim.authorization;
    const body = acquireJson(claim.id, 'board-1', { claim: { for: 3600, accept: 600 } });
    await ask(200, 'PUT', claim.path, { body });
    await ask(200, 'POST', `${claim.path}/accept`, { headers });
    await ask(200, 'POST', '/api/v2/resources/board-1/ask', { body: { by: 'bob', note: 'please' } });
    await ask(200, 'POST', `${claim.path}/share`, { headers, body: { with: 'carol' } });
    await ask(200, 'GET', claim.path);
    await ask(200, 'GET', '/api/v2/resources/board-1');
    await ask(202, 'PUT', other.path, { body: acquireJson(other.id, 'board-1', { claim: { for: 60 } }) });
    await ask(404, 'POST', `${other.path}/accept`);
    await ask(200, 'GET', '/api/v2/queue');
    const steal = { claim: { for: 60 }, steal: 'a demo' };
    await ask(200, 'PUT', thief.path, { body: acquireJson(thief.id, 'board-1', steal) });
    for (const verb of ['accept', 'share']) {
      const named = verb === 'share' ? { body: { with: 'carol' } } : {};
      await ask(410, 'POST', `${claim.path}/${verb}`, { headers, ...named });
      await ask(403, 'POST', `${thief.path}/${verb}`, { headers, ...named });
      await ask(404, 'POST', `/api/v2/leases/${newId()}/${verb}`, named);
      await ask(400, 'POST', `/api/v2/leases/7/${verb}`, named);
    }
    await ask(422, 'POST', `${thief.path}/share`, { body: {} });
    for (let i = 0; i < 20; i += 1) await running.http.post(`${thief.path}/share`, { with: `person-${i}` });
    await ask(429, 'POST', `${thief.path}/share`, { body: { with: 'one too many' } });
    await ask(404, 'POST', '/api/v2/resources/board-9/ask', { body: {} });
    await ask(422, 'POST', '/api/v2/resources/board-1/ask', { body: { why: 'x' } });
    const plain = running.lease();
    await plain.hold('gpu-1');
    await ask(409, 'POST', `${plain.path}/accept`);
    for (const lease of [other, thief, plain]) await lease.release();
  });

  test('of what is refused', async () => {
    const [held, other] = [running.lease(), running.lease()];
    await held.hold('board-1');
    const put = (id: string, wants: string, more = {}) => ({ body: acquireJson(id, wants, more) });
    const stranger = { authorization: other.authorization.authorization ?? '' };
    await ask(409, 'PUT', other.path, put(other.id, 'board-1', { wait: 0 }));
    await ask(409, 'PUT', held.path, put(held.id, 'gpu-1'));
    await ask(403, 'PUT', held.path, { body: { ...acquireJson(held.id, 'board-1'), secret: 'x'.repeat(30) } });
    await ask(422, 'PUT', `/api/v2/leases/${newId()}`, put('x', 'board-7'));
    await ask(422, 'PUT', `/api/v2/leases/${newId()}`, { body: { want: 7 } });
    await ask(400, 'PUT', `/api/v2/leases/${newId()}`, { body: '{' });
    await ask(400, 'PUT', '/api/v2/leases/7', put('x', 'board-1'));
    await ask(400, 'PUT', `${other.path}?block=x`, put(other.id, 'board-1'));
    await ask(413, 'PUT', `/api/v2/leases/${newId()}`, { body: `"${'x'.repeat(70_000)}"` });
    await ask(415, 'PUT', `/api/v2/leases/${newId()}`, { body: '{}', headers: { 'content-type': 'text/xml' } });
    const brief = running.lease();
    await ask(408, 'PUT', `${brief.path}?block=20`, put(brief.id, 'board-1', { wait: 0.05 }));
    for (const verb of ['renew', 'extend']) {
      const body = verb === 'extend' ? { body: { for: 60 } } : {};
      await ask(403, 'POST', `${held.path}/${verb}`, { headers: stranger, ...body });
      await ask(404, 'POST', `/api/v2/leases/${newId()}/${verb}`, body);
      await ask(400, 'POST', `/api/v2/leases/7/${verb}`, body);
      await ask(400, 'POST', `${held.path}/${verb}`, { headers: { authorization: 'Lease x' }, ...body });
    }
    await ask(422, 'POST', `${held.path}/extend`, { body: { for: -1 } });
    await ask(403, 'GET', held.path, { headers: stranger });
    await ask(403, 'DELETE', held.path, { headers: stranger });
    await ask(400, 'DELETE', `${held.path}?ended=perhaps`);
    await ask(404, 'GET', `/api/v2/leases/${newId()}`);
    await ask(400, 'GET', '/api/v2/leases/7');
    for (const list of ['leases', 'queue', 'resources', 'history']) await ask(400, 'GET', `/api/v2/${list}?limit=0.5`);
    await ask(400, 'GET', '/api/v2/history?since=yesterday');
    await ask(400, 'GET', '/api/v2/history?before=0');
    await ask(400, 'GET', '/api/v2/stats?format=xml');
    await ask(404, 'GET', '/api/v2/stats?resource=board-7');
    await ask(400, 'GET', '/api/v2/events', { headers: { 'last-event-id': 'x' } });
    await held.release();
    const guarded = running.lease();
    await guarded.hold('gpu-1', { guarded: true });
    await running.http.delete(guarded.path);
    await ask(409, 'POST', `${guarded.path}/extend`, { headers: guarded.authorization, body: { for: 60 } });
    await guarded.release('?ended=true');
  });

  test('of the resources and their maintenance', async () => {
    const shared = running.lease();
    await running.http.put(shared.path, { ...acquireJson(shared.id, []), want: [{ name: 'gpu-0', mode: 'shared' }] });
    await ask(200, 'GET', '/api/v2/resources');
    await ask(200, 'GET', '/api/v2/resources?limit=1&after=board-1');
    await ask(200, 'GET', '/api/v2/leases');
    await ask(200, 'POST', '/api/v2/resources/gpu-1/offline', {
      body: { reason: 'fan', until: '2100-01-01T00:00:00Z' },
    });
    await ask(200, 'POST', '/api/v2/resources/gpu-1/online');
    await ask(404, 'GET', '/api/v2/resources/gpu-9');
    await ask(404, 'POST', '/api/v2/resources/gpu-9/online');
    await ask(404, 'POST', '/api/v2/resources/gpu-9/offline', { body: { reason: 'fan' } });
    await ask(422, 'POST', '/api/v2/resources/gpu-1/offline', { body: { reason: 'x', until: '2000-01-01T00:00:00Z' } });
    await ask(422, 'POST', '/api/v2/resources/gpu-1/offline', { body: {} });
    await shared.release();
  });

  test('of a resource that comes, changes and goes', async () => {
    const [all, one] = ['/api/v2/resources', '/api/v2/resources/licence'];
    const body = { name: 'licence', tags: ['licence'], slots: 5, properties: { seat: 'any' }, env: { PORT: '27000' } };
    await ask(201, 'POST', all, { body });
    await ask(409, 'POST', all, { body: { name: 'licence' } });
    await ask(422, 'POST', all, { body: { name: ' licence' } });
    await ask(200, 'PATCH', one, { body: { addTags: ['flaky'], properties: { seat: null }, maxHold: 3600 } });
    await ask(409, 'PATCH', one, { body: { slots: 9, was: { slots: 1 } } });
    await ask(404, 'PATCH', '/api/v2/resources/gpu-9', { body: { slots: 1 } });
    await ask(200, 'GET', '/api/v2/descriptor');
    const lease = running.lease();
    await lease.hold('licence');
    await ask(202, 'DELETE', one);
    await lease.release();
    await ask(201, 'POST', all, { body });
    await ask(204, 'DELETE', one);
    await ask(404, 'DELETE', one);
  });

  test('of machines', async () => {
    const list = [{ datacenter: 'mdc1', machine: 'a', lastseen: '2018-11-08T08:47:50.939514' }];
    await ask(200, 'POST', '/api/v2/machines', { body: list });
    await ask(422, 'POST', '/api/v2/machines', { body: [...list, { ...list[0], lastseen: 'never' }] });
    await ask(200, 'POST', '/api/v2/machines/mdc1:b/seen');
    await ask(422, 'POST', '/api/v2/machines/b/seen');
    await ask(200, 'GET', '/api/v2/machines?limit=1');
    await ask(404, 'GET', '/api/v2/machines?after=mdc1:c');
  });

  test('of the prospects of a want', async () => {
    const holder = running.lease();
    await holder.hold('board-1');
    for (const name of ['gpu-1', 'board-1', 'board-2', 'board-9']) {
      await ask(200, 'POST', '/api/v2/why', { body: { want: [{ name }] } });
    }
    await ask(422, 'POST', '/api/v2/why', { body: { want: [{ where: 'gpu &&' }] } });
    await ask(400, 'POST', '/api/v2/why');
    await holder.release();
  });

  test('of where people are told', async () => {
    await ask(200, 'GET', '/api/v2/notify');
    await ask(200, 'POST', '/api/v2/notify/test', { body: {} });
    await ask(404, 'POST', '/api/v2/notify/test', { body: { target: 'nobody' } });
    await ask(422, 'POST', '/api/v2/notify/test', { body: { target: 7 } });
  });

  test('of history and the stream of events', async () => {
    await ask(200, 'GET', '/api/v2/history');
    await ask(200, 'GET', '/api/v2/stats');
    await ask(200, 'GET', '/api/v2/history?limit=1&resource=board-1&since=2020-01-01T00:00:00Z');
    const stream = await running.http.stream('GET', '/api/v2/events', { headers: { 'last-event-id': '0' } });
    await stream.nextOf('lease-ended');
    for (const message of stream.seen) expect(description.eventFaults('GET', '/api/v2/events', message)).toEqual([]);
    stream.close();
  });

  test('of users, tokens and sessions', async () => {
    const outer = running;
    running = await startDaemon();
    const alice = { name: 'alice', role: 'admin', password: 'correct horse' };
    await ask(422, 'POST', '/api/v2/users', { body: { ...alice, role: 'user' } });
    await ask(200, 'POST', '/api/v2/users', { body: { ...alice, mail: 'alice@lab.example' } });
    await ask(401, 'GET', '/api/v2/users');
    await ask(401, 'POST', '/api/v2/session', { body: { name: 'alice', password: 'wrong' } });
    const opened = await ask(200, 'POST', '/api/v2/session', { body: { name: 'alice', password: 'correct horse' } });
    const cookie = String(opened.headers['set-cookie']).split(';')[0] ?? '';
    const browser = { cookie, 'x-rentabot-csrf': JSON.parse(opened.text).csrf as string };
    const made = await ask(200, 'POST', '/api/v2/session', {
      body: { name: 'alice', password: 'correct horse', for: 'cli' },
    });
    const headers = { authorization: `Bearer ${JSON.parse(made.text).token}` };
    await ask(409, 'POST', '/api/v2/users', { headers, body: { ...alice, password: 'another horse' } });
    await ask(200, 'GET', '/api/v2/users', { headers });
    await ask(200, 'GET', '/api/v2/whoami', { headers });
    await ask(200, 'GET', '/api/v2/whoami', { headers: browser });
    await ask(200, 'POST', '/api/v2/users', {
      headers,
      body: { name: 'bob', role: 'user', password: 'battery staple' },
    });
    await ask(200, 'PATCH', '/api/v2/users/bob', { headers, body: { role: 'viewer' } });
    await ask(404, 'PATCH', '/api/v2/users/eve', { headers, body: { role: 'viewer' } });
    await ask(409, 'PATCH', '/api/v2/users/alice', { headers, body: { role: 'viewer' } });
    await ask(409, 'DELETE', '/api/v2/users/alice', { headers });
    await ask(404, 'DELETE', '/api/v2/users/eve', { headers });
    await ask(204, 'DELETE', '/api/v2/users/bob', { headers });
    const token = { name: 'nightly', role: 'user' };
    await ask(200, 'POST', '/api/v2/tokens', { headers, body: { ...token, for: 3600 } });
    await ask(409, 'POST', '/api/v2/tokens', { headers, body: token });
    await ask(200, 'GET', '/api/v2/tokens', { headers });
    await ask(204, 'DELETE', '/api/v2/tokens/nightly', { headers });
    await ask(404, 'DELETE', '/api/v2/tokens/nightly', { headers });
    await ask(200, 'GET', '/login');
    await ask(200, 'GET', '/logout', { headers: browser });
    await ask(303, 'POST', '/logout', {
      headers: { cookie: browser.cookie, ...FORM },
      body: `csrf=${browser['x-rentabot-csrf']}`,
    });
    await ask(303, 'POST', '/api/v2/session', {
      headers: FORM,
      body: 'name=alice&password=correct+horse&next=%2Fdocs',
    });
    await ask(204, 'DELETE', '/api/v2/session', { headers });
    await running.close();
    running = await startDaemon({ exposed: true });
    const only = await ask(200, 'POST', '/api/v2/tokens', { body: { name: 'only', role: 'admin' } });
    const last = { authorization: `Bearer ${JSON.parse(only.text).secret}` };
    await ask(409, 'DELETE', '/api/v2/tokens/only', { headers: last });
    await running.close();
    running = outer;
  });

  test('of the daemon itself', async () => {
    for (const path of ['/api/v2/doctor', '/healthz', '/readyz', '/metrics', '/openapi.json', '/docs', '/'])
      await ask(200, 'GET', path);
    await ask(200, 'GET', '/', { headers: { accept: 'text/html' } });
    await ask(403, 'POST', '/api/v2/stop');
    await ask(414, 'GET', `/api/v2/resources/${'x'.repeat(9000)}`);
    await ask(431, 'GET', '/api/v2/resources', { headers: { 'x-long': 'x'.repeat(17_000) } });
    expect(JSON.parse((await running.http.get('/openapi.json')).text)).toEqual(description.api);
  });

  test('of a daemon that is full, private or about to go', async () => {
    const mistake = refuse('config', 'rentabot.yaml:1:1: what is this');
    const small = await startDaemon({
      resources: RESOURCES,
      limits: { waiters: 1, resources: RESOURCES.length },
      describe: () => Promise.reject(new RentabotError(mistake)),
      stop: () => small.stepDown(),
    });
    const outer = running;
    running = small;
    const big = running.lease();
    await running.lease().hold('board-1');
    const waiter = running.lease();
    const stream = await waiter.stream('board-1');
    await ask(429, 'PUT', big.path, { body: acquireJson(big.id, 'board-1') });
    await ask(429, 'POST', '/api/v2/resources', { body: { name: 'one-more' } });
    await ask(422, 'GET', '/api/v2/resources', { headers: { 'rentabot-descriptor': '/rentabot.yaml' } });
    await ask(400, 'GET', '/api/v2/resources', { headers: { 'rentabot-descriptor': 'rentabot.yaml' } });
    await ask(204, 'POST', '/api/v2/stop');
    await nextOf(stream, 'closing', 'PUT', waiter.path);
    await ask(503, 'GET', '/api/v2/resources');
    await ask(503, 'GET', '/readyz');
    running = outer;
    await small.close();
  });

  test('and nothing was told of that the tour has not met', () => {
    const told = description.operations().flatMap(({ operation }) =>
      Object.entries(operation.responses).flatMap(([status, { content }]) => {
        const events = Object.keys(content?.['text/event-stream']?.['x-events'] ?? {}).filter((name) => name !== '*');
        const plain =
          status === '200' && !content?.['application/json'] && content?.['text/event-stream'] ? [] : [status];
        return [...plain, ...events.map((event) => `${status} ${event}`)].map(
          (what) => `${operation.operationId} ${what}`,
        );
      }),
    );
    // What is common to all is met with one of them; for roles test/daemon/access.test.ts asks every route.
    const common = / (?:401|403|413|414|415|422|429|431|500|503)$|closing$/;
    const unmet = told.filter((what) => !common.test(what) && !description.seen.has(what));
    // The rest of the 400s are those of the descriptor, from a private daemon.
    expect(unmet.filter((what) => !what.endsWith(' 400'))).toEqual([]);
  });
});

describe('the curl examples', () => {
  const CURL = spawnSync('curl', ['--version']).status === 0;

  test.skipIf(!CURL)('work as they stand, one after the other', async () => {
    const description = new ApiDescription();
    const running = await startDaemon({
      resources: ['gpu-0', 'gpu-1'].map((name) => resource(name, { tags: ['gpu'] })),
      // One of them adds the first user, and the others say nothing of who they are.
      identify: () => ({ name: '', role: 'admin' }),
      stop: () => {},
    });
    const { port } = running.server.address() as { port: number };
    for (const { method, path, operationId, calls } of OPERATIONS) {
      const samples = description.operations().find(({ operation }) => operation.operationId === operationId);
      for (const [i, call] of calls.entries()) {
        const streams = call.headers?.accept === 'text/event-stream';
        const source = samples?.operation['x-codeSamples'][i]?.source ?? '';
        expect(source).toContain(`:${DEFAULT_PORT}/`);
        const here = source
          .replace(`:${DEFAULT_PORT}/`, `:${port}/`)
          .replace(/^curl/, `curl --max-time ${streams ? 1 : 20}`);
        const found = await shell(`${here} -w '\\n%{http_code}'`);
        const status = Number(/(\d{3})$/.exec(found)?.[1]);
        expect(Object.keys(samples?.operation.responses ?? {}), `${method} ${path}: ${found}`).toContain(
          String(status),
        );
        expect(status, found).toBeLessThan(400);
      }
    }
    expect(running.daemon.engine.isOpen).toBe(true);
    expect((await running.http.get(`/api/v2/leases/${EXAMPLE_ID}`)).status).toBe(410);
    await running.close();
  });
});

function shell(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}
