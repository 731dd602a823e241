import { isAtLeast } from '../../core/access.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import { type IdentityChange, identityNameProblem, type KnownRole, type User } from '../../core/identity.ts';
import type { Millis, Principal } from '../../core/model.ts';
import type { Ids } from '../ids.ts';
import { LoginLimit } from './login-limit.ts';
import type { Passwords } from './passwords.ts';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from './passwords.ts';
import type { Roster } from './roster.ts';

/** Whoever can use the socket in the data folder could change the data as well. No user can have this name. */
export const HOST_ADMIN: Principal = { name: 'host admin', role: 'admin' };
const SALT_BYTES = 16;
/** Users at most: each is in memory. */
const MOST_USERS = 10_000;

export interface NewUser {
  readonly name: string;
  readonly role: KnownRole;
  readonly password: string;
  readonly mail: string | null;
}

/** What is to be otherwise; what is undefined stays. */
export interface UserChange {
  readonly role?: KnownRole | undefined;
  readonly password?: string | undefined;
  /** The password until now; an admin needs none. */
  readonly current?: string | undefined;
  readonly mail?: string | null | undefined;
}

/** Users: who may add, change and remove whom, and whether a password is theirs. */
export class People {
  private readonly limit: LoginLimit;

  constructor(
    private readonly roster: Roster,
    private readonly passwords: Passwords,
    private readonly ids: Ids,
    private readonly now: () => Millis,
    /** Others than those of this host can connect, so that nobody may be left without an admin. */
    private readonly exposed: boolean,
  ) {
    this.limit = new LoginLimit(now);
  }

  /** Whatever the case of the letters; undefined where there is nobody of this name. */
  find(name: string): User | undefined {
    return this.roster.user(name);
  }

  list(): readonly User[] {
    return this.roster.allUsers();
  }

  async add({ name, role, password, mail }: NewUser): Promise<User | Refusal> {
    const problem = identityNameProblem(name) ?? passwordProblem(password);
    if (problem !== null) return refuse('usage', problem, { status: 422, hint: 'choose another' });
    const same = await this.repeated({ name, role, password, mail });
    if (same) return same;
    const refusal = this.mayNotAdd(name, role);
    if (refusal) return refusal;
    const passwordHash = await this.hash(password);
    const user: User = { name: name.normalize('NFC'), role, passwordHash, mail, createdAt: this.now() };
    // Somebody else may have been added while the password was worked on.
    const late = this.mayNotAdd(name, role);
    if (late) return late;
    this.roster.change([{ type: 'put-user', user }]);
    return user;
  }

  /** `kept` is the token or session that asks: a new password ends all others. */
  async change(by: Principal, name: string, change: UserChange, kept: string | null): Promise<User | Refusal> {
    const { role, password, current, mail } = change;
    const isAdmin = by.role === 'admin';
    const user = this.roster.user(name);
    if (!isAdmin && (user === undefined || user.name !== by.name))
      return refuse('denied', 'only an admin changes others', { hint: 'ask one' });
    if (!user) return unknownUser(name);
    if (role !== undefined && role !== user.role && !isAdmin)
      return refuse('denied', 'only an admin changes roles', { hint: 'ask one' });
    if (role !== undefined && role !== 'admin' && this.isLastAdmin(user)) return lastAdmin(user);
    const problem = password === undefined ? null : passwordProblem(password);
    if (problem !== null) return refuse('usage', problem, { status: 422, hint: 'choose another' });
    // Whoever finds a browser open must not be able to take the account over.
    const wrong = password !== undefined && user.name === by.name ? await this.refuseCurrent(user, current) : null;
    if (wrong) return wrong;
    const passwordHash = password === undefined ? undefined : await this.hash(password);
    const known = this.roster.user(name);
    if (known !== user) return refuse('conflict', `${name} was changed meanwhile`, { hint: 'look, and try again' });
    const changed: User = {
      ...user,
      role: role ?? user.role,
      passwordHash: passwordHash ?? user.passwordHash,
      mail: mail === undefined ? user.mail : mail,
    };
    const ended = passwordHash === undefined ? [] : this.logins(user.name, kept);
    this.roster.change([{ type: 'put-user', user: changed }, ...ended]);
    return changed;
  }

