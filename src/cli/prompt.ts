import { readFileSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Voice } from './talk.ts';

/** Where answers come from: a person at a terminal, or the lines of stdin. */
export interface Prompt {
  /** Whether somebody is there to be asked. */
  readonly interactive: boolean;
  /** Null at the end of the input. */
  line(question: string): Promise<string | null>;
  /** The same, and nothing of the answer is shown. */
  secret(question: string): Promise<string | null>;
}

const INTERRUPT = '\u0003';
const END = '\u0004';
const ERASE = new Set(['\u007f', '\b']);

/** Asks on the terminal, or reads line by line what was piped in; a password is never an argument. */
export function prompt(voice: Voice): Prompt {
  return process.stdin.isTTY ? atTerminal(voice) : fromLines();
}

function fromLines(): Prompt {
  let lines: string[] | null = null;
  const next = async (): Promise<string | null> => {
    lines ??= readFileSync(0, 'utf8').split(/\r?\n/);
    const line = lines.shift();
    return line === undefined || (line === '' && lines.length === 0) ? null : line;
  };
  return { interactive: false, line: next, secret: next };
}

function atTerminal(voice: Voice): Prompt {
  return {
    interactive: true,
    line: (question) => read(voice, question, { shown: true }),
    secret: (question) => read(voice, question, { shown: false }),
  };
}

/** In raw mode, so that the terminal itself shows nothing: we show what may be seen. Ctrl-C ends us as it would otherwise. */
function read(voice: Voice, question: string, { shown }: { readonly shown: boolean }): Promise<string | null> {
  const { stdin } = process;
  const decoder = new StringDecoder('utf8');
  voice.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve) => {
    let typed = '';
    const finish = (answer: string | null): void => {
      stdin.off('data', hear);
      stdin.setRawMode(false);
      stdin.pause();
      voice.write('\n');
      resolve(answer);
    };
    const hear = (bytes: Buffer): void => {
      for (const character of decoder.write(bytes)) {
        if (character === '\r' || character === '\n') return finish(typed);
        if (character === INTERRUPT) {
          finish(null);
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (character === END) return finish(typed === '' ? null : typed);
        if (ERASE.has(character)) {
          if (typed !== '' && shown) voice.write('\b \b');
          typed = [...typed].slice(0, -1).join('');
        } else if (character >= ' ') {
          typed += character;
          if (shown) voice.write(character);
        }
      }
    };
    stdin.on('data', hear);
  });
}
