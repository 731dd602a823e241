import type { Entry } from '../../../core/catalogue.ts';
import type { Lease, Millis } from '../../../core/model.ts';
import type { State } from '../../../core/state.ts';
import type { Daemon } from '../../daemon.ts';
import { rentABotOptions } from '../settings.ts';
import { FACADE, HIDDEN_TOKEN, tokenOn } from './tokens.ts';

/** `2017` is `/rentabot/api/v1.0`: null for what is empty, spaces between tags, no ends. `1.0.0` is `/api/v1`. */
export type Dialect = '2017' | '1.0.0';

/** The longest that a lock may last where the resource says nothing. */
const DEFAULT_MAX_S = 86_400;

/** What a resource looks like there. */
export interface ResourceView {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly 'lock-token': string | null;
  readonly 'lock-details': string;
  readonly endpoint: string | null;
  readonly tags: string | null;
  readonly 'lock-acquired-at'?: string | null;
  readonly 'lock-expires-at'?: string | null;
  readonly 'max-lock-duration'?: number;
}

/** Seconds that a lock of this resource may last. */
export function maxOf({ resource }: Entry): number {
  return resource.maxHold === null ? DEFAULT_MAX_S : Math.floor(resource.maxHold / 1000);
}

/** Who holds it; null where nobody does. What has several slots has its first holder. */
export function leaseOn(state: State, entry: Entry): Lease | null {
  for (const id of entry.leases.keys()) {
    const lease = state.leases.get(id)?.lease;
    if (lease) return lease;
  }
  return null;
}

/** `ended`: what became of the last lock. With `token` it is for whoever has just locked it. */
export function viewOf(
  daemon: Daemon,
  state: State,
  entry: Entry,
  dialect: Dialect,
  { ended = null, token = null }: { readonly ended?: string | null; readonly token?: string | null } = {},
): ResourceView {
  const { id, name, description, endpoint, tags } = entry.resource;
  const lease = leaseOn(state, entry);
  const text = (value: string): string | null => (value === '' && dialect === '2017' ? null : value);
  const view: ResourceView = {
    id,
    name,
    description: text(description),
    'lock-token': text(lease === null ? '' : (token ?? shownToken(daemon, lease, id))),
    'lock-details': detailsOf(entry, lease, ended),
    endpoint: text(endpoint),
    tags: text(tags.join(dialect === '2017' ? ' ' : ',')),
  };
  if (dialect === '2017') return view;
  return {
    ...view,
    'lock-acquired-at': lease === null ? null : stamp(lease.grantedAt),
    'lock-expires-at': lease === null ? null : stampOrNull(lease.endsAt),
    'max-lock-duration': maxOf(entry),
  };
}

function shownToken(daemon: Daemon, lease: Lease, resource: number): string {
  const isShown = rentABotOptions(daemon.facades).exposeTokens === true && lease.request.via?.facade === FACADE;
  return isShown ? tokenOn(daemon, lease, resource) : HIDDEN_TOKEN;
}

function detailsOf({ resource }: Entry, lease: Lease | null, ended: string | null): string {
  if (lease?.request.via?.as === 'reservation') return 'Resource locked (reservation)';
  if (lease !== null) return 'Resource locked';
  if (resource.offline !== null) return `Resource is offline: ${resource.offline.reason}`;
  return ended ?? (resource.lastUsedAt === null ? 'Resource is available' : 'Resource available');
}

/** With microseconds and a `Z`, as in resources and reservations. */
export function stamp(at: Millis): string {
  return `${new Date(at).toISOString().slice(0, -1)}000Z`;
}

/** With microseconds and `+00:00`, as beside them. */
export function offsetStamp(at: Millis): string {
  return stamp(at).replace('Z', '+00:00');
}

export function stampOrNull(at: Millis | null | undefined): string | null {
  return at == null ? null : stamp(at);
}
