const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** A span in at most two units: `35 s`, `42 min`, `1 h 03 min`, `2 d 4 h`. */
export function spanText(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < MINUTE_S) return `${s} s`;
  const minutes = Math.floor(s / MINUTE_S);
  if (s < HOUR_S) return `${minutes} min`;
  const hours = Math.floor(s / HOUR_S);
  if (s < DAY_S) {
    const rest = minutes % 60;
    return rest === 0 ? `${hours} h` : `${hours} h ${String(rest).padStart(2, '0')} min`;
  }
  const days = Math.floor(s / DAY_S);
  const rest = hours % 24;
  return rest === 0 ? `${days} d` : `${days} d ${rest} h`;
}

/** How long ago, in one unit: `just now`, `3 min ago`, `2 h ago`, `4 d ago`. */
export function agoText(ms: number): string {
  const s = ms / 1000;
  if (s < MINUTE_S) return 'just now';
  if (s < HOUR_S) return `${Math.floor(s / MINUTE_S)} min ago`;
  return s < 2 * DAY_S ? `${Math.floor(s / HOUR_S)} h ago` : `${Math.floor(s / DAY_S)} d ago`;
}

/** Says moments in one time zone. */
export interface Clockface {
  /** `13:02`, or `20 Nov 13:02` where that is not the day of `now`. */
  readonly moment: (at: number, now: number) => string;
  /** `2026-11-20 13:02:05`. */
  readonly exact: (at: number) => string;
  /** `2026-11-20`. */
  readonly day: (at: number) => string;
  /** When that day begins; NaN for what is no day. */
  readonly dayStart: (day: string) => number;
}

const faces = new Map<string, Clockface>();
/** So many zones are there at most, and whoever makes some up does not fill the memory. */
const MOST_FACES = 600;

/** The zone by its name (`Europe/Berlin`); the machine's own where it is null or unknown. */
export function clockface(zone: string | null): Clockface {
  const key = zone ?? '';
  const known = faces.get(key);
  if (known) return known;
  const made = makeFace(zone);
  if (faces.size < MOST_FACES) faces.set(key, made);
  return made;
}

function makeFace(zone: string | null): Clockface {
  const timeZone = zone === null ? {} : { timeZone: zone };
  try {
    const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', ...timeZone });
    const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', ...timeZone });
    const iso = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit', ...timeZone });
    // As they write it in Sweden.
    const exact = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', ...timeZone });
    const moment = (at: number, now: number): string => {
      const said = time.format(at);
      return date.format(at) === date.format(now) ? said : `${date.format(at)} ${said}`;
    };
    return {
      moment,
      exact: (at) => exact.format(at),
      day: (at) => iso.format(at),
      dayStart: (day) => startOf(day, timeZone),
    };
  } catch {
    return clockface(null);
  }
}

/** Clocks are put forward and back: what was guessed from the offset at another time is looked at again. */
function startOf(day: string, timeZone: { readonly timeZone?: string }): number {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight)) return midnight;
  const parts = new Intl.DateTimeFormat('en-US', {
    dateStyle: 'short',
    timeStyle: 'medium',
    hourCycle: 'h23',
    ...timeZone,
  });
  const offset = (at: number): number => Date.parse(`${parts.format(at)} UTC`) - at;
  const guess = midnight - offset(midnight);
  return midnight - offset(guess);
}
