import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HeldLease, type LeaseOptions, type Loss } from '../../src/cli/lease.ts';
import { mono } from '../../src/cli/time.ts';
import { httpTransport, type Transport } from '../../src/cli/transport.ts';
import type { MessageJson } from '../../src/core/wire.ts';
import { cutOff, losesFirstReplies, repeats } from './support/bad-line.ts';
import { json, leaseJson, problem, StubDaemon, send, stream } from './support/stub-daemon.ts';
import { pass, passing, passUntil, stopTime } from './support/time.ts';
import { clientAt } from './support/world.ts';

let stub: StubDaemon;
const held: HeldLease[] = [];
beforeEach(async () => {
  stub = await new StubDaemon().start();
  stopTime();
});
afterEach(async () => {
  for (const lease of held.splice(0)) lease.abandon();
  vi.useRealTimers();
  await stub.stop();
});

/** Seconds; what a test does on the way takes far less. */
const TTL = 600;
const THIRD_MS = (TTL * 1000) / 3;

/** A lease of so many seconds that the daemon knows of. */
function hold({
  ttl = TTL,
  transport = httpTransport() as Transport,
  ...options
}: Partial<LeaseOptions> & { ttl?: number; transport?: Transport } = {}): HeldLease {
  const lease = leaseJson({ id: 'L', fence: 1, ttl });
  stub.leases.set('L', lease);
  const quiet = { secret: 'sec', grace: 100, onMessage: () => {}, onTrouble: () => {} };
  const one = new HeldLease(clientAt(stub.url, transport), lease, mono(), { ...quiet, ...options });
  held.push(one);
  return one;
}

function lossOf(lease: HeldLease): Promise<Loss> {
  return new Promise((resolve) => {
    if (lease.lost.aborted) resolve(lease.lost.reason as Loss);
    lease.lost.addEventListener('abort', () => resolve(lease.lost.reason as Loss), { once: true });
  });
}

test('a lease is renewed at a third of its ttl, again and again', async () => {
  const lease = hold();
  lease.keep();
  for (let i = 1; i <= 4; i += 1) {
    const before = lease.deadBy;
    await pass(THIRD_MS - 10);
    expect(stub.count('POST renew')).toBe(i - 1);
    await passUntil(() => lease.deadBy > before);
    expect(stub.count('POST renew')).toBe(i);
    // It was sent then, however long the way there and back took.
    expect(lease.deadBy - before).toBeLessThanOrEqual(THIRD_MS + 1);
  }
  expect(lease.lost.aborted).toBe(false);
});

test.each([
  ['loses its first reply', () => losesFirstReplies()],
  ['repeats everything', () => repeats()],
])('a line that %s does not lose the lease', async (_, line) => {
  const lease = hold({ transport: line() });
  lease.keep();
  for (let i = 1; i <= 4; i += 1) {
    const before = lease.deadBy;
    await pass(THIRD_MS);
    await passUntil(() => lease.deadBy > before);
  }
  expect(lease.lost.aborted).toBe(false);
});

test('without an answer it is lost so early that grace and KILL fit before the deadline', async () => {
  const sentAt = mono();
  const lease = hold({ ttl: 0.9, grace: 10_000, transport: cutOff(() => true) });
  lease.keep();
  expect(await passing(lossOf(lease))).toMatchObject({ cause: 'silence' });
  const lostAt = mono();
  // A third of the ttl for the grace, however long the caller wants it.
  expect(lease.grace).toBe(300);
  expect(lostAt + lease.grace).toBeLessThanOrEqual(lease.deadBy + 5);
  expect(lease.deadBy).toBeLessThan(sentAt + 900);
});

test('the deadline counts from when the last answered renewal was sent, not from its answer', async () => {
  const lease = hold({ ttl: 3 });
  stub.on('POST renew', (_, response) => {
    vi.advanceTimersByTime(1000);
    json(response, 200, { lease: stub.leases.get('L'), messages: [] });
  });
  const before = mono();
  await lease.refresh(new AbortController().signal);
  expect(mono() - before).toBeGreaterThanOrEqual(999);
  expect(lease.deadBy).toBeGreaterThan(before + 2000);
  expect(lease.deadBy).toBeLessThan(before + 3000);
});

