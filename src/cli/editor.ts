import { isatty } from 'node:tty';
import { type Exit, type Forwarded, startCommand } from './child.ts';
import { Signals, STOPPING } from './signals.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How an editor was left. */
export type Left =
  | { readonly type: 'saved' }
  /** `code` is what to exit with: 127 where there is no such editor. */
  | { readonly type: 'aborted'; readonly code: number; readonly why: string; readonly signal: Forwarded | null };

const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** Whether somebody is there who could edit. */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

/** As git and others choose it; a terminal that cannot move its cursor has none of its own. Null where there is none. */
export function editorOf({ VISUAL, EDITOR, TERM }: Env): string | null {
  const isDumb = TERM === undefined || TERM === '' || TERM === 'dumb';
  return (isDumb ? null : VISUAL) || EDITOR || (isDumb ? null : 'vi');
}

/** For an editor that is told to end, to keep what it has. */
const GRACE_MS = 5000;
/** A shell that Ctrl-C ended would leave its editor alone with the terminal; a trap is not passed on, as ignoring it would be. */
const SCRIPT = 'trap : INT QUIT; ';

/**
 * Lets somebody edit a file. The editor may have arguments, and quotes as a shell has them: `code --wait`. What the
 * terminal sends meanwhile, Ctrl-C above all, is for the editor alone; a signal that is sent to us ends it.
 */
export async function edit(editor: string, file: string, env: Env): Promise<Left> {
  const signals = new Signals();
  try {
    const own = Object.fromEntries(
      Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
    const argv = ['/bin/sh', '-c', `${SCRIPT}${editor} "$@"`, editor, file] as const;
    // Without a mark: inside of a lock it would be that of all that runs there.
    const command = await startCommand([...argv], own, { terminal: true, mark: '' });
    if ('detail' in command) return { type: 'aborted', code: command.code, why: command.detail, signal: null };
    const told = (signal: Forwarded): void => {
      if (isForUs(signal)) void command.end(GRACE_MS, () => Number.POSITIVE_INFINITY);
      else command.forward(signal);
    };
    signals.forwardTo(told);
    if (signals.first !== null) told(signals.first);
    return leftAs(editor, await command.exited, [...signals.heard].find(isForUs) ?? null);
  } finally {
    signals.close();
  }
}

function isForUs(signal: Forwarded): boolean {
  return STOPPING.has(signal) && signal !== 'SIGINT' && signal !== 'SIGQUIT';
}

function leftAs(editor: string, exit: Exit, signal: Forwarded | null): Left {
  if (signal !== null) return { type: 'aborted', code: 1, why: `${signal} came`, signal };
  if (exit.type === 'signalled')
    return { type: 'aborted', code: 1, why: `${editor} was ended by ${exit.signal}`, signal };
  if (exit.code === 0) return { type: 'saved' };
  const isMissing = exit.code === NOT_EXECUTABLE || exit.code === NOT_FOUND;
  return { type: 'aborted', code: isMissing ? exit.code : 1, why: `${editor} ended with ${exit.code}`, signal };
}
