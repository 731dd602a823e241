import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Scenario, Stage } from './scenarios.ts';
import { folderIn, type Service, type Tool, type Words } from './tools.ts';

export interface Outcome {
  readonly tool: string;
  readonly scenario: Scenario;
  /** How long a process of the first holder was seen after the second had come, milliseconds. */
  readonly togetherMs: number;
  /** What the first wrapper told its caller; null where it never ended. */
  readonly code: number | null;
  /** From the fault to the second holder, milliseconds; null where it never came. */
  readonly nextMs: number | null;
  /** Why this is not what is promised; only meant for rentabot. */
  readonly problem: string | null;
}

/** Beats come every 30 ms, and files know the time to a few; what is shorter than this cannot be seen. */
const SEEN_MS = 15;
const READY_MS = 60_000;
/** How long the second holder is watched for company. */
const WATCH_MS = 1500;

/**
 * The command of the first holder: itself, a child in the background, and a daemon that left the session. Each writes
 * its number once and then a beat, as long as it lives.
 */
const FAMILY = `
  beat() { while :; do echo > "$1.beat"; sleep 0.03; done; }
  beat "$0/child" & echo $! > "$0/child.pid"
  setsid sh -c '(sh -c "echo \\$\\$ > \\"$0/daemon.pid\\"; while :; do echo > \\"$0/daemon.beat\\"; sleep 0.03; done" &)' "$0"
  echo $$ > "$0/main.pid"
  while [ ! -e "$0/end" ]; do echo > "$0/main.beat"; sleep 0.03; done
  exit 0
`;
const MEMBERS = ['main', 'child', 'daemon'];
const NEXT = 'echo $$ > "$0/next.pid"; echo > "$0/next.first"; sleep 1';

/** One fault with one tool; null where they do not go together. */
export async function play(tool: Tool, scenario: Scenario, root: string, ttl: number): Promise<Outcome | null> {
  const folder = folderIn(root, `${tool.name}-${scenario.name}-${ttl}`.replaceAll(' ', '-'));
  const service = await tool.start(folder, ttl);
  const started: ChildProcess[] = [];
  try {
    if (!scenario.fits(service)) return null;
    return await act({ tool, scenario, service, ttl }, folder, started);
  } finally {
    await service.stop();
    for (const { pid } of started) if (pid) for (const one of [-pid, pid]) killQuietly(one);
    for (const pid of pidsOf(folder)) killQuietly(pid);
  }
}

async function act(
  { tool, scenario, service, ttl }: { tool: Tool; scenario: Scenario; service: Service; ttl: number },
  folder: string,
  started: ChildProcess[],
): Promise<Outcome> {
  const first = run(service.wrap(['sh', '-c', FAMILY, folder], 'link'));
  started.push(first.child);
  await until(
    () => MEMBERS.every((name) => existsSync(join(folder, `${name}.beat`))),
    READY_MS,
    'the first holder runs',
  );
  const second = run(service.wrap(['sh', '-c', NEXT, folder], 'direct'));
  started.push(second.child);
  await pause(1000);
  const stage: Stage = {
    service,
    ttl,
    wrapper: first.child,
    letEnd: () => writeFileSync(join(folder, 'end'), ''),
    everybody: () => [...familyOf(first.child.pid ?? 0), ...pidsOf(folder)],
  };
  const struckAt = Date.now();
  const wokenAt = Number((await scenario.strike(stage)) ?? 0);
  const next = join(folder, 'next.first');
  const came = await until(() => existsSync(next), (5 * ttl + 5) * 1000, '').then(
    () => true,
    () => false,
  );
  await scenario.after?.(stage);
  await pause(WATCH_MS);
  const nextAt = came ? statSync(next).mtimeMs : null;
  const lastBeat = Math.max(...MEMBERS.map((name) => statSync(join(folder, `${name}.beat`)).mtimeMs));
  const together = nextAt === null ? 0 : Math.round(lastBeat - Math.max(nextAt, wokenAt));
  const code = await Promise.race([first.code, pause(10_000).then(() => null)]);
  const outcome = {
    tool: tool.name,
    scenario,
    togetherMs: together > SEEN_MS ? together : 0,
    code,
    nextMs: nextAt === null ? null : Math.max(0, Math.round(nextAt - struckAt)),
  };
  return { ...outcome, problem: problemOf(outcome) };
}

function problemOf({ scenario, togetherMs, code, nextMs }: Omit<Outcome, 'problem'>): string | null {
  if (nextMs === null) return 'the next holder never came';
  if (togetherMs > 0 && !scenario.unavoidable) return `two holders for ${togetherMs} ms`;
  if (code === null || !scenario.honest.includes(code)) return `exit code ${code}, not ${scenario.honest.join(' or ')}`;
  return null;
}

function run([file, ...args]: Words): { readonly child: ChildProcess; readonly code: Promise<number> } {
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  const code = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  return { child, code };
}

/** A process and its descendants, as far as they are still known as such, and guards beside them. */
function familyOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone.
    }
  }
  const found = new Set([root]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function pidsOf(folder: string): number[] {
  const pids = MEMBERS.map((name) => join(folder, `${name}.pid`)).filter((path) => existsSync(path));
  return pids.map((path) => Number(readFileSync(path, 'utf8'))).filter((pid) => pid > 1);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function until(check: () => boolean, within: number, what: string): Promise<void> {
  const deadline = Date.now() + within;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await pause(10);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
