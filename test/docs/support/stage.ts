import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './markdown.ts';

export interface RunOptions {
  readonly folder?: string;
  /** How many times as long `sleep` takes, for a machine on which what is to happen meanwhile needs more time. */
  readonly stretch?: number;
}

/** Where a document's examples run: the built program, in folders of their own, on which nothing of this user is seen. */
export interface Stage {
  /** The folder that the commands run in. */
  readonly folder: string;
  /** Runs a program and resolves with what it wrote, on both ways out in the order of writing. */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<{ code: number | null; output: string }>;
  /** The url of a daemon over TCP; the first call starts it, with the stage's rentabot.yaml. */
  daemon(): Promise<string>;
  close(): Promise<void>;
}

const HOST_SOCKET = '/run/rentabot/rentabot.sock';
const LONGEST_MS = 150_000;
/** It sleeps for the sum of its arguments. */
const SLEEP = `#!/bin/sh
for time in $(seq "\${STRETCH:-1}"); do set -- "$@" "$1"; done
shift
exec /bin/sleep "$@"
`;

export function openStage(): Stage {
  const base = mkdtempSync(join(tmpdir(), 'rentabot-docs-'));
  const [folder, bin, run, state, home] = ['work', 'bin', 'run', 'state', 'home'].map((name) => {
    mkdirSync(join(base, name), { mode: 0o700 });
    return join(base, name);
  }) as [string, string, string, string, string];
  symlinkSync(join(ROOT, 'bin', 'rentabot.js'), join(bin, 'rentabot'));
  writeFileSync(join(bin, 'sleep'), SLEEP, { mode: 0o755 });
  const env: Record<string, string> = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: home,
    USER: 'alice',
    TMPDIR: base,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: run,
    XDG_STATE_HOME: state,
    RENTABOT_IDLE: '300',
  };
  // A daemon of this host would be met before our own; the examples are none of its business.
  if (existsSync(HOST_SOCKET)) env.RENTABOT_URL = `unix:${run}/rentabot/private.sock`;
  let served: Promise<{ url: string; child: ChildProcess }> | null = null;

  async function serve(): Promise<{ url: string; child: ChildProcess }> {
    const argv = ['serve', '--listen', '127.0.0.1:0', '--socket', 'none', '--data', join(base, 'data')];
    const child = spawn(join(bin, 'rentabot'), argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk) => resolve(String(chunk).replace('listening on ', '').trim()));
      child.once('exit', () => reject(new Error(`the daemon stopped: ${said}`)));
    });
    return { url, child };
  }

  return {
    folder,
    run: (argv, { folder: cwd = folder, stretch = 1 } = {}) => runProgram(argv, cwd, { ...env, STRETCH: `${stretch}` }),
    daemon: async () => {
      served ??= serve();
      return (await served).url;
    },
    close: async () => {
      if (served) await ended((await served).child);
      await endPrivateDaemon(join(state, 'rentabot', 'private', 'owner.json'));
      rmSync(base, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

function runProgram(
  [file, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  // One pipe for both ways out keeps their order, as a terminal does.
  const child = spawn('bash', ['-c', 'exec "$@" 2>&1', 'bash', file, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** It would leave by itself soon; but then its folder is gone. */
async function endPrivateDaemon(owner: string): Promise<void> {
  if (!existsSync(owner)) return;
  const { pid } = JSON.parse(readFileSync(owner, 'utf8')) as { pid: number };
  try {
    process.kill(pid, 'SIGTERM');
    for (let looks = 0; looks < 3000 && existsSync(owner); looks += 1) {
      process.kill(pid, 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } catch {
    // It is gone.
  }
}

/** Writes a script into the stage's folder and answers its path. */
export function script(stage: Stage, text: string): string {
  const path = join(stage.folder, '.script');
  writeFileSync(path, text);
  return path;
}
