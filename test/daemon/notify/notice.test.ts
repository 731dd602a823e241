import { expect, test } from 'vitest';
import type { EventJson } from '../../../src/core/wire.ts';
import { noticeOf } from '../../../src/daemon/notify/notice.ts';
import { NOON } from '../../support/notify.ts';

const at = new Date(NOON).toISOString();
const holder = { name: 'alice', host: 'desk', link: null };

function told(type: string, more: Partial<EventJson> = {}) {
  return noticeOf({ id: 7, at, type, lease: 'L', resources: ['board-1'], holder, note: 'JTAG', fence: 3, ...more });
}

test('a claim that is granted is told, a lock of a pipeline is not', () => {
  expect(told('lease-granted', { claim: true, waited: 60 })).toMatchObject({ id: '7', event: 'granted', by: '' });
  expect(told('lease-granted', { waited: 60 })).toBeNull();
});

test('whoever claims what is free has done that themselves, and so has whoever accepts', () => {
  expect(told('lease-granted', { claim: true, waited: 0 })).toMatchObject({ person: 'alice', by: 'alice' });
  expect(told('lease-accepted', { by: '' })).toMatchObject({ event: 'granted', person: 'alice', by: 'alice' });
});

test('an offer is worth nothing once it is over', () => {
  const until = new Date(NOON + 900_000).toISOString();
  const offer = told('lease-granted', { claim: true, offered: true, waited: 9, until });
  expect(offer).toMatchObject({ event: 'offered', until: NOON + 900_000, staleAt: NOON + 900_000 });
});

test('an offer to whoever asks for what is free is no news to them', () => {
  expect(told('lease-granted', { claim: true, offered: true, waited: 0 })).toBeNull();
});

test('it is about the owner where the daemon knows one, and about the holder where it does not', () => {
  expect(told('lease-asked', { by: 'bob', reason: 'please' })).toMatchObject({ person: 'alice', note: 'please' });
  expect(told('lease-asked', { owner: 'alice.b', by: 'bob' })).toMatchObject({ person: 'alice.b' });
});

test('who took it and what they said is told of what was taken, with one id from the warning to the end', () => {
  const theft = { reason: 'stolen', by: 'bob', why: 'the release' };
  for (const type of ['lease-ending', 'lease-ended']) {
    expect(told(type, theft)).toMatchObject({ id: 'stolen-L', event: 'stolen', by: 'bob', note: 'the release' });
    expect(told(type, { ...theft, reason: 'revoked' })).toMatchObject({ id: 'revoked-L', event: 'revoked' });
  }
  expect(told('lease-ended', { reason: 'released' })).toBeNull();
});

test('what happens all day is not told', () => {
  for (const type of ['waiter-joined', 'waiter-left', 'lease-extended', 'lease-shared', 'resource-added', 'audited']) {
    expect(told(type)).toBeNull();
  }
});
