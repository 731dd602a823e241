import type { Identified, IdentityChange, IdentityStore, Session, Token, User } from '../../core/identity.ts';

/** For tests, and for a daemon that may forget: what was written survives `load`, as if it were on a disk. */
export class MemoryIdentities implements IdentityStore {
  private readonly users = new Map<string, User>();
  private readonly tokens = new Map<string, Token>();
  private readonly sessions = new Map<string, Session>();
  private key: string | null = null;

  load(): Identified {
    return structuredClone({
      users: [...this.users.values()],
      tokens: [...this.tokens.values()],
      sessions: [...this.sessions.values()],
      key: this.key,
    });
  }

  write(changes: readonly IdentityChange[]): void {
    for (const change of structuredClone(changes)) this.apply(change);
  }

  private apply(change: IdentityChange): void {
    switch (change.type) {
      case 'put-user':
        this.users.set(change.user.name, change.user);
        break;
      case 'drop-user':
        this.users.delete(change.name);
        break;
      case 'put-token':
        this.tokens.set(change.token.id, change.token);
        break;
      case 'drop-token':
        this.tokens.delete(change.id);
        break;
      case 'put-session':
        this.sessions.set(change.session.id, change.session);
        break;
      case 'drop-session':
        this.sessions.delete(change.id);
        break;
      case 'put-key':
        this.key = change.key;
        break;
      default:
        change satisfies never;
    }
  }
}
