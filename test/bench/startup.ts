import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIN, fleet, startDaemon } from './daemon.ts';
import { median, type Row } from './report.ts';

const RUNS = 41;
const READY_RUNS = 7;

/** What a wrapped command pays, and how soon a daemon answers. */
export async function startup(): Promise<Row[]> {
  return [...(await lockTrue()), await ready()];
}

async function lockTrue(): Promise<Row[]> {
  const daemon = await startDaemon('board:\n  tags: bench\n');
  const folder = mkdtempSync(join(tmpdir(), 'rentabot-start-'));
  const flock = spawnSync('flock', ['--version']).error === undefined;
  const env = { ...process.env, RENTABOT_URL: `unix:${daemon.socket}` };
  const lock = [process.execPath, BIN, 'lock', '-n', 'board', '--', 'true'];
  const bare = [process.execPath, '-e', '0'];
  const times = { lock: [] as number[], bare: [] as number[], flock: [] as number[] };
  try {
    // In turns, so that both see the same noise.
    for (let i = 0; i < RUNS; i += 1) {
      times.bare.push(time(bare, env));
      times.lock.push(time(lock, env));
      if (flock) times.flock.push(time(['flock', join(folder, 'lock'), 'true'], env));
    }
    const [taken, least] = [median(times.lock), median(times.bare)];
    const beside = `${least.toFixed(1)} (node -e 0)${flock ? `; flock takes ${median(times.flock).toFixed(1)}` : ''}`;
    const [peak, barePeak] = [peakMb(lock, env, folder), peakMb(bare, env, folder)];
    return [
      {
        what: '`lock -- true` against a running daemon, ms',
        figure: taken.toFixed(1),
        baseline: beside,
        ratio: taken / least,
        goal: '1.6 times, guard included',
      },
      {
        what: 'the same: peak memory, MB',
        figure: peak.toFixed(0),
        baseline: `${barePeak.toFixed(0)} (node -e 0)`,
        ratio: peak / barePeak,
        goal: '< 55',
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await daemon.stop();
  }
}

function time([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const { status } = spawnSync(file, args, { env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} left with ${status}`);
  return performance.now() - started;
}

/** Each process says itself how much it used at its end. */
function peakMb([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv, folder: string): number {
  const [hook, out] = [join(folder, 'peak.cjs'), join(folder, 'peak')];
  writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(out)}, String(process.resourceUsage().maxRSS)));`,
  );
  spawnSync(file, ['--require', hook, ...args], { env, stdio: 'ignore' });
  return Number(readFileSync(out, 'utf8')) / 1024;
}

async function ready(): Promise<Row> {
  const descriptor = fleet(
    1000,
    'board',
    '  description: a board in the lab\n  endpoint: tcp://10.0.0.1\n  tags: board arm lab',
  );
  const times: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < READY_RUNS; i += 1) {
    const daemon = await startDaemon(descriptor);
    times.push(daemon.readyMs);
    await daemon.stop();
    bare.push(time([process.execPath, '-e', '0'], process.env));
  }
  const baseline = `${median(bare).toFixed(0)} (node -e 0)`;
  const ratio = median(times) / median(bare);
  return {
    what: 'daemon ready, 1,000 resources in a new descriptor, ms',
    figure: median(times).toFixed(0),
    baseline,
    ratio,
    goal: '< 300',
  };
}
