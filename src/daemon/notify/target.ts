import { matchesExpression } from '../../core/expression.ts';
import type { Expression, Millis } from '../../core/model.ts';
import type { State } from '../../core/state.ts';
import type { Notice, NoticeEvent } from './notice.ts';
import type { Sender } from './sender.ts';

/** One place where people are told, and what they are told there. */
export interface Target {
  readonly name: string;
  readonly sender: Sender;
  readonly events: ReadonlySet<NoticeEvent>;
  /** Only what concerns a resource that matches; null for all. */
  readonly where: Expression | null;
  /** A wait that is too long. */
  readonly waitingAfter: Millis;
}

/** Whether the target is to be told of it. */
export function wants({ events, where, waitingAfter }: Target, notice: Notice, state: State): boolean {
  if (notice.event === 'test') return true;
  if (!events.has(notice.event)) return false;
  if (notice.event === 'waiting-too-long' && notice.after !== waitingAfter) return false;
  return where === null || (notice.resources.length > 0 ? touches(where, notice, state) : awaits(where, notice, state));
}

/** One that is gone still has its name. */
function touches(where: Expression, { resources }: Notice, { catalogue }: State): boolean {
  return resources.some((name) => {
    const known = catalogue.byName.get(name)?.resource;
    return matchesExpression(where, known ?? { id: 0, name, tags: [], endpoint: '', properties: {} });
  });
}

/** Whoever waits concerns all that would do. */
function awaits(where: Expression, { lease }: Notice, { catalogue, queue }: State): boolean {
  const selectors = queue.byId.get(lease ?? '')?.request.wants.map(({ selector }) => selector) ?? [];
  for (const selector of selectors) {
    for (const { resource } of catalogue.matching(selector)) if (matchesExpression(where, resource)) return true;
  }
  return false;
}
