import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { afterAll } from 'vitest';
import { boardAssets } from '../../scripts/board-assets.mjs';
import type { LeasesJson } from '../../src/core/wire.ts';
import { Http, jsonOf, PATIENCE_MS, whereOf } from './http.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const HOST_SOCKET = '/run/rentabot/rentabot.sock';
/** Everything that was started here and may still run; whatever is left of it ends with the test file. */
const running = new Set<Run>();
const folders: string[] = [];
const bundles = new Map<string, Promise<string>>();

afterAll(async () => {
  for (const run of running) run.kill('SIGTERM');
  await until('all have ended', () => running.size === 0, 3000).catch(() => {});
  for (const run of running) run.drop();
  await until('the rest has ended', () => running.size === 0).catch(() => {});
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

/** A folder that is gone after the tests of the file. Its name is short, since sockets go in there. */
export function makeFolder(): string {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'rb-'));
  folders.push(path);
  return path;
}

/** The program of any release, from today's source; answers the path of its script. */
export function program(version = '0.1.0'): Promise<string> {
  const found = bundles.get(version) ?? bundle(version);
  bundles.set(version, found);
  return found;
}

async function bundle(version: string): Promise<string> {
  const folder = makeFolder();
  const common = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    loader: { '.sh': 'text' },
    define: { RENTABOT_VERSION: JSON.stringify(version) },
    absWorkingDir: ROOT,
    logLevel: 'warning',
  } as const;
  const out = (name: string): string => join(folder, 'dist', name);
  await Promise.all([
    build({ ...common, entryPoints: ['src/cli/main.ts'], outfile: out('cli.cjs'), external: ['./daemon.cjs'] }),
    build({
      ...common,
      entryPoints: ['src/daemon/main.ts'],
      outfile: out('daemon.cjs'),
      external: ['better-sqlite3', 'nodemailer', 'saxes'],
      plugins: [boardAssets],
    }),
  ]);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin', 'rentabot.js'), "require('../dist/cli.cjs');\n");
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'bin', 'rentabot.js');
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to its stdin, which is then closed; without it stdin is empty, and with null it stays open. */
  readonly input?: string | Buffer | null;
  /** Another release, or another installation. */
  readonly script?: string;
}

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A process of the test's own. */
export class Run {
  readonly ended: Promise<Result>;
  private readonly written: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  private result: Result | null = null;