test('a daemon that is back in time is as if nothing had happened', async () => {
  let down = true;
  const troubles: string[] = [];
  const lease = hold({ transport: cutOff(() => down), onTrouble: (text) => troubles.push(text) });
  lease.keep();
  await pass(THIRD_MS);
  await passUntil(() => troubles.length > 0);
  down = false;
  await passUntil(() => stub.count('POST renew') === 1);
  await pass(THIRD_MS);
  await passUntil(() => stub.count('POST renew') === 2);
  expect(lease.lost.aborted).toBe(false);
  expect(troubles).toHaveLength(1);
});

test.each(['unavailable', 'limit', 'internal', 'unauthorized', 'denied'] as const)(
  'a renewal answered with %s says nothing about the lease, and is tried again',
  async (code) => {
    const lease = hold();
    stub.on('POST renew', (_, response) => {
      stub.scripts.clear();
      problem(response, code, 'not now');
    });
    lease.keep();
    await pass(THIRD_MS);
    await passUntil(() => stub.count('POST renew') === 2);
    await pass(THIRD_MS);
    await passUntil(() => stub.count('POST renew') === 3);
    expect(lease.lost.aborted).toBe(false);
  },
);

test.each([
  ['lost', 'stolen'],
  ['not-found', undefined],
] as const)('a renewal answered with %s means that it is over', async (code, reason) => {
  const lease = hold();
  stub.on('POST renew', (_, response) => problem(response, code, 'gone', { reason }));
  lease.keep();
  await pass(THIRD_MS);
  expect(await passing(lossOf(lease))).toEqual({ cause: 'ended', reason: reason ?? null, by: '', detail: 'gone' });
});

test('a renewal tells that it has to end, by whom and why', async () => {
  const lease = hold();
  const ending = { reason: 'stolen', by: 'bob', note: 'release day', since: '2026-01-01T00:00:00Z' };
  stub.on('POST renew', (_, response) =>
    json(response, 200, { lease: { ...stub.leases.get('L'), ending }, messages: [] }),
  );
  lease.keep();
  await pass(THIRD_MS);
  expect(await passing(lossOf(lease))).toEqual({ cause: 'told', reason: 'stolen', by: 'bob', note: 'release day' });
});

/** Resolves with the open stream of the lease. */
function streamed(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    stub.on('GET lease', (_, response) => {
      stream(response);
      resolve(response);
    });
  });
}

test('its stream tells of the end long before a renewal would, and a renewal tells how', async () => {
  const lease = hold({ ttl: 60 });
  const open = streamed();
  void lease.listen();
  const response = await open;
  const ending = { reason: 'revoked', by: 'alice', note: 'fan broken', since: '2026-01-01T00:00:00Z' };
  stub.on('POST renew', (_, answer) => json(answer, 200, { lease: { ...stub.leases.get('L'), ending }, messages: [] }));
  const before = mono();
  send(response, 'message', { type: 'ending', by: 'alice', reason: 'fan broken', at: 'x' });
  expect(await lossOf(lease)).toEqual({ cause: 'told', reason: 'revoked', by: 'alice', note: 'fan broken' });
  expect(mono()).toBe(before);
});

test('without that renewal the stream has to do', async () => {
  const lease = hold({ ttl: 60, transport: async (endpoint, ask) => httpTransport()(endpoint, ask) });
  const open = streamed();
  void lease.listen();
  stub.on('POST renew', (_, response) => response.destroy());
  send(await open, 'message', { type: 'ending', by: 'alice', reason: 'why not', at: 'x' });
  expect(await lossOf(lease)).toMatchObject({ cause: 'told', by: 'alice', note: 'why not' });
});

test('its stream tells that it is over', async () => {
  const lease = hold({ ttl: 60 });
  const open = streamed();
  void lease.listen();
  send(await open, 'ended', { reason: 'expired', by: '' });
  expect(await lossOf(lease)).toMatchObject({ cause: 'ended', reason: 'expired' });
});

