import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { LeaseClient } from './builders-daemon.ts';
import { Http, PATIENCE_MS, whereOf } from './http.ts';

export interface ServeOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A `rentabot serve` of its own process. */
export class Serve {
  stdout = '';
  stderr = '';
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;
  private client: Http | null = null;

  private constructor({ program, args, cwd, env = {} }: ServeOptions) {
    const { PATH = '', HOME = '' } = process.env;
    const clean = { PATH, HOME: cwd || HOME, XDG_RUNTIME_DIR: cwd, XDG_STATE_HOME: cwd, ...env };
    this.child = spawn(process.execPath, [program, 'serve', ...args], {
      cwd,
      env: clean,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** Starts one, and waits until it says where it listens or is gone. */
  static async start(options: ServeOptions): Promise<Serve> {
    const serve = new Serve(options);
    const listens = new Promise<void>((resolve) => {
      const look = () => serve.stdout.includes('\n') && resolve();
      serve.child.stdout?.on('data', look);
    });
    await Promise.race([listens, serve.exited]);
    return serve;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get url(): string {
    return /^listening on (\S+)$/m.exec(this.stdout)?.[1] ?? '';
  }

  get http(): Http {
    const { url } = this;
    if (url === '') throw new Error(`it does not listen: ${this.stderr}`);
    this.client ??= new Http(whereOf(url));
    return this.client;
  }

  lease(id?: string): LeaseClient {
    return new LeaseClient(this.http, id);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and what became of it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.kill(signal);
    const ended = await this.exited;
    this.client?.close();
    return ended;
  }

  /** The line of its log that this is found in; waits for it. */
  async logged(text: string | RegExp, deadlineMs = PATIENCE_MS): Promise<string> {
    const find = () => this.stderr.split('\n').find((line) => line.match(text) !== null);
    const end = performance.now() + deadlineMs;
    for (let line = find(); ; line = find()) {
      if (line !== undefined) return line;
      if (performance.now() > end) throw new Error(`not logged in ${deadlineMs} ms: ${text}\n${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
