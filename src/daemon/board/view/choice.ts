import { matchesExpression, parseExpression } from '../../../core/expression.ts';
import type { Expression } from '../../../core/model.ts';
import { isMine, type Row, type Viewer } from './model.ts';
import type { Queues } from './queues.ts';

/** What somebody wants to see, and in which order: it stands in the address, so that it can be sent to others. */
export interface Choice {
  readonly search: string;
  readonly tags: readonly string[];
  readonly states: readonly string[];
  readonly sort: Sort;
  readonly descending: boolean;
  /** `tag`, `state`, `holder`, or `p:` and the name of a property; empty for none. */
  readonly group: string;
}

export const SORTS = ['name', 'state', 'holder', 'since', 'until', 'queue', 'seen'] as const;
export type Sort = (typeof SORTS)[number];

/** States of resources, and beside them what concerns the viewer and the queue. */
export const STATES = ['free', 'held', 'shared', 'draining', 'offline', 'retiring', 'queued', 'mine'] as const;
export type StateChoice = (typeof STATES)[number];

/** Longer ones are cut: an address is not a place for essays. */
const LONGEST_SEARCH = 500;
const MOST_TAGS = 20;

export const EVERYTHING: Choice = { search: '', tags: [], states: [], sort: 'name', descending: false, group: '' };

export function readChoice(query: URLSearchParams): Choice {
  const sort = query.get('sort') ?? '';
  const key = sort.replace(/^-/, '');
  const known = SORTS.find((one) => one === key);
  return {
    search: (query.get('q') ?? '').trim().slice(0, LONGEST_SEARCH),
    tags: unique(query.getAll('tag')).slice(0, MOST_TAGS),
    states: unique(query.getAll('state')).filter((one) => STATES.some((state) => state === one)),
    sort: known ?? 'name',
    descending: known !== undefined && sort.startsWith('-'),
    group: query.get('group') ?? '',
  };
}

/** What stands behind the question mark; empty for everything as it comes. */
export function queryOf({ search, tags, states, sort, descending, group }: Choice): string {
  const query = new URLSearchParams();
  if (search !== '') query.set('q', search);
  for (const tag of tags) query.append('tag', tag);
  for (const state of states) query.append('state', state);
  if (sort !== 'name' || descending) query.set('sort', `${descending ? '-' : ''}${sort}`);
  if (group !== '') query.set('group', group);
  return query.toString();
}

/** The address of the board with this choice. */
export function hrefOf(choice: Choice): string {
  const query = queryOf(choice);
  return query === '' ? '/' : `/?${query}`;
}

/** The same with this tag or state added, or taken away where it was there. */
export function toggled(choice: Choice, key: 'tags' | 'states', value: string): Choice {
  const list = choice[key];
  return { ...choice, [key]: list.includes(value) ? list.filter((one) => one !== value) : [...list, value] };
}

/** The resources that are chosen, in groups and in order. */
export function choose(rows: Iterable<Row>, queues: Queues, choice: Choice, viewer: Viewer): readonly Group[] {
  const isWanted = searchOf(choice.search);
  const found: Row[] = [];
  for (const row of rows) {
    if (!choice.tags.every((tag) => row.tags.includes(tag))) continue;
    if (choice.states.length > 0 && !choice.states.some((state) => isIn(row, state, queues, viewer))) continue;
    if (isWanted(row)) found.push(row);
  }
  return grouped(found.sort(orderOf(choice, queues)), choice.group);
}

export interface Group {
  /** Empty where nothing is grouped. */
  readonly title: string;
  readonly rows: readonly Row[];
}

export function isIn(row: Row, state: string, queues: Queues, viewer: Viewer): boolean {
  if (state === 'queued') return queues.has(row.id);
  if (state === 'mine') {
    if (row.leases.some((lease) => isMine(lease, viewer))) return true;
    return queues.get(row.id)?.some((waiter) => isMine(waiter, viewer)) ?? false;
  }
  return row.state === state;
}

