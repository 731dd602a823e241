import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { Transport } from '../../src/cli/transport.ts';
import type { HeldJson, QueueJson, WaitingJson } from '../../src/core/wire.ts';
import { description, SECOND } from '../support/builders.ts';
import type { LeaseClient } from '../support/builders-daemon.ts';
import { FakeClock } from '../support/clock.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { losesFirstReplies, repeats } from './support/bad-line.ts';
import { testShell } from './support/world.ts';

/** What people do at a terminal, against a real daemon. The caller is ann. */
let daemon: TestDaemon;
let clock: FakeClock;
beforeEach(async () => {
  // Not far from the real one, which is what the sentences are told by.
  clock = new FakeClock(Date.now());
  const short = description('short', { maxHold: 600 * SECOND });
  daemon = await startDaemon({ resources: ['a', 'b', short, description('many', { slots: 2 })], clock });
});
afterEach(() => daemon.close());

const url = (): string => {
  const { where } = daemon.http;
  return 'port' in where ? `http://${where.host}:${where.port}` : `unix:${where.socketPath}`;
};

async function rentabot(line: readonly string[], more: { caller?: string; transport?: Transport } = {}) {
  const shell = { ...testShell({ RENTABOT_URL: url() }), ...(more.transport ? { transport: more.transport } : {}) };
  const out: string[] = [];
  const caller = () => ({ name: more.caller ?? 'ann', host: 'ws' });
  const code = await run(line, { ...shell, caller, print: async (text) => void out.push(text) });
  return { code, out: out.join(''), said: shell.ear.text };
}

async function hold(name: string, holder = 'bob', more = {}): Promise<LeaseClient> {
  const lease = daemon.lease();
  await lease.hold(name, { holder: { name: holder, host: 'ci' }, note: 'nightly', ttl: 3600, ...more });
  return lease;
}

async function heldOn(name: string) {
  const { resource } = jsonOf<{ resource: { leases: HeldJson['lease'][] } }>(
    await daemon.http.get(`/api/v2/resources/${name}`),
  );
  return resource.leases;
}

const queue = async () => jsonOf<QueueJson>(await daemon.http.get('/api/v2/queue')).waiting;

/** Lets time pass, and waits for the turn in which the daemon sees it. */
async function pass(seconds: number): Promise<void> {
  clock.advance(seconds * SECOND);
  await daemon.engine.read(() => null);
}

const lines: readonly [string, () => Transport | undefined][] = [
  ['a good line', () => undefined],
  ['a line that loses the first of its replies', () => losesFirstReplies()],
  ['a line that repeats', () => repeats()],
];

describe.each(lines)('over %s', (_, line) => {
  test('a claim is had, and is a claim', async () => {
    const transport = line();
    const found = await rentabot(['claim', 'a', '--for', '2h', '--note', 'JTAG'], transport ? { transport } : {});
    expect(found).toMatchObject({ code: 0, out: 'a\n' });
    expect(found.said).toMatch(/^rentabot: a is yours until .*; `rentabot release a` gives it back\n$/m);
    const leases = await heldOn('a');
    expect(leases).toMatchObject([{ claim: true, guarded: false, note: 'JTAG', holder: { name: 'ann', host: 'ws' } }]);
    expect(leases[0]?.offeredUntil).toBeUndefined();
    expect(Date.parse(leases[0]?.until ?? '')).toBeGreaterThan(clock.now() + 7000 * SECOND);
  });

  test('an offer is accepted, extended, shared and given back', async () => {
    const holder = await hold('a');
    expect((await rentabot(['claim', 'a', '--for', '1h', '--next'])).code).toBe(0);
    await holder.release();
    const more = () => {
      const transport = line();
      return transport ? { transport } : {};
    };
    expect(await rentabot(['accept', 'a'], more())).toMatchObject({ code: 0, out: 'a\n' });
    expect((await rentabot(['extend', 'a', '--for', '3h'], more())).code).toBe(0);
    expect((await rentabot(['share', 'a', 'carol'], more())).said).toBe('rentabot: carol may use a with you\n');
    expect((await heldOn('a'))[0]).toMatchObject({ shares: ['carol'] });
    expect((await rentabot(['release', 'a'], { ...more(), caller: 'carol' })).code).toBe(0);
    expect(await heldOn('a')).toEqual([]);
  });
});

