import { expect, test } from 'vitest';
import { commandEnvironment } from '../../src/cli/environment.ts';
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
  expect(commandEnvironment({ HOME: '/h', EMPTY: '' }, lease, 'unix:/s')).toEqual({
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
  });
});

test('a property becomes a variable in upper case; name and endpoint win a clash', () => {
  const properties = { mem: 80, 'usb-port': '1.2', ünit: true, name: 'wrong', endpoint: 'wrong', ECC: false };
  const env = commandEnvironment({}, leaseOf({ name: 'g', endpoint: 'e', properties }), 'u');
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
  const env = commandEnvironment({ CUDA_VISIBLE_DEVICES: '7', TERM: 'x' }, lease, 'u');
  expect(env).toMatchObject({ CUDA_VISIBLE_DEVICES: '0,3', PORT: 'a,b', TERM: 'x', RENTABOT_LEASE: 'L1' });
});

test('what an outer lock said about more resources than ours is taken out', () => {
  const env = commandEnvironment({ RENTABOT_1_NAME: 'outer', RENTABOT_TOKEN: 't' }, leaseOf({}), 'u');
  expect(env).not.toHaveProperty('RENTABOT_1_NAME');
  expect(env.RENTABOT_TOKEN).toBe('t');
});

test('a value that could not be passed to a command does not keep it from starting', () => {
  const lease = leaseOf({ env: { 'A=B': 'x', OK: 'a\0b' }, properties: { p: 'c\0d' } });
  const env = commandEnvironment({}, lease, 'u');
  expect(env).not.toHaveProperty('A=B');
  expect(env).toMatchObject({ OK: 'ab', RENTABOT_0_P: 'cd' });
});
