import { type Refusal, refuse } from './error.ts';
import type { Principal, Role } from './model.ts';

/** From the least to the most. */
export const ROLES: readonly Role[] = ['nobody', 'viewer', 'user', 'admin'];

/** Whether somebody of this role may do what needs that one. */
export function isAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Why somebody may not do what needs this role; null where they may. */
export function refuseBelow(needed: Role, { name, role }: Principal): Refusal | null {
  if (isAtLeast(role, needed)) return null;
  if (role === 'nobody') return refuse('unauthorized', 'this daemon answers only those it knows');
  return refuse('denied', `this needs the role ${needed}; ${name} is a ${role}`, {
    hint: 'ask an admin of this daemon, or give another token with `--token`',
  });
}
