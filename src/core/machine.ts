import type { Millis } from './model.ts';

/** When a machine was last heard of. */
export interface Seen {
  /** `mdc1:t-linux64-ms-100`: the datacenter, a colon, the host. */
  readonly machine: string;
  /** The moment as it was told, which is what is shown: UTC, to the microsecond. */
  readonly text: string;
  /** The same moment; it may have a fraction. */
  readonly at: Millis;
}

/**
 * Keeps when machines were last seen, beside the facts of the Store and opened with them. An implementation promises:
 * `write` is all or nothing, and on disk when it returns; when it throws, nothing was written.
 */
export interface MachineStore {
  load(): readonly Seen[];
  /** In the place of what was known of these. */
  write(seen: readonly Seen[]): void;
}

const LONGEST_MACHINE = 200;
const MACHINE = /^[^\s:,\p{C}]+:[^\s,\p{C}]+$/u;
const SEEN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z?$/;

/** What is wrong with the id of a machine; null if nothing is. */
export function machineProblem(id: string): string | null {
  if (id.length > LONGEST_MACHINE) return `a machine has at most ${LONGEST_MACHINE} characters`;
  if (MACHINE.test(id)) return null;
  return 'a machine is DATACENTER:HOST, without spaces, commas and control characters';
}

/** The two parts of an id, which splits at its first colon. */
export function partsOf(machine: string): { readonly datacenter: string; readonly host: string } {
  const colon = machine.indexOf(':');
  return { datacenter: machine.slice(0, colon), host: machine.slice(colon + 1) };
}

/** Whether a holder says that it runs there. */
export function runsOn(machine: string, host: string): boolean {
  const said = host.toLowerCase();
  const id = machine.toLowerCase();
  return said !== '' && (id === said || partsOf(id).host === said);
}

/** A moment in UTC, with up to six decimals, as `2018-11-08T08:47:50.939514`; null where it is none. */
export function parseSeen(text: string): Millis | null {
  const [, second = '', decimals = ''] = SEEN.exec(text) ?? [];
  const at = Date.parse(`${second}Z`);
  // 30 February would be a day in March.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 19) !== second) return null;
  return at + Number(decimals.padEnd(6, '0')) / 1000;
}

/** A moment as such lists have it: UTC without a zone, microseconds only where there are any. */
export function seenText(at: Millis): string {
  const [second = '', decimals = ''] = new Date(at).toISOString().slice(0, -1).split('.');
  return decimals === '000' ? second : `${second}.${decimals}000`;
}

/** With its zone. */
export function seenIso({ text }: Seen): string {
  return text.endsWith('Z') ? text : `${text}Z`;
}