  /** With everything that is theirs. */
  remove(name: string): User | Refusal {
    const user = this.roster.user(name);
    if (!user) return unknownUser(name);
    const tokens = this.roster.allTokens().filter(({ owner }) => owner === user.name);
    if (this.isLastAdmin(user)) {
      const isAll = this.roster.allUsers().length === 1 && this.roster.allTokens().length === tokens.length;
      if (this.exposed || !isAll) return lastAdmin(user);
    }
    this.roster.change([
      { type: 'drop-user', name: user.name },
      ...tokens.map(({ id }): IdentityChange => ({ type: 'drop-token', id })),
      ...this.roster.sessionsOf(user.name).map(({ id }): IdentityChange => ({ type: 'drop-session', id })),
    ]);
    return user;
  }

  /** Whose name and password these are. A stranger is not told whether it was the name or the password. */
  async recognise(name: string, password: string, address: string): Promise<User | Refusal> {
    const limited = this.limit.attempt(name, address);
    if (limited) return limited;
    const user = this.roster.user(name);
    const isRight = await this.passwords.matches(password, user?.passwordHash ?? null);
    if (!user || !isRight || this.roster.user(name) !== user)
      return refuse('unauthorized', 'the name or the password is wrong', { hint: 'an admin can set a new password' });
    this.limit.succeeded(name, address);
    return user;
  }

  private async refuseCurrent(user: User, current: string | undefined): Promise<Refusal | null> {
    if (current === undefined)
      return refuse('usage', 'the password until now is missing', { status: 422, hint: 'give it as `current`' });
    const found = await this.recognise(user.name, current, `own ${user.name}`);
    if (!('code' in found)) return null;
    return found.code === 'unauthorized'
      ? refuse('denied', 'the password until now is wrong', { hint: 'an admin can set a new one' })
      : found;
  }

  /** Who was added by the same words: an answer may have been lost. */
  private async repeated({ name, role, password, mail }: NewUser): Promise<User | null> {
    const user = this.roster.user(name);
    if (user?.name !== name || user.role !== role || user.mail !== mail) return null;
    return (await this.passwords.matches(password, user.passwordHash)) ? user : null;
  }

  private mayNotAdd(name: string, role: KnownRole): Refusal | null {
    if (this.roster.user(name))
      return refuse('conflict', `there is a user ${name} already`, { hint: 'choose another name' });
    if (this.roster.allTokens().some((token) => token.name === name))
      return refuse('conflict', `a token has the name ${name}`, { hint: 'choose another name' });
    if (this.roster.isEmpty && role !== 'admin') return firstIsAdmin();
    if (this.roster.allUsers().length < MOST_USERS) return null;
    return refuse('limit', `there are ${MOST_USERS} users, which is the limit`);
  }

  private hash(password: string): Promise<string> {
    return this.passwords.hash(password, Buffer.from(this.ids.secret(), 'base64url').subarray(0, SALT_BYTES));
  }

  private isLastAdmin(user: User): boolean {
    return user.role === 'admin' && !this.roster.allUsers().some((one) => one !== user && one.role === 'admin');
  }

  /** What a user's password opened. */
  private logins(user: string, kept: string | null): IdentityChange[] {
    const tokens = this.roster.allTokens().filter((token) => token.login && token.owner === user && token.id !== kept);
    const sessions = this.roster.sessionsOf(user).filter(({ id }) => id !== kept);
    return [
      ...tokens.map(({ id }): IdentityChange => ({ type: 'drop-token', id })),
      ...sessions.map(({ id }): IdentityChange => ({ type: 'drop-session', id })),
    ];
  }
}

/** The least of two roles. */
export function lesserRole(a: KnownRole, b: KnownRole): KnownRole {
  return isAtLeast(a, b) ? b : a;
}

export function firstIsAdmin(): Refusal {
  return refuse('usage', 'the first that a daemon knows has to be an admin, or nobody could let others in', {
    status: 422,
    hint: 'give `--role admin`',
  });
}

function passwordProblem(password: string): string | null {
  if (password.length < SHORTEST_PASSWORD) return `a password has at least ${SHORTEST_PASSWORD} characters`;
  return password.length > LONGEST_PASSWORD ? `a password has at most ${LONGEST_PASSWORD} characters` : null;
}

function unknownUser(name: string): Refusal {
  return refuse('not-found', `there is no user ${name}`, { hint: '`rentabot user list` has them all' });
}

function lastAdmin({ name }: User): Refusal {
  return refuse('conflict', `${name} is the last admin`, { hint: 'make another one first' });
}
