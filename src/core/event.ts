import type { Silence } from './catalogue.ts';
import type { AuditAction } from './identity.ts';
import type { Seen } from './machine.ts';
import type { Asked, Ended, Ending, Lease, Millis, Offline, Request, Resource } from './model.ts';

/**
 * What happened: the only thing that changes a State. Stored events are on disk before anybody hears of them; volatile
 * ones (renewals, connections) are not stored, because a reopened daemon gives everybody the benefit of the doubt; that a
 * machine was seen is stored when there is time.
 */
export type Event = StoredEvent | VolatileEvent;

export type StoredEvent =
  /** `by` is absent where it was not people but a file, a request for a made-up name, or the end of a lease. */
  | { readonly type: 'resource-added'; readonly resource: Resource; readonly by?: string }
  | { readonly type: 'resource-changed'; readonly resource: Resource; readonly by?: string }
  | { readonly type: 'resource-removed'; readonly resource: Resource; readonly by?: string }
  /** People had taken it away though its file has it; that need not be known any longer. */
  | { readonly type: 'resource-forgotten'; readonly id: number; readonly name: string }
  | { readonly type: 'resource-offline'; readonly id: number; readonly name: string; readonly offline: Offline }
  | { readonly type: 'resource-online'; readonly id: number; readonly name: string; readonly by: string }
  /** It was held back after a command that nobody reported dead, and is free again. */
  | { readonly type: 'resource-drained'; readonly id: number; readonly name: string }
  /** Its machine was not seen for too long; what is held of it stays held. */
  | { readonly type: 'resource-silent'; readonly id: number; readonly name: string; readonly silence: Silence }
  | { readonly type: 'resource-heard'; readonly id: number; readonly name: string }
  | { readonly type: 'waiter-joined'; readonly request: Request }
  | { readonly type: 'waiter-left'; readonly request: Request; readonly ended: Ended }
  | { readonly type: 'lease-granted'; readonly lease: Lease; readonly at: Millis }
  | { readonly type: 'lease-extended'; readonly lease: Lease; readonly by: string }
  /** Its command is gone, and it stays for a while as a claim. `exit`: how that ended; null where nobody says. */
  | { readonly type: 'lease-kept'; readonly lease: Lease; readonly by: string; readonly exit: number | null }
  /** It was offered, and is taken. */
  | { readonly type: 'lease-accepted'; readonly lease: Lease; readonly by: string }
  | { readonly type: 'lease-asked'; readonly lease: Lease; readonly asked: Asked }
  | {
      readonly type: 'lease-shared';
      readonly lease: Lease;
      readonly with: string;
      readonly shared: boolean;
      readonly by: string;
    }
  | { readonly type: 'lease-ending'; readonly lease: Lease; readonly ending: Ending }
  | {
      readonly type: 'lease-ended';
      readonly lease: Lease;
      readonly ended: Ended;
      readonly exit: number | null;
      /** What somebody said who took it away; absent where nobody did. */
      readonly why?: string;
    }
  /** One of its resources was given back; the others stay held. */
  | { readonly type: 'lease-reduced'; readonly lease: Lease; readonly resource: number; readonly at: Millis }
  /** An id was deleted before anybody asked with it: its request may still be under way. */
  | { readonly type: 'id-spent'; readonly ended: Ended }
  /** Something was done to those who are known. */
  | {
      readonly type: 'audited';
      readonly action: AuditAction;
      readonly by: string;
      readonly about: string;
      readonly note: string;
    }
  /** Spent ids up to this number are no longer remembered. */
  | { readonly type: 'ids-forgotten'; readonly upTo: number };

export type VolatileEvent =
  | { readonly type: 'lease-renewed'; readonly id: string; readonly expiresAt: Millis }
  | { readonly type: 'waiter-heard'; readonly id: string; readonly connections: number; readonly at: Millis }
  | { readonly type: 'machine-seen'; readonly seen: Seen };

export function isStored(event: Event): event is StoredEvent {
  return event.type !== 'lease-renewed' && event.type !== 'waiter-heard' && event.type !== 'machine-seen';
}

/** Whose fate an event is. */
export function fateOf(event: StoredEvent): string | null {
  switch (event.type) {
    case 'waiter-left':
    case 'lease-ended':
      return event.ended.id;
    case 'lease-granted':
    case 'lease-ending':
    case 'lease-extended':
    case 'lease-kept':
    case 'lease-accepted':
    case 'lease-asked':
    case 'lease-shared':
    case 'lease-reduced':
      return event.lease.request.id;
    default:
      return null;
  }
}
