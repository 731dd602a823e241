import type { Millis } from './model.ts';

const UNIT_MS: Readonly<Record<string, Millis>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 3650 * 86_400_000;

/**
 * Reads `90`, `90s`, `5m`, `1h30m`, `2d` or `250ms` as milliseconds; a bare number counts seconds, as in timeout(1).
 * Units stand once each, from large to small. Returns null for anything else: the caller knows which flag to blame.
 */
export function parseDuration(text: string): Millis | null {
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Math.round(Number(text) * 1000));
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (parts === null || text === '') return null;
  const [, d, h, m, s, ms] = parts;
  const counts = { d, h, m, s, ms };
  return bounded(Object.entries(counts).reduce((sum, [unit, n]) => sum + Number(n ?? 0) * (UNIT_MS[unit] ?? 0), 0));
}

function bounded(ms: Millis): Millis | null {
  return ms <= LONGEST_MS ? ms : null;
}

/** Writes milliseconds the way `parseDuration` reads them, rounded to whole seconds from one second on: `1h30m`, `45s`, `250ms`. */
export function formatDuration(ms: Millis): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  let seconds = Math.round(ms / 1000);
  let text = '';
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const n = Math.floor(seconds / size);
    if (n > 0) text += `${n}${unit}`;
    seconds -= n * size;
  }
  return text;
}

/** For a reader in a hurry: the two largest units only, `2h05m` as `2h5m`, `3d4h`. */
export function roughDuration(ms: Millis): string {
  const exact = formatDuration(Math.max(1000, ms));
  return (
    exact
      .match(/\d+[a-z]+/g)
      ?.slice(0, 2)
      .join('') ?? exact
  );
}
