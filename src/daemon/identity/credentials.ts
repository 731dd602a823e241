import { createHmac } from 'node:crypto';
import { isAtLeast } from '../../core/access.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import {
  type IdentityChange,
  identityNameProblem,
  type KnownRole,
  type Token,
  type User,
} from '../../core/identity.ts';
import type { Millis, Principal } from '../../core/model.ts';
import type { Ids } from '../ids.ts';
import { hashSecret, sameHash } from '../requests.ts';
import { firstIsAdmin, HOST_ADMIN, lesserRole } from './people.ts';
import type { Roster } from './roster.ts';

const DAY_MS: Millis = 86_400_000;
/** How long a browser stays logged in, and a command line. */
export const SESSION_MS: Millis = 30 * DAY_MS;
export const LOGIN_TOKEN_MS: Millis = 90 * DAY_MS;
/** Browsers of one user; the oldest is logged out for one more. */
const MOST_SESSIONS = 50;
const MOST_TOKENS = 10_000;
/** The name of the token whose text stands in a file of the daemon's owner. No other can have it: names have no blanks. */
export const FILE_ADMIN = 'file admin';
/** When a token was used last is written so much later at most, for all of them at once. */
const USE_WRITTEN_MS: Millis = 60_000;

/** A token, and the one time that its text is known. */
export interface MadeToken {
  readonly token: Token;
  readonly secret: string;
}

/** What a request said who it is with. */
export interface Credential {
  /** Of the token or the session. */
  readonly id: string;
  readonly principal: Principal;
  /** What a page of this session sends with whatever changes something; null for a token, which no page has. */
  readonly csrf: string | null;
}

