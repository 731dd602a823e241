import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Refusal, refuse } from '../core/error.ts';
import { type Access, Client } from './client.ts';
import { listens } from './find-daemon.ts';
import type { Machine } from './machine.ts';
import { type Mono, mono, sleep } from './time.ts';
import { type Endpoint, httpTransport, socketEndpoint } from './transport.ts';

/**
 * This user's own daemon, in the background. Whoever finds none starts one: of many first calls at once the one that
 * made the start lock starts it and the others wait for its socket. The lock only saves work: a daemon that finds the
 * state already owned leaves again, and `owner.json` beside that state says where the owner listens.
 */

const LOG_LIMIT_BYTES = 1024 * 1024;
const STALE_LOCK_MS = 15_000;
const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 100;
/** A predecessor may still be leaving, so a failed start is repeated after a pause, and believed after so long. */
const RETRY_PAUSE_MS = 200;
const AFTER_FAILURE_MS = 3000;
const STEP_DOWN_MS = 15_000;

/** Only what a daemon needs: not the secrets of a CI job, nor the marks by which a CI system finds and kills its leftovers. */
const PASSED_ON =
  /^(HOME|PATH|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|XDG_\w+|NODE_EXTRA_CA_CERTS|RENTABOT_IDLE|RENTABOT_LOG\w*)$/;

/** The daemon's socket, once it listens; a refusal says why it does not. `within` is milliseconds. */
export async function ensurePrivateDaemon(machine: Machine, within: number): Promise<Endpoint | Refusal> {
  const until = mono() + within;
  const start = new Start(machine);
  try {
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(LONGEST_POLL_MS, pause * 1.5)) {
      const running = (await runningHere(machine)) ?? (await runningElsewhere(machine));
      if (running) return running;
      const failure = start.failure();
      if (failure) return failure;
      if (mono() > until)
        return refuse('unreachable', 'the background daemon did not start in time', { hint: start.logHint });
      await start.once();
      await sleep(pause);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return refuse('config', `the background daemon has no place to run: ${error.message}`, {
      hint: 'set XDG_RUNTIME_DIR and XDG_STATE_HOME to folders of yours, or choose a daemon with --url',
    });
  } finally {
    start.done();
  }
}

/**
 * Asks an older daemon to step down, and puts one of this release in its place. The leases stay: they are on disk. A
 * refusal where it does not step down.
 */
export async function replacePrivateDaemon(
  machine: Machine,
  endpoint: Endpoint,
  within: number,
): Promise<Endpoint | Refusal> {
  const access: Access = { endpoint, token: null, descriptor: null, revive: null, replace: null };
  const answer = await new Client(access, httpTransport()).stop({ within: 2000 }).catch(() => null);
  if (answer?.type === 'refused') return answer.refusal;
  const until = mono() + STEP_DOWN_MS;
  while (mono() < until && endpoint.socketPath !== null && (await listens(endpoint.socketPath)) === 'yes')
    await sleep(25);
  return ensurePrivateDaemon(machine, within);
}

async function runningHere({ places }: Machine): Promise<Endpoint | null> {
  return (await listens(places.privateSocket)) === 'yes' ? socketEndpoint(places.privateSocket) : null;
}

/** One that was started with another XDG_RUNTIME_DIR owns the same state, and there is one for a user. */
export async function runningElsewhere({ places }: Machine): Promise<Endpoint | null> {
  const socket = ownerSocket(join(places.privateData, 'owner.json'));
  if (socket === null || socket === places.privateSocket) return null;
  return (await listens(socket)) === 'yes' ? socketEndpoint(socket) : null;
}

function ownerSocket(path: string): string | null {
  try {
    const owner: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const socket = typeof owner === 'object' && owner !== null && 'socket' in owner ? owner.socket : null;
    return typeof socket === 'string' && socket !== '' ? socket : null;
  } catch {
    return null;
  }
}

/** Our part in the starting. */
class Start {
  private readonly log: string;
  private readonly lock: string;
  private locked = false;
  private isStarting = false;
  private exit: { readonly code: number | null; readonly at: Mono } | null = null;
  private firstExitAt: Mono | null = null;

  constructor(private readonly machine: Machine) {
    this.log = join(machine.places.privateData, 'daemon.log');
    this.lock = join(machine.places.runtimeDir, 'starting.lock');
  }

  get logHint(): string {
    return `see ${this.log}`;
  }

  /** Starts the daemon, unless we or somebody else are at it. */
  async once(): Promise<void> {
    if (this.isStarting || (this.exit !== null && mono() < this.exit.at + RETRY_PAUSE_MS)) return;
    mkdirSync(this.machine.places.runtimeDir, { recursive: true, mode: 0o700 });
    if (!this.locked && !this.takeLock()) return;
    this.isStarting = true;
    await this.spawn();
  }

  failure(): Refusal | null {
    if (this.exit === null || this.firstExitAt === null || mono() < this.firstExitAt + AFTER_FAILURE_MS) return null;
    const last = lastLine(this.log);
    const said = last === '' ? `it left with exit code ${this.exit.code}` : last;
    const code = this.exit.code === 78 ? 'config' : 'unreachable';
    return refuse(code, `the background daemon could not start: ${said}`, { hint: this.logHint });
  }

  done(): void {
    if (!this.locked) return;
    this.locked = false;
    unlinkQuietly(this.lock);
  }

  private takeLock(): boolean {
    try {
      const file = openSync(this.lock, 'wx', 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      this.locked = true;
      return true;
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
      if (isStale(this.lock)) unlinkQuietly(this.lock);
      return false;
    }
  }

  private async spawn(): Promise<void> {
    const { spawn } = await import('node:child_process');
    const { self, env, places } = this.machine;
    mkdirSync(places.privateData, { recursive: true, mode: 0o700 });
    const log = openSync(this.log, 'a', 0o600);
    if (fstatSync(log).size > LOG_LIMIT_BYTES) ftruncateSync(log);
    const [runtime, ...script] = self;
    const daemon = spawn(runtime, [...script, 'serve', '--private'], {
      detached: true,
      cwd: dirname(places.privateData),
      env: Object.fromEntries(Object.entries(env).filter(([key]) => PASSED_ON.test(key))),
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = (code: number | null): void => {
      this.isStarting = false;
      this.exit = { code, at: mono() };
      this.firstExitAt ??= this.exit.at;
    };
    daemon.once('error', () => ended(null));
    daemon.once('exit', ended);
    daemon.unref();
  }
}

function isStale(lock: string): boolean {
  try {
    if (Date.now() - statSync(lock).mtimeMs > STALE_LOCK_MS) return true;
    const pid = Number(readFileSync(lock, 'utf8'));
    // Empty for the instant between its making and its filling.
    return pid > 0 && !isAlive(pid);
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === 'EPERM';
  }
}

function lastLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').pop()?.slice(0, 500) ?? '';
  } catch {
    return '';
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
