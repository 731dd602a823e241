import type { Ended, Lease, Millis, Request, Resource } from '../../core/model.ts';
import type { Snapshot } from '../../core/state.ts';
import type { Batch } from '../../core/store.ts';

/** How many past holds are kept for estimates. */
const HOLDS = 2000;

/** What a sequence of batches adds up to: the rows of a store, in maps. */
export class Facts {
  private counters: Snapshot['counters'];
  private readonly resources: Map<number, Resource>;
  private readonly requests: Map<string, Request>;
  private readonly leases: Map<string, Lease>;
  private readonly ended: Map<number, Ended>;
  private holds: { resource: number; held: Millis }[];
  private latest: Millis;

  constructor(from: Snapshot) {
    this.counters = { ...from.counters };
    this.resources = new Map(from.resources.map((resource) => [resource.id, resource]));
    this.requests = new Map(from.requests.map((request) => [request.id, request]));
    this.leases = new Map(from.leases.map((lease) => [lease.request.id, lease]));
    this.ended = new Map(from.ended.map((ended) => [ended.seq, ended]));
    this.holds = [...from.holds];
    this.latest = from.latest;
  }

  snapshot(): Snapshot {
    return structuredClone({
      counters: this.counters,
      resources: [...this.resources.values()],
      requests: [...this.requests.values()],
      leases: [...this.leases.values()],
      ended: [...this.ended.values()],
      holds: this.holds,
      machines: [],
      latest: this.latest,
    });
  }

  apply({ events, counters, at }: Batch): void {
    for (const event of events) {
      switch (event.type) {
        case 'resource-added':
        case 'resource-changed':
          this.resources.set(event.resource.id, event.resource);
          break;
        case 'resource-removed':
          if (event.resource.removed) this.resources.set(event.resource.id, event.resource);
          else this.resources.delete(event.resource.id);
          break;
        case 'resource-forgotten':
          this.resources.delete(event.id);
          break;
        case 'resource-offline':
          this.patch(event.id, { offline: event.offline });
          break;
        case 'resource-online':
          this.patch(event.id, { offline: null });
          break;
        case 'waiter-joined':
          this.requests.set(event.request.id, event.request);
          break;
        case 'waiter-left':
          this.requests.delete(event.request.id);
          this.ended.set(event.ended.seq, event.ended);
          break;
        case 'lease-granted':
          this.requests.delete(event.lease.request.id);
          this.leases.set(event.lease.request.id, event.lease);
          break;
        case 'lease-extended':
        case 'lease-kept':
        case 'lease-accepted':
        case 'lease-asked':
        case 'lease-shared':
        case 'lease-ending':
          this.leases.set(event.lease.request.id, event.lease);
          break;
        case 'lease-ended':
          this.leases.delete(event.lease.request.id);
          this.ended.set(event.ended.seq, event.ended);
          this.letGo(event.lease, event.ended.at);
          break;
        case 'lease-reduced':
          this.leases.set(event.lease.request.id, event.lease);
          this.patch(event.resource, { lastUsedAt: event.at });
          this.holds.push({ resource: event.resource, held: event.at - event.lease.grantedAt });
          break;
        case 'audited':
        case 'resource-drained':
        case 'resource-silent':
        case 'resource-heard':
          break;
        case 'id-spent':
          this.ended.set(event.ended.seq, event.ended);
          break;
        case 'ids-forgotten':
          for (const seq of this.ended.keys()) if (seq <= event.upTo) this.ended.delete(seq);
          break;
        default:
          event satisfies never;
      }
    }
    this.counters = { ...counters };
    this.latest = Math.max(this.latest, at);
  }

  private letGo(lease: Lease, at: Millis): void {
    for (const { resource } of lease.uses) {
      this.patch(resource, { lastUsedAt: at });
      this.holds.push({ resource, held: at - lease.grantedAt });
    }
    if (this.holds.length > 2 * HOLDS) this.holds = this.holds.slice(-HOLDS);
  }

  private patch(id: number, change: Partial<Resource>): void {
    const known = this.resources.get(id);
    if (known) this.resources.set(id, { ...known, ...change });
  }
}
