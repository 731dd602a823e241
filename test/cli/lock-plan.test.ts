import { expect, test } from 'vitest';
import { type LockOptions, planLock, readOverrides } from '../../src/cli/lock-plan.ts';

const DEFAULTS: LockOptions = { ttl: '30s', grace: '5s', priority: '0', leftovers: 'kill' };
const NAMED = [{ option: 'name', text: 'a' }] as const;

test.each<[Partial<LockOptions>, object]>([
  [{}, { wait: null, ttl: 30_000, timeout: null, grace: 5000, priority: 0, note: null }],
  [{ wait: '10m' }, { wait: 600_000 }],
  [{ wait: false }, { wait: 0 }],
  [{ wait: '0' }, { wait: 0 }],
  [{ wait: true }, { wait: null }],
  [{ ttl: '2' }, { ttl: 2000 }],
  [{ ttl: '1d' }, { ttl: 86_400_000 }],
  [{ timeout: '1h30m' }, { timeout: 5_400_000 }],
  [{ timeout: '0' }, { timeout: null }],
  [{ grace: '0' }, { grace: 0 }],
  [{ priority: '-5' }, { priority: -5 }],
  [{ note: 'x' }, { note: 'x' }],
  [{}, { leftovers: 'kill', keepFor: null, detachTo: null, adopt: null }],
  [{ leftovers: 'wait' }, { leftovers: 'wait' }],
  [{ leftovers: 'ignore' }, { leftovers: 'ignore' }],
  [{ keepOnFailure: '1h' }, { keepFor: 3_600_000 }],
  [{ keepOnFailure: '0' }, { keepFor: null }],
  [{ detachLease: 'f' }, { detachTo: 'f' }],
  [
    { connectTimeout: '1s', url: 'http://x', token: 't' },
    { daemon: { url: 'http://x', token: 't', connectTimeout: 1000 } },
  ],
])('%j is planned as %j', (options, plan) => {
  expect(planLock(NAMED, { ...DEFAULTS, ...options }, ['make', '-j'])).toMatchObject({ argv: ['make', '-j'], ...plan });
});

test.each<[Partial<LockOptions>, RegExp]>([
  [{ wait: 'soon' }, /--wait: "soon" is no duration/],
  [{ wait: '' }, /--wait/],
  [{ ttl: '1s' }, /--ttl is 2s to 1d, not 1s/],
  [{ ttl: '2d' }, /--ttl is 2s to 1d/],
  [{ timeout: '-1' }, /--timeout/],
  [{ grace: '5x' }, /--grace/],
  [{ priority: 'high' }, /--priority/],
  [{ priority: '1.5' }, /--priority/],
  [{ connectTimeout: '?' }, /--connect-timeout/],
  [{ leftovers: 'keep' }, /--leftovers is wait, kill or ignore, not "keep"/],
  [{ keepOnFailure: 'long' }, /--keep-on-failure: "long" is no duration/],
  [{ keepOnFailure: '1h', detachLease: 'f' }, /--keep-on-failure and --detach-lease exclude each other/],
  [{ detachLease: '-' }, /--detach-lease needs a file/],
  [{ secretFile: 'f' }, /--secret-file goes with --adopt/],
  [{ adopt: 'f' }, /--adopt takes over a lease as it is, and a want is about asking/],
])('%j is a wrong call', (options, message) => {
  const refusal = planLock(NAMED, { ...DEFAULTS, ...options }, ['make']);
  expect(refusal).toMatchObject({ code: 'usage', detail: expect.stringMatching(message) });
});

test('without a want or a command the next step is shown', () => {
  expect(planLock([], DEFAULTS, ['make'])).toMatchObject({ code: 'usage', hint: expect.stringContaining('-n NAME') });
  expect(planLock(NAMED, DEFAULTS, [])).toMatchObject({ code: 'usage', hint: expect.stringContaining('-- make test') });
});

test('of several overrides the right ones count even when one is wrong', () => {
  const { overrides, problem } = readOverrides(['busy=1', 'nope=2', 'usage=3']);
  expect(overrides).toEqual({ busy: 1, usage: 3 });
  expect(problem).toMatchObject({ code: 'usage', detail: expect.stringContaining('"nope"') });
});

test('a lease is adopted with what it holds, and nothing is asked for', () => {
  const plan = planLock([], { ...DEFAULTS, adopt: 'lease.json', detachLease: 'next.json' }, ['make']);
  expect(plan).toMatchObject({ wants: [], adopt: { lease: 'lease.json', secretFile: null }, detachTo: 'next.json' });
  const byId = planLock([], { ...DEFAULTS, adopt: 'L1', secretFile: 's' }, ['make']);
  expect(byId).toMatchObject({ adopt: { lease: 'L1', secretFile: 's' } });
});

test.each<[Partial<LockOptions>, string]>([
  [{ count: '2' }, '--count'],
  [{ shared: true }, '--shared'],
  [{ exclusive: true }, '--exclusive'],
  [{ wait: '5m' }, '--wait'],
  [{ wait: false }, '--no-wait'],
  [{ note: 'x' }, '--note'],
  [{ priority: '5' }, '--priority'],
  [{ ttl: '5m' }, '--ttl'],
])('%j is about asking, which an adopted lease does not', (options, name) => {
  const refusal = planLock([], { ...DEFAULTS, ...options, adopt: 'f' }, ['make']);
  expect(refusal).toMatchObject({ code: 'usage', detail: expect.stringContaining(name) });
});
