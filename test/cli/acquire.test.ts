import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AcquireRequest, type AcquireWatcher, acquire } from '../../src/cli/acquire.ts';
import { mono } from '../../src/cli/time.ts';
import { type Endpoint, httpTransport, parseEndpoint, Unanswered } from '../../src/cli/transport.ts';
import type { WaitingJson } from '../../src/core/wire.ts';
import { cutOff, losesFirstReplies, repeats } from './support/bad-line.ts';
import { idIn, json, problem, type Script, StubDaemon, send, stream, waitingJson } from './support/stub-daemon.ts';
import { pass, passing, passUntil, stopTime } from './support/time.ts';
import { clientAt, temporaryFolder } from './support/world.ts';

let stub: StubDaemon;
beforeEach(async () => {
  stub = await new StubDaemon().start();
});
afterEach(async () => {
  vi.useRealTimers();
  await stub.stop();
});

const ID = '01JD3X6T8Q5W0Z9Y7R2M4K1N3B';

function request(more: Partial<AcquireRequest> = {}): AcquireRequest {
  return {
    id: ID,
    body: { secret: 's'.repeat(22), want: [{ name: 'gpu-0' }] },
    wait: null,
    connectTimeout: 60_000,
    ...more,
  };
}

class Watcher implements AcquireWatcher {
  readonly updates: WaitingJson[] = [];
  readonly troubles: string[] = [];
  private wake: () => void = () => {};

  waiting(update: WaitingJson): void {
    this.updates.push(update);
    this.wake();
  }

  trouble(sentence: string): void {
    this.troubles.push(sentence);
    this.wake();
  }

  async until(check: () => boolean): Promise<void> {
    while (!check()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

const never = new AbortController().signal;

/** Keeps the wait open. */
const queued: Script = (asked, response) => {
  stream(response);
  send(response, 'waiting', waitingJson(idIn(asked.path)));
};

test('a grant is held, and counts from when it was asked for', async () => {
  const before = mono();
  const acquired = await acquire(clientAt(stub.url), request(), new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'held', lease: { id: ID, fence: 1 } });
  if (acquired.type === 'held') expect(acquired.sentAt).toBeGreaterThanOrEqual(before);
});

test('a lost reply does not take a second lease: the same id finds the first', async () => {
  stopTime();
  const line = losesFirstReplies();
  const acquired = await passing(acquire(clientAt(stub.url, line), request({ wait: 0 }), new Watcher(), never));
  expect(acquired).toMatchObject({ type: 'held', lease: { fence: 1 } });
  expect(stub.asked.map(({ path }) => idIn(path))).toEqual([ID, ID]);
  expect(line.lost).toEqual(['PUT /api/v2/leases/ID']);
});

test('a request that arrives twice is granted once', async () => {
  const acquired = await acquire(clientAt(stub.url, repeats()), request(), new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'held', lease: { fence: 1 } });
});

test('waiting is told as it changes, until it is held', async () => {
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'waiting', waitingJson(ID, 2));
    response.write(': heartbeat\n\n');
    send(response, 'waiting', waitingJson(ID, 1));
    send(response, 'later-daemons-say-more', {});
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
  });
  const watcher = new Watcher();
  expect(await acquire(clientAt(stub.url), request(), watcher, never)).toMatchObject({ type: 'held' });
  expect(watcher.updates.map(({ position }) => position)).toEqual([2, 1]);
});

test.each([
  ['busy', 409],
  ['timeout', 408],
  ['impossible', 422],
  ['lost', 410],
  ['denied', 403],
  ['config', 422],
  ['internal', 500],
] as const)('%s ends it, whether it comes before the stream or in it', async (code, status) => {
  stub.on('PUT lease', (_, response) => problem(response, code, 'plain'));
  const plain = await acquire(clientAt(stub.url), request(), new Watcher(), never);
  expect(plain).toMatchObject({ type: 'refused', settled: true, refusal: { code, detail: 'plain' } });
  stub.on('PUT lease', (_, response) => {
    stream(response);
    send(response, 'problem', { type: 'x', title: 'x', status, code, detail: 'streamed', hint: 'h' });
  });
  const streamed = await acquire(clientAt(stub.url), request(), new Watcher(), never);
  expect(streamed).toMatchObject({ type: 'refused', settled: true, refusal: { code, detail: 'streamed', hint: 'h' } });
});

