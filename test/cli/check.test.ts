import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { idIn, json, leaseJson, problem, StubDaemon } from './support/stub-daemon.ts';
import { testShell } from './support/world.ts';

/** `rentabot check` where there are locks around the one that it runs in. */
let stub: StubDaemon;
beforeEach(async () => {
  stub = await new StubDaemon().start();
});
afterEach(() => stub.stop());

type Fate = 'held' | 'ending' | 'released' | 'stolen' | 'unknown' | 'unavailable';

async function check(own: Fate, around: Fate): Promise<{ code: number; said: string }> {
  stub.on('GET lease', (asked, response) => {
    const id = idIn(asked.path);
    const fate = id === 'OWN' ? own : around;
    if (fate === 'unknown') return problem(response, 'not-found', 'never heard of');
    if (fate === 'unavailable') return problem(response, 'unavailable', 'not now');
    if (fate === 'released' || fate === 'stolen') return problem(response, 'lost', `it was ${fate}`, { reason: fate });
    const lease = leaseJson({ id, fence: 7, ttl: 30 });
    if (fate === 'held') return json(response, 200, { state: 'held', lease });
    json(response, 200, {
      state: 'ending',
      lease: { ...lease, ending: { reason: 'revoked', by: 'bob', note: '', since: '' } },
    });
  });
  const env = { RENTABOT_LEASE: 'OWN', RENTABOT_FENCE: '7', RENTABOT_HELD: 'AROUND:aaaaaaaa,OWN:bbbbbbbb' };
  const shell = testShell({ ...env, RENTABOT_URL: stub.url });
  return { code: await run(['check'], shell), said: shell.ear.text };
}

test.each<[Fate, Fate, number, string]>([
  ['held', 'held', 0, ''],
  ['held', 'unknown', 0, ''],
  ['held', 'released', 0, ''],
  ['held', 'stolen', 76, 'it was stolen'],
  ['held', 'ending', 76, 'the lease is ending: revoked by bob'],
  ['held', 'unavailable', 69, 'not now'],
  ['released', 'held', 76, 'it was released'],
  ['unknown', 'held', 76, 'never heard of'],
  ['unavailable', 'stolen', 69, 'not now'],
])('our own lease is %s and the one around it %s: %i', async (own, around, code, words) => {
  const found = await check(own, around);
  expect(found.code).toBe(code);
  expect(found.said).toContain(words);
});

test('each lease is asked about once', async () => {
  await check('held', 'held');
  expect(stub.asked.map(({ path }) => idIn(path)).sort()).toEqual(['AROUND', 'OWN']);
});
