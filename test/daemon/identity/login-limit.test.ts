import { expect, test } from 'vitest';
import { LoginLimit } from '../../../src/daemon/identity/login-limit.ts';

const MINUTE = 60_000;

function limited() {
  const clock = { now: 1_700_000_000_000 };
  const limit = new LoginLimit(() => clock.now);
  const fail = (name: string, address: string, times: number) =>
    Array.from({ length: times }, () => limit.attempt(name, address)).filter((refusal) => refusal !== null).length;
  return { clock, limit, fail };
}

test('after a few wrong passwords from one place a name has to wait there, and not elsewhere', () => {
  const { clock, limit, fail } = limited();
  expect(fail('alice', '10.0.0.1', 10)).toBe(0);
  expect(limit.attempt('alice', '10.0.0.1')).toMatchObject({ code: 'limit', retryAfter: 900 });
  expect(limit.attempt('alice', '10.0.0.2')).toBeNull();
  expect(limit.attempt('bob', '10.0.0.1')).toBeNull();
  clock.now += 15 * MINUTE;
  expect(limit.attempt('alice', '10.0.0.1')).toBeNull();
});

test('the right password begins anew', () => {
  const { limit, fail } = limited();
  expect(fail('alice', '10.0.0.1', 9)).toBe(0);
  expect(limit.attempt('alice', '10.0.0.1')).toBeNull();
  limit.succeeded('alice', '10.0.0.1');
  expect(fail('alice', '10.0.0.1', 11)).toBe(1);
});

test('one place has so many guesses for all names, and one name for all places', () => {
  const { limit, fail } = limited();
  for (let i = 0; i < 50; i += 1) expect(limit.attempt(`user-${i}`, '10.0.0.1')).toBeNull();
  expect(limit.attempt('alice', '10.0.0.1')?.code).toBe('limit');
  for (let i = 0; i < 100; i += 1) expect(limit.attempt('bob', `10.0.1.${i}`)).toBeNull();
  expect(limit.attempt('bob', '10.0.2.1')?.code).toBe('limit');
  expect(fail('carol', '10.0.2.1', 1)).toBe(0);
});

test('what is counted is bounded', () => {
  const { limit } = limited();
  for (let i = 0; i < 20_000; i += 1) limit.attempt(`user-${i}`, `address-${i}`);
  expect((limit as unknown as { counts: Map<string, unknown> }).counts.size).toBeLessThanOrEqual(10_000);
});
