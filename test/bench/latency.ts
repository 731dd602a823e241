import { connect, type Socket } from 'node:net';
import { benchId, request, SECRET, startDaemon } from './daemon.ts';
import { quantile } from './load.ts';
import type { Row } from './report.ts';

const WAITERS = 1000;
const HANDOVERS = 600;

/** From sending the release to the next waiter having read its grant, with a thousand waiters on open streams. */
export async function latency(): Promise<Row[]> {
  const daemon = await startDaemon('board:\n  tags: bench\n');
  const sockets: Socket[] = [];
  try {
    const granted = new Map<string, () => void>();
    const first = await open(daemon.socket, sockets, granted);
    await first.granted;
    const waiters = [];
    for (let i = 0; i < WAITERS; i += 1) waiters.push(await open(daemon.socket, sockets, granted));
    const control = await dial(daemon.socket, sockets);
    control.resume();
    let holder = first;
    const times: number[] = [];
    for (let i = 0; i < HANDOVERS; i += 1) {
      const next = waiters[i] as Waiter;
      const sent = performance.now();
      control.write(request('DELETE', `/api/v2/leases/${holder.id}`, null, { authorization: `Lease ${SECRET}` }));
      await next.granted;
      times.push(performance.now() - sent);
      holder = next;
      // Their places have changed; let them hear of it as they would.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const sorted = Float64Array.from(times).sort();
    const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
    const figure = `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
    const what = `release → the next waiter knows it, ${WAITERS} waiters connected: p50 / p99, ms`;
    return [{ what, figure, baseline: '', ratio: null, goal: 'p50 < 5, p99 < 20' }];
  } finally {
    for (const socket of sockets) socket.destroy();
    await daemon.stop();
  }
}

interface Waiter {
  readonly id: string;
  readonly granted: Promise<void>;
}

async function open(path: string, sockets: Socket[], granted: Map<string, () => void>): Promise<Waiter> {
  const id = benchId();
  const socket = await dial(path, sockets);
  const got = new Promise<void>((resolve) => granted.set(id, resolve));
  let text = '';
  const answered = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4000);
      if (text.includes('event: waiting')) resolve();
      if (text.includes('event: held')) {
        resolve();
        granted.get(id)?.();
      }
    });
  });
  const body = { secret: SECRET, want: [{ name: 'board' }], ttl: 600 };
  socket.write(request('PUT', `/api/v2/leases/${id}`, body, { accept: 'text/event-stream' }));
  await answered;
  return { id, granted: got };
}

function dial(path: string, sockets: Socket[]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
    sockets.push(socket);
  });
}
