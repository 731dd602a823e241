import { roughDuration } from '../../core/duration.ts';
import type { Millis } from '../../core/model.ts';
import { isUnprintable } from '../../core/name.ts';
import type { Notice } from './notice.ts';

/** Of what strangers wrote, so much is shown. */
const LONGEST_WORDS = 300;
const MOST_NAMES = 10;

/** What a reader needs besides the notice. */
export interface Reader {
  /** An IANA time zone, as `Europe/Paris`. */
  readonly zone: string;
  /** Where the board is, without a slash at its end; null where nobody has said. */
  readonly board?: string | null;
}

/** A notice in one sentence, without markup. Fit for one line: whatever it quotes is on one, and cut. */
export function sentenceOf(notice: Notice, reader: Reader): string {
  const { event, until, note, waited } = notice;
  const [what, person, by] = [thingsOf(notice), plain(notice.person) || 'somebody', plain(notice.by)];
  const time = until === null ? '' : momentText(until, notice.at, reader.zone);
  switch (event) {
    case 'offered':
      return `${what} is offered to ${person}${time && `, until ${time}`}${quoted(note)}`;
    case 'granted':
      return `${what} is ${person}'s${time && ` until ${time}`}${quoted(note)}`;
    case 'expiring':
      return `${person}'s claim of ${what} ends at ${time}, in ${roughDuration((until ?? 0) - notice.at)}${quoted(note)}`;
    case 'asked':
      return `${by || 'somebody'} asks ${person} for ${what}${quoted(note)}`;
    case 'stolen':
      return `${by || 'somebody'} took ${what} over from ${person}${quoted(note)}`;
    case 'revoked':
      return `${by || 'an admin'} took ${what} back from ${person}${quoted(note)}`;
    case 'offline':
      return `${what} is out of service${by && `, by ${by}`}${time && `, until ${time}`}${quoted(note)}`;
    case 'online':
      return `${what} is in service again${by && `, by ${by}`}`;
    case 'waiting-too-long':
      return `${person} has waited ${roughDuration(waited ?? 0)} for ${plain(notice.want)}${quoted(note)}`;
    case 'test':
      return `This is a test of rentabot's notifications${quoted(note)}`;
    default:
      return event satisfies never;
  }
}

/** What somebody who is told can do about it; empty where that is nothing. */
export function adviceOf({ event, resources }: Notice): string {
  const [name = 'it'] = resources;
  switch (event) {
    case 'offered':
      return `Accept it on the board, or with: rentabot accept ${shellWord(name)}`;
    case 'expiring':
      return `To keep it: rentabot extend ${shellWord(name)} --for 1h`;
    case 'asked':
      return `To give it back: rentabot release ${shellWord(name)}`;
    default:
      return '';
  }
}

/** Where the board shows what it is about: the page of the resource, or what waits; null where nobody knows the board. */
export function linkOf({ event, resources }: Notice, { board }: Reader): string | null {
  if (!board) return null;
  const [name] = resources;
  if (name !== undefined && resources.length === 1) return `${board}/resources/${encodeURIComponent(name)}`;
  return event === 'waiting-too-long' ? `${board}/?state=queued` : `${board}/`;
}

/** `14:00 CET`, with the day where it is another one than `now`. */
export function momentText(at: Millis, now: Millis, zone: string): string {
  const time = partsOf(at, zone);
  const clock = `${time.hour}:${time.minute} ${time.timeZoneName}`;
  const [day, today] = [dayOf(time), dayOf(partsOf(now, zone))];
  return day === today ? clock : `${day}, ${clock}`;
}

function dayOf({ weekday, day, month }: Record<string, string>): string {
  return `${weekday} ${day} ${month}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsOf(at: Millis, timeZone: string): Record<string, string> {
  const known = formats.get(timeZone);
  const format =
    known ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
    });
  if (!known) formats.set(timeZone, format);
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
}

function thingsOf({ resources }: Notice): string {
  const shown = resources.slice(0, MOST_NAMES).map(plain);
  const more = resources.length - shown.length;
  if (more > 0) shown.push(`${more} more`);
  return shown.join(', ') || 'it';
}

function quoted(note: string): string {
  const text = plain(note);
  return text && `: ${text}`;
}

/** On one line, without what acts on a terminal or turns the text around, and not all of a long one. */
export function plain(text: string): string {
  const line = [...text.slice(0, 4 * LONGEST_WORDS)]
    .map((character) => (isUnprintable(character) ? ' ' : character))
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
  return cut(line, LONGEST_WORDS);
}

/** So many characters of it, none of them halved. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${[...text].slice(0, longest).join('').trimEnd()}…`;
}

/** A name may have spaces. */
function shellWord(name: string): string {
  return /^[\w.:/@+-]+$/.test(name) ? name : `'${plain(name).replaceAll("'", `'\\''`)}'`;
}
