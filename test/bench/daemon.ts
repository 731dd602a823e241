import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BIN = join(process.cwd(), 'bin/rentabot.js');

/** A daemon of our own, on a free port and a socket of its own, over a descriptor. */
export interface BenchDaemon {
  readonly port: number;
  readonly socket: string;
  readonly folder: string;
  /** Milliseconds from spawn to the line that says it listens. */
  readonly readyMs: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startDaemon(descriptor: string): Promise<BenchDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'rentabot-bench-'));
  const config = join(folder, 'rentabot.yaml');
  const socket = join(folder, 'd.sock');
  writeFileSync(config, descriptor);
  const started = performance.now();
  const flags = ['serve', '-c', config, '--listen', '127.0.0.1:0', '--socket', socket, '--data', join(folder, 'data')];
  const child = spawn(process.execPath, [BIN, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = Number(/:(\d+)\s/.exec(await firstLine(child))?.[1]);
  const readyMs = performance.now() - started;
  const stop = async (): Promise<void> => {
    await stopProcess(child);
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, socket, folder, readyMs, pid: child.pid as number, stop };
}

export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it left with ${code} before it was ready`)));
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve(text);
    });
  });
}

export function stopProcess(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** `count` resources by the same name and a number, each with these lines of YAML. */
export function fleet(count: number, name: string, lines: string): string {
  return Array.from({ length: count }, (_, i) => `${name}-${i}:\n${lines}\n`).join('');
}

let minted = 0;
const RUN = Date.now()
  .toString(32)
  .toUpperCase()
  .replace(/[ILOU]/g, 'Z')
  .slice(-8)
  .padStart(8, '0');

/** A lease id: not random, but never minted twice in one run. */
export function benchId(): string {
  minted += 1;
  return `01${RUN}${String(minted).padStart(16, '0')}`;
}

export const SECRET = 'bench-secret-of-more-than-22-characters';

/** An HTTP/1.1 request as text. */
export function request(
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): string {
  const text = body === null ? '' : JSON.stringify(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length =
    body === null ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}${length}\r\n${text}`;
}
