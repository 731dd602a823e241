import { truncate, visibleWidth } from './text.ts';

/** A cell, and how to colour it once its width is known. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

const GAP = '  ';

/**
 * A table whose columns line up by what a terminal shows. With `columns` the last cell of a row is cut so that the row
 * fits; without, as in a pipe, nothing is.
 */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], columns: number | null): string {
  const header = head.map((text): Cell => ({ text }));
  const widths = head.map((_, i) => Math.max(...[header, ...rows].map((row) => visibleWidth(row[i]?.text ?? ''))));
  return [header, ...rows].map((row) => `${line(row, widths, columns)}\n`).join('');
}

function line(row: readonly Cell[], widths: readonly number[], columns: number | null): string {
  let used = 0;
  const cells = row.map(({ text, paint }, i) => {
    const isLast = i === row.length - 1;
    const left = columns === null ? Number.POSITIVE_INFINITY : Math.max(4, columns - used);
    const shown = isLast ? truncate(text, left) : text;
    const width = widths[i] ?? 0;
    used += width + GAP.length;
    const padding = isLast ? '' : ' '.repeat(Math.max(0, width - visibleWidth(shown)));
    return (paint ? paint(shown) : shown) + padding;
  });
  return cells.join(GAP).trimEnd();
}

/** For programs: one line of JSON. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
