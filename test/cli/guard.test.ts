import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import SCRIPT from '../../src/cli/guard.sh';
import { mono } from '../../src/cli/time.ts';
import { temporaryFolder } from './support/world.ts';

// The guard alone, driven line by line as a wrapper drives it, so that the wrapper's own ending of the tree hides nothing.

const folder = temporaryFolder();
const started = new Set<ChildProcess>();
let files = 0;

afterEach(() => {
  for (const child of started) if (child.pid) killQuietly(child.pid);
  started.clear();
});

function file(): string {
  files += 1;
  return join(folder, `guard-${files}`);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

async function until(check: () => boolean, what: string): Promise<void> {
  const deadline = mono() + 90_000;
  while (!check()) {
    if (mono() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean) : [];
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** In 1/100 s, as the guard counts. */
function uptime(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
}

function guard({ mark, grace = 50, shell = ['/bin/sh'] }: { mark: string; grace?: number; shell?: readonly string[] }) {
  const told = file();
  const [sh = '', ...more] = shell;
  const child = spawn(sh, [...more, '-c', 'eval "$GUARD"', 'lease-guard', mark, String(grace)], {
    detached: true,
    // What stands for the program that gives back writes down what it is told.
    env: { PATH: process.env.PATH, GUARD: SCRIPT, GUARD_NODE: '/bin/sh', GUARD_PROGRAM: recorder(told) },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  started.add(child);
  const socket = child.stdio[3] as Socket;
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  socket.on('error', () => {});
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    told,
    ended,
    child,
    say: (line: string) => socket.write(`${line}\n`),
    /** As when the wrapper dies. */
    orphan: () => socket.destroy(),
    heard: () => heard,
  };
}

function recorder(out: string): string {
  const script = file();
  writeFileSync(script, `{ echo "$1"; cat; } > ${out}.part && mv ${out}.part ${out}\n`);
  return script;
}

/** A command with descendants of every kind, each of which adds its number to a file. */
const FAMILY = `
  note() { sh -c 'echo $PPID' >> "$OUT"; }
  note
  sleep 300 & echo $! >> "$OUT"
  (sleep 300 & echo $! >> "$OUT")
  setsid sh -c 'echo $$ >> "$OUT"; exec sleep 300' &
  setsid sh -c '(sh -c "echo \\$\\$ >> \\"$OUT\\"; trap \\"\\" TERM; while :; do sleep 0.1; done" &)'
  trap '' TERM
  while :; do sleep 0.1; done
`;

async function family(mark: string, detached: boolean) {
  const out = file();
  const env = { PATH: process.env.PATH, OUT: out, RENTABOT_HELD: `OUTER:00000000,${mark}` };
  const child = spawn('/bin/sh', ['-c', FAMILY], { detached, env, stdio: 'ignore' });
  started.add(child);
  await until(() => linesOf(out).length === 5, 'all there');
  return { child, pids: linesOf(out).map(Number) };
}

async function allGone(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive), `all gone of ${pids}, alive ${pids.filter(isAlive)}`);
}

function mayMakeCgroup(): boolean {
  const mount = / \/ (\S+) .* - cgroup2 /.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || own === undefined) return false;
  const folder = join(mount, own, `rentabot-test-${process.pid}`);
  try {
    mkdirSync(folder);
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** The guard and its timer, by the name they go under. */
function guardsOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isAlive(Number(name)))
    .filter((name) => commandLine(name).includes(`lease-guard\0${mark}`))
    .map(Number);
}

/** What lives of a session, by who leads it. */
function inSession(leader: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isAlive(Number(name)) && sessionOf(name) === leader)
    .map(Number);
}

function sessionOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
  } catch {
    return 0;
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

let marks = 0;
function mint(): string {
  marks += 1;
  return `TEST${process.pid}X${marks}:abcdefgh`;
}

describe.skipIf(!existsSync('/proc/self/stat'))('the guard', () => {
  test.each([
    ['a group of its own', true],
    ['our group, as in a terminal', false],
  ])('ends the whole tree of a command with %s when the wrapper dies, and then gives back', async (_, leads) => {
    const mark = mint();
    const { child, pids } = await family(mark, leads);
    const { say, orphan, told, ended } = guard({ mark });
    say('give-back {"secret":"a \\\\ b"}');
    say(`command ${child.pid} ${leads ? 1 : 0}`);
    orphan();
    expect(await ended).toBe(0);
    await allGone(pids);
    expect(linesOf(told)).toEqual(['give-back', '{"secret":"a \\\\ b"}']);
  });

  test('also where the wrapper dies before it could say which the command is', async () => {
    const mark = mint();
    const { pids } = await family(mark, true);
    const { orphan, ended } = guard({ mark });
    orphan();
    await ended;
    await allGone(pids);
  });

  test('gives the command the time to end by itself', async () => {
    const mark = mint();
    const out = file();
    const script = `trap 'sleep 0.2; echo clean > ${out}; exit' TERM; echo > ${out}.up; while :; do sleep 0.05; done`;
    const env = { PATH: process.env.PATH, RENTABOT_HELD: mark };
    const child = spawn('/bin/sh', ['-c', script], { detached: true, env, stdio: 'ignore' });
    started.add(child);
    await until(() => existsSync(`${out}.up`), 'up');
    const { say, orphan, ended } = guard({ mark, grace: 3000 });
    say(`command ${child.pid} 1`);
    orphan();
    await ended;
    expect(linesOf(out)).toEqual(['clean']);
  });

  test('ends the tree at the deadline of a wrapper that is not heard of any more, and says so', async () => {
    const mark = mint();
    const { child, pids } = await family(mark, true);
    const { say, heard, told } = guard({ mark });
    say('give-back {}');
    say(`command ${child.pid} 1`);
    const now = uptime();
    say(`deadline ${now + 30} ${now + 60}`);
    await allGone(pids);
    expect(uptime()).toBeGreaterThanOrEqual(now + 30);
    await until(() => heard().includes('late\n'), 'late');
    // The wrapper is alive: giving back is its business.
    expect(existsSync(told)).toBe(false);
  });

  test('a deadline that moved is not acted upon, and a guard that is done leaves', async () => {
    const mark = mint();
    const { child, pids } = await family(mark, true);
    const { say, heard, ended, told } = guard({ mark });
    say('give-back {}');
    say(`command ${child.pid} 1`);
    const now = uptime();
    say(`deadline ${now + 500} ${now + 550}`);
    say(`deadline ${now + 360_000} ${now + 360_000}`);
    await until(() => uptime() > now + 600, 'the first deadline is over');
    expect(pids.every(isAlive)).toBe(true);
    say('done');
    expect(await ended).toBe(0);
    expect(pids.every(isAlive)).toBe(true);
    expect(heard()).not.toContain('late');
    expect(existsSync(told)).toBe(false);
    process.kill(-(child.pid as number), 'SIGKILL');
    for (const pid of pids) killQuietly(pid);
  });

  test('where a cgroup may be made, one that left its session and cleared its environment is followed too', async ({
    skip,
  }) => {
    const mark = mint();
    const out = file();
    const script = `while [ ! -e ${out}.go ]; do sleep 0.02; done; env -i setsid sleep 300 & echo $! > ${out}; exec sleep 300`;
    const env = { PATH: process.env.PATH, RENTABOT_HELD: mark };
    const child = spawn('/bin/sh', ['-c', script], { detached: true, env, stdio: 'ignore' });
    started.add(child);
    const { say, heard, orphan, ended } = guard({ mark });
    say(`command ${child.pid} 1`);
    // After the second line the first is done with.
    const now = uptime();
    say(`deadline ${now + 360_000} ${now + 360_000}`);
    if (!mayMakeCgroup()) {
      orphan();
      await ended;
      skip('no cgroup may be made here');
    }
    await until(() => heard().includes('cgroup '), 'in a cgroup');
    const cgroup = /cgroup (.*)/.exec(heard())?.[1] ?? '';
    writeFileSync(`${out}.go`, '');
    await until(() => linesOf(out).length === 1, 'escaped');
    const escaped = Number(linesOf(out)[0]);
    orphan();
    await ended;
    await allGone([escaped]);
    expect(existsSync(cgroup)).toBe(false);
  });

  test('however often the deadline moves, one timer is left, and no sleep of an old one', async () => {
    const mark = mint();
    const { say, ended, child, heard } = guard({ mark });
    const now = uptime();
    for (let i = 0; i < 50; i += 1) say(`deadline ${now + 360_000 + i} ${now + 360_000 + i}`);
    say(`deadline ${now} ${now}`);
    await until(() => heard().includes('late'), 'all is read');
    for (let i = 0; i < 50; i += 1) say(`deadline ${now + 360_000 + i} ${now + 360_000 + i}`);
    const others = (): number[] => inSession(child.pid as number).filter((pid) => pid !== child.pid);
    // The timer, and what it sleeps with.
    await until(() => others().length === 2, 'one timer');
    say('done');
    expect(await ended).toBe(0);
    await until(() => others().length === 0, 'nothing is left');
  });

  test('nobody else is touched', async () => {
    const [mark, other] = [mint(), mint()];
    const ours = await family(mark, true);
    const theirs = await family(other, true);
    const { say, orphan, ended } = guard({ mark });
    say(`command ${ours.child.pid} 1`);
    orphan();
    await ended;
    await allGone(ours.pids);
    expect(theirs.pids.every(isAlive)).toBe(true);
    const second = guard({ mark: other });
    second.orphan();
    await second.ended;
    await allGone(theirs.pids);
  });

  test.each(['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT'] as const)('it does not heed %s', async (signal) => {
    const mark = mint();
    const { child, pids } = await family(mark, true);
    const one = guard({ mark });
    one.say(`command ${child.pid} 1`);
    const now = uptime();
    // It has read all that was said once it says something itself.
    one.say(`deadline ${now} ${now}`);
    await until(() => one.heard().includes('late'), 'heard');
    one.child.kill(signal);
    await allGone(pids);
    one.say('done');
    expect(await one.ended).toBe(0);
  });

  test('a guard that was killed leaves nothing behind that would act on its old deadline', async () => {
    const mark = mint();
    const { child, pids } = await family(mark, true);
    const { say, child: killed, ended, heard } = guard({ mark });
    say(`command ${child.pid} 1`);
    say(`deadline ${uptime() + 360_000} ${uptime() + 360_000}`);
    const timer = (): boolean => guardsOf(mark).length === 2;
    await until(timer, 'its timer runs');
    killed.kill('SIGKILL');
    await ended;
    await until(() => guardsOf(mark).length === 0, 'the timer has left');
    expect(pids.every(isAlive)).toBe(true);
    expect(heard()).not.toContain('late');
    const another = guard({ mark });
    another.orphan();
    await another.ended;
    await allGone(pids);
  });

  test('where the guard is killed together with the wrapper, its timer takes over', async () => {
    const mark = mint();
    const { child, pids } = await family(mark, true);
    const told = file();
    // A wrapper of our own, so that it can be killed.
    const wrapper = spawn(
      process.execPath,
      [
        '-e',
        `require('node:child_process').spawn('/bin/sh', ['-c', 'eval "$GUARD"', 'lease-guard', ${JSON.stringify(mark)}, '20'],
        { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }).stdio[3].write(process.argv[1])`,
        `give-back {}\ncommand ${child.pid} 1\ndeadline ${uptime() + 360_000} ${uptime() + 360_000}\n`,
      ],
      {
        env: { PATH: process.env.PATH, GUARD: SCRIPT, GUARD_NODE: '/bin/sh', GUARD_PROGRAM: recorder(told) },
        stdio: 'ignore',
      },
    );
    started.add(wrapper);
    await until(() => guardsOf(mark).length === 2, 'its timer runs');
    const main = Math.min(...guardsOf(mark));
    // The guard first: it must not have the time to see the wrapper's end.
    process.kill(main, 'SIGSTOP');
    wrapper.kill('SIGKILL');
    await new Promise((resolve) => wrapper.once('exit', resolve));
    process.kill(main, 'SIGKILL');
    await allGone(pids);
    await until(() => existsSync(told), 'given back');
  });

  for (const shell of [
    ['/bin/busybox', 'sh'],
    ['/bin/bash', '--posix'],
  ]) {
    test.skipIf(!existsSync(shell[0] as string))(`it runs in ${shell.join(' ')} as well`, async () => {
      const mark = mint();
      const { child, pids } = await family(mark, true);
      const { say, orphan, ended, told } = guard({ mark, shell });
      say('give-back {}');
      say(`command ${child.pid} 1`);
      orphan();
      await ended;
      await allGone(pids);
      expect(linesOf(told)).toEqual(['give-back', '{}']);
    });
  }
});
