import type { ResourceJson, ResourceLeaseJson } from '../core/wire.ts';
import type { Cell } from './output.ts';
import type { Paint } from './talk.ts';
import { ageOf, clockTime, printable, whose } from './text.ts';

const LAST_SEEN = 'LAST SEEN';

/** The columns of the table of these resources: when machines were last seen only where one of them is on a machine. */
export function headOf(resources: readonly ResourceJson[]): readonly string[] {
  const seen = resources.some(({ machine }) => machine !== undefined) ? [LAST_SEEN] : [];
  return ['NAME', 'STATE', 'HOLDER', 'SINCE', 'UNTIL', 'WAITING', ...seen, 'NOTE'];
}

/** One line a lease, and one where there is none, below `head`. */
export function rowsOf(resource: ResourceJson, head: readonly string[], paint: Paint, now: number): Cell[][] {
  const leases: readonly (ResourceLeaseJson | null)[] = resource.leases.length > 0 ? resource.leases : [null];
  return leases.map((lease) => {
    const { offline } = resource;
    const drainedAt = resource.state === 'draining' ? resource.drainedAt : null;
    const until = lease ? lease.until : (offline?.until ?? drainedAt);
    const since = lease?.since ?? offline?.since ?? (drainedAt ? resource.lastUsed : null);
    return [
      { text: printable(resource.name), paint: paint.bold },
      { text: stateOf(resource), paint: paintOf(resource, paint) },
      { text: lease ? whose(lease) : offline?.by ? printable(offline.by) : '-' },
      { text: since ? `${clockTime(since, now)} (${ageOf(since, now)})` : '-' },
      { text: until ? clockTime(until, now) : '-' },
      { text: resource.waiting > 0 ? String(resource.waiting) : '-' },
      ...(head.includes(LAST_SEEN) ? [{ text: seenOf(resource, now) }] : []),
      { text: noteOf(resource, lease) },
    ];
  });
}

function stateOf({ state, slots, leases }: ResourceJson): string {
  return slots > 1 ? `${state} ${leases.length}/${slots}` : state;
}

function seenOf({ machine, lastSeen }: ResourceJson, now: number): string {
  if (machine === undefined) return '-';
  return lastSeen ? `${ageOf(lastSeen, now)} ago` : 'never';
}

function paintOf({ state }: ResourceJson, paint: Paint): (text: string) => string {
  if (state === 'free') return paint.good;
  return state === 'held' || state === 'shared' || state === 'draining' ? paint.busy : paint.bad;
}

/** What else there is to know of a lease. */
function aboutLease(lease: ResourceLeaseJson | null): string[] {
  if (lease === null) return [];
  const { offeredUntil, shares = [], asked = [], ending } = lease;
  const last = asked.at(-1);
  return [
    offeredUntil === undefined ? '' : 'offered, not accepted yet',
    shares.length === 0 ? '' : `shared with ${shares.join(', ')}`,
    last === undefined ? '' : `${last.by || 'somebody'} asks for it${last.note && `: ${last.note}`}`,
    ending ? 'told to end' : '',
  ];
}

function noteOf({ state, offline, description }: ResourceJson, lease: ResourceLeaseJson | null): string {
  const drains = state === 'draining' ? 'draining: its last command may not have ended yet' : '';
  const parts = [
    lease?.note,
    ...aboutLease(lease),
    offline && `offline: ${offline.reason}`,
    drains,
    lease ? '' : description,
  ];
  return parts
    .filter((part) => part)
    .map((part) => printable(part ?? ''))
    .join('; ');
}
