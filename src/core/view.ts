import type { Entry } from './catalogue.ts';
import { hasRoom } from './catalogue.ts';
import { expiryOf } from './evolve.ts';
import type { Lease, Millis, Mode } from './model.ts';
import type { State } from './state.ts';
import { describeWants, modeToJson } from './want.ts';
import type { LeasedResourceJson, LeaseJson, MessageJson, ResourceJson, ResourceLeaseJson } from './wire.ts';

/** Who looks: what a resource sets in its holder's environment is for the holder alone. */
export type Viewer = 'holder' | 'anyone';

/** How long before its fixed end a holder is warned. */
const EXPIRING_MS = 60_000;

export function isoTime(at: Millis): string {
  return new Date(at).toISOString();
}

export function isoOrNull(at: Millis | null): string | null {
  return at === null ? null : isoTime(at);
}

export function seconds(span: Millis): number {
  return span / 1000;
}

export function leaseToJson(state: State, lease: Lease, viewer: Viewer): LeaseJson {
  const { request, ending } = lease;
  return {
    id: request.id,
    fence: lease.fence,
    resources: leasedResources(state, lease, viewer),
    want: describeWants(request.wants),
    holder: request.holder,
    note: request.note,
    priority: request.priority,
    ttl: seconds(request.ttl),
    hold: request.hold === null ? null : seconds(request.hold),
    guarded: request.guarded,
    since: isoTime(lease.grantedAt),
    waited: seconds(lease.grantedAt - request.askedAt),
    expiresAt: isoTime(Math.min(expiryOf(lease), lease.endsAt ?? Number.POSITIVE_INFINITY)),
    until: isoOrNull(lease.endsAt),
    ending: ending === null ? null : { ...ending, since: isoTime(ending.since) },
  };
}

function leasedResources(state: State, { uses, fence }: Lease, viewer: Viewer): LeasedResourceJson[] {
  const found: LeasedResourceJson[] = [];
  for (const { resource: id, mode } of uses) {
    const resource = state.catalogue.byId.get(id)?.resource;
    if (!resource) continue;
    const { name, endpoint, properties, env, slots } = resource;
    const common = { id, name, endpoint, properties, fence, mode: modeToJson(mode, slots) };
    found.push(viewer === 'holder' ? { ...common, env } : common);
  }
  return found;
}

/** What the holder should know now. */
export function messagesFor({ ending, endsAt }: Lease, now: Millis): MessageJson[] {
  if (ending !== null) {
    const reason = ending.note === '' ? ending.reason : `${ending.reason}: ${ending.note}`;
    return [{ type: 'ending', by: ending.by, reason, at: isoTime(ending.since) }];
  }
  if (endsAt !== null && endsAt - now <= EXPIRING_MS) {
    return [
      { type: 'expiring', by: '', reason: 'the longest time it may be held is nearly over', at: isoTime(endsAt) },
    ];
  }
  return [];
}

export function resourceToJson(state: State, entry: Entry): ResourceJson {
  const { resource } = entry;
  const { offline } = resource;
  return {
    id: resource.id,
    name: resource.name,
    state: stateOf(entry),
    description: resource.description,
    tags: [...resource.tags],
    endpoint: resource.endpoint,
    properties: resource.properties,
    slots: resource.slots,
    maxHold: resource.maxHold === null ? null : seconds(resource.maxHold),
    offline: offline === null ? null : { ...offline, since: isoTime(offline.since), until: isoOrNull(offline.until) },
    lastUsed: isoOrNull(resource.lastUsedAt),
    drainedAt: isoOrNull(entry.drainedAt),
    waiting: waitingFor(state, entry),
    leases: leasesOn(state, entry),
  };
}

/** What a plain request would find. */
export function stateOf(entry: Entry): ResourceJson['state'] {
  if (entry.resource.retiring) return 'retiring';
  if (entry.resource.offline !== null) return 'offline';
  if (entry.drainedAt !== null) return 'draining';
  if (hasRoom(entry, 'slot')) return 'free';
  return entry.sharers > 0 ? 'shared' : 'held';
}

function leasesOn(state: State, entry: Entry): ResourceLeaseJson[] {
  const found: ResourceLeaseJson[] = [];
  for (const [id, mode] of entry.leases) {
    const lease = state.leases.get(id)?.lease;
    if (lease) found.push(leaseOn(lease, mode, entry.resource.slots));
  }
  return found;
}

function leaseOn({ request, grantedAt, endsAt }: Lease, mode: Mode, slots: number): ResourceLeaseJson {
  const { id, holder, note } = request;
  return { id, holder, note, mode: modeToJson(mode, slots), since: isoTime(grantedAt), until: isoOrNull(endsAt) };
}

/** All waiters who could use it, each once. */
function waitingFor({ queue }: State, entry: Entry): number {
  let lines = 0;
  let sum = 0;
  queue.forEachLine(entry.resource, ({ waiters }) => {
    lines += 1;
    sum += waiters.size;
  });
  if (lines < 2) return sum;
  const ids = new Set<string>();
  queue.forEachLine(entry.resource, ({ waiters }) => {
    for (const { request } of waiters) ids.add(request.id);
  });
  return ids.size;
}
