import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Link } from './link.ts';

const BIN = join(process.cwd(), 'bin/rentabot.js');
export const RESOURCE = 'board-1';

export type Words = readonly [string, ...string[]];

/** A tool with whatever it needs, for one scenario. */
export interface Service {
  /** How a command is run under the lock; the first holder speaks through the link. */
  wrap(command: Words, through: 'link' | 'direct'): Words;
  readonly link: Link | null;
  /** Null where there is no server. */
  readonly server: { kill(signal: NodeJS.Signals): void; restart(): Promise<void> } | null;
  /** Ends the lease of whoever holds it; null where the tool knows no leases. */
  readonly revoke: (() => void) | null;
  stop(): Promise<void>;
}

export interface Tool {
  readonly name: string;
  /** Null where it is not installed. */
  version(): string | null;
  /** `ttl` of its leases in seconds, where it has some. */
  start(folder: string, ttl: number): Promise<Service>;
}

export const TOOLS: readonly Tool[] = [
  { name: 'rentabot lock', version: () => firstLineOf([process.execPath, BIN, '--version']), start: startRentabot },
  { name: 'etcdctl lock', version: etcdVersion, start: startEtcd },
  fileLock('flock', ['flock', '--version'], (file, command) => ['flock', file, ...command]),
  fileLock('with-lock-ex', ['sh', '-c', 'command -v with-lock-ex >/dev/null && echo'], (file, command) => [
    'with-lock-ex',
    '-w',
    file,
    ...command,
  ]),
  fileLock('setlock', ['sh', '-c', 'command -v setlock >/dev/null && echo'], (file, command) => [
    'setlock',
    file,
    ...command,
  ]),
];

async function startRentabot(folder: string, ttl: number): Promise<Service> {
  const config = join(folder, 'rentabot.yaml');
  writeFileSync(config, `${RESOURCE}: {}\n`);
  const port = await freePort();
  const flags = ['--listen', `127.0.0.1:${port}`, '--socket', join(folder, 's'), '--data', join(folder, 'data')];
  const url = `http://127.0.0.1:${port}`;
  const server = new Server([process.execPath, BIN, 'serve', '-c', config, ...flags], `${url}/readyz`);
  await server.start();
  const link = await Link.to(port);
  const lock = ['lock', '-n', RESOURCE, '--ttl', `${ttl}s`, '--grace', '500ms', '-q', '--url'];
  return {
    link,
    server,
    wrap: (command, through) => {
      const port = through === 'link' ? `http://127.0.0.1:${link.port}` : url;
      return [process.execPath, BIN, ...lock, port, '--', ...command];
    },
    revoke: () => {
      const found = spawnSync('curl', ['-s', `${url}/api/v2/leases`], { encoding: 'utf8' });
      const { leases } = JSON.parse(found.stdout) as { leases: { id: string }[] };
      for (const { id } of leases) spawnSync('curl', ['-s', '-X', 'DELETE', `${url}/api/v2/leases/${id}`]);
    },
    stop: async () => {
      link.close();
      await server.stop();
    },
  };
}

async function startEtcd(folder: string, ttl: number): Promise<Service> {
  const [port, peer] = [await freePort(), await freePort()];
  const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peer}`];
  const listen = ['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peerUrl];
  const cluster = ['--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `default=${peerUrl}`];
  const server = new Server(
    ['etcd', '--data-dir', join(folder, 'etcd'), ...listen, ...cluster, '--log-level', 'error'],
    `${url}/health`,
  );
  await server.start();
  const link = await Link.to(port);
  const etcdctl = (at: string): string[] => ['etcdctl', '--endpoints', at];
  return {
    link,
    server,
    wrap: (command, through) => {
      const at = through === 'link' ? `http://127.0.0.1:${link.port}` : url;
      return [...etcdctl(at), 'lock', '--ttl', String(ttl), RESOURCE, '--', ...command] as unknown as Words;
    },
    revoke: () => {
      const [words, env] = [etcdctl(url), { ...process.env, ETCDCTL_API: '3' }];
      const [file = '', ...args] = words;
      const holder = spawnSync(
        file,
        [...args, 'get', '--prefix', `${RESOURCE}/`, '-w', 'json', '--sort-by', 'CREATE', '--limit', '1'],
        { encoding: 'utf8', env },
      );
      // Ids of leases are larger than a JavaScript number holds exactly.
      const id = /"lease":(\d+)/.exec(holder.stdout)?.[1] ?? '0';
      spawnSync(file, [...args, 'lease', 'revoke', BigInt(id).toString(16)], { env });
    },
    stop: async () => {
      link.close();
      await server.stop();
    },
  };
}

function fileLock(name: string, version: Words, wrap: (file: string, command: Words) => string[]): Tool {
  return {
    name,
    version: () => firstLineOf(version),
    start: async (folder) => {
      const file = join(folder, 'lock');
      return {
        link: null,
        server: null,
        revoke: null,
        wrap: (command) => wrap(file, command) as unknown as Words,
        stop: async () => {},
      };
    },
  };
}

/** Something that listens, and can be killed, frozen and started again on its data. */
class Server {
  private child: ChildProcess | null = null;

  constructor(
    private readonly words: Words,
    private readonly health: string,
  ) {}

  async start(): Promise<void> {
    const [file, ...args] = this.words;
    this.child = spawn(file, args, { stdio: 'ignore' });
    for (let i = 0; i < 600; i += 1) {
      if (await isHealthy(this.health)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${file} does not answer at ${this.health}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

function isHealthy(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function etcdVersion(): string | null {
  return firstLineOf(['etcd', '--version']) && firstLineOf(['etcdctl', 'version']);
}

function firstLineOf([file, ...args]: Words): string | null {
  const { status, error, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  return error || status !== 0 ? null : ((stdout || stderr).trim().split('\n')[0] ?? '');
}

/** A folder of a scenario's own. */
export function folderIn(root: string, name: string): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
