/** One command of a transcript, and what it says. */
export interface Exchange {
  readonly command: string;
  readonly expected: readonly string[];
}

/**
 * Reads a transcript: lines that start with `$ ` are commands, `> ` goes on with one, the others are what is printed. `…` stands
 * for any text, on a line of its own for any lines; `[75]` is an exit code other than 0.
 */
export function readTranscript(text: string): Exchange[] {
  const exchanges: { command: string; expected: string[] }[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const last = exchanges.at(-1);
    if (line.startsWith('$ ')) exchanges.push({ command: line.slice(2), expected: [] });
    else if (line.startsWith('> ') && last && last.expected.length === 0) last.command += `\n${line.slice(2)}`;
    else if (last) last.expected.push(line);
    else throw new Error(`a transcript starts with a command, not with ${JSON.stringify(line)}`);
  }
  return exchanges;
}

const MARK = '--- end of exchange ---';

/** A script that plays all commands in one shell. After one that goes on in the background it waits until that holds something, or queues. */
export function scriptOf(exchanges: readonly Exchange[]): string {
  const played = exchanges.map(({ command }) => {
    const settles = command.trimEnd().endsWith('&');
    const run = `${settles ? 'before=$(places)\n' : ''}${command}\ncode=$?\n${settles ? 'settle\n' : ''}`;
    return `${run}[ $code -eq 0 ] || echo "[$code]"\necho '${MARK}'\n`;
  });
  return `${PRELUDE}${played.join('')}wait\n`;
}

const PRELUDE = `places() { { rentabot status --json; rentabot queue --json; } 2>/dev/null | grep -o '"since"' | wc -l; }
settle() { for look in $(seq 1000); do [ "$(places)" -gt "$before" ] && return; sleep 0.05; done; echo 'nothing happened'; }
`;

/** What each command said, from what the script wrote. */
export function answersOf(output: string): string[][] {
  return output
    .split(`${MARK}\n`)
    .slice(0, -1)
    .map((text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n')));
}

/** Whether the lines are what the transcript has; columns may be wider or narrower. */
export function agrees(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === '…') return actual.some((_, i) => agrees(rest, actual.slice(i))) || rest.length === 0;
  const [line, ...later] = actual;
  return line !== undefined && patternOf(first).test(squeezed(line)) && agrees(rest, later);
}

function patternOf(line: string): RegExp {
  const parts = squeezed(line)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function squeezed(line: string): string {
  return line.replace(/ +/g, ' ').trimEnd();
}
