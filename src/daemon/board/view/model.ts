import type { Role, Selector } from '../../../core/model.ts';
import type { HolderJson, ResourceJson, ResourceLeaseJson } from '../../../core/wire.ts';

/**
 * What the daemon tells an open board, and both draw from: the page comes drawn, and the browser draws what changes with the
 * same functions.
 */

/** A resource without who waits for it: the waiters are told once, not with each of a thousand resources that they would take. */
export interface Row extends Omit<ResourceJson, 'waiting'> {
  /** Leases beyond those that are told. */
  readonly more: number;
}

export type RowLease = ResourceLeaseJson;

/** A place in the queue. */
export interface Waiter {
  readonly id: string;
  readonly holder: HolderJson;
  readonly owner: string;
  readonly note: string;
  /** As people say it. */
  readonly want: string;
  readonly wants: readonly { readonly key: string; readonly selector: Selector }[];
  readonly since: string;
  /** When it gives up; null for never. */
  readonly until: string | null;
  readonly priority: number;
  readonly ticket: number;
  /** A person, who is told when it is their turn. */
  readonly claim: boolean;
  /** It takes over, ahead of everybody. */
  readonly steals: boolean;
}

/** Everything, for a board that was just opened or was away. */
export interface Whole {
  /** The daemon's time, in milliseconds: a browser's clock may be wrong. */
  readonly now: number;
  /** Of the script that understands this; another one reloads itself. */
  readonly script: string;
  readonly rows: readonly Row[];
  readonly waiters: readonly Waiter[];
  /** Waiters beyond those that are told. */
  readonly unseen: number;
}

/** What has changed since. Saying it twice does no harm. */
export interface Change {
  readonly now: number;
  readonly rows: readonly Row[];
  /** Ids of resources that are no more. */
  readonly gone: readonly number[];
  readonly waiters: readonly Waiter[];
  /** Ids of waiters that are served or have left. */
  readonly left: readonly string[];
  readonly unseen: number;
}

/** Machines that were seen since it was last told: of which, only the latest. */
export interface News {
  readonly now: number;
  /** By their machines, as `lastSeen` of a resource. */
  readonly seen: Readonly<Record<string, string>>;
}

/** Who looks at it. */
export interface Viewer {
  /** Empty where nobody has said it. */
  readonly name: string;
  readonly role: Role;
  /** A daemon without identities: everybody may do everything, and says a name so that others know whom to ask. */
  readonly open: boolean;
  /** Whether they may take over what somebody else holds. */
  readonly steals: boolean;
}

/** Whether it is the viewer's own, or shared with them. */
export function isMine({ holder, owner, shares }: Owned, viewer: Viewer): boolean {
  if (viewer.name === '') return false;
  return (viewer.open ? holder.name : owner) === viewer.name || (shares?.includes(viewer.name) ?? false);
}

type Owned = Pick<RowLease, 'holder' | 'owner' | 'shares'>;

/** In the order in which they are served. */
export function inOrder(a: Waiter, b: Waiter): number {
  return b.priority - a.priority || a.ticket - b.ticket;
}
