import { isMine, type Row, type RowLease, type Viewer, type Waiter } from './model.ts';

/** What a person can do with a resource. */
export type Deed =
  | 'accept'
  | 'release'
  | 'extend'
  | 'share'
  | 'claim'
  | 'join'
  | 'leave'
  | 'ask'
  | 'steal'
  | 'offline'
  | 'online';

/** What the viewer may do with it as it is now, the most likely first. The daemon has the last word. */
export function deedsFor(row: Row, queue: readonly Waiter[], viewer: Viewer): readonly Deed[] {
  if (viewer.role === 'nobody' || viewer.role === 'viewer') return [];
  const own = ownLease(row, viewer);
  const others = row.leases.some((lease) => !isMine(lease, viewer));
  const found: Deed[] = [];
  if (own?.offeredUntil) found.push('accept', 'release');
  else if (own) found.push('release', 'extend', 'share');
  if (ownPlace(queue, viewer)) found.push('leave');
  else if (!own && row.state !== 'retiring') found.push(hasRoom(row, queue) ? 'claim' : 'join');
  if (others) found.push('ask');
  if (others && viewer.steals && !queue.some(({ steals }) => steals)) found.push('steal');
  if (viewer.role === 'admin' && row.state !== 'retiring') found.push(row.offline === null ? 'offline' : 'online');
  // Whoever can bring it back wants to do that first.
  return row.state === 'offline' && found.includes('online')
    ? ['online', ...found.filter((one) => one !== 'online')]
    : found;
}

/** The lease on it that is the viewer's: an offer before others, as it is waited for. */
export function ownLease({ leases }: Row, viewer: Viewer): RowLease | null {
  const own = leases.filter((lease) => isMine(lease, viewer) && !lease.ending);
  return own.find(({ offeredUntil }) => offeredUntil) ?? own[0] ?? null;
}

export function ownPlace(queue: readonly Waiter[], viewer: Viewer): Waiter | null {
  return queue.find((waiter) => isMine(waiter, viewer)) ?? null;
}

/** Whether it would be granted at once: whoever waits for it comes first. */
function hasRoom({ state }: Row, queue: readonly Waiter[]): boolean {
  return state === 'free' && queue.length === 0;
}
