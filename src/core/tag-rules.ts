import { everPossible } from './assign.ts';
import type { Acquire } from './command.ts';
import { type Refusal, refuse } from './error.ts';
import { globMatches } from './expression.ts';
import type { Expression, Millis, Principal, Request, TagRule, Want } from './model.ts';
import type { State } from './state.ts';
import { describeSelector, describeWants, makeWant, matches, shapeOf } from './want.ts';

/**
 * What the configuration says about tags: who may take what has one, and how much of it. Of the rules about a tag the first
 * that is about the caller counts; where there are rules and none is, the tag is not for them. An admin is bound by none.
 */

/** The highest priority that a user may ask for, unless a rule says otherwise. */
export const USERS_PRIORITY = 100;

/** What becomes of a request under the rules. */
export type Bounded = Pick<Request, 'wants' | 'longest' | 'shape'>;

/** What may be asked for, or why not. */
export function boundByRules(state: State, command: Acquire): Bounded | Refusal {
  const { wants, principal, priority, steals } = command;
  const rules = state.rules.tags ?? [];
  if (principal.role === 'admin') return { wants };
  const closed = new Set(rules.map(({ tag }) => tag).filter((tag) => ruleFor(rules, tag, principal) === undefined));
  const forbidden = wants.flatMap((want) => forbiddenIn(state, want, closed))[0];
  if (forbidden) return forbidden;
  const concerning = rules.filter(
    (rule) => ruleFor(rules, rule.tag, principal) === rule && wants.some((want) => concerns(state, want, rule.tag)),
  );
  const highest = least(concerning.map(({ maxPriority }) => maxPriority)) ?? USERS_PRIORITY;
  if (steals === null && priority > highest) return tooHigh(priority, highest, concerning);
  const over = concerning.flatMap((rule) => overAtOnce(state, command, rule) ?? [])[0];
  if (over) return over;
  const open = closed.size === 0 ? wants : wants.map((want) => without(want, closed));
  const narrowed = open.filter((want, i) => want !== wants[i]);
  if (!everPossible(state, narrowed)) return nothingLeft(narrowed);
  const shape = open === wants ? {} : { shape: shapeOf(wants) };
  const longest = least(concerning.map(({ maxHold }) => maxHold));
  return { wants: open, ...shape, ...(longest === null ? {} : { longest }) };
}

/** The rule about this tag that counts for somebody; undefined where there is none for them. */
function ruleFor(rules: readonly TagRule[], tag: string, principal: Principal): TagRule | undefined {
  return rules.find((rule) => rule.tag === tag && rule.who.some((pattern) => isMeant(pattern, principal)));
}

/** A name, `ci-*`, or `role:user`; a token of a user (`alice/laptop`) is meant by its owner's name as well. */
function isMeant(pattern: string, { name, role }: Principal): boolean {
  if (pattern.startsWith('role:')) return pattern.slice('role:'.length) === role;
  const owner = name.split('/', 1)[0] ?? '';
  return globMatches(pattern, name) || globMatches(pattern, owner);
}

/** What is asked for by its name, number or tag, and is not for the caller. */
function forbiddenIn(state: State, { selector }: Want, closed: ReadonlySet<string>): Refusal[] {
  const tags = selector.type === 'tags' ? selector.tags : (state.catalogue.single(selector)?.resource.tags ?? []);
  const tag = tags.find((one) => closed.has(one));
  if (tag === undefined) return [];
  const hint = 'the rules of this daemon say who may; ask an admin';
  return [refuse('denied', `${describeSelector(selector)} has the tag ${tag}, which is not for you`, { hint })];
}

/** Whether a want could be given something with this tag. */
function concerns(state: State, { selector }: Want, tag: string): boolean {
  const single = state.catalogue.single(selector);
  if (single) return single.resource.tags.includes(tag);
  if (selector.type === 'tags' && selector.tags.includes(tag)) return true;
  for (const { resource } of state.catalogue.pool({ type: 'tags', tags: [tag] }).members) {
    if (matches(selector, resource)) return true;
  }
  return false;
}

/** The same want without what has one of these tags: also without what gets one later. */
function without(want: Want, closed: ReadonlySet<string>): Want {
  const { selector, count, mode } = want;
  if (selector.type !== 'tags' && selector.type !== 'where') return want;
  const asked = selector.type === 'where' ? selector.where : allOf(selector.tags.map(tagged));
  const where = allOf([asked, ...[...closed].map((tag): Expression => ({ type: 'not', of: tagged(tag) }))]);
  return makeWant({ type: 'where', where }, count, mode);
}

function tagged(tag: string): Expression {
  return { type: 'tag', pattern: { text: tag, glob: false } };
}

function allOf(parts: readonly Expression[]): Expression {
  return parts.reduce((left, right) => ({ type: 'and', left, right }));
}

function nothingLeft(wants: readonly Want[]): Refusal {
  return refuse('denied', `what you may take of it is not enough: ${describeWants(wants)}`, {
    hint: 'the rules of this daemon say who may take what; ask an admin',
  });
}

function tooHigh(priority: number, highest: number, rules: readonly TagRule[]): Refusal {
  const because = rules.find(({ maxPriority }) => maxPriority === highest);
  const of = because ? ` for what has the tag ${because.tag}` : '';
  return refuse('denied', `the priority ${priority} is above ${highest}, the highest that you may ask for${of}`, {
    hint: 'ask with a lower one, or ask an admin',
  });
}

/** Counts what one has and what one waits for: else a long queue would be a way past the rule. */
function overAtOnce(state: State, { wants, principal }: Acquire, { tag, atOnce }: TagRule): Refusal | null {
  if (atOnce === null) return null;
  let taken = 0;
  for (const { lease } of state.leases.values()) {
    if (lease.request.principal !== principal.name) continue;
    for (const { resource } of lease.uses) {
      if (state.catalogue.byId.get(resource)?.resource.tags.includes(tag)) taken += 1;
    }
  }
  for (const { request } of state.queue.byId.values()) {
    if (request.principal === principal.name) taken += unitsOf(state, request.wants, tag);
  }
  const asked = unitsOf(state, wants, tag);
  if (taken + asked <= atOnce) return null;
  const detail = `${principal.name} has, or waits for, ${taken} with the tag ${tag}, and may have ${atOnce} at once`;
  return refuse('limit', detail, { hint: 'give something back first', retryAfter: 5 });
}

function unitsOf(state: State, wants: readonly Want[], tag: string): number {
  return wants.reduce((sum, want) => sum + (concerns(state, want, tag) ? want.count : 0), 0);
}

function least(bounds: readonly (Millis | null)[]): number | null {
  const given = bounds.filter((bound) => bound !== null);
  return given.length === 0 ? null : Math.min(...given);
}
