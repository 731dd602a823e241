/** One measured figure, beside what it is compared with in the same run. */
export interface Row {
  readonly what: string;
  readonly figure: string;
  readonly baseline: string;
  readonly ratio: number | null;
  readonly goal: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function printRows(rows: readonly Row[]): void {
  for (const { what, figure, baseline, ratio, goal } of rows) {
    const beside = baseline === '' ? '' : `  beside ${baseline}`;
    const times = ratio === null ? '' : `  ratio ${ratio.toFixed(2)}`;
    process.stdout.write(`${what}: ${figure}${beside}${times}  (goal: ${goal})\n`);
  }
}

export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ what, figure, baseline, ratio, goal }) => {
    const cells = [what, figure, baseline, ratio === null ? '' : ratio.toFixed(2), goal];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| what | figure | baseline in the same run | ratio | goal |', '|---|---|---|---|---|', ...lines].join('\n');
}
