import type { ResourceFiguresJson } from './wire.ts';

const COLUMNS: readonly (readonly [name: string, of: (row: ResourceFiguresJson) => string | number | null])[] = [
  ['resource', ({ name }) => name],
  ['grants', ({ grants }) => grants],
  ['held_seconds', ({ held }) => held],
  ['utilisation', ({ utilisation }) => utilisation],
  ['offline_seconds', ({ offline }) => offline],
  ['wait_p50_seconds', ({ waitP50 }) => waitP50],
  ['wait_p90_seconds', ({ waitP90 }) => waitP90],
  ['finished', ({ finished }) => finished],
  ['failed', ({ failed }) => failed],
  ['failure_rate', ({ failureRate }) => failureRate],
  ['others_failure_rate', ({ othersFailureRate }) => othersFailureRate],
];

/** For a spreadsheet, as RFC 4180 has it but for lines that end as lines do: a head, and one line a resource; nothing where there is nothing to go by. */
export function statsToCsv(rows: readonly ResourceFiguresJson[]): string {
  const lines = [COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))];
  return lines.map((cells) => `${cells.map(cellOf).join(',')}\n`).join('');
}

function cellOf(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