test('a daemon that restarts is waited out, and asked for the same place', async () => {
  stopTime();
  await stub.stop();
  // A socket is still there when it comes back; a port may be somebody else's by then.
  stub = await new StubDaemon().start(join(temporaryFolder(), 's'));
  stub.on('PUT lease', queued);
  const watcher = new Watcher();
  const acquiring = acquire(clientAt(stub.url), request(), watcher, never);
  await watcher.until(() => watcher.updates.length === 1);
  await stub.stop();
  await passUntil(() => watcher.troubles.length > 0);
  // For longer than a daemon that never answered is tried.
  await pass(120_000);
  await passUntil(() => watcher.troubles.length > 1);
  stub.scripts.clear();
  await stub.start();
  expect(await passing(acquiring)).toMatchObject({ type: 'held', lease: { id: ID } });
});

test('a daemon that steps down tells so, and is asked again when it said', async () => {
  let asked = 0;
  stub.on('PUT lease', (request, response) => {
    stream(response);
    asked += 1;
    if (asked === 1) send(response, 'closing', { retryAfter: 0.02 });
    else send(response, 'held', { state: 'held', lease: stub.grant(request) });
    response.end();
  });
  expect(await acquire(clientAt(stub.url), request(), new Watcher(), never)).toMatchObject({ type: 'held' });
});

test('a stream that ends without a decision is asked for again', async () => {
  let asked = 0;
  stub.on('PUT lease', (request, response) => {
    asked += 1;
    if (asked > 1) return json(response, 200, { state: 'held', lease: stub.grant(request) });
    stream(response);
    response.end();
  });
  expect(await acquire(clientAt(stub.url), request(), new Watcher(), never)).toMatchObject({ type: 'held' });
});

test.each(['limit', 'unavailable'] as const)('%s is asked again after Retry-After', async (code) => {
  const times: number[] = [];
  stub.on('PUT lease', (request, response) => {
    times.push(mono());
    if (times.length === 1) return problem(response, code, 'no room', { headers: { 'retry-after': '0.2' } });
    json(response, 200, { state: 'held', lease: stub.grant(request) });
  });
  const watcher = new Watcher();
  expect(await acquire(clientAt(stub.url), request(), watcher, never)).toMatchObject({ type: 'held' });
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(195);
  expect(watcher.troubles).toEqual(['no room']);
});

test('whoever asks once takes "no room" for an answer', async () => {
  stub.on('PUT lease', (_, response) => problem(response, 'limit', 'no room', { headers: { 'retry-after': '5' } }));
  const acquired = await acquire(clientAt(stub.url), request({ wait: 0 }), new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'refused', refusal: { code: 'limit', detail: 'no room' } });
});

test.each([
  ['--connect-timeout', { wait: null, connectTimeout: 150 }],
  ['--wait', { wait: 1000, connectTimeout: 60_000 }],
])('a daemon that never answers is unreachable after %s', async (_, patience) => {
  const before = mono();
  const acquired = await acquire(clientAt('http://127.0.0.1:1'), request(patience), new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'refused', settled: false, refusal: { code: 'unreachable' } });
  const expected = Math.min(patience.wait ?? Number.POSITIVE_INFINITY, patience.connectTimeout);
  expect(mono() - before).toBeGreaterThanOrEqual(expected - 5);
});

test('a daemon that takes the request and never says a word is unreachable too', async () => {
  stub.on('PUT lease', () => {});
  const acquired = await acquire(clientAt(stub.url), request({ connectTimeout: 150 }), new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'refused', settled: false, refusal: { code: 'unreachable' } });
});

test('once in the queue, an outage at the end of --wait is a timeout', async () => {
  stopTime();
  let down = false;
  stub.on('PUT lease', (asked, response) => {
    queued(asked, response, stub);
    down = true;
    setImmediate(() => response.destroy());
  });
  const line = cutOff(() => down);
  const watcher = new Watcher();
  const acquiring = acquire(clientAt(stub.url, line), request({ wait: 10_000 }), watcher, never);
  await watcher.until(() => watcher.updates.length === 1);
  await passUntil(() => watcher.troubles.length > 0);
  await pass(10_000);
  const acquired = await passing(acquiring);
  expect(acquired).toMatchObject({ type: 'refused', settled: false, refusal: { code: 'timeout' } });
});

