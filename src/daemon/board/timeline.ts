import type { Millis } from '../../core/model.ts';
import type { EventJson } from '../../core/wire.ts';
import { type Html, html } from '../routes/html.ts';
import type { Row } from './view/model.ts';
import { type Clockface, spanText } from './view/times.ts';

/** A stretch of time in which somebody held a resource, or it was offline. */
export interface Stretch {
  readonly type: 'held' | 'offline';
  readonly resource: string;
  /** The holder, or the reason. */
  readonly who: string;
  readonly link: string | null;
  readonly note: string;
  readonly from: Millis;
  /** Null while it lasts. */
  readonly to: Millis | null;
  /** How it ended; empty while it lasts. */
  readonly end: string;
  /** How its command ended, where somebody said so. */
  readonly exit: number | null;
}

export interface Window {
  readonly from: Millis;
  readonly to: Millis;
}

/**
 * What was held and when, from events (the newest first) and from how things are now: a lease that has ended says in its last event
 * how long it was held, and one that runs is there.
 */
export function stretchesOf(events: Iterable<EventJson>, rows: Iterable<Row>): Stretch[] {
  const found: Stretch[] = [];
  /** When each resource came back online, while its offline event is yet to come. */
  const online = new Map<string, Millis>();
  for (const row of rows) found.push(...runningOn(row));
  for (const event of events) {
    const at = Date.parse(event.at);
    for (const resource of event.resources ?? []) {
      if (event.type === 'lease-ended') found.push(ended(event, resource, at));
      if (event.type === 'resource-online') online.set(resource, at);
      if (event.type === 'resource-offline' && online.has(resource)) {
        found.push(away(event, resource, at, online.get(resource) ?? at));
        online.delete(resource);
      }
    }
  }
  // What was offline before the events begin, and came back since.
  for (const [resource, to] of online) found.push({ ...NOBODY, resource, from: 0, to, end: 'online' });
  return found;
}

const NOBODY = { type: 'offline', who: 'offline', link: null, note: '', exit: null } as const;

function* runningOn({ name, leases, offline }: Row): Generator<Stretch> {
  for (const { holder, note, since } of leases) {
    const { name: who, link } = holder;
    yield { type: 'held', resource: name, who, link, note, from: Date.parse(since), to: null, end: '', exit: null };
  }
  if (offline === null) return;
  yield { ...NOBODY, resource: name, note: offline.reason, from: Date.parse(offline.since), to: null, end: '' };
}

function ended({ holder, note = '', held = 0, reason = '', exit }: EventJson, resource: string, at: Millis): Stretch {
  const { name: who, link } = holder ?? { name: '', link: null };
  const from = at - Math.round(held * 1000);
  return { type: 'held', resource, who, link, note, from, to: at, end: reason, exit: exit ?? null };
}

function away({ reason = '' }: EventJson, resource: string, from: Millis, to: Millis): Stretch {
  return { ...NOBODY, resource, note: reason, from, to, end: 'online' };
}

/** Colours that people are told apart by; the name stands on the bar as well. */
const COLOURS = 8;

function colourOf(who: string): number {
  let sum = 0;
  for (let i = 0; i < who.length; i += 1) sum = (sum * 31 + who.charCodeAt(i)) % 9973;
  return sum % COLOURS;
}

/** One resource's stretches as a line of bars. Widths are parts of a hundred: it is as wide as there is room. */
export function lineHtml(
  resource: string,
  stretches: readonly Stretch[],
  window: Window,
  now: Millis,
  face: Clockface,
): Html {
  const shown = stretches
    .filter(({ from, to }) => from < window.to && (to ?? now) > window.from)
    .sort((a, b) => a.from - b.from);
  const held = shown.filter(({ type }) => type === 'held').length;
  const bars = shown.map((stretch) => barHtml(stretch, window, now, face));
  return html`<svg class="line" role="img" aria-label="${resource}: held ${held} times" width="100%" height="22">${bars}${nowHtml(window, now)}</svg>`;
}

function barHtml(stretch: Stretch, window: Window, now: Millis, face: Clockface): Html {
  const { type, who, exit, to } = stretch;
  const whole = window.to - window.from;
  const begin = Math.max(stretch.from, window.from);
  const end = Math.min(to ?? now, window.to);
  const failed = exit !== null && exit !== 0;
  const colour = type === 'offline' ? 'off' : `c${colourOf(who)}`;
  return html`<svg x="${percent((begin - window.from) / whole)}" width="${percent(Math.max(0.0015, (end - begin) / whole))}" height="22"><title>${describe(
    stretch,
    now,
    face,
  )}</title><rect class="${colour}" y="2" width="100%" height="18" rx="2"/><text x="4" y="15">${failed ? `✕ ${who}` : who}</text></svg>`;
}

/** `alice: bisecting, 10:02 – 11:20 (1 h 18 min), released`. */
export function describe({ type, who, note, from, to, end, exit }: Stretch, now: Millis, face: Clockface): string {
  const begun = from === 0 ? '…' : face.moment(from, now);
  const until = to === null ? 'now' : face.moment(to, now);
  const length = from === 0 ? '' : ` (${spanText((to ?? now) - from)})`;
  const how = [type === 'held' ? end : '', exit === null ? '' : `exit ${exit}`]
    .filter((part) => part !== '')
    .join(', ');
  return `${who}${note === '' ? '' : `: ${note}`}, ${begun} – ${until}${length}${how === '' ? '' : `, ${how}`}`;
}

function nowHtml({ from, to }: Window, now: Millis): Html | null {
  if (now < from || now > to) return null;
  const x = percent((now - from) / (to - from));
  return html`<line class="now" x1="${x}" x2="${x}" y1="0" y2="22"/>`;
}

/** Hours or days above the lines. */
export function axisHtml(window: Window, now: Millis, face: Clockface): Html {
  const whole = window.to - window.from;
  const step = STEPS.find((one) => whole / one <= MOST_MARKS) ?? WEEK;
  const marks: Html[] = [];
  for (let at = face.dayStart(face.day(window.from)); at < window.to; at += step) {
    if (at < window.from) continue;
    const x = percent((at - window.from) / whole);
    const word = step < DAY ? face.moment(at, at) : face.moment(at, now).replace(/ \d\d:\d\d$/, '');
    marks.push(
      html`<line x1="${x}" x2="${x}" y1="0" y2="18"/><svg x="${x}" overflow="visible"><text x="3" y="12">${word}</text></svg>`,
    );
  }
  return html`<svg class="axis" aria-hidden="true" width="100%" height="18">${marks}</svg>`;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const STEPS = [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, WEEK];
const MOST_MARKS = 14;

function percent(part: number): string {
  return `${Math.round(part * 10_000) / 100}%`;
}
