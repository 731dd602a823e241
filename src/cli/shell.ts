import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Refusal } from '../core/error.ts';
import { type Machine, thisMachine } from './machine.ts';
import { type CommonOptions, readManner } from './options.ts';
import { type Paint, paintFor, stderrVoice, type Voice } from './talk.ts';
import { httpTransport, type Transport } from './transport.ts';

/** What a command gets from the program around it, and what it gives back. */
export interface Shell {
  readonly machine: Machine;
  readonly voice: Voice;
  readonly transport: Transport;
  /** Results, for whoever reads stdout. */
  readonly print: (text: string) => Promise<void>;
  /** All of stdin, once it ends. */
  readonly stdin: () => Promise<string>;
  /** Null where stdout is no terminal: then lines are as long as they are. */
  readonly columns: number | null;
  /** Colours for stdout. */
  readonly paint: (options: CommonOptions) => Promise<Paint>;
  readonly caller: () => { readonly name: string; readonly host: string };
  /** What a command does, other than saying it, when its options cannot be parsed. Resolves to the exit code. */
  readonly onUsageError: Map<Command, (refusal: Refusal) => Promise<number>>;
  /** What the process exits with. */
  exit: number;
  /** What it ends itself with instead, where it was ended by that and its caller has to see so. */
  raise: NodeJS.Signals | null;
}

export function processShell(): Shell {
  const machine = thisMachine();
  return {
    machine,
    voice: stderrVoice(),
    transport: httpTransport(),
    print: printOut,
    stdin: readAll,
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns || null : null;
    },
    paint: (options) => paintFor(process.stdout.isTTY ?? false, readManner(options, machine.env).color),
    caller: () => ({ name: userName(machine.env), host: hostname() }),
    onUsageError: new Map(),
    exit: 0,
    raise: null,
  };
}

/** Resolves once it is written. A reader that left (`| head`) has what it wanted. */
function printOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => (error.code === 'EPIPE' ? resolve() : reject(error));
    process.stdout.once('error', failed);
    process.stdout.write(text, (error) => (error ? failed(error) : resolve()));
  });
}

async function readAll(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

/** In a container there may be no such user. */
function userName(env: Machine['env']): string {
  try {
    return userInfo().username;
  } catch {
    return env.USER || env.LOGNAME || `uid ${process.getuid?.() ?? ''}`.trim();
  }
}
