import type { Entry } from '../../core/catalogue.ts';
import type { Request } from '../../core/model.ts';
import type { State } from '../../core/state.ts';
import { isoOrNull, isoTime, resourceToJson } from '../../core/view.ts';
import { describeWants } from '../../core/want.ts';
import type { Row, Waiter } from './view/model.ts';

/** What is told of one resource's holders, and of the queue: a bound, so that a board costs the same in a busy place. */
const MOST_LEASES = 20;
const MOST_WAITERS = 500;

export function rowOf(state: State, entry: Entry): Row {
  const { waiting: _, leases, ...resource } = resourceToJson(state, entry);
  const told = leases.slice(0, MOST_LEASES);
  return { ...resource, leases: told, more: leases.length - told.length };
}

export function rowsOf(state: State): Row[] {
  return Array.from(state.catalogue.byId.values(), (entry) => rowOf(state, entry));
}

/** The first in the queue, in order, and how many come behind them. */
export function waitersOf({ queue }: State): { readonly waiters: Waiter[]; readonly unseen: number } {
  const waiters: Waiter[] = [];
  for (const { request } of queue.order) {
    if (waiters.length >= MOST_WAITERS) break;
    waiters.push(waiterOf(request));
  }
  return { waiters, unseen: queue.byId.size - waiters.length };
}

function waiterOf(request: Request): Waiter {
  const { id, holder, principal, note, wants, askedAt, givesUpAt, priority, ticket } = request;
  return {
    id,
    holder,
    owner: principal,
    note,
    want: describeWants(wants),
    wants: wants.map(({ key, selector }) => ({ key, selector })),
    since: isoTime(askedAt),
    until: isoOrNull(givesUpAt),
    priority,
    ticket,
    claim: request.claim !== undefined,
    steals: request.steals !== undefined,
  };
}
