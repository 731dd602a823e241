import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { kill, statOf, Tree } from './processes.ts';
import { type Mono, mono, sleep } from './time.ts';

/**
 * The wrapped command: started with its argv untouched and our stdio, told what we are told, and ended with all that
 * it started.
 *
 * With a terminal on stdin it stays in our session and process group, so that the terminal, job control and Ctrl-C are
 * its own. Without one it leads a group and session of its own, and the group is what is signalled. Either way it is
 * over when nothing of its tree is left (processes.ts).
 */
export type Exit =
  | { readonly type: 'exited'; readonly code: number }
  | { readonly type: 'signalled'; readonly signal: NodeJS.Signals };

/** It never ran: 126 could not be executed, 127 not found. */
export interface NotStarted {
  readonly type: 'not-started';
  readonly code: 126 | 127;
  readonly detail: string;
}

export const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
export type Forwarded = (typeof FORWARDED)[number];

const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 50;
/** A process that KILL does not end hangs in the kernel; nobody can wait for that for ever. */
const KILL_WITHIN_MS = 5000;

/** Loads what starting a command takes: some milliseconds, which can pass while the daemon thinks. */
export async function prepareToStart(): Promise<typeof import('node:child_process')> {
  return import('node:child_process');
}

/** Starts the command. Resolves once it runs, or once it is known why it does not. */
export async function startCommand(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  { terminal = isatty(0), mark = markIn(env) }: { terminal?: boolean; mark?: string } = {},
): Promise<Command | NotStarted> {
  const [file, ...args] = argv;
  const { spawn } = await prepareToStart();
  return new Promise((resolve) => {
    if (file === '') return resolve(notStarted(file, { code: 'ENOENT' }));
    let child: ChildProcess;
    try {
      child = spawn(file, args, { env: { ...env }, stdio: 'inherit', detached: !terminal });
    } catch (error) {
      return resolve(notStarted(file, error as NodeJS.ErrnoException));
    }
    child.once('error', (error) => resolve(notStarted(file, error)));
    child.once('spawn', () => resolve(new Command(child, terminal, mark)));
  });
}

function notStarted(file: string, { code, message }: { code?: string | undefined; message?: string }): NotStarted {
  if (code === 'ENOENT')
    return { type: 'not-started', code: 127, detail: `${JSON.stringify(file)}: command not found` };
  const known: Readonly<Record<string, string>> = {
    EACCES: 'permission denied; is it executable?',
    ENOEXEC: 'not a program for this machine',
    E2BIG: 'its arguments and environment are too large',
    EAGAIN: 'no more processes are allowed',
    ENOMEM: 'out of memory',
  };
  const why = known[code ?? ''] ?? message ?? code;
  return { type: 'not-started', code: 126, detail: `${JSON.stringify(file)} could not be executed: ${why}` };
}

/** A command that runs. */
export class Command {
  readonly pid: number;
  /** When it started. */
  readonly since: Mono = mono();
  readonly exited: Promise<Exit>;
  private readonly tree: Tree;
  private gone = false;

  constructor(
    child: ChildProcess,
    private readonly terminal: boolean,
    mark: string,
  ) {
    this.pid = child.pid as number;
    this.tree = new Tree(this.pid, !terminal, mark);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.gone = true;
        resolve(signal === null ? { type: 'exited', code: code ?? 0 } : { type: 'signalled', signal });
      });
    });
  }

  get leadsGroup(): boolean {
    return !this.terminal;
  }

  /** It was put into a cgroup of its own, this folder. */
  enclosed(cgroup: string): void {
    this.tree.cgroup = cgroup;
  }

  /** Passes a signal on, unless the terminal has sent it to the command already. */
  forward(signal: Forwarded): void {
    if (!this.terminal) kill(-this.pid, signal);
    else if (!this.gone && !sentByTerminal(signal)) kill(this.pid, signal);
  }

  /**
   * Ends the whole tree: TERM, KILL after `grace` milliseconds or at `deadBy`, which may move, and waits until nothing
   * of it is left. False where something could not be ended.
   */
  async end(grace: number, deadBy: () => Mono): Promise<boolean> {
    const killAt = mono() + grace;
    if (grace > 0 && mono() < deadBy()) {
      this.signal('SIGTERM');
      // A stopped process sees its TERM only when it goes on.
      this.signal('SIGCONT');
      if (await this.goneBefore(() => Math.min(killAt, deadBy()))) return true;
    }
    const giveUpAt = mono() + KILL_WITHIN_MS;
    for (;;) {
      this.signal('SIGKILL');
      // Again and again: what forks while it is being killed is met in the next round.
      const round = mono() + LONGEST_LOOK_MS;
      if (await this.goneBefore(() => round)) return true;
      if (mono() > giveUpAt) return false;
    }
  }

  /** Whether something that the command started is still there. */
  hasLeftovers(): boolean {
    return this.living().length > 0;
  }

  private async goneBefore(moment: () => Mono): Promise<boolean> {
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LONGEST_LOOK_MS, pause * 2)) {
      if (this.gone && !this.hasLeftovers()) return true;
      const left = moment() - mono();
      if (left <= 0) return false;
      const next = sleep(Math.min(left, pause));
      await (this.gone ? next : Promise.race([next, this.exited]));
    }
  }

  private signal(signal: NodeJS.Signals): void {
    // In one go, so that nobody of the group forks out of it meanwhile.
    if (!this.terminal) kill(-this.pid, signal);
    for (const pid of this.living()) if (this.terminal || statOf(pid)?.group !== this.pid) kill(pid, signal);
  }

  private living(): number[] {
    return this.tree.living(!this.gone);
  }
}

/** What descendants of a command with this environment are known by: the innermost lock that it runs under. */
function markIn({ RENTABOT_HELD = '' }: Readonly<Record<string, string>>): string {
  return RENTABOT_HELD.slice(RENTABOT_HELD.lastIndexOf(',') + 1);
}

/**
 * A terminal sends INT, QUIT and WINCH to its whole foreground group, and HUP when it goes away. Where we are not in
 * the foreground, or the terminal is still there after a HUP, somebody sent it to us alone.
 */
function sentByTerminal(signal: Forwarded): boolean {
  if (signal === 'SIGHUP') return !isatty(0);
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT' && signal !== 'SIGWINCH') return false;
  const own = statOf('self');
  return own === null || own.foreground === own.group;
}

/** What a shell reports: the command's own code, or 128 and the number of the signal that ended it. */
export function exitStatus(exit: Exit): number {
  return exit.type === 'exited' ? exit.code : signalStatus(exit.signal);
}

export function signalStatus(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0);
}