test('its stream is opened again when it breaks, and each message is passed on once', async () => {
  const messages: MessageJson[] = [];
  const lease = hold({ ttl: 60, onMessage: (message) => messages.push(message) });
  const asked = { type: 'asked', by: 'bob', reason: 'soon?', at: '2026-01-01T00:00:00Z' };
  let opened = 0;
  stub.on('GET lease', (_, response) => {
    opened += 1;
    stream(response);
    send(response, 'message', asked);
    if (opened === 1) response.end();
  });
  void lease.listen();
  await passUntil(() => stub.count('GET lease') === 2);
  stub.on('POST renew', (_, response) => json(response, 200, { lease: stub.leases.get('L'), messages: [asked] }));
  await lease.refresh(new AbortController().signal);
  expect(messages).toEqual([asked]);
});

test('of two causes the first counts', async () => {
  const lease = hold({ ttl: 60 });
  const open = streamed();
  void lease.listen();
  const response = await open;
  send(response, 'ended', { reason: 'stolen', by: 'bob' });
  await lossOf(lease);
  send(response, 'ended', { reason: 'revoked', by: 'eve' });
  stub.on('POST renew', (_, answer) => problem(answer, 'lost', 'gone', { reason: 'expired' }));
  await lease.refresh(AbortSignal.timeout(100)).catch(() => {});
  expect(lease.lost.reason).toMatchObject({ reason: 'stolen', by: 'bob' });
});

test('a lease that was granted already ending never counts as held', () => {
  const lease = leaseJson({ id: 'L', fence: 1, ttl: 30 });
  lease.ending = { reason: 'revoked', by: 'alice', note: '', since: '' };
  const one = new HeldLease(clientAt(stub.url), lease, mono(), {
    secret: 's',
    grace: 1,
    onMessage: () => {},
    onTrouble: () => {},
  });
  expect(one.lost.aborted).toBe(true);
});

test('a grant is stale when a third of the ttl went by before we knew of it', () => {
  const options = { secret: 's', grace: 1, onMessage: () => {}, onTrouble: () => {} };
  const lease = leaseJson({ id: 'L', fence: 1, ttl: 30 });
  expect(new HeldLease(clientAt(stub.url), lease, mono() - 11_000, options).isStale).toBe(true);
  expect(new HeldLease(clientAt(stub.url), lease, mono() - 9000, options).isStale).toBe(false);
});

test.each([
  ['loses its first reply', () => losesFirstReplies(), 2],
  ['repeats everything', () => repeats(), 2],
  ['is good', () => httpTransport(), 1],
])('over a line that %s it is given back, saying that the command has ended', async (_, line, times) => {
  const lease = hold({ transport: line() });
  lease.keep();
  expect(await passing(lease.release())).toBe(true);
  expect(await passing(lease.release())).toBe(true);
  expect(stub.count('DELETE lease')).toBe(times);
  expect(stub.asked.at(-1)?.path).toMatch(/\?ended=true$/);
  expect(stub.asked.at(-1)?.headers.authorization).toBe('Lease sec');
});

test('giving back has an end even if nobody answers', async () => {
  const lease = hold({ ttl: 60, transport: cutOff(() => true) });
  expect(await passing(lease.release(undefined, 100))).toBe(false);
});

test('giving back is cut short by who is in a hurry', async () => {
  const lease = hold({ ttl: 60 });
  stub.on('DELETE lease', () => {});
  const hurry = new AbortController();
  const releasing = lease.release(hurry.signal);
  await stub.until('DELETE lease');
  hurry.abort();
  expect(await releasing).toBe(false);
});

test('a lease that was given back is not renewed any more, and cannot be lost', async () => {
  const lease = hold();
  lease.keep();
  await lease.release();
  await pass(2 * TTL * 1000);
  // What was asked before this has arrived.
  await clientAt(stub.url).queue();
  expect(stub.count('POST renew')).toBe(0);
  expect(lease.lost.aborted).toBe(false);
});
