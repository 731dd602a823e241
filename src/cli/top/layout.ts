import type { Cell } from '../output.ts';
import { truncate, visibleWidth } from '../text.ts';

const GAP = '  ';
const LEAST = 4;

/**
 * A table that fits a screen: as long as it is too wide its widest column loses, and where none can lose any more the last
 * ones go. `all` are the rows beyond the page, too, so that columns stay where they are while it scrolls.
 */
export function layOut(
  head: readonly string[],
  page: readonly (readonly Cell[])[],
  all: readonly (readonly Cell[])[],
  columns: number,
  paintHead: (text: string) => string,
): string[] {
  const widths = widthsOf(head, all, columns);
  const header = head.map((text): Cell => ({ text, paint: paintHead }));
  return [header, ...page].map((row) =>
    widths
      .map((width, i) => cellOf(row[i], width))
      .join(GAP)
      .trimEnd(),
  );
}

function widthsOf(head: readonly string[], rows: readonly (readonly Cell[])[], columns: number): number[] {
  const widths = head.map((text, i) => {
    let width = visibleWidth(text);
    for (const row of rows) width = Math.max(width, visibleWidth(row[i]?.text ?? ''));
    return width;
  });
  const excess = (): number => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns;
  while (excess() > 0 && widths.length > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) > LEAST) widths[widest] = (widths[widest] ?? 0) - 1;
    else widths.pop();
  }
  return widths;
}

function cellOf({ text, paint }: Cell = { text: '' }, width: number): string {
  const shown = truncate(text, width);
  const padding = ' '.repeat(Math.max(0, width - visibleWidth(shown)));
  return (paint ? paint(shown) : shown) + padding;
}