  constructor(
    readonly child: ChildProcess,
    input: string | Buffer | null | undefined,
  ) {
    running.add(this);
    this.collect(child.stdout, this.written.out);
    this.collect(child.stderr, this.written.err);
    child.stdin?.on('error', () => {});
    if (input !== null) child.stdin?.end(input);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        running.delete(this);
        this.result = { code, signal, out: this.out, err: this.err };
        resolve(this.result);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get out(): string {
    return this.bytes.toString();
  }

  /** Its stdout, byte for byte. */
  get bytes(): Buffer {
    return Buffer.concat(this.written.out);
  }

  get err(): string {
    return Buffer.concat(this.written.err).toString();
  }

  get hasEnded(): boolean {
    return this.result !== null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** For good, whoever else may still write to where it wrote. */
  drop(): void {
    this.kill('SIGKILL');
    for (const stream of this.child.stdio) stream?.destroy();
  }

  /** Resolves once it has said so; a process that ends without having said it fails the test. */
  said(what: string | RegExp, where: 'out' | 'err' = 'out'): Promise<void> {
    const holds = (): boolean => (typeof what === 'string' ? this[where].includes(what) : what.test(this[where]));
    return this.saidOnce(holds, `${what} on std${where}`);
  }

  /** The same for any condition on what it says. */
  saidOnce(holds: () => boolean, what: string): Promise<void> {
    return until(what, () => {
      if (holds()) return true;
      if (this.result)
        throw new Error(`ended with ${this.result.code}, not having said ${what}: ${this.err}${this.out}`);
      return false;
    });
  }

  private collect(stream: Readable | null, into: Buffer[]): void {
    stream?.on('data', (chunk: Buffer) => into.push(chunk));
  }
}

/** A daemon that `serve` runs. */
export interface Served {
  readonly run: Run;
  readonly url: string;
  readonly data: string;
}

export interface ServeOptions extends RunOptions {
  readonly yaml?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly socket?: string;
}

/** A user's account on a machine where nothing has been run yet. */
export class Account {
  readonly base = makeFolder();
  readonly home = this.folder('home');
  readonly work = this.folder('work');
  readonly runtime = this.folder('run');
  readonly state = this.folder('state');
  readonly privateData = join(this.state, 'rentabot', 'private');
  readonly privateSocket = join(this.runtime, 'rentabot', 'private.sock');
  readonly env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: this.home,
    USER: 'alice',
    TMPDIR: this.base,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: this.runtime,
    XDG_STATE_HOME: this.state,
    // Longer than any test; whoever starts a private daemon ends it.
    RENTABOT_IDLE: '300',
  };

  private constructor(readonly script: string) {
    // A daemon of the host that runs the tests would be met before our own.
    if (existsSync(HOST_SOCKET)) this.env.RENTABOT_URL = `unix:${this.privateSocket}`;
  }

  static async make(script?: string): Promise<Account> {
    return new Account(script ?? (await program()));
  }

  folder(name: string): string {
    const path = join(this.base, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Writes a file into the folder that commands run in, and answers its path. */
  file(name: string, text: string | Buffer, mode = 0o644): string {
    const path = join(this.work, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.work, name), 'utf8');
  }

  /** Starts rentabot. */
  start(args: readonly string[], options: RunOptions = {}): Run {
    return this.spawn([process.execPath, options.script ?? this.script, ...args], options);
  }

  /** Runs rentabot to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.start(args, options).ended;
  }

  /** Starts any program in this account. */
  spawn(argv: readonly string[], { env = {}, cwd = this.work, input }: RunOptions = {}): Run {
    const all = { ...this.env, ...env };
    const [file = '', ...args] = argv;
    const passed = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new Run(spawn(file, args, { cwd, env: passed, stdio: ['pipe', 'pipe', 'pipe'] }), input);
  }

  /** Starts a daemon of its own, on a free port; resolves once it answers. */
  async serve({
    yaml = '{}',
    data = join(this.base, 'data'),
    listen,
    socket = 'none',
    ...options
  }: ServeOptions = {}): Promise<Served> {
    const config = `${data}.yaml`;
    writeFileSync(config, yaml);
    const args = ['serve', '-c', config, '--data', data, '--listen', listen ?? '127.0.0.1:0', '--socket', socket];
    const run = this.start(args, options);
    await run.said('\n');
    return { run, data, url: run.out.replace('listening on ', '').trim() };
  }

  /** What `status --json` says. */
  async status(env: RunOptions['env'] = {}): Promise<StatusJson> {
    const { code, out, err } = await this.run(['status', '--json'], { env });
    if (code !== 0) throw new Error(`status: ${code}: ${err}`);
    return JSON.parse(out);
  }

  /** The private daemon's process, as it says itself; null where there is none. */
  get privatePid(): number | null {
    try {
      return JSON.parse(readFileSync(join(this.privateData, 'owner.json'), 'utf8')).pid;
    } catch {
      return null;
    }
  }

  /** Ends the private daemon. */
  async close(): Promise<void> {
    const pid = this.privatePid;
    if (pid === null) return;
    signal(pid, 'SIGTERM');
    await until('the private daemon has left', () => !isAlive(pid));
  }
}

export interface StatusJson {
  readonly resources: readonly {
    readonly id: number;
    readonly name: string;
    readonly state: string;
    readonly waiting: number;
    readonly leases: readonly {
      readonly id: string;
      readonly holder: { readonly name: string; readonly host: string; readonly link: string | null };
      readonly note: string;
      readonly mode: string;
    }[];
  }[];
}

/** When each lease ends unless it is renewed, by its id. */
async function expiries(url: string): Promise<ReadonlyMap<string, number>> {
  const http = new Http(whereOf(url));
  try {
    const { leases } = jsonOf<LeasesJson>(await http.get('/api/v2/leases'));
    return new Map(leases.map(({ id, expiresAt }) => [id, Date.parse(expiresAt ?? '')]));
  } finally {
    http.close();
  }
}

/**
 * Resolves once this lease was renewed, or else every lease that the daemon has now; a lease that ends meanwhile fails
 * the test.
 */
export async function renewed(url: string, lease?: string): Promise<void> {
  const before = await expiries(url);
  await until('renewed', async () => {
    const now = await expiries(url);
    return [...before].every(([id, end]) => (now.get(id) ?? 0) > end || (lease !== undefined && id !== lease));
  });
}

/** Waits for a condition that nothing announces. */
export async function until(what: string, holds: () => unknown, deadlineMs = PATIENCE_MS): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A zombie counts as dead: in a container there may be nobody who reaps it. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return false;
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/** Processes whose command line contains this text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text) && isAlive(pid);
      } catch {
        return false;
      }
    });
}
