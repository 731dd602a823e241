import type { Millis, Role } from './model.ts';

/** What somebody can be given; `nobody` is what is left without. */
export type KnownRole = Exclude<Role, 'nobody'>;
export const KNOWN_ROLES: readonly KnownRole[] = ['viewer', 'user', 'admin'];

/** Somebody with a password. */
export interface User {
  readonly name: string;
  readonly role: KnownRole;
  /** In PHC form: it carries its salt and its cost. */
  readonly passwordHash: string;
  /** Where they are told of what is theirs; null for nowhere. */
  readonly mail: string | null;
  readonly createdAt: Millis;
}

/**
 * What a program says who it is with. One that an admin made stands for itself. One that a user made is `user/name`, and
 * one that a login made is that user: both may do no more than their owner, and go with them.
 */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly role: KnownRole;
  /** The user it belongs to; empty for one that stands for itself. */
  readonly owner: string;
  /** Made by `rentabot login`. */
  readonly login: boolean;
  readonly createdBy: string;
  readonly createdAt: Millis;
  /** Null for never. */
  readonly expiresAt: Millis | null;
  readonly lastUsedAt: Millis | null;
}

/** A browser that is logged in. */
export interface Session {
  /** The hash of what its cookie carries. */
  readonly id: string;
  readonly user: string;
  readonly createdAt: Millis;
  readonly expiresAt: Millis;
}

/** Everybody that a daemon knows. */
export interface Identified {
  readonly users: readonly User[];
  readonly tokens: readonly Token[];
  readonly sessions: readonly Session[];
  /** Signs cookies; null until there is one. */
  readonly key: string | null;
}

export type IdentityChange =
  | { readonly type: 'put-user'; readonly user: User }
  | { readonly type: 'drop-user'; readonly name: string }
  | { readonly type: 'put-token'; readonly token: Token }
  | { readonly type: 'drop-token'; readonly id: string }
  | { readonly type: 'put-session'; readonly session: Session }
  | { readonly type: 'drop-session'; readonly id: string }
  | { readonly type: 'put-key'; readonly key: string };

/**
 * Keeps who is known, beside the facts of the Store and opened with them. An implementation promises: `write` is all or
 * nothing, and on disk when it returns; when it throws, nothing was written.
 */
export interface IdentityStore {
  load(): Identified;
  write(changes: readonly IdentityChange[]): void;
}

const LONGEST_USER_NAME = 64;
const USER_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]*$/u;
/** What is said of those who have not said who they are. */
const TAKEN_NAMES: ReadonlySet<string> = new Set(['anonymous', 'nobody']);

/** What is wrong with the name of a user or a token; null if nothing is. */
export function identityNameProblem(name: string): string | null {
  if (name.length > LONGEST_USER_NAME) return `a name has at most ${LONGEST_USER_NAME} characters`;
  if (!USER_NAME.test(name)) return 'a name has letters, digits and . _ @ + -, and begins with a letter or a digit';
  return TAKEN_NAMES.has(identityKey(name)) ? `the name ${name} is taken` : null;
}

/** Names that look the same are the same. */
export function identityKey(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** What is done to those who are known, by the names that the history has for it. */
export const AUDIT_ACTIONS = [
  'user-added',
  'user-changed',
  'user-removed',
  'password-changed',
  'token-created',
  'token-revoked',
  'logged-in',
  'logged-out',
  'login-failed',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Whether an event of this type is for admins alone. */
export function isAudit(type: string): boolean {
  return (AUDIT_ACTIONS as readonly string[]).includes(type);
}
