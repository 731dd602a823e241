import { createHmac, hash } from 'node:crypto';
import type { Lease } from '../../../core/model.ts';
import type { Daemon } from '../../daemon.ts';
import { sameHash } from '../../requests.ts';

/**
 * Lock tokens look like random UUIDs, and are worked out from the lease's id with a key that only the daemon has: so none
 * has to be kept, and each is good as long as its lock is.
 */
const PURPOSE = 'rent-a-bot lock tokens';

/** Shown in place of a token; unlocks nothing. */
export const HIDDEN_TOKEN = 'hidden';

export const FACADE = 'rent-a-bot';

/** Of a lock: one token. */
export function lockToken({ identities }: Daemon, lease: string): string {
  return uuidOf(createHmac('sha256', identities.keyFor(PURPOSE)).update(lease).digest());
}

/** Of what a lease holds of this resource: a reservation has a token for each, so that each can be unlocked alone. */
export function tokenOn(daemon: Daemon, { request }: Lease, resource: number): string {
  return lockToken(daemon, request.via?.as === 'reservation' ? `${request.id}/${resource}` : request.id);
}

/** Whether this token unlocks that resource. What was not locked through this facade has no token. */
export function unlocks(daemon: Daemon, lease: Lease, resource: number, token: string | null): boolean {
  if (token === null || lease.request.via?.facade !== FACADE || lease.offeredUntil !== undefined) return false;
  return sameHash(hash('sha256', tokenOn(daemon, lease, resource)), hash('sha256', token));
}

/** Any bytes in the shape of a random UUID. */
export function uuidOf(bytes: Uint8Array): string {
  const some = Buffer.from(bytes.subarray(0, 16));
  some[6] = ((some[6] ?? 0) & 0x0f) | 0x40;
  some[8] = ((some[8] ?? 0) & 0x3f) | 0x80;
  return some.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
