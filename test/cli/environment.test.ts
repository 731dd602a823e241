import { expect, test } from 'vitest';
import { commandEnvironment, heldLeases, heldVariables, markOf } from '../../src/cli/environment.ts';
import type { LeasedResourceJson, LeaseJson } from '../../src/core/wire.ts';
import { leaseJson } from './support/stub-daemon.ts';

function leaseOf(...resources: Partial<LeasedResourceJson>[]): LeaseJson {
  const lease = leaseJson({ id: 'L1', fence: 7, ttl: 30 }, []);
  lease.resources = resources.map((one, i) => ({
    id: i + 1,
    name: `r${i}`,
    endpoint: '',
    properties: {},
    fence: 7,
    mode: 'exclusive',
    ...one,
  }));
  return lease;
}

test('a command is told each resource, in order, with the lease, the fence and the daemon', () => {
  const lease = leaseOf({ name: 'gpu-3', endpoint: 'ssh://a' }, { name: 'gpu-0', endpoint: '' });
  expect(commandEnvironment({ HOME: '/h', EMPTY: '' }, lease, 'unix:/s', 'L1:nonce-01')).toEqual({
    HOME: '/h',
    EMPTY: '',
    RENTABOT_RESOURCE: 'gpu-3',
    RENTABOT_RESOURCES: 'gpu-3,gpu-0',
    RENTABOT_ENDPOINT: 'ssh://a',
    RENTABOT_0_NAME: 'gpu-3',
    RENTABOT_0_ENDPOINT: 'ssh://a',
    RENTABOT_1_NAME: 'gpu-0',
    RENTABOT_1_ENDPOINT: '',
    RENTABOT_LEASE: 'L1',
    RENTABOT_FENCE: '7',
    RENTABOT_URL: 'unix:/s',
    RENTABOT_HELD: 'L1:nonce-01',
  });
});

test('a property becomes a variable in upper case; name and endpoint win a clash', () => {
  const properties = { mem: 80, 'usb-port': '1.2', ünit: true, name: 'wrong', endpoint: 'wrong', ECC: false };
  const env = commandEnvironment({}, leaseOf({ name: 'g', endpoint: 'e', properties }), 'u', 'L1:nonce-01');
  expect(env).toMatchObject({
    RENTABOT_0_MEM: '80',
    RENTABOT_0_USB_PORT: '1.2',
    RENTABOT_0__NIT: 'true',
    RENTABOT_0_ECC: 'false',
    RENTABOT_0_NAME: 'g',
    RENTABOT_0_ENDPOINT: 'e',
  });
});

test("the resources' own variables are joined with a comma and stand over inherited ones", () => {
  const lease = leaseOf(
    { env: { CUDA_VISIBLE_DEVICES: '0', PORT: 'a' } },
    { env: { CUDA_VISIBLE_DEVICES: '3' } },
    { env: { PORT: 'b', RENTABOT_LEASE: 'forged' } },
  );
  const env = commandEnvironment({ CUDA_VISIBLE_DEVICES: '7', TERM: 'x' }, lease, 'u', 'L1:nonce-01');
  expect(env).toMatchObject({ CUDA_VISIBLE_DEVICES: '0,3', PORT: 'a,b', TERM: 'x', RENTABOT_LEASE: 'L1' });
});

test('what an outer lock said about more resources than ours is taken out', () => {
  const env = commandEnvironment({ RENTABOT_1_NAME: 'outer', RENTABOT_TOKEN: 't' }, leaseOf({}), 'u', 'L1:nonce-01');
  expect(env).not.toHaveProperty('RENTABOT_1_NAME');
  expect(env.RENTABOT_TOKEN).toBe('t');
});

test('a value that could not be passed to a command does not keep it from starting', () => {
  const lease = leaseOf({ env: { 'A=B': 'x', OK: 'a\0b' }, properties: { p: 'c\0d' } });
  const env = commandEnvironment({}, lease, 'u', 'L1:nonce-01');
  expect(env).not.toHaveProperty('A=B');
  expect(env).toMatchObject({ OK: 'ab', RENTABOT_0_P: 'cd' });
});

test('the chain of leases grows by one for each lock, and is read from the innermost on, each lease once', () => {
  const held = { RENTABOT_HELD: 'L0:aaaaaaaa,L1:bbbbbbbb' };
  const env = commandEnvironment(held, leaseOf({}), 'u', 'L1:cccccccc');
  expect(env.RENTABOT_HELD).toBe('L0:aaaaaaaa,L1:bbbbbbbb,L1:cccccccc');
  expect(heldLeases(env)).toEqual(['L1', 'L0']);
});

test.each([undefined, '', ',,', 'L1', 'L1:short', ':nonce-01', 'L1:nonce-01:x', '../L1:nonce-01'])(
  'a chain of %j has no leases',
  (RENTABOT_HELD) => {
    expect(heldLeases({ RENTABOT_HELD })).toEqual([]);
  },
);

test('every run has a mark of its own', () => {
  const marks = new Set(Array.from({ length: 100 }, () => markOf('L1')));
  expect(marks.size).toBe(100);
  for (const mark of marks) expect(mark).toMatch(/^L1:[\w-]{8}$/);
});

test('a nested lock can read what each held resource sets, and no lease that is not in the chain', () => {
  const outer = leaseOf({ name: 'gpu-0', env: { CUDA: '0' } }, { name: 'gpu-1', env: { CUDA: '1' } }, { name: 'bare' });
  const env = commandEnvironment({}, outer, 'u', 'L1:nonce-01');
  expect(heldVariables(env, 'L1', 'gpu-1')).toEqual({ CUDA: '1' });
  expect(heldVariables(env, 'L1', 'bare')).toBeNull();
  const inner = commandEnvironment(env, { ...leaseOf({ name: 'x', env: { X: '1' } }), id: 'L2' }, 'u', 'L2:nonce-02');
  expect(heldVariables(inner, 'L1', 'gpu-0')).toEqual({ CUDA: '0' });
  expect(heldVariables(inner, 'L2', 'x')).toEqual({ X: '1' });
  const elsewhere = commandEnvironment({ ...inner, RENTABOT_HELD: '' }, outer, 'u', 'L1:nonce-03');
  expect(heldVariables(elsewhere, 'L2', 'x')).toBeNull();
});

test.each(['x', '[]', 'null', '{"L1":[]}', '{"L1":{"gpu-0":{"A":1}}}'])(
  'what somebody else wrote into it (%s) counts as nothing',
  (RENTABOT_HELD_ENV) => {
    expect(heldVariables({ RENTABOT_HELD_ENV }, 'L1', 'gpu-0')).toBeNull();
    const env = commandEnvironment({ RENTABOT_HELD_ENV }, leaseOf({}), 'u', 'L1:nonce-01');
    expect(env).not.toHaveProperty('RENTABOT_HELD_ENV');
  },
);

test('variables that are too long for a program to be started with are left out', () => {
  const env = commandEnvironment({}, leaseOf({ env: { A: 'x'.repeat(120_000) } }), 'u', 'L1:nonce-01');
  expect(env).not.toHaveProperty('RENTABOT_HELD_ENV');
});

test('the secret of an adopted lease does not reach the command', () => {
  const env = commandEnvironment({ RENTABOT_LEASE_SECRET: 's' }, leaseOf({}), 'u', 'L1:nonce-01');
  expect(env).not.toHaveProperty('RENTABOT_LEASE_SECRET');
});
