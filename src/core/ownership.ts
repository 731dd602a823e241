import { type Refusal, refuse } from './error.ts';
import type { Ended, Lease, Principal, Request } from './model.ts';
import type { State } from './state.ts';

/**
 * Whose a lease, or a place in the queue, is: whoever has its secret, and without one its owner or an admin.
 */

export function requestOf(state: State, id: string): Request | null {
  return state.leases.get(id)?.lease.request ?? state.queue.byId.get(id)?.request ?? null;
}

/** The live lease of this id, if the caller may touch it. */
export function leaseOf(
  state: State,
  {
    id,
    secretHash,
    principal,
  }: { readonly id: string; readonly secretHash: string | null; readonly principal: Principal },
): Lease | Refusal {
  const spent = state.ended.get(id);
  if (spent) {
    const stranger = secretHash !== null && spent.secretHash !== '' && !sameSecret(spent.secretHash, secretHash);
    return stranger ? notYours(id) : refuse('lost', lostSentence(spent), { reason: spent.reason });
  }
  const request = requestOf(state, id);
  if (!request) return refuse('not-found', `no lease ${id} was ever asked for, or it was forgotten`);
  const held = state.leases.get(id);
  const refusal = mayNot(request, secretHash, principal, held?.lease.shares);
  if (refusal) return refusal;
  if (held) return held.lease;
  return refuse('not-found', `${id} still waits in the queue`, { hint: 'keep its place with PUT' });
}

/**
 * A secret that is given has to be right, whoever gives it; without one it has to be the owner, somebody with whom it is
 * shared, or an admin.
 */
export function mayNot(
  request: Request,
  secretHash: string | null,
  principal: Principal,
  shares?: readonly string[],
): Refusal | null {
  if (secretHash !== null) return sameSecret(request.secretHash, secretHash) ? null : notYours(request.id);
  return principal.role === 'admin' || owns(principal, request, shares) ? null : notYours(request.id);
}

/** Nobody in particular, as on a daemon without identities, owns nothing. */
export function owns({ name }: Principal, request: Request, shares: readonly string[] = []): boolean {
  return name !== '' && (name === request.principal || shares.includes(name));
}

export function notYours(id: string): Refusal {
  return refuse('denied', `lease ${id} was asked for with another secret`);
}

/** Takes the same time wherever the two differ. Both are hashes of one length. */
export function sameSecret(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

export function lostSentence({ id, reason, by }: Ended): string {
  return `lease ${id} has ended: ${reason}${by === '' ? '' : ` by ${by}`}`;
}
