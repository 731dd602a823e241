import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchId, firstLine, fleet, request, SECRET, startDaemon, stopProcess } from './daemon.ts';
import { ECHO } from './echo.ts';
import { type LoadResult, load, quantile, type Script } from './load.ts';
import { median, type Row } from './report.ts';

const CONNECTIONS = 64;
const SECONDS = 4;
const ROUNDS = 5;

const BODY = { secret: SECRET, want: [{ name: '' }], ttl: 30, holder: { name: 'ci', host: 'runner' } };

/** Durable leases over HTTP, beside a bare echo under the same load; and whole cycles beside etcd's. */
export async function throughput(): Promise<Row[]> {
  const daemon = await startDaemon(fleet(CONNECTIONS, 'r', '  tags: bench'));
  const echo = spawn(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] });
  const echoPort = Number(/:(\d+)\s/.exec(await firstLine(echo))?.[1]);
  const etcd = await startEtcd();
  const found = { echo: [] as LoadResult[], lease: [] as LoadResult[], etcd: [] as LoadResult[] };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      found.echo.push(await run(echoPort, echoScript));
      found.lease.push(await run(daemon.port, leaseScript()));
      if (etcd) found.etcd.push(await run(etcd.port, etcdScript));
    }
  } finally {
    await stopProcess(echo);
    await daemon.stop();
    await etcd?.stop();
  }
  return rowsOf(found);
}

function rowsOf({ echo, lease, etcd }: Readonly<Record<'echo' | 'lease' | 'etcd', LoadResult[]>>): Row[] {
  const rate = (runs: readonly LoadResult[]): number => median(runs.map(({ requests, seconds }) => requests / seconds));
  const p99 = median(lease.map(({ latencies }) => quantile(latencies, 0.99)));
  const p50 = median(lease.map(({ latencies }) => quantile(latencies, 0.5)));
  const rows: Row[] = [
    {
      what: `durable lease operations a second, ${CONNECTIONS} connections`,
      figure: rate(lease).toFixed(0),
      baseline: `${rate(echo).toFixed(0)} (bare node:http JSON echo)`,
      ratio: rate(lease) / rate(echo),
      goal: '20,000; 0.4 of the echo',
    },
    {
      what: 'the same: p50 / p99, ms',
      figure: `${p50.toFixed(1)} / ${p99.toFixed(1)}`,
      baseline: '',
      ratio: null,
      goal: 'p99 < 15',
    },
  ];
  if (etcd.length > 0) {
    rows.push({
      what: 'lock cycles a second (acquire + release)',
      figure: (rate(lease) / 2).toFixed(0),
      baseline: `${(rate(etcd) / 2).toFixed(0)} (etcd, put-if-absent + delete over its JSON gateway)`,
      ratio: rate(lease) / rate(etcd),
      goal: '3 times etcd',
    });
  } else
    rows.push({
      what: 'lock cycles a second',
      figure: '',
      baseline: 'etcd is not installed',
      ratio: null,
      goal: '3 times etcd',
    });
  return rows;
}

async function run(port: number, script: Script): Promise<LoadResult> {
  const result = await load({ host: '127.0.0.1', port }, { connections: CONNECTIONS, seconds: SECONDS, script });
  const wrong = [...result.statuses].filter(([status]) => status !== 200 && status !== 204);
  if (wrong.length > 0) throw new Error(`answers that count for nothing: ${JSON.stringify(wrong)}`);
  return result;
}

const echoScript: Script = (connection) => request('PUT', '/echo', { ...BODY, want: [{ name: `r-${connection}` }] });

function leaseScript(): Script {
  const ids: string[] = [];
  const release = { authorization: `Lease ${SECRET}` };
  return (connection, turn) => {
    if (turn % 2 === 1) return request('DELETE', `/api/v2/leases/${ids[connection]}`, null, release);
    const id = benchId();
    ids[connection] = id;
    return request('PUT', `/api/v2/leases/${id}`, { ...BODY, want: [{ name: `r-${connection}` }] });
  };
}

const etcdScript: Script = (connection, turn) => {
  const key = Buffer.from(`r-${connection}`).toString('base64');
  if (turn % 2 === 1) return request('POST', '/v3/kv/deleterange', { key });
  const compare = [{ key, target: 'CREATE', create_revision: '0' }];
  const success = [{ request_put: { key, value: Buffer.from(JSON.stringify(BODY)).toString('base64') } }];
  return request('POST', '/v3/kv/txn', { compare, success });
};

async function startEtcd(): Promise<{ readonly port: number; stop(): Promise<void> } | null> {
  if (spawnSync('etcd', ['--version']).error) return null;
  const folder = mkdtempSync(join(tmpdir(), 'rentabot-etcd-'));
  const [port, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const flags = ['--data-dir', folder, '--listen-client-urls', url, '--advertise-client-urls', url];
  const peers = [
    '--listen-peer-urls',
    peerUrl,
    '--initial-advertise-peer-urls',
    peerUrl,
    '--initial-cluster',
    `default=${peerUrl}`,
  ];
  const child = spawn('etcd', [...flags, ...peers, '--log-level', 'error'], { stdio: 'ignore' });
  for (let i = 0; i < 200 && !(await isHealthy(url)); i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const stop = async (): Promise<void> => {
    await stopProcess(child);
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, stop };
}

async function isHealthy(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
