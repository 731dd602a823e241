import type { Millis } from '../core/model.ts';

const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?[ \t]*(?:([Zz])|([-+])(\d\d?)(?::?(\d\d))?)?)?$/;

/**
 * Reads a moment as YAML writes it (https://yaml.org/type/timestamp.html): `2026-01-31`, `2026-01-31 14:00`,
 * `2026-01-31T14:00:00+01:00`. As there, without a zone it is UTC. Null for anything else, 30 February included.
 */
export function parseTimestamp(text: string): Millis | null {
  const parts = TIMESTAMP.exec(text.trim());
  if (parts === null) return null;
  const field = (index: number) => Number(parts[index] ?? 0);
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)];
  const millis = Math.floor(Number(`0.${parts[7] ?? 0}`) * 1000);
  const [zoneHours, zoneMinutes] = [field(10), field(11)];
  if (hour > 23 || minute > 59 || second > 59 || zoneHours > 14 || zoneMinutes > 59) return null;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  const rolledOver = midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day;
  if (rolledOver || midnight.getUTCFullYear() !== year) return null;
  const zone = (zoneHours * 60 + zoneMinutes) * (parts[9] === '-' ? -1 : 1);
  return midnight.getTime() + ((hour * 60 + minute - zone) * 60 + second) * 1000 + millis;
}