test('an untrusted certificate is said at once, not tried for half a minute', async () => {
  const untrusted = async (): Promise<never> => {
    throw new Unanswered('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate', { final: true });
  };
  const acquired = await acquire(clientAt(stub.url, untrusted), request(), new Watcher(), never);
  expect(acquired).toMatchObject({
    type: 'refused',
    refusal: { code: 'unreachable', hint: expect.stringMatching(/NODE_EXTRA/) },
  });
});

test('giving up while waiting ends it at once', async () => {
  stub.on('PUT lease', queued);
  const stop = new AbortController();
  const watcher = new Watcher();
  const acquiring = acquire(clientAt(stub.url), request(), watcher, stop.signal);
  await watcher.until(() => watcher.updates.length === 1);
  stop.abort();
  expect(await acquiring).toEqual({ type: 'interrupted' });
});

test('giving up between two attempts ends it at once', async () => {
  const stop = new AbortController();
  const watcher = new Watcher();
  const acquiring = acquire(clientAt('http://127.0.0.1:1'), request({ connectTimeout: 60_000 }), watcher, stop.signal);
  await watcher.until(() => watcher.troubles.length >= 3);
  stop.abort();
  expect(await acquiring).toEqual({ type: 'interrupted' });
});

test('a private daemon that has gone is brought back before it is asked again', async () => {
  await stub.stop();
  const revive = async (): Promise<null> => {
    await stub.start();
    return null;
  };
  const client = clientAt(stub.url, httpTransport(), { revive });
  expect(await acquire(client, request(), new Watcher(), never)).toMatchObject({ type: 'held' });
});

test('an older private daemon is replaced, and its successor asked with the same id', async () => {
  stub.headers['rentabot-version'] = '1.2.3';
  stub.on('PUT lease', queued);
  let replaced = 0;
  const replace = async (): Promise<Endpoint> => {
    replaced += 1;
    stub.headers['rentabot-version'] = '1.3.0';
    stub.scripts.clear();
    return parseEndpoint(stub.url, 'the stub') as Endpoint;
  };
  const client = clientAt(stub.url, httpTransport(), { replace, version: '1.3.0' });
  expect(await acquire(client, request(), new Watcher(), never)).toMatchObject({ type: 'held', lease: { id: ID } });
  expect(replaced).toBe(1);
});

test.each([
  ['does not step down', 1, async (): Promise<null> => null],
  ['is always back', 3, async (): Promise<Endpoint> => parseEndpoint(stub.url, 'the stub') as Endpoint],
])('an older private daemon that %s is asked to %i times at most, then spoken to', async (_, times, replaceOnce) => {
  stub.headers['rentabot-version'] = '1.2.3';
  let replaced = 0;
  const replace = (): Promise<Endpoint | null> => {
    replaced += 1;
    return replaceOnce();
  };
  const client = clientAt(stub.url, httpTransport(), { replace, version: '1.3.0' });
  expect(await acquire(client, request(), new Watcher(), never)).toMatchObject({ type: 'held' });
  expect(replaced).toBe(times);
});

test.each([
  ['newer', '2.0.0'],
  ['equal', '1.3.0'],
])('a private daemon that is %s is spoken to as it is', async (_, version) => {
  stub.headers['rentabot-version'] = version;
  const replace = (): Promise<null> => Promise.reject(new Error('must not be called'));
  const client = clientAt(stub.url, httpTransport(), { replace, version: '1.3.0' });
  expect(await acquire(client, request(), new Watcher(), never)).toMatchObject({ type: 'held' });
});

test('a daemon that answers without a stream is asked again for the same place', async () => {
  let asked = 0;
  stub.on('PUT lease', (request, response: ServerResponse) => {
    asked += 1;
    if (asked === 1) return json(response, 202, waitingJson(ID, 3));
    json(response, 200, { state: 'held', lease: stub.grant(request) });
  });
  const watcher = new Watcher();
  expect(await acquire(clientAt(stub.url), request(), watcher, never)).toMatchObject({ type: 'held' });
  expect(watcher.updates).toMatchObject([{ position: 3 }]);
});

test('whoever does not wait still hears a daemon that takes longer than a moment to answer', async () => {
  stub.on('PUT lease', (_, response) => void setTimeout(() => problem(response, 'busy', 'a is taken'), 1300));
  const patience = request({ wait: 0 });
  const acquired = await acquire(clientAt(stub.url), patience, new Watcher(), never);
  expect(acquired).toMatchObject({ type: 'refused', settled: true, refusal: { code: 'busy' } });
});
