import { connect } from 'node:net';

/** One request of a script that each connection repeats, as the bytes to send. */
export type Script = (connection: number, turn: number) => string;

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds, sorted. */
  readonly latencies: Float64Array;
  readonly statuses: ReadonlyMap<number, number>;
}

/**
 * HTTP load from one thread over kept-alive connections, one request at a time on each. Written on bare sockets, because
 * the generator shares the machine's two cores with what it measures.
 */
export async function load(
  target: { readonly host: string; readonly port: number } | { readonly path: string },
  { connections, seconds, script }: { readonly connections: number; readonly seconds: number; readonly script: Script },
): Promise<LoadResult> {
  const latencies: number[] = [];
  const statuses = new Map<number, number>();
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, (_, connection) =>
      drive(target, connection, script, until, latencies, statuses),
    ),
  );
  const took = (performance.now() - started) / 1000;
  return { requests: latencies.length, seconds: took, latencies: Float64Array.from(latencies).sort(), statuses };
}

function drive(
  target: Parameters<typeof load>[0],
  connection: number,
  script: Script,
  until: number,
  latencies: number[],
  statuses: Map<number, number>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(target as { path: string });
    socket.setNoDelay(true);
    let turn = 0;
    let sent = 0;
    let received = '';
    const next = (): void => {
      sent = performance.now();
      if (sent >= until && turn % 2 === 0) {
        socket.end();
        resolve();
        return;
      }
      socket.write(script(connection, turn));
      turn += 1;
    };
    socket.setEncoding('latin1');
    socket.on('connect', next);
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      received = received === '' ? chunk : received + chunk;
      const head = received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /content-length: (\d+)/i.exec(received.slice(0, head));
      const end = head + 4 + Number(length?.[1] ?? 0);
      if (received.length < end) return;
      const status = Number(received.slice(9, 12));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      latencies.push(performance.now() - sent);
      received = received.slice(end);
      next();
    });
  });
}

/** The value below which this part of the sorted values lies. */
export function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