/** Tokens and sessions: what is made of them, and who comes with them. */
export class Credentials {
  private readonly used = new Map<string, Millis>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly roster: Roster,
    private readonly ids: Ids,
    private readonly now: () => Millis,
    /** Others than those of this host can connect, so that nobody must be able to open it by revoking the last. */
    private readonly exposed: boolean,
  ) {}

  /** Who comes with this token, or why not. */
  byToken(secret: string): Credential | Refusal {
    const token = this.roster.tokenByHash(hashSecret(secret));
    if (!token) return notKnown('the token is not known here, or was revoked');
    if (token.expiresAt !== null && token.expiresAt <= this.now())
      return notKnown(`the token ${token.name} expired at ${new Date(token.expiresAt).toISOString()}`);
    const owner = token.owner === '' ? undefined : this.roster.user(token.owner);
    if (token.owner !== '' && !owner) return notKnown('the token is of a user that is no more');
    this.touch(token.id);
    const role = owner ? lesserRole(owner.role, token.role) : token.role;
    return { id: token.id, principal: { name: token.name, role }, csrf: null };
  }

  /** Who comes with this cookie; null where nobody does, as after it has expired. */
  bySession(cookie: string): Credential | null {
    const key = this.roster.signingKey;
    const [, secret, signature] = /^([\w-]{43})\.([\w-]{43})$/.exec(cookie) ?? [];
    if (key === null || secret === undefined || signature === undefined) return null;
    if (!sameHash(sign(key, 'cookie', secret), signature)) return null;
    const session = this.roster.session(hashSecret(secret));
    if (!session || session.expiresAt <= this.now()) return null;
    const user = this.roster.user(session.user);
    if (!user) return null;
    return { id: session.id, principal: { name: user.name, role: user.role }, csrf: sign(key, 'csrf', secret) };
  }

  /** Made when it is first needed. */
  signingKey(): string {
    const key = this.roster.signingKey ?? this.ids.secret();
    if (this.roster.signingKey === null) this.roster.change([{ type: 'put-key', key }]);
    return key;
  }

  /** Logs a browser in: the value of its cookie, and what its pages send along. */
  openSession(user: User): { readonly cookie: string; readonly csrf: string } {
    const now = this.now();
    const key = this.roster.signingKey ?? this.ids.secret();
    const secret = this.ids.secret();
    const expired = this.roster.allSessions().filter(({ expiresAt }) => expiresAt <= now);
    const own = this.roster.sessionsOf(user.name).sort((a, b) => a.createdAt - b.createdAt);
    const surplus = own.slice(0, Math.max(0, own.length - MOST_SESSIONS + 1));
    const session = { id: hashSecret(secret), user: user.name, createdAt: now, expiresAt: now + SESSION_MS };
    this.roster.change([
      ...(this.roster.signingKey === null ? [{ type: 'put-key', key } as const] : []),
      ...[...new Set([...expired, ...surplus])].map(({ id }): IdentityChange => ({ type: 'drop-session', id })),
      { type: 'put-session', session },
    ]);
    return { cookie: `${secret}.${sign(key, 'cookie', secret)}`, csrf: sign(key, 'csrf', secret) };
  }

  /** Logs out: a browser's session, or the token of a login. Any other token stays, which is false. */
  close(id: string): boolean {
    if (this.roster.session(id)) this.roster.change([{ type: 'drop-session', id }]);
    else if (this.roster.token(id)?.login) this.roster.change([{ type: 'drop-token', id }]);
    else return false;
    return true;
  }

  /** What a command line keeps after a login: it is the user. */
  openLogin(user: User): MadeToken {
    const expiresAt = this.now() + LOGIN_TOKEN_MS;
    const made = this.make({ name: user.name, role: user.role, owner: user.name, login: true, expiresAt }, user.name);
    const over = this.roster.allTokens().filter(({ login, owner, expiresAt: at }) => {
      return login && owner === user.name && (at ?? Number.POSITIVE_INFINITY) <= this.now();
    });
    const dropped = over.map(({ id }): IdentityChange => ({ type: 'drop-token', id }));
    this.roster.change([...dropped, { type: 'put-token', token: made.token }]);
    return made;
  }

  /** Those that this principal may see, without what logins made of others. */
  list({ name, role }: Principal): readonly Token[] {
    return this.roster.allTokens().filter(({ owner }) => role === 'admin' || (owner !== '' && owner === name));
  }

  add(by: Principal, name: string, role: KnownRole, expiresAt: Millis | null): MadeToken | Refusal {
    const problem = identityNameProblem(name);
    if (problem !== null) return refuse('usage', problem, { status: 422, hint: 'choose another' });
    if (expiresAt !== null && expiresAt <= this.now())
      return refuse('usage', 'it would expire in the past', { status: 422, hint: 'give a later time' });
    const isAdmin = by.role === 'admin';
    const user = this.roster.user(by.name);
    if (!isAdmin && user?.name !== by.name)
      return refuse('denied', `${by.name} is a token, and makes no others`, { hint: 'log in with a password' });
    if (!isAtLeast(by.role, role))
      return refuse('denied', `a ${by.role} makes no token with the role ${role}`, { hint: 'ask an admin' });
    if (this.roster.isEmpty && role !== 'admin') return firstIsAdmin();
    const full = isAdmin ? name : `${by.name}/${name}`;
    const tokens = this.roster.allTokens();
    if (tokens.some((token) => !token.login && token.name === full) || this.roster.user(full))
      return refuse('conflict', `there is a token or a user ${full} already`, { hint: 'choose another name' });
    if (tokens.length >= MOST_TOKENS) return refuse('limit', `there are ${MOST_TOKENS} tokens, which is the limit`);
    const made = this.make({ name: full, role, owner: isAdmin ? '' : by.name, login: false, expiresAt }, by.name);
    this.roster.change([{ type: 'put-token', token: made.token }]);
    return made;
  }

  /**
   * Makes this text the token of the file, in the place of the one before. A text that is known stays as it is, also
   * where it was revoked: what has leaked must not be back with the next start.
   */
  adopt(secret: string): 'kept' | 'made' | 'replaced' | Refusal {
    const known = this.roster.tokenByHash(hashSecret(secret));
    if (known?.name === FILE_ADMIN) return 'kept';
    if (known)
      return refuse('config', `this is the token ${known.name}`, { hint: 'the file needs a token of its own' });
    const before = this.roster.allTokens().filter(({ name }) => name === FILE_ADMIN);
    const given = { name: FILE_ADMIN, role: 'admin', owner: '', login: false, expiresAt: null } as const;
    const { token } = this.make(given, HOST_ADMIN.name, secret);
    const dropped = before.map(({ id }): IdentityChange => ({ type: 'drop-token', id }));
    this.roster.change([...dropped, { type: 'put-token', token }]);
    return before.length > 0 ? 'replaced' : 'made';
  }

  /** By its id, or its name; a login's has no name of its own. The file's is remembered as expired, until it is revoked once more. */
  revoke(by: Principal, what: string): Token | Refusal {
    const mine = this.list(by);
    const token = mine.find(({ id }) => id === what) ?? mine.find(({ name, login }) => !login && name === what);
    const personal = token ?? mine.find(({ name, owner }) => owner === by.name && name === `${by.name}/${what}`);
    if (!personal)
      return refuse('not-found', `there is no token ${what}`, { hint: '`rentabot token list` has them all' });
    if (this.exposed && this.roster.allUsers().length === 0 && this.roster.allTokens().length === 1)
      return refuse('conflict', `${personal.name} is the last that this daemon knows`, { hint: 'add a user first' });
    const isRemembered = personal.name === FILE_ADMIN && personal.expiresAt === null;
    this.roster.change([
      { type: 'drop-token', id: personal.id },
      ...(isRemembered ? [{ type: 'put-token', token: { ...personal, expiresAt: this.now() } } as const] : []),
    ]);
    this.used.delete(personal.id);
    return personal;
  }

  /** Writes when which token was used last. */
  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const changes = [...this.used].flatMap(([id, lastUsedAt]): IdentityChange[] => {
      const token = this.roster.token(id);
      return token ? [{ type: 'put-token', token: { ...token, lastUsedAt } }] : [];
    });
    this.used.clear();
    this.roster.change(changes);
  }

  /** When it was used last, written or not. */
  lastUsedAt(token: Token): Millis | null {
    return this.used.get(token.id) ?? token.lastUsedAt;
  }

  private touch(id: string): void {
    this.used.set(id, this.now());
    this.timer ??= setTimeout(() => this.tryFlush(), USE_WRITTEN_MS).unref();
  }

  /** Nobody waits for it, and it is no loss. */
  private tryFlush(): void {
    try {
      this.flush();
    } catch {
      // The store says so itself wherever it matters.
    }
  }

  private make(
    given: Pick<Token, 'name' | 'role' | 'owner' | 'login' | 'expiresAt'>,
    createdBy: string,
    secret = this.ids.token(),
  ): MadeToken {
    const now = this.now();
    const hash = hashSecret(secret);
    const token: Token = { ...given, id: this.ids.id(now), hash, createdBy, createdAt: now, lastUsedAt: null };
    return { token, secret };
  }
}

function sign(key: string, purpose: 'cookie' | 'csrf', text: string): string {
  return createHmac('sha256', key).update(`${purpose} ${text}`).digest('base64url');
}

function notKnown(detail: string): Refusal {
  return refuse('unauthorized', detail, { hint: 'log in again with `rentabot login`, or give another token' });
}
