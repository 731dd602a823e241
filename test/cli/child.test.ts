import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Command, exitStatus, startCommand } from '../../src/cli/child.ts';
import { mono } from '../../src/cli/time.ts';
import { temporaryFolder } from './support/world.ts';

const folder = temporaryFolder();
const env = { PATH: process.env.PATH ?? '', RENTABOT_HELD: `OUTER:abcdefgh,L${process.pid}:12345678` };
let files = 0;

/** Somewhere for a command to write to. */
function file(): string {
  files += 1;
  return join(folder, String(files));
}

async function start(script: string, terminal = false): Promise<Command> {
  const command = await startCommand(['sh', '-c', script], env, { terminal });
  if (!(command instanceof Command)) throw new Error(command.detail);
  return command;
}

async function until(check: () => boolean, what: string): Promise<void> {
  const deadline = mono() + 90_000;
  while (!check()) {
    if (mono() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Alive, and not just a dead one that nobody reaped. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const nothing = (): number => Number.POSITIVE_INFINITY;

test.each([
  ['exit 0', 0],
  ['exit 3', 3],
  ['exit 255', 255],
  ['kill -TERM $$', 143],
  ['kill -KILL $$', 137],
])('%s gives the status %i, as a shell says it', async (script, status) => {
  const command = await start(script);
  expect(exitStatus(await command.exited)).toBe(status);
});

test('argv arrives word for word, and no shell sees it', async () => {
  const out = file();
  const words = ['', ' ', "it's", '$HOME', '*', 'a\nb', '"', '--', '-n', '日本', '\\'];
  const script = 'require("fs").writeFileSync(process.argv[1], JSON.stringify(process.argv.slice(2)))';
  const command = await startCommand([process.execPath, '-e', script, '--', out, ...words], env, { terminal: false });
  if (!(command instanceof Command)) throw new Error(command.detail);
  await command.exited;
  expect(JSON.parse(textOf(out))).toEqual(words);
});

test.each([
  [['/nonexistent/command'], 127],
  [['no-such-command-anywhere'], 127],
  [[''], 127],
  [['/etc/passwd'], 126],
  [['/'], 126],
] as const)('%j cannot run: %i', async (argv, code) => {
  const command = await startCommand([...argv] as [string], env, { terminal: false });
  expect(command).toMatchObject({ type: 'not-started', code });
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const)(
  '%s is passed on to the whole group, once',
  async (signal) => {
    const out = file();
    const node = startCommand([process.execPath, '-e', TWO_LISTENERS, '--', out, signal], env, { terminal: false });
    const command = await node;
    if (!(command instanceof Command)) throw new Error(command.detail);
    await until(() => textOf(out).includes('ready\nready\n'), 'both ready');
    command.forward(signal);
    expect(exitStatus(await command.exited)).toBe(0);
    const lines = textOf(out).trim().split('\n');
    expect(lines.slice(2).sort()).toEqual([`child ${signal}`, `parent ${signal}`]);
  },
);

/** A process and its child write down what they hear; the parent ends when both have heard something. */
const TWO_LISTENERS = `
  const [out, signal, role = 'parent'] = process.argv.slice(1);
  const { appendFileSync, readFileSync } = require('node:fs');
  process.on(signal, () => appendFileSync(out, role + ' ' + signal + '\\n'));
  if (role === 'parent') require('node:child_process').spawn(process.execPath, ['-e', process._eval, '--', out, signal, 'child']);
  appendFileSync(out, 'ready\\n');
  setInterval(() => readFileSync(out, 'utf8').split(signal).length > 2 && process.exit(0), 10);
`;

test('a command that heeds TERM is given its time to clean up', async () => {
  const out = file();
  const command = await start(
    `trap 'sleep 0.1; echo clean > ${out}; exit 0' TERM; echo > ${out}.up; while :; do sleep 0.01; done`,
  );
  await until(() => existsSync(`${out}.up`), 'up');
  expect(await command.end(90_000, nothing)).toBe(true);
  expect(textOf(out)).toBe('clean\n');
});

test('a command that ignores TERM is killed after the grace', async () => {
  const out = file();
  const command = await start(`trap '' TERM; echo > ${out}; while :; do sleep 0.01; done`);
  await until(() => existsSync(out), 'up');
  const since = mono();
  expect(await command.end(150, nothing)).toBe(true);
  expect(mono() - since).toBeGreaterThanOrEqual(145);
  expect(await command.exited).toEqual({ type: 'signalled', signal: 'SIGKILL' });
});

test('a deadline that comes before the grace is over cuts it short', async () => {
  const out = file();
  const command = await start(`trap '' TERM; echo > ${out}; while :; do sleep 0.01; done`);
  await until(() => existsSync(out), 'up');
  const since = mono();
  let deadline = since + 3_600_000;
  const ending = command.end(3_600_000, () => deadline);
  deadline = since + 200;
  expect(await ending).toBe(true);
  expect(mono() - since).toBeLessThan(90_000);
});

test('a stopped command is ended all the same', async () => {
  const out = file();
  const command = await start(
    `trap 'echo term > ${out}; exit 0' TERM; echo > ${out}.up; kill -STOP $$; while :; do sleep 0.01; done`,
  );
  await until(
    () => existsSync(`${out}.up`) && /\) T/.test(readFileSync(`/proc/${command.pid}/stat`, 'utf8')),
    'stopped',
  );
  expect(await command.end(90_000, nothing)).toBe(true);
  expect(textOf(out)).toBe('term\n');
});

test.each([
  ['has its own group', false],
  ['shares the terminal', true],
])('what a command that %s leaves behind is found, and ended', async (_, terminal) => {
  const out = file();
  // One that heeds TERM, one that does not, and a grandchild of a shell that is gone.
  const command = await start(
    `sleep 300 & echo $! >> ${out}; sh -c 'trap "" TERM; echo $$ >> ${out}; while :; do sleep 0.05; done' & (sleep 300 & echo $! >> ${out}) & ` +
      `while [ $(wc -l < ${out}) -lt 3 ]; do sleep 0.01; done`,
    terminal,
  );
  await command.exited;
  const pids = textOf(out).trim().split('\n').map(Number);
  expect(pids.every(isAlive)).toBe(true);
  expect(command.hasLeftovers()).toBe(true);
  expect(await command.end(100, nothing)).toBe(true);
  expect(pids.some(isAlive)).toBe(false);
  expect(command.hasLeftovers()).toBe(false);
});

test.each([true, false])(
  'a descendant that left the session is followed by the mark in its environment (terminal: %s)',
  async (terminal) => {
    const out = file();
    const command = await start(
      `setsid sh -c 'echo $$ > ${out}; sleep 300' & while [ ! -s ${out} ]; do sleep 0.01; done`,
      terminal,
    );
    await command.exited;
    expect(command.hasLeftovers()).toBe(true);
    expect(await command.end(1000, nothing)).toBe(true);
    expect(isAlive(Number(textOf(out)))).toBe(false);
  },
);

test('a command without leftovers has none', async () => {
  for (const terminal of [false, true]) {
    const command = await start('true', terminal);
    await command.exited;
    expect(command.hasLeftovers()).toBe(false);
  }
});

test('in a terminal a signal goes to the command alone', async () => {
  const out = file();
  const bystander = spawn('sh', ['-c', 'while :; do sleep 0.05; done']);
  const command = await start(
    `trap 'echo usr1 > ${out}; exit 4' USR1; echo > ${out}.up; while :; do sleep 0.01; done`,
    true,
  );
  await until(() => existsSync(`${out}.up`), 'up');
  command.forward('SIGUSR1');
  expect(exitStatus(await command.exited)).toBe(4);
  expect(bystander.exitCode).toBeNull();
  bystander.kill('SIGKILL');
});

const PYTHON = '/usr/bin/python3';

test.skipIf(!existsSync(PYTHON))('a zombie that nobody reaps is not taken for a leftover', async () => {
  // A child that went where nobody follows (its own session, no mark) keeps a dead one of the group, and does not reap it.
  const script = [
    'import os, sys',
    'r, w = os.pipe()',
    'if os.fork() == 0:',
    '    dead = os.fork()',
    '    if dead == 0: os._exit(0)',
    '    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)',
    '    os.setsid()',
    '    open(sys.argv[1], "w").write(str(os.getpid()))',
    '    os.execve("/bin/sleep", ["sleep", "600"], {})',
    'os.close(w)',
    'os.read(r, 1)',
  ].join('\n');
  const out = file();
  const command = await startCommand([PYTHON, '-c', script, out], env, { terminal: false });
  if (!(command instanceof Command)) throw new Error(command.detail);
  await command.exited;
  expect(() => process.kill(-command.pid, 0)).not.toThrow();
  expect(command.hasLeftovers()).toBe(false);
  process.kill(Number(textOf(out)), 'SIGKILL');
});
