import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { benchId, firstLine, fleet, request, SECRET, startDaemon, stopProcess } from './daemon.ts';
import { ECHO } from './echo.ts';
import type { Row } from './report.ts';

const LEASES = 1000;
/** A third of the default ttl: how often each holder renews. */
const EVERY_S = 10;
const SECONDS = 20;
const WARM_UP = 40;

/** What a thousand holders cost the daemon who only keep what they have, each on a connection of its own. */
export async function renewals(): Promise<Row[]> {
  const daemon = await startDaemon(fleet(LEASES, 'r', '  tags: bench'));
  try {
    const ids: string[] = [];
    const holders: Holder[] = [];
    for (let i = 0; i < LEASES; i += 1) {
      const id = benchId();
      ids.push(id);
      const holder = await Holder.at(daemon.port);
      holders.push(holder);
      const body = {
        secret: SECRET,
        want: [{ name: `r-${i}` }],
        ttl: 3 * EVERY_S,
        holder: { name: 'ci', host: 'runner' },
      };
      await holder.ask(request('PUT', `/api/v2/leases/${id}`, body));
    }
    // A daemon that has run for a day has its code compiled.
    for (let round = 0; round < WARM_UP; round += 1)
      await Promise.all(holders.map((holder, i) => holder.ask(renewal(ids[i] as string))));
    const idle = await busy(daemon.pid, async () => pause(SECONDS * 500));
    const renewing = await busy(daemon.pid, () => rhythm(holders, (i) => renewal(ids[i] as string)));
    for (const holder of holders) holder.close();
    const bare = await echoing();
    return [
      {
        what: `renewals of ${LEASES} held leases, part of a core`,
        figure: `${(renewing * 100).toFixed(1)} %`,
        baseline: `${(bare * 100).toFixed(1)} % (bare node:http JSON echo, asked as often); ${(idle * 100).toFixed(1)} % when nobody renews`,
        ratio: renewing / bare,
        goal: '< 2 %',
      },
    ];
  } finally {
    await daemon.stop();
  }
}

/** Each holder asks once in its turn, evenly spread. */
async function rhythm(holders: readonly Holder[], text: (i: number) => string): Promise<void> {
  const started = performance.now();
  const open: Promise<void>[] = [];
  for (let i = 0; i < (LEASES / EVERY_S) * SECONDS; i += 1) {
    await pause(started + (i * EVERY_S * 1000) / LEASES - performance.now());
    open.push((holders[i % LEASES] as Holder).ask(text(i % LEASES)));
  }
  await Promise.all(open);
}

/** The same for a server that only answers. */
async function echoing(): Promise<number> {
  const echo = spawn(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = Number(/:(\d+)\s/.exec(await firstLine(echo))?.[1]);
    const holders: Holder[] = [];
    for (let i = 0; i < LEASES; i += 1) holders.push(await Holder.at(port));
    const text = request('POST', '/echo', { renew: 'r-0' });
    for (let round = 0; round < WARM_UP; round += 1) await Promise.all(holders.map((holder) => holder.ask(text)));
    const busyPart = await busy(echo.pid as number, () => rhythm(holders, () => text));
    for (const holder of holders) holder.close();
    return busyPart;
  } finally {
    await stopProcess(echo);
  }
}

function renewal(id: string): string {
  return request('POST', `/api/v2/leases/${id}/renew`, null, { authorization: `Lease ${SECRET}` });
}

/** The part of a core that a process uses meanwhile. */
async function busy(pid: number, meanwhile: () => Promise<void>): Promise<number> {
  const [started, before] = [performance.now(), ranMs(pid)];
  await meanwhile();
  return (ranMs(pid) - before) / (performance.now() - started);
}

/**
 * How long all threads of a process ran: to the nanosecond, because what runs briefly a hundred times a second is charged
 * with whole ticks, or none, by what counts in ticks.
 */
function ranMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ran = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
  );
  return ran.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
}

/** A holder's connection, kept as its agent keeps it; one request at a time. */
class Holder {
  private heard: (status: string) => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1').on('data', (chunk: string) => this.heard(chunk.slice(9, 12)));
  }

  static at(port: number): Promise<Holder> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Holder(socket)));
      socket.on('error', reject);
    });
  }

  ask(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.heard = (status) => (status === '200' ? resolve() : reject(new Error(`answered ${status}`)));
      this.socket.write(text);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
