import { parseDuration } from '../core/duration.ts';

const CLOCK = /^(\d{1,2}):(\d{2})$/;
const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?)(Z|[-+]\d{2}:?\d{2})?)?$/i;

/**
 * A moment as people type it, in milliseconds since 1970: `14:00` is the next one, `2h` is from now on, `2026-01-31` and
 * `2026-01-31 14:00` are by this machine's clock unless they say a zone. Null for anything else.
 */
export function parseMoment(text: string, now: number): number | null {
  const clock = CLOCK.exec(text);
  if (clock) return nextTime(Number(clock[1]), Number(clock[2]), now);
  const date = DATE.exec(text);
  if (date) {
    const [, day, time = '00:00', zone = ''] = date;
    const at = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
    return Number.isNaN(at) ? null : at;
  }
  const span = parseDuration(text);
  return span === null ? null : now + span;
}

function nextTime(hour: number, minute: number, now: number): number | null {
  if (hour > 23 || minute > 59) return null;
  const at = new Date(now);
  at.setHours(hour, minute, 0, 0);
  if (at.getTime() <= now) at.setDate(at.getDate() + 1);
  return at.getTime();
}
