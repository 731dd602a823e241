import type { ReadStream, WriteStream } from 'node:tty';
import type { Size } from './view.ts';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[2J';
const CTRL_Z = '\u001a';
/** Where no shell is there to go on again, the kernel does not stop us, and nobody says so. */
const NOT_STOPPED_MS = 300;

export interface Listener {
  typed(text: string): void;
  /** Something else has been on the screen, or it has another size. */
  redraw(): void;
  /** The terminal has gone, or a signal says to leave. */
  leave(signal: NodeJS.Signals | null): void;
}

const LEAVING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * A terminal that is ours for a while: the other screen, without a cursor, key by key. However we leave it, it is as it was:
 * at the end, on a signal, before we are stopped with Ctrl-Z, and where we fail.
 */
export class Screen {
  private isOurs = false;
  /** What stands on it; null where something else may. */
  private last: readonly string[] | null = null;
  private backFromStop: NodeJS.Timeout | undefined;

  constructor(
    private readonly input: ReadStream,
    private readonly output: WriteStream,
    private readonly listener: Listener,
  ) {}

  get size(): Size {
    return { columns: this.output.columns || 80, rows: this.output.rows || 24 };
  }

  open(): void {
    process.on('exit', this.leave);
    process.on('SIGCONT', this.enter);
    for (const signal of LEAVING) process.on(signal, this.onSignal);
    this.output.on('resize', this.onResize);
    // A terminal that has gone says so on reading; that nobody sees what is written to it is no failure.
    this.output.on('error', () => {});
    this.input.on('data', this.onData);
    this.input.on('end', this.onEnd);
    this.input.on('error', this.onEnd);
    this.input.setEncoding('utf8');
    this.enter();
  }

  close(): void {
    clearTimeout(this.backFromStop);
    this.leave();
    process.removeListener('exit', this.leave);
    process.removeListener('SIGCONT', this.enter);
    for (const signal of LEAVING) process.removeListener(signal, this.onSignal);
    this.output.removeListener('resize', this.onResize);
    this.input.removeListener('data', this.onData);
  }

  /** Only the lines that have changed are written. */
  draw(lines: readonly string[]): void {
    if (!this.isOurs) return;
    let change = this.last === null ? CLEAR : '';
    for (const [i, line] of lines.entries()) {
      if (line !== (this.last?.[i] ?? '')) change += `\u001b[${i + 1};1H${line}\u001b[K`;
    }
    this.last = lines;
    if (change !== '') this.output.write(change);
  }

  private readonly enter = (): void => {
    clearTimeout(this.backFromStop);
    if (this.isOurs) return;
    this.isOurs = true;
    this.setRaw(true);
    this.output.write(ENTER);
    this.input.resume();
    this.forget();
  };

  private readonly leave = (): void => {
    if (!this.isOurs) return;
    this.isOurs = false;
    // First of all, so that what is typed from now on is for whoever comes next.
    this.input.pause();
    this.setRaw(false);
    this.output.write(LEAVE);
  };

  /** Fails where the terminal has gone, and then there is nothing to restore. */
  private setRaw(raw: boolean): void {
    try {
      this.input.setRawMode(raw);
    } catch {
      // See above.
    }
  }

  private forget(): void {
    this.last = null;
    this.listener.redraw();
  }

  private readonly onData = (text: string): void => {
    if (text.includes(CTRL_Z)) this.stop();
    else this.listener.typed(text);
  };

  private stop(): void {
    this.leave();
    // It goes on here, or with SIGCONT, when it goes on.
    this.backFromStop = setTimeout(this.enter, NOT_STOPPED_MS);
    process.kill(process.pid, 'SIGTSTP');
  }

  private readonly onEnd = (): void => this.listener.leave(null);

  private readonly onResize = (): void => this.forget();

  private readonly onSignal = (signal: NodeJS.Signals): void => this.listener.leave(signal);
}
