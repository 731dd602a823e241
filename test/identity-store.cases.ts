import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Identified, IdentityStore, Session, Token, User } from '../src/core/identity.ts';

/** What a place for identities has to bring to be held to the promises of core/identity.ts. */
export interface IdentityStoreSubject {
  open(): Promise<IdentityStore>;
  /** As after a restart: another one, on what the one before left. */
  reopen(): Promise<IdentityStore>;
  remove(): Promise<void>;
}

const AT = 1_700_000_000_000;
const NOBODY: Identified = { users: [], tokens: [], sessions: [], key: null };

export function userOf(name: string, more: Partial<User> = {}): User {
  return { name, role: 'user', passwordHash: '$scrypt$ln=4,r=1,p=1$c2FsdA$aGFzaA', mail: null, createdAt: AT, ...more };
}

export function tokenOf(id: string, more: Partial<Token> = {}): Token {
  const made = { owner: '', login: false, createdBy: 'alice', createdAt: AT, expiresAt: null, lastUsedAt: null };
  return { id, name: id, hash: `hash-of-${id}`, role: 'user', ...made, ...more };
}

export function sessionOf(id: string, user: string): Session {
  return { id, user, createdAt: AT, expiresAt: AT + 1000 };
}

/** Every store of identities in the house keeps these promises. */
export function identityStoreCases(makeSubject: () => IdentityStoreSubject): void {
  let subject: IdentityStoreSubject;
  let store: IdentityStore;
  beforeEach(async () => {
    subject = makeSubject();
    store = await subject.open();
  });
  afterEach(() => subject.remove());

  test('one that was never written knows nobody', () => {
    expect(store.load()).toEqual(NOBODY);
  });

  test('what was written is there after a restart, and what was dropped is not', async () => {
    const [alice, bob] = [userOf('alice', { role: 'admin', mail: 'alice@lab.example' }), userOf('bob')];
    store.write([
      { type: 'put-user', user: alice },
      { type: 'put-user', user: bob },
      { type: 'put-token', token: tokenOf('ci', { expiresAt: AT + 5 }) },
      { type: 'put-token', token: tokenOf('old') },
      { type: 'put-session', session: sessionOf('s1', 'alice') },
      { type: 'put-session', session: sessionOf('s2', 'bob') },
      { type: 'put-key', key: 'k1' },
    ]);
    store.write([
      { type: 'drop-user', name: 'bob' },
      { type: 'drop-token', id: 'old' },
      { type: 'drop-session', id: 's2' },
    ]);
    const known = {
      users: [alice],
      tokens: [tokenOf('ci', { expiresAt: AT + 5 })],
      sessions: [sessionOf('s1', 'alice')],
      key: 'k1',
    };
    expect(store.load()).toEqual(known);
    expect((await subject.reopen()).load()).toEqual(known);
  });

  test('what is put again replaces what was there', async () => {
    store.write([
      { type: 'put-user', user: userOf('alice') },
      { type: 'put-key', key: 'k1' },
    ]);
    store.write([
      { type: 'put-user', user: userOf('alice', { role: 'admin' }) },
      { type: 'put-token', token: tokenOf('ci') },
      { type: 'put-token', token: tokenOf('ci', { lastUsedAt: AT + 1 }) },
      { type: 'put-key', key: 'k2' },
    ]);
    const found = (await subject.reopen()).load();
    expect(found.users).toEqual([userOf('alice', { role: 'admin' })]);
    expect(found.tokens).toEqual([tokenOf('ci', { lastUsedAt: AT + 1 })]);
    expect(found.key).toBe('k2');
  });

  test('to drop what is not there changes nothing, and neither do no changes', () => {
    store.write([{ type: 'put-user', user: userOf('alice') }]);
    store.write([
      { type: 'drop-user', name: 'bob' },
      { type: 'drop-token', id: 'ci' },
      { type: 'drop-session', id: 's' },
    ]);
    store.write([]);
    expect(store.load()).toEqual({ ...NOBODY, users: [userOf('alice')] });
  });

  test('what it answers is a copy', () => {
    store.write([{ type: 'put-user', user: userOf('alice') }]);
    (store.load().users[0] as { role: string }).role = 'admin';
    expect(store.load().users).toEqual([userOf('alice')]);
  });
}
