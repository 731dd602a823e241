import type { ResourceJson } from '../../core/wire.ts';
import { headOf, rowsOf } from '../resource-rows.ts';
import type { Paint } from '../talk.ts';
import { printable, truncate, who, whose } from '../text.ts';
import { layOut } from './layout.ts';

/** What the rows can be sorted by, in the order in which `s` goes through them. */
export const SORTS = ['name', 'state', 'holder', 'since', 'waiting'] as const;
type Sort = (typeof SORTS)[number];

/** What was chosen with keys. */
export interface View {
  readonly sort: Sort;
  readonly isReversed: boolean;
  /** Words that a row has to have, all of them. */
  readonly filter: string;
  /** Keys go into the filter. */
  readonly isTyping: boolean;
  readonly isPaused: boolean;
  /** How many rows were scrolled past. */
  readonly offset: number;
}

export const FIRST_VIEW: View = {
  sort: 'name',
  isReversed: false,
  filter: '',
  isTyping: false,
  isPaused: false,
  offset: 0,
};

/** What there is to show. */
export interface Scene {
  readonly resources: readonly ResourceJson[];
  /** Why it may be out of date; null where it is not. */
  readonly trouble: string | null;
  readonly now: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const LONGEST_FILTER = 100;
/** Above the rows stand the sum and the heads, below them the keys. */
const FRAME_ROWS = 3;
const STATE_ORDER: readonly ResourceJson['state'][] = ['held', 'shared', 'draining', 'retiring', 'offline', 'free'];
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** The view after a key; null where it means to leave. */
export function press(view: View, key: string, { rows }: Size): View | null {
  if (key === '\u0003') return null;
  if (view.isTyping) return type(view, key);
  const page = Math.max(1, rows - FRAME_ROWS);
  const scrolled = (by: number): View => ({ ...view, offset: Math.max(0, view.offset + by) });
  switch (key) {
    case 'q':
      return null;
    case 's':
      return { ...view, sort: SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length] ?? 'name', offset: 0 };
    case 'r':
      return { ...view, isReversed: !view.isReversed, offset: 0 };
    case '/':
      return { ...view, isTyping: true, offset: 0 };
    case '\u001b':
      return { ...view, filter: '', offset: 0 };
    case 'p':
    case ' ':
      return { ...view, isPaused: !view.isPaused };
    case '\u001b[A':
    case '\u001bOA':
    case 'k':
      return scrolled(-1);
    case '\u001b[B':
    case '\u001bOB':
    case 'j':
      return scrolled(1);
    case '\u001b[5~':
      return scrolled(-page);
    case '\u001b[6~':
      return scrolled(page);
    case '\u001b[H':
    case 'g':
      return { ...view, offset: 0 };
    case '\u001b[F':
    case 'G':
      return { ...view, offset: Number.MAX_SAFE_INTEGER };
    default:
      return view;
  }
}

function type(view: View, key: string): View {
  switch (key) {
    case '\r':
    case '\n':
      return { ...view, isTyping: false };
    case '\u001b':
      return { ...view, isTyping: false, filter: '' };
    case '\u007f':
    case '\b':
      return { ...view, filter: [...view.filter].slice(0, -1).join('') };
    case '\u0015':
      return { ...view, filter: '' };
    default:
      // A key that moves the cursor is no character.
      if ([...key].length !== 1 || printable(key) !== key) return view;
      return { ...view, filter: `${view.filter}${key}`.slice(0, LONGEST_FILTER) };
  }
}

/** What was typed at once, key by key. */
export function keysIn(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys that are no characters begin with one
  return text.match(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|./gsu) ?? [];
}