/** Words that have all to be somewhere in it; or, where it reads as one, an expression as the command line has them. */
function searchOf(search: string): (row: Row) => boolean {
  if (search === '') return () => true;
  const expression = expressionIn(search);
  if (expression) return (row) => matchesExpression(expression, row);
  const words = search.toLowerCase().split(/\s+/);
  return (row) => {
    const text = textOf(row);
    return words.every((word) => text.includes(word));
  };
}

/** Null for words. */
export function expressionIn(search: string): Expression | null {
  if (!/[&|!=<>()]/.test(search)) return null;
  const expression = parseExpression(search);
  return 'problem' in expression ? null : expression;
}

function textOf({ name, description, endpoint, tags, properties, leases, offline }: Row): string {
  const held = leases.map(({ holder, note }) => `${holder.name} ${holder.host} ${note}`);
  const known = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  return [name, description, endpoint, ...tags, ...known, ...held, offline?.reason ?? ''].join('\n').toLowerCase();
}

const collator = new Intl.Collator('en', { numeric: true });

/** By name among equals, whichever way round. */
function orderOf({ sort, descending }: Choice, queues: Queues): (a: Row, b: Row) => number {
  const sign = descending ? -1 : 1;
  const byName = (a: Row, b: Row): number => collator.compare(a.name, b.name);
  if (sort === 'name') return (a, b) => sign * byName(a, b);
  const keys = new Map<Row, string | number>();
  const keyOf = (row: Row): string | number => {
    const known = keys.get(row);
    if (known !== undefined) return known;
    const key = sortKey(row, sort, queues);
    keys.set(row, key);
    return key;
  };
  return (a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)];
    // What has none of it stands last, in either direction.
    if (one === '' || other === '') return one === other ? byName(a, b) : one === '' ? 1 : -1;
    const order = typeof one === 'number' ? one - Number(other) : collator.compare(one, String(other));
    return sign * order || byName(a, b);
  };
}

function sortKey(row: Row, sort: Sort, queues: Queues): string | number {
  const lease = row.leases[0];
  switch (sort) {
    case 'state':
      return (STATES as readonly string[]).indexOf(row.state);
    case 'holder':
      return lease?.holder.name ?? '';
    case 'since':
      return lease ? Date.parse(lease.since) : '';
    case 'until':
      return firstEnd(row) ?? '';
    case 'queue':
      return -(queues.get(row.id)?.length ?? 0);
    case 'seen':
      // What was never seen is longest unseen.
      return row.machine === undefined ? '' : row.lastSeen ? Date.parse(row.lastSeen) : 0;
    default:
      return row.name;
  }
}

/** When the first of its holders has to be done, in milliseconds; null where none has to. */
export function firstEnd({ leases }: Row): number | null {
  const ends = leases.flatMap(({ until }) => (until === null ? [] : [Date.parse(until)]));
  return ends.length === 0 ? null : Math.min(...ends);
}

function grouped(rows: readonly Row[], group: string): readonly Group[] {
  if (group === '') return [{ title: '', rows }];
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = titleOf(row, group);
    const found = groups.get(title);
    if (found) found.push(row);
    else groups.set(title, [row]);
  }
  return [...groups]
    .sort(([a], [b]) => (a === NONE || b === NONE ? Number(a === NONE) - Number(b === NONE) : collator.compare(a, b)))
    .map(([title, found]) => ({ title, rows: found }));
}

const NONE = 'none';

/** The one group that a resource is in: of several tags its first counts, so that nothing is there twice. */
function titleOf(row: Row, group: string): string {
  if (group === 'tag') return row.tags[0] ?? NONE;
  if (group === 'state') return row.state;
  if (group === 'holder') return row.leases[0]?.holder.name ?? NONE;
  const value = group.startsWith('p:') ? row.properties[group.slice(2)] : undefined;
  return value === undefined ? NONE : `${group.slice(2)} ${value}`;
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)].filter((one) => one !== '');
}
