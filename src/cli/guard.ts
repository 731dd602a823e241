import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { prepareToStart } from './child.ts';
import SCRIPT from './guard.sh';
import { type Mono, mono } from './time.ts';

/** What the guard tells the daemon once the tree of a dead wrapper is dead too. */
export interface GiveBackJson {
  readonly id: string;
  readonly secret: string;
  readonly url: string;
  readonly token: string | null;
  /** How long it is worth trying, milliseconds: after that the lease has run out by itself. */
  readonly within: number;
}

export interface GuardOptions {
  /** What descendants of the command carry in RENTABOT_HELD. */
  readonly mark: string;
  /** From TERM to KILL once the wrapper is dead, milliseconds; capped, so that the tree is dead within a second or two. */
  readonly grace: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What starts this program once more; null for no guard. */
  readonly self: readonly [string, ...string[]] | null;
}

type Spawn = typeof import('node:child_process').spawn;

const LONGEST_GRACE_MS = 1000;
/** We end the command ourselves, with words, while we can. */
const PRECEDENCE_MS = 500;
/** A guard that somebody killed is replaced, so many times. */
const MOST_REPLACEMENTS = 20;

/**
 * The process beside the command that outlives us: see guard.sh. What it was told is kept, for a guard that takes its
 * place. Where there is no shell there is no guard, and what remains is what we do ourselves.
 */
export class Guard {
  private readonly told = new Map<string, string>();
  private socket: Socket | null = null;
  private isDone = false;
  private replacements = 0;
  private heard = '';

  /** Called when it ended the command because the lease runs out: we were stopped, or the machine slept. */
  onLate: () => void = () => {};
  /** Called when it has put the command into a cgroup of its own. */
  onCgroup: (folder: string) => void = () => {};

  constructor(private readonly options: GuardOptions) {}

  async start(): Promise<Guard> {
    const { spawn } = await prepareToStart();
    this.launch(spawn);
    return this;
  }

  /** To be said before anything is asked for: an id that the daemon never heard of can be given back as well. */
  giveBack(what: GiveBackJson): void {
    this.tell('give-back', JSON.stringify(what));
  }

  /** It was handed on, or its fate is settled: whatever happens to us, nobody is to give it back. */
  keep(): void {
    this.tell('give-back', '');
  }

  command({ pid, leadsGroup }: { readonly pid: number; readonly leadsGroup: boolean }): void {
    this.tell('command', `${pid} ${leadsGroup ? 1 : 0}`);
  }

  /** Its number may belong to somebody else from now on, so a guard that takes over does not hear it any more. */
  reaped(): void {
    this.told.delete('command');
    this.tell('reaped', '');
  }

  deadline(termAt: Mono, killAt: Mono): void {
    const now = clockNow();
    const later = Math.min(PRECEDENCE_MS, (killAt - termAt) / 2);
    const [term, kill] = [termAt + later, killAt].map((at) => now + Math.floor((at - mono()) / 10));
    this.tell('deadline', `${term} ${kill}`);
  }

  done(): void {
    this.isDone = true;
    this.socket?.end('done\n');
    this.socket = null;
  }

  private launch(spawn: Spawn): void {
    const { mark, grace, env, self } = this.options;
    if (this.isDone || self === null) return;
    const [runtime, program = ''] = self;
    const PATH = `${env.PATH ?? ''}:/usr/bin:/bin`;
    // By a variable rather than as a file, so that `pkill -f rentabot` does not hit the guard with what it guards.
    const child = spawn('/bin/sh', ['-c', 'eval "$GUARD"', 'lease-guard', mark, String(hundredths(grace))], {
      cwd: '/',
      detached: true,
      env: { ...env, PATH, GUARD: SCRIPT, GUARD_NODE: runtime, GUARD_PROGRAM: program },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    child.on('error', () => {});
    this.attach(child, spawn);
  }

  private attach(child: ChildProcess, spawn: Spawn): void {
    const socket = child.stdio[3] as Socket | null | undefined;
    child.unref();
    if (child.pid === undefined || !socket) return;
    this.socket = socket;
    this.heard = '';
    socket.unref();
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.hear(text));
    socket.on('error', () => {});
    socket.on('close', () => this.replace(socket, spawn));
    for (const [word, rest] of this.told) socket.write(`${word} ${rest}\n`);
  }

  private replace(socket: Socket, spawn: Spawn): void {
    if (this.socket !== socket || this.isDone || this.replacements >= MOST_REPLACEMENTS) return;
    this.socket = null;
    this.replacements += 1;
    this.launch(spawn);
  }

  private tell(word: string, rest: string): void {
    // Kept in the order in which it was said last.
    this.told.delete(word);
    this.told.set(word, rest);
    this.socket?.write(`${word} ${rest}\n`);
  }

  private hear(text: string): void {
    const lines = (this.heard + text).split('\n');
    this.heard = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'late') this.onLate();
      else if (line.startsWith('cgroup ')) this.onCgroup(line.slice('cgroup '.length));
    }
  }
}

function hundredths(grace: number): number {
  return Math.floor(Math.min(grace, LONGEST_GRACE_MS) / 10);
}

/** In 1/100 s; the guard reads the same. */
function clockNow(): number {
  try {
    const [seconds = '', part = ''] = readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]?.split('.') ?? [];
    return Number(seconds) * 100 + Number(part);
  } catch {
    return Math.floor(Date.now() / 1000) * 100;
  }
}
