import type { Entry } from './catalogue.ts';
import { hasRoom, outOfService } from './catalogue.ts';
import { expiryOf, isEndless } from './evolve.ts';
import { seenIso } from './machine.ts';
import type { Lease, Millis, Mode, Resource } from './model.ts';
import type { State } from './state.ts';
import { describeWants, modeToJson } from './want.ts';
import type { LeasedResourceJson, LeaseJson, MessageJson, ResourceJson, ResourceLeaseJson } from './wire.ts';

/** Who looks: what a resource sets in its holder's environment is for the holder alone. */
export type Viewer = 'holder' | 'anyone';

/** How long before its fixed end the holder of a command is warned. */
const EXPIRING_MS = 60_000;
/** People are not at hand all the time: they are warned so long before, or a quarter of a shorter claim. */
const CLAIM_EXPIRING_MS = 15 * 60_000;

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
    expiresAt: isEndless(lease) ? null : isoTime(Math.min(expiryOf(lease), lease.endsAt ?? Number.POSITIVE_INFINITY)),
    until: isoOrNull(lease.endsAt),
    ending: ending === null ? null : { ...ending, since: isoTime(ending.since) },
    claim: isClaim(lease),
    owner: request.principal,
    ...(hasCompany(lease) ? company(lease) : {}),
  };
}

/** It lasts until its end without a word from anybody. */
export function isClaim(lease: Lease): boolean {
  const { request, endsAt, keptUntil } = lease;
  if (isEndless(lease)) return true;
  return !request.guarded && endsAt !== null && keptUntil !== null && keptUntil >= endsAt;
}

function hasCompany({ offeredUntil, shares, asked }: Lease): boolean {
  return offeredUntil !== undefined || shares !== undefined || asked !== undefined;
}

/** What only few leases have. */
function company({ offeredUntil, shares, asked }: Lease): Pick<LeaseJson, 'offeredUntil' | 'shares' | 'asked'> {
  return {
    ...(offeredUntil === undefined ? {} : { offeredUntil: isoTime(offeredUntil) }),
    ...(shares === undefined ? {} : { shares: [...shares] }),
    ...(asked === undefined ? {} : { asked: asked.map((one) => ({ ...one, at: isoTime(one.at) })) }),
  };
}

function leasedResources(state: State, { uses, fence }: Lease, viewer: Viewer): LeasedResourceJson[] {
  const found: LeasedResourceJson[] = [];
  for (const { resource: id, mode } of uses) {
    const resource = state.catalogue.byId.get(id)?.resource;
    if (!resource) continue;
    const { name, endpoint, properties, env, slots } = resource;
    const seen: LeasedResourceJson = { id, name, endpoint, properties, fence, mode: modeToJson(mode, slots) };
    if (viewer === 'holder') seen.env = env;
    found.push(seen);
  }
  return found;
}

/** What the holder should know now. */
export function messagesFor(lease: Lease, now: Millis): MessageJson[] {
  const { ending, endsAt, asked } = lease;
  if (ending !== null) {
    const reason = ending.note === '' ? ending.reason : `${ending.reason}: ${ending.note}`;
    return [{ type: 'ending', by: ending.by, reason, at: isoTime(ending.since) }];
  }
  const messages: MessageJson[] = [];
  for (const { by, note, at } of asked ?? []) messages.push({ type: 'asked', by, reason: note, at: isoTime(at) });
  if (endsAt !== null && now >= endsAt - warningBefore(lease, endsAt)) {
    const reason = isClaim(lease) ? 'the claim is nearly over' : 'the longest time it may be held is nearly over';
    messages.push({ type: 'expiring', by: '', reason, at: isoTime(endsAt) });
  }
  return messages;
}

/** How long before its end the holder is warned. An offer is an announcement itself. */
export function warningBefore(lease: Lease, endsAt: Millis): Millis {
  if (!isClaim(lease)) return EXPIRING_MS;
  return lease.offeredUntil === undefined ? Math.min(CLAIM_EXPIRING_MS, (endsAt - lease.grantedAt) / 4) : 0;
}

export function resourceToJson(state: State, entry: Entry): ResourceJson {
  const { resource } = entry;
  const offline = outOfService(entry);
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
    ...(resource.machine === undefined ? {} : watched(state, resource, resource.machine)),
  };
}

/** What only resources with a machine have. */
function watched(
  { machines }: State,
  { staleAfter }: Resource,
  machine: string,
): Pick<ResourceJson, 'machine' | 'lastSeen' | 'staleAfter'> {
  const seen = machines.get(machine);
  const stale = staleAfter === undefined ? {} : { staleAfter: seconds(staleAfter) };
  return { machine, lastSeen: seen ? seenIso(seen) : null, ...stale };
}

/** What a plain request would find. */
export function stateOf(entry: Entry): ResourceJson['state'] {
  if (entry.resource.retiring) return 'retiring';
  if (outOfService(entry) !== null) return 'offline';
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

function leaseOn(lease: Lease, mode: Mode, slots: number): ResourceLeaseJson {
  const { id, holder, note, guarded, principal } = lease.request;
  return {
    id,
    holder,
    note,
    mode: modeToJson(mode, slots),
    since: isoTime(lease.grantedAt),
    until: isoOrNull(lease.endsAt),
    guarded,
    claim: isClaim(lease),
    ending: lease.ending !== null,
    owner: principal,
    ...(hasCompany(lease) ? company(lease) : {}),
  };
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
