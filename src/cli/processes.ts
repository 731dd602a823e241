import { readdirSync, readFileSync } from 'node:fs';
import { type Mono, mono } from './time.ts';

/** What counts of a process; see proc(5). */
export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** The foreground group of its terminal. */
  readonly foreground: number;
}

/** So long after a start the numbers given out since tell who can be a descendant; later they may have gone round. */
const YOUNG_MS = 1000;
/** With more newcomers than this, looking at all processes costs no more. */
const MOST_NEWCOMERS = 500;
/** A process that is just becoming another program shows no environment for a moment. */
const LOOKS_AT_EMPTY = 3;

/**
 * All that a command started, however far it went: by its parents, by group and session where it leads its own, by its
 * cgroup where it has one, and by the mark that descendants inherit in RENTABOT_HELD.
 */
export class Tree {
  /** The folder of the command's own cgroup, once it has one. */
  cgroup: string | null = null;
  private readonly since: Mono = mono();

  /** `leads`: whether the command leads a group and a session of its own. */
  constructor(
    private readonly root: number,
    private readonly leads: boolean,
    private readonly mark: string,
  ) {}

  /** Who of it lives; the root only while `isRootThere`. Without /proc no more than the group can be seen. */
  living(isRootThere: boolean): number[] {
    const found = this.look(isRootThere);
    // Whoever came while we looked, from one that was gone when its turn came, is seen the second time.
    return found.length > 0 || isRootThere ? found : this.look(isRootThere);
  }

  private look(isRootThere: boolean): number[] {
    const all = (isRootThere ? null : this.newcomers()) ?? processes();
    if (all === null) return this.seenWithoutProc(isRootThere);
    const living = all.filter(isLiving);
    const found = new Set<number>(membersOf(this.cgroup));
    for (const one of living) if (this.isOurs(one, isRootThere)) found.add(one.pid);
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      for (const { pid, parent } of living) if (found.has(parent)) found.add(pid);
    }
    found.delete(process.pid);
    return [...found];
  }

  private isOurs({ pid, parent, group, session }: ProcessStat, isRootThere: boolean): boolean {
    if (pid === this.root) return isRootThere;
    if (this.leads && (group === this.root || session === this.root)) return true;
    return pid !== process.pid && parent !== KTHREADD && carries(pid, this.mark);
  }

  private seenWithoutProc(isRootThere: boolean): number[] {
    if (this.leads) return isThere(-this.root) ? [-this.root] : [];
    return isRootThere ? [this.root] : [];
  }

  /**
   * The processes whose numbers were given out after the root's: numbers are given in turn, so its descendants are among
   * them. Looked at until no more come, so that nobody slips by between two looks. Null where that cannot be told.
   */
  private newcomers(): ProcessStat[] | null {
    if (mono() - this.since > YOUNG_MS || this.cgroup !== null) return null;
    const found: ProcessStat[] = [];
    for (let next = this.root + 1; ; ) {
      const last = lastPid();
      if (last === null || last < this.root || last - this.root > MOST_NEWCOMERS) return null;
      if (last < next) return found;
      for (; next <= last; next += 1) found.push(...optional(statOf(next)));
    }
  }
}

const KTHREADD = 2;

function optional<T>(value: T | null): T[] {
  return value === null ? [] : [value];
}

/** A dead process that nobody reaped still answers kill(2), and in a container there may be nobody who ever reaps. */
function isLiving({ state }: ProcessStat): boolean {
  return state !== 'Z' && state !== 'X';
}

/** Null where there is no /proc. */
function processes(): ProcessStat[] | null {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => optional(statOf(name)));
  } catch {
    return null;
  }
}

/** Null where it is gone. The command's name, in parentheses, may hold anything, so fields are counted from the last one. */
export function statOf(pid: string | number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ...numbers] = text.slice(text.lastIndexOf(')') + 2).split(' ', 6);
    const [parent = 0, group = 0, session = 0, , foreground = 0] = numbers.map(Number);
    return { pid: Number.parseInt(text, 10), state, parent, group, session, foreground };
  } catch {
    return null;
  }
}

/** The number that was given out last, on this machine or in this container. */
function lastPid(): number | null {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').pop());
  } catch {
    return null;
  }
}

function carries(pid: number, mark: string): boolean {
  if (mark === '') return false;
  try {
    for (let look = 0; look < LOOKS_AT_EMPTY; look += 1) {
      const text = readFileSync(`/proc/${pid}/environ`, 'latin1');
      if (text === '') continue;
      const start = `\0${text}`.indexOf('\0RENTABOT_HELD=');
      return start >= 0 && text.slice(start, text.indexOf('\0', start)).includes(mark);
    }
  } catch {
    // Gone, or somebody else's.
  }
  return false;
}

/** Also of the cgroups that were made in it. */
function membersOf(cgroup: string | null): number[] {
  if (cgroup === null) return [];
  try {
    const here = readFileSync(`${cgroup}/cgroup.procs`, 'latin1').split('\n').filter(Boolean).map(Number);
    const inner = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...here, ...inner.flatMap(({ name }) => membersOf(`${cgroup}/${name}`))];
  } catch {
    return [];
  }
}

/** Sends a signal; false where there is no such process. */
export function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isThere(pid: number): boolean {
  return kill(pid, 0);
}
