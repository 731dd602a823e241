import {
  type IdentityChange,
  type IdentityStore,
  identityKey,
  type Session,
  type Token,
  type User,
} from '../../core/identity.ts';

/** Everybody that a daemon knows, to be asked on every request: on disk first, then in here. */
export class Roster {
  private readonly users = new Map<string, User>();
  private readonly tokens = new Map<string, Token>();
  private readonly tokensByHash = new Map<string, Token>();
  private readonly sessions = new Map<string, Session>();
  private key: string | null = null;
  private readonly revoked = new Map<string, Set<() => void>>();

  constructor(private readonly store: IdentityStore) {
    const { users, tokens, sessions, key } = store.load();
    for (const user of users) this.users.set(identityKey(user.name), user);
    for (const token of tokens) this.putToken(token);
    for (const session of sessions) this.sessions.set(session.id, session);
    this.key = key;
  }

  /** Nobody is known: whoever can connect may do everything. What has expired is known all the same. */
  get isEmpty(): boolean {
    return this.users.size === 0 && this.tokens.size === 0;
  }

  get signingKey(): string | null {
    return this.key;
  }

  user(name: string): User | undefined {
    return this.users.get(identityKey(name));
  }

  /** By name. */
  allUsers(): User[] {
    return [...this.users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  token(id: string): Token | undefined {
    return this.tokens.get(id);
  }

  tokenByHash(hash: string): Token | undefined {
    return this.tokensByHash.get(hash);
  }

  /** By name, those of one name in the order in which they were made. */
  allTokens(): Token[] {
    const order = (a: Token, b: Token) => (a.name < b.name ? -1 : 1);
    return [...this.tokens.values()].sort((a, b) => (a.name === b.name ? a.createdAt - b.createdAt : order(a, b)));
  }

  session(id: string): Session | undefined {
    return this.sessions.get(id);
  }

  sessionsOf(user: string): Session[] {
    return [...this.sessions.values()].filter((session) => session.user === user);
  }

  allSessions(): Session[] {
    return [...this.sessions.values()];
  }

  /** All or none of them. Throws a RentabotError (`unavailable`), and nothing has changed, if they cannot be written. */
  change(changes: readonly IdentityChange[]): void {
    if (changes.length === 0) return;
    this.store.write(changes);
    for (const change of changes) this.apply(change);
  }

  /** Calls back once when this token or session is dropped; the answer cancels that. */
  onRevoked(credential: string, listener: () => void): () => void {
    const listeners = this.revoked.get(credential) ?? new Set();
    this.revoked.set(credential, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.revoked.get(credential) === listeners) this.revoked.delete(credential);
    };
  }

  private apply(change: IdentityChange): void {
    switch (change.type) {
      case 'put-user':
        this.users.set(identityKey(change.user.name), change.user);
        break;
      case 'drop-user':
        this.users.delete(identityKey(change.name));
        break;
      case 'put-token':
        this.putToken(change.token);
        break;
      case 'drop-token':
        this.dropToken(change.id);
        break;
      case 'put-session':
        this.sessions.set(change.session.id, change.session);
        break;
      case 'drop-session':
        this.sessions.delete(change.id);
        this.revoke(change.id);
        break;
      case 'put-key':
        this.key = change.key;
        break;
      default:
        change satisfies never;
    }
  }

  private putToken(token: Token): void {
    this.tokens.set(token.id, token);
    this.tokensByHash.set(token.hash, token);
  }

  private dropToken(id: string): void {
    const token = this.tokens.get(id);
    this.tokens.delete(id);
    if (token) this.tokensByHash.delete(token.hash);
    this.revoke(id);
  }

  private revoke(credential: string): void {
    for (const listener of this.revoked.get(credential) ?? []) listener();
    this.revoked.delete(credential);
  }
}
