import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Refusal, RentabotError, refuse } from '../../core/error.ts';
import type { IdentityStore } from '../../core/identity.ts';
import type { Millis, Principal } from '../../core/model.ts';
import type { Ids } from '../ids.ts';
import { type Ask, bringsSecret, sameHash, type Wire } from '../requests.ts';
import { Credentials } from './credentials.ts';
import { Passwords } from './passwords.ts';
import { HOST_ADMIN, People } from './people.ts';
import { Roster } from './roster.ts';

/** On a daemon without identities everybody who can connect may do everything. */
const ANYBODY: Principal = { name: '', role: 'admin' };
const NOBODY: Principal = { name: '', role: 'nobody' };

export const SESSION_COOKIE = 'rentabot-session';
export const CSRF_HEADER = 'x-rentabot-csrf';

/** Who asks, and with what. */
export interface Caller {
  readonly principal: Principal;
  /** The id of the token or session; null where it took neither. */
  readonly credential: string | null;
  /** What a page has to send back with whatever it changes; null where no page is meant. */
  readonly csrf: string | null;
}

export interface IdentitiesOptions {
  readonly store: IdentityStore;
  readonly ids: Ids;
  readonly now: () => Millis;
  /** Others than those of this host can connect. */
  readonly exposed: boolean;
  readonly passwords?: Passwords;
}

const OPEN: Caller = { principal: ANYBODY, credential: null, csrf: null };
const STRANGER: Caller = { principal: NOBODY, credential: null, csrf: null };
const FROM_HOST: Caller = { principal: HOST_ADMIN, credential: null, csrf: null };

/** Who is known, and who a request comes from. */
export class Identities {
  readonly people: People;
  readonly credentials: Credentials;
  private readonly roster: Roster;
  private readonly fromHost = new WeakSet<NonNullable<Wire['incoming']>>();

  constructor({ store, ids, now, exposed, passwords = new Passwords() }: IdentitiesOptions) {
    this.roster = new Roster(store);
    this.people = new People(this.roster, passwords, ids, now, exposed);
    this.credentials = new Credentials(this.roster, ids, now, exposed);
  }

  /** Nobody is known, so everybody who can connect may do everything. */
  get isOpen(): boolean {
    return this.roster.isEmpty;
  }

  /** A key of this daemon's own, for one purpose; the one that all of them come from is made when it is first needed. */
  keyFor(purpose: string): Buffer {
    const key = this.credentials.signingKey();
    return createHmac('sha256', key).update(purpose).digest();
  }

  /** To be said of each request that came by the socket in the data folder. */
  cameFromHost(incoming: IncomingMessage): void {
    this.fromHost.add(incoming);
  }

  /** Throws a RentabotError (`unauthorized`) for a token that is not good, unless a lease's secret comes with it. */
  callerOf(ask: Ask): Caller {
    if (this.roster.isEmpty) return OPEN;
    const token = tokenOf(ask);
    if (token !== null) {
      const known = this.credentials.byToken(token);
      if ('code' in known && bringsSecret(ask)) return STRANGER;
      if ('code' in known) throw new RentabotError(known);
      return { principal: known.principal, credential: known.id, csrf: null };
    }
    const incoming = ask.env?.incoming;
    if (incoming && this.fromHost.has(incoming)) return FROM_HOST;
    const cookie = cookieOf(ask, SESSION_COOKIE);
    const known = cookie === null ? null : this.credentials.bySession(cookie);
    return known ? { principal: known.principal, credential: known.id, csrf: known.csrf } : STRANGER;
  }

  /** Calls back when what a request came with is no longer good; the answer cancels that. */
  onRevoked({ credential }: Caller, listener: () => void): () => void {
    if (credential === null) return () => {};
    // It may have been dropped since it was looked at.
    if (!this.roster.token(credential) && !this.roster.session(credential)) listener();
    return this.roster.onRevoked(credential, listener);
  }

  close(): void {
    this.credentials.flush();
  }
}

/** A browser sends a session's cookie whoever wrote the page: what changes something needs what only our own pages know. */
export function refuseForgery({ csrf }: Caller, given: string | undefined): Refusal | null {
  if (csrf === null || (given !== undefined && sameHash(csrf, given))) return null;
  return refuse('denied', `a page has to send the ${CSRF_HEADER} of its session`, { hint: 'load the page again' });
}

function tokenOf(ask: Ask): string | null {
  const bearer = /^bearer +(\S+)\s*$/i.exec(ask.req.header('authorization') ?? '')?.[1];
  // Raw, as Enema's clients send it: what stands for a name and a password has no underscore.
  const basic = /^basic +(rb_\S+)\s*$/i.exec(ask.req.header('authorization') ?? '')?.[1];
  return bearer ?? basic ?? (ask.req.header('x-api-key')?.trim() || null);
}

export function cookieOf(ask: Ask, name: string): string | null {
  for (const part of (ask.req.header('cookie') ?? '').split(';')) {
    const [key, value] = part.split('=', 2);
    if (key?.trim() === name) return value?.trim() ?? null;
  }
  return null;
}
