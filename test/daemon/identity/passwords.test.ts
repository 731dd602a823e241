import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { PASSWORD_COST, Passwords } from '../../../src/daemon/identity/passwords.ts';

const CHEAP = { ln: 4, r: 1, p: 1 };
const SALT = Buffer.from('0123456789abcdef');

test('a hash is in PHC form, with its cost and its salt, and is what scrypt says', async () => {
  const phc = await new Passwords(CHEAP).hash('correct horse', SALT);
  const [, name, cost, salt, hash] = phc.split('$');
  expect([name, cost]).toEqual(['scrypt', 'ln=4,r=1,p=1']);
  expect(Buffer.from(salt ?? '', 'base64')).toEqual(SALT);
  const known = scryptSync('correct horse', SALT, 32, { N: 16, r: 1, p: 1 });
  expect(hash).toBe(known.toString('base64').replace(/=+$/, ''));
});

test('a password matches its own hash, and nothing else does', async () => {
  const passwords = new Passwords(CHEAP);
  const phc = await passwords.hash('correct horse', SALT);
  expect(await passwords.matches('correct horse', phc)).toBe(true);
  for (const wrong of ['correct horsf', 'correct horse ', '', 'CORRECT HORSE']) {
    expect(await passwords.matches(wrong, phc), wrong).toBe(false);
  }
  expect(await passwords.matches('correct horse', null)).toBe(false);
  expect(await passwords.matches('correct horse', phc.slice(0, -1))).toBe(false);
});

test('however it was typed, the same letters are the same password', async () => {
  const passwords = new Passwords(CHEAP);
  expect(await passwords.matches('se\u0301same', await passwords.hash('s\u00e9same', SALT))).toBe(true);
});

test('a hash of another cost is still checked by its own', async () => {
  const phc = await new Passwords({ ln: 5, r: 2, p: 2 }).hash('correct horse', SALT);
  expect(await new Passwords(CHEAP).matches('correct horse', phc)).toBe(true);
});

test('the cost of a real password is one that node takes', async () => {
  expect(await new Passwords().hash('correct horse', SALT)).toContain(`ln=${PASSWORD_COST.ln},`);
});

test('many at once wait for their turn, and too many are told to come back', async () => {
  const passwords = new Passwords(CHEAP);
  const phc = await passwords.hash('correct horse', SALT);
  const all = await Promise.allSettled(Array.from({ length: 60 }, () => passwords.matches('correct horse', phc)));
  const refused = all.filter(({ status }) => status === 'rejected');
  expect(all.filter((one) => one.status === 'fulfilled' && one.value)).toHaveLength(34);
  expect(refused).toHaveLength(26);
  expect(refused[0]).toMatchObject({ reason: { refusal: { code: 'limit' } } });
  expect(await passwords.matches('correct horse', phc)).toBe(true);
});
