import { roughDuration } from '../core/duration.ts';
import type { HolderJson } from '../core/wire.ts';

/**
 * Words for a terminal. Names, notes and reasons come from other people: whatever could move the cursor, ring a bell or
 * rewrite the screen is shown as a question mark.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with one
const COLOUR = /\u001b\[[0-9;]*m/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function printable(text: string): string {
  return text.replace(/[\t\n\r]+/g, ' ').replace(UNPRINTABLE, '?');
}

/** Columns that a text takes on a terminal; colours take none, CJK and emoji two. */
export function visibleWidth(text: string): number {
  let width = 0;
  for (const char of text.replace(COLOUR, '')) width += charWidth(char);
  return width;
}

/** Cuts plain text to so many columns, the last of them an ellipsis where something was cut. */
export function truncate(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  let kept = '';
  let width = 1;
  for (const char of text) {
    width += charWidth(char);
    if (width > columns) break;
    kept += char;
  }
  return columns > 0 ? `${kept}…` : '';
}

function charWidth(char: string): number {
  if (char <= '\u007e') return 1;
  if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** `alice@ws-12`. */
export function who(holder: HolderJson | null): string {
  if (holder === null || (holder.name === '' && holder.host === '')) return 'someone';
  return printable(holder.host === '' ? holder.name : `${holder.name}@${holder.host}`);
}

/** The same, and as whom the daemon knows them where that is another name: `root@ws-12 (alice)`. */
export function whose({ holder, owner = '' }: { readonly holder: HolderJson; readonly owner?: string }): string {
  return owner === '' || owner === holder.name ? who(holder) : `${who(holder)} (${printable(owner)})`;
}

/** A moment as a local clock shows it: `14:05` today, `Nov 19 14:05` in this half year, else with the year. */
export function clockTime(iso: string, now: number): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return printable(iso);
  const today = new Date(now);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === today.toDateString()) return time;
  const day = `${MONTHS[at.getMonth()]} ${at.getDate()}`;
  return Math.abs(at.getTime() - now) < 180 * 86_400_000 ? `${day} ${time}` : `${day} ${at.getFullYear()}`;
}

/** How long ago: `12m`, `3d4h`. */
export function ageOf(iso: string, now: number): string {
  return roughDuration(Math.max(0, now - Date.parse(iso)));
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
