import type { Changes, Traits } from './description.ts';
import type { AuditAction } from './identity.ts';
import type { Seen } from './machine.ts';
import type { Claim, Description, Holder, Millis, Principal, Via, Want } from './model.ts';

/** What is asked of the daemon. Everything random (ids, secrets) was minted before, so a turn depends on its arguments alone. */
export type Command =
  /** Something was done to those who are known: to be remembered, no more. */
  | {
      readonly type: 'audit';
      readonly action: AuditAction;
      readonly about: string;
      readonly note: string;
      readonly principal: Principal;
    }
  | Acquire
  | { readonly type: 'renew'; readonly id: string; readonly secretHash: string | null; readonly principal: Principal }
  | Extend
  | {
      readonly type: 'release';
      readonly id: string;
      /** Null where the caller has none and relies on who it is. */
      readonly secretHash: string | null;
      /** The command behind a guarded lease is dead. */
      readonly ended: boolean;
      /** How it ended: 0 is well; null where nobody says. */
      readonly exit: number | null;
      /** Of several resources this one alone is given back; the others stay held. Absent for all of them. */
      readonly only?: number;
      readonly principal: Principal;
    }
  /** Takes what is offered. */
  | { readonly type: 'accept'; readonly id: string; readonly secretHash: string | null; readonly principal: Principal }
  | Share
  | Ask
  /** A connection that waits for this id opened or closed. */
  | { readonly type: 'listen'; readonly id: string; readonly change: 1 | -1 }
  | Declare
  | { readonly type: 'describe'; readonly description: Description; readonly principal: Principal }
  | {
      readonly type: 'edit';
      readonly name: string;
      readonly changes: Changes;
      /** What it was when somebody looked: where it is not that any more, nothing changes. */
      readonly was?: Traits;
      readonly principal: Principal;
    }
  | { readonly type: 'remove'; readonly name: string; readonly principal: Principal }
  | {
      readonly type: 'offline';
      readonly name: string;
      readonly reason: string;
      readonly until: Millis | null;
      readonly principal: Principal;
    }
  | { readonly type: 'online'; readonly name: string; readonly principal: Principal }
  /** Machines gave a sign of life. */
  | { readonly type: 'see'; readonly seen: readonly Seen[]; readonly principal: Principal };

export interface Acquire {
  readonly type: 'acquire';
  readonly id: string;
  readonly secretHash: string;
  readonly wants: readonly Want[];
  readonly ttl: Millis;
  /** Longest time in the queue; 0 asks once, null waits for ever. */
  readonly wait: Millis | null;
  readonly hold: Millis | null;
  readonly priority: number;
  readonly note: string;
  readonly holder: Holder;
  readonly guarded: boolean;
  readonly claim: Claim | null;
  /** Why it takes over from the holder, ahead of the queue; null where it waits like everybody. */
  readonly steals: string | null;
  /** Absent where it came by our own protocol. */
  readonly via?: Via;
  readonly principal: Principal;
}

/** Lets somebody else do with a lease what its owner may, or no longer. */
export interface Share {
  readonly type: 'share';
  readonly id: string;
  readonly secretHash: string | null;
  readonly with: string;
  readonly shared: boolean;
  readonly principal: Principal;
}

/** Tells whoever holds a resource that somebody would like to have it. */
export interface Ask {
  readonly type: 'ask';
  readonly name: string;
  /** Who asks, where the principal has no name. */
  readonly by: string;
  readonly note: string;
  readonly principal: Principal;
}

export interface Extend {
  readonly type: 'extend';
  readonly id: string;
  readonly secretHash: string | null;
  readonly for: Millis;
  /** A claim ends then, also where that is sooner than it would. */
  readonly exact?: true;
  /** False: its command is gone, and it stays as a claim. Null: as it is. */
  readonly guarded: boolean | null;
  /** The note of the claim; null for the one that it has. */
  readonly note: string | null;
  /** How its command ended; null where nobody says. */
  readonly exit: number | null;
  readonly principal: Principal;
}

/** The whole of what one source describes: what it no longer has is retired, unless it only ever adds. */
export interface Declare {
  readonly type: 'declare';
  readonly source: string;
  readonly resources: readonly Description[];
  readonly additive: boolean;
}
