import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Where talk goes: stderr, or a string in a test. */
export interface Voice {
  readonly terminal: boolean;
  columns(): number;
  write(text: string): void;
}

/** How much is said, and to whom. */
export interface Manner {
  readonly level: 'quiet' | 'normal' | 'verbose';
  /** JSON lines for a program, in the place of sentences. */
  readonly json: boolean;
  readonly color: boolean;
}

/** Colours, where there are any. */
export interface Paint {
  bad(text: string): string;
  good(text: string): string;
  busy(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

const WRITE_ATTEMPTS = 200;
const DEFAULT_COLUMNS = 80;
const plain = (text: string): string => text;
export const NO_PAINT: Paint = { bad: plain, good: plain, busy: plain, dim: plain, bold: plain };

/**
 * stderr by its number. `process.stderr` would make a shared pipe non-blocking, and a command that runs meanwhile and
 * writes to the same pipe would fail with EAGAIN; it also costs start-up time.
 */
export function stderrVoice(): Voice {
  return {
    terminal: isatty(2),
    columns: () => process.stderr.columns || DEFAULT_COLUMNS,
    write: (text) => writeAll(2, text),
  };
}

/** Whoever closed the other end does not want to read it, so that is no reason to fail. */
function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  for (let attempt = 0; bytes.length > 0 && attempt < WRITE_ATTEMPTS; attempt += 1) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Colours only on a terminal and without NO_COLOR; chalk is loaded only then. */
export async function paintFor(terminal: boolean, color: boolean): Promise<Paint> {
  if (!terminal || !color) return NO_PAINT;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { bad: chalk.red, good: chalk.green, busy: chalk.yellow, dim: chalk.dim, bold: chalk.bold };
}

/** What a command says beside its result. Results go to stdout, which belongs to the wrapped command. */
export class Talk {
  constructor(
    readonly voice: Voice,
    readonly manner: Manner,
  ) {}

  /** Something worth knowing; nothing with `-q`. */
  say(event: string, text: string, facts: object = {}): void {
    if (this.manner.level !== 'quiet') this.put(event, text, facts);
  }

  /** Only with `-v`. */
  detail(event: string, text: string, facts: object = {}): void {
    if (this.manner.level === 'verbose') this.put(event, text, facts);
  }

  /** Why this call fails. Quiet means no chatter; an unexplained exit code helps nobody, so this is said always. */
  fail(name: string, text: string, facts: object = {}): void {
    this.put(name, `${name}: ${text}`, facts);
  }

  private put(event: string, text: string, facts: object): void {
    const line = this.manner.json ? JSON.stringify({ event, text, ...facts }) : `rentabot: ${text}`;
    this.voice.write(`${line}\n`);
  }
}
