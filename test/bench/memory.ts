import { readFileSync } from 'node:fs';
import { benchId, fleet, request, SECRET, startDaemon } from './daemon.ts';
import { load } from './load.ts';
import type { Row } from './report.ts';

const RESOURCES = 10_000;
const WAITERS = 10_000;
const CONNECTIONS = 50;

/** The daemon's resident memory with many resources, each held or not, and many waiters. */
export async function memory(): Promise<Row[]> {
  const small = await startDaemon('board:\n  tags: bench\n');
  const idle = residentMb(small.pid);
  await small.stop();
  const resources = fleet(RESOURCES, '  board', '    endpoint: tcp://10.0.0.1\n    tags: board arm').replace(
    /^board/gm,
    '  board',
  );
  const daemon = await startDaemon(`limits:\n  silence: 1h\nresources:\n${resources}`);
  try {
    const ask = (name: string): string =>
      request('PUT', `/api/v2/leases/${benchId()}`, {
        secret: SECRET,
        want: [{ name }],
        ttl: 3600,
        note: 'nightly',
        holder: { name: 'ci', host: 'runner-4' },
      });
    let asked = 0;
    const script = (): string => {
      asked += 1;
      // The first takes a resource, each later one stands in some queue.
      return ask(`board-${asked % 1000}`);
    };
    while (asked < WAITERS + 1000)
      await load({ path: daemon.socket }, { connections: CONNECTIONS, seconds: 0.1, script });
    const baseline = `${idle.toFixed(0)} (the same, idle with one resource)`;
    const resident = residentMb(daemon.pid);
    const what = `daemon with ${RESOURCES.toLocaleString('en')} resources and ${WAITERS.toLocaleString('en')} waiters: resident memory, MB`;
    return [{ what, figure: resident.toFixed(0), baseline, ratio: resident / idle, goal: '< 150' }];
  } finally {
    await daemon.stop();
  }
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