/** The lines of the whole screen, none longer than it is wide, and the view with its offset as far as there are rows. */
export function draw(
  view: View,
  scene: Scene,
  size: Size,
  paint: Paint,
): { readonly lines: string[]; readonly view: View } {
  const shown = sorted(
    scene.resources.filter((one) => has(one, view.filter)),
    view,
  );
  // Of all that there are, so that a filter takes no column away.
  const head = headOf(scene.resources);
  const rows = shown.flatMap((resource) => rowsOf(resource, head, paint, scene.now));
  const room = Math.max(0, size.rows - FRAME_ROWS);
  const offset = Math.max(0, Math.min(view.offset, rows.length - room));
  const page = rows.slice(offset, offset + room);
  const lines = [
    summary(scene, shown.length, view, size, paint),
    ...layOut(head, page, rows, size.columns, paint.dim),
    ...Array<string>(room - page.length).fill(''),
    footer(view, { offset, room, rows: rows.length }, size, paint),
  ];
  return { lines: lines.slice(0, size.rows), view: { ...view, offset } };
}

function summary(
  { resources, trouble, now }: Scene,
  shown: number,
  view: View,
  { columns }: Size,
  paint: Paint,
): string {
  const counts = new Map<string, number>();
  for (const { state } of resources) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  const time = new Date(now).toTimeString().slice(0, 8);
  const parts = [
    view.isPaused ? `paused at ${time}` : time,
    `${resources.length} ${resources.length === 1 ? 'resource' : 'resources'}`,
    ...states,
    ...(shown < resources.length ? [`${shown} shown`] : []),
  ];
  const text = trouble === null ? parts.join('  ') : `${time}  ${trouble}`;
  const line = truncate(printable(text), columns);
  return trouble !== null ? paint.bad(line) : view.isPaused ? paint.busy(line) : line;
}

function footer(
  { filter, isTyping, sort, isReversed, isPaused }: View,
  { offset, room, rows }: { readonly offset: number; readonly room: number; readonly rows: number },
  { columns }: Size,
  paint: Paint,
): string {
  if (isTyping) return truncate(`/${filter}▏ Enter keeps it, Esc clears it`, columns);
  const below = rows - offset - room;
  const keys = [
    'q quit',
    `s sort: ${sort}`,
    `r ${isReversed ? 'reversed' : 'reverse'}`,
    filter === '' ? '/ filter' : `/ filter: ${filter}`,
    isPaused ? 'p go on' : 'p pause',
    ...(offset > 0 || below > 0 ? [`↑↓ ${offset + 1}-${Math.min(rows, offset + room)} of ${rows}`] : []),
  ];
  return paint.dim(truncate(keys.join('  '), columns));
}

function has(resource: ResourceJson, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const holders = resource.leases.flatMap((lease) => [whose(lease), lease.note]);
  const text = [resource.name, resource.state, ...resource.tags, resource.description, ...holders]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

function sorted(resources: readonly ResourceJson[], { sort, isReversed }: View): ResourceJson[] {
  const order = [...resources].sort((a, b) => compare(a, b, sort) || BY_NAME.compare(a.name, b.name));
  return isReversed ? order.reverse() : order;
}

function compare(a: ResourceJson, b: ResourceJson, sort: Sort): number {
  switch (sort) {
    case 'name':
      return 0;
    case 'state':
      return STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state);
    case 'holder':
      return last(holderOf(a), holderOf(b)) || BY_NAME.compare(holderOf(a), holderOf(b));
    case 'since':
      return last(sinceOf(a), sinceOf(b)) || (sinceOf(a) < sinceOf(b) ? -1 : sinceOf(a) > sinceOf(b) ? 1 : 0);
    case 'waiting':
      return b.waiting - a.waiting;
    default:
      return sort satisfies never;
  }
}

/** What has nothing to be sorted by comes last. */
function last(a: string, b: string): number {
  return Number(a === '') - Number(b === '');
}

function holderOf({ leases }: ResourceJson): string {
  return leases[0] ? who(leases[0].holder) : '';
}

function sinceOf({ leases, offline }: ResourceJson): string {
  return leases[0]?.since ?? offline?.since ?? '';
}
