import { writeSync } from 'node:fs';

/**
 * Lines to stderr, those of one turn in one write: a write for every line would cost more than what it tells about.
 * A reader that has gone away is no reason to stop serving.
 */
export function bufferedLines(fd = 2): { readonly write: (line: string) => void; readonly flush: () => void } {
  let lines = '';
  const flush = (): void => {
    const text = lines;
    lines = '';
    if (text === '') return;
    try {
      writeSync(fd, text);
    } catch {
      // EAGAIN on a full pipe, EPIPE on a closed one: the daemon goes on, the lines are lost.
    }
  };
  const write = (line: string): void => {
    if (lines === '') setImmediate(flush);
    lines += line;
  };
  process.once('exit', flush);
  return { write, flush };
}