describe('queueing up', () => {
  test('says the place and what to do when it is one’s turn, and keeps the place', async () => {
    await hold('a');
    const found = await rentabot(['claim', '-n', 'a', '--for', '1h', '--next', '--accept', '5m']);
    expect(found).toMatchObject({ code: 0, out: '' });
    expect(found.said).toMatch(
      /^rentabot: waiting for a: next in line; held by bob@ci since .* \(nightly\); when it is/,
    );
    expect(found.said).toContain('`rentabot accept a` within 5m takes it, and `rentabot release a` leaves the queue');
    await pass(3000);
    expect(await queue()).toMatchObject([{ claim: true, want: 'a', holder: { name: 'ann' } }]);
  });

  test('is told to programs', async () => {
    await hold('a');
    const { out } = await rentabot(['claim', 'a', '--for', '1h', '--next', '--json']);
    expect(JSON.parse(out) as WaitingJson).toMatchObject({ state: 'waiting', position: 1 });
    const claimed = JSON.parse((await rentabot(['claim', 'b', '--for', '1h', '--json'])).out) as HeldJson;
    expect(claimed).toMatchObject({ state: 'held', lease: { claim: true, resources: [{ name: 'b' }] } });
  });

  test('for what is free is to have it', async () => {
    expect(await rentabot(['claim', 'a', '--for', '1h', '--next'])).toMatchObject({ code: 0, out: 'a\n' });
  });

  test('is undone by giving back what one waits for', async () => {
    await hold('a');
    await rentabot(['claim', 'a', '--for', '1h', '--next']);
    expect((await rentabot(['release', 'a'], { caller: 'eve' })).code).toBe(77);
    expect(await rentabot(['release', 'a'])).toEqual({ code: 0, out: '', said: 'rentabot: left the queue for a\n' });
    expect(await queue()).toEqual([]);
  });

  test('goes on when one gives back what one holds', async () => {
    await rentabot(['claim', 'a', '--for', '1h']);
    await rentabot(['claim', 'a', '--for', '1h', '--next']);
    expect((await rentabot(['release', 'a'])).said).toBe('rentabot: gave back a\n');
    expect(await rentabot(['accept'])).toMatchObject({ code: 0, out: 'a\n' });
  });

  test('what was not accepted in time has passed on', async () => {
    const holder = await hold('a');
    await rentabot(['claim', 'a', '--for', '1h', '--next', '--accept', '5m']);
    await holder.release();
    expect((await rentabot(['status', 'a'])).out).toContain('offered, not accepted yet');
    await pass(301);
    expect(await rentabot(['accept', 'a'])).toMatchObject({
      code: 75,
      said: 'rentabot: busy: a is not offered to you; `rentabot queue` shows whose turn it is\n',
    });
    expect((await rentabot(['accept'])).said).toContain('nothing is offered to you');
  });
});

describe('who holds it', () => {
  test('is named to whoever asks once', async () => {
    await hold('a');
    const found = await rentabot(['claim', 'a', '--for', '1h', '--no-wait']);
    expect(found.code).toBe(75);
    expect(found.said).toContain('a is held by bob@ci');
  });

  test('hears who asks for it', async () => {
    const lease = await hold('a', 'bob', { guarded: true });
    expect(await rentabot(['ask', 'a', '--note', 'five minutes would do'])).toEqual({
      code: 0,
      out: '',
      said: 'rentabot: asked bob@ci for a\n',
    });
    const { messages } = jsonOf<{ messages: object[] }>(await daemon.http.post(`${lease.path}/renew`, {}));
    expect(messages).toMatchObject([{ type: 'asked', by: 'ann', reason: 'five minutes would do' }]);
    expect((await rentabot(['status', 'a'])).out).toContain('ann asks for it: five minutes would do');
    expect((await rentabot(['ask', 'b'])).said).toBe('rentabot: b is held by nobody\n');
  });

  test('decides alone how long, and with whom', async () => {
    await hold('a');
    for (const line of [
      ['extend', 'a', '--for', '1h'],
      ['share', 'a', 'eve'],
    ]) {
      const found = await rentabot(line);
      expect(found.code).toBe(77);
      expect(found.said).toMatch(/a is held by bob@ci since .* \(nightly\); `rentabot ask` asks them for it/);
    }
    expect(await rentabot(['extend', 'b', '--for', '1h'])).toMatchObject({ code: 76 });
  });

  test('keeps it no longer than a resource may be held, and is told so', async () => {
    expect((await rentabot(['claim', 'short', '--for', '10m'])).code).toBe(0);
    await pass(60);
    expect((await rentabot(['extend', 'short', '--for', '1h'])).said).toContain('the longest it may be held');
  });

  test('loses it to a thief, who is named', async () => {
    await rentabot(['claim', 'a', '--for', '2h'], { caller: 'bob' });
    const found = await rentabot(['steal', 'a', '--reason', 'customer demo', '--for', '30m']);
    expect(found).toMatchObject({ code: 0, out: 'a\n' });
    expect(await heldOn('a')).toMatchObject([{ holder: { name: 'ann' }, claim: true, note: 'customer demo' }]);
    const { out } = await rentabot(['history', 'a']);
    expect(out).toMatch(/lease-ended .*stolen; by ann/);
  });
});

test.each([
  [['claim', 'a'], '--for says how long, and is missing'],
  [['claim', '--for', '1h'], 'nothing is wanted'],
  [['claim', 'a', '--for', '0'], '--for is some time, not 0;'],
  [['claim', 'a', '--for', 'long'], '"long" is no duration'],
  [['claim', 'a', '--for', '1h', '--accept', '5m'], '--accept goes with --next'],
  [['claim', 'a', '--for', '1h', '--detach'], '--detach goes with --next'],
  [['claim', 'a', '--for', '1h', '--next', '--no-wait'], '--next queues, and --no-wait does not'],
  [['claim', 'a', '--for', '1h', '--priority', 'x'], '--priority: "x" is no whole number'],
  [['steal', 'a'], '--reason says why, and is missing'],
  [['steal', 'a', '--reason', ' '], '--reason says why, and is missing'],
  [['steal', '', '--reason', 'x'], 'a name has at least one character'],
  [['extend', 'a'], '--for says how long, and is missing'],
  [['share', 'a'], "missing required argument 'who'"],
])('%j is refused before anybody is asked', async (line, text) => {
  const found = await rentabot(line);
  expect(found.code).toBe(64);
  expect(found.said).toContain(text);
});

test.each([
  ['claim', 'nope', '--for', '1h'],
  ['ask', 'nope'],
  ['extend', 'nope', '--for', '1h'],
  ['steal', 'nope', '--reason', 'x'],
])('what does not exist cannot be had: %s %s', async (...line) => {
  expect((await rentabot(line)).code).toBe(65);
});
