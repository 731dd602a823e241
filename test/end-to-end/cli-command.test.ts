import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Account, isAlive, renewed, type Served, signal, until } from '../support/cli.ts';
import { inSomeSpan } from '../support/spans.ts';

/** How the wrapped command runs: its words, its streams, its environment, its exit code. */
let account: Account;
let served: Served;
let env: Record<string, string>;

const YAML = `
resources:
  board-1: { endpoint: 'tcp://b1', tags: [board], properties: { serial-number: A-17, name: clash, endpoint: clash, ram.gb: 3 } }
  gpu-0: { endpoint: 'pci:0', tags: [gpu], env: { CUDA_VISIBLE_DEVICES: 0, ONE: a } }
  gpu-3: { endpoint: 'pci:3', tags: [gpu], env: { CUDA_VISIBLE_DEVICES: 3 } }
  spare: {}
  free: {}
`;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: YAML });
  env = { RENTABOT_URL: served.url };
  account.file('words.sh', '#!/bin/bash\nprintf "%s\\0" "$@"\n', 0o755);
});

const lock = (args: readonly string[], options: { input?: string | Buffer; env?: Record<string, string> } = {}) =>
  account.run(['lock', ...args], { ...options, env: { ...env, ...options.env } });

test.each([
  [
    'words with spaces, quotes, newlines and nothing in them',
    ['--', './words.sh', 'a b', '"', "'", '', '$HOME', '*', 'x\ny', '\\', ''],
  ],
  [
    'words that look like our options, after --',
    ['--', './words.sh', '--no-wait', '-n', '--', '--help', '-q', '--version'],
  ],
  [
    'words that look like our options, after the first word',
    ['./words.sh', '--no-wait', '-n', 'x', '--', '--ttl', '1', '-V', '-h'],
  ],
  ['an emoji and a bell', ['--', './words.sh', '🦊', '\u0007']],
])('argv is passed as it is: %s', async (_, line) => {
  const { code, out, err } = await lock(['-n', 'free', ...line]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const words = line.slice(line.indexOf('./words.sh') + 1);
  expect(out.split('\0').slice(0, -1)).toEqual(words);
});

test('a word that is not UTF-8 is refused rather than passed on as another', async () => {
  const line = `exec "$0" "$1" lock -n free -- ./words.sh "$(printf 'caf\\351')"`;
  const run = account.spawn(['sh', '-c', line, process.execPath, account.script], { env });
  const found = await run.ended;
  expect(found).toMatchObject({ code: 64, out: '' });
  expect(found.err).toMatch(/not UTF-8/);
  expect((await lock(['-n', 'free', '--', './words.sh', '\ufffd'])).out).toBe('\ufffd\0');
});

test('stdin, stdout and stderr are the command’s own, byte for byte', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) % 256));
  const run = account.start(['lock', '-n', 'free', '--', 'sh', '-c', 'cat; echo told >&2'], { env, input: bytes });
  expect(await run.ended).toMatchObject({ code: 0, err: 'told\n' });
  expect(run.bytes.equals(bytes)).toBe(true);
});

test('a here-document reaches the command', async () => {
  const line = `"$0" "$1" lock -n free -- cat <<'END'\none\n two\nEND`;
  const run = account.spawn(['sh', '-c', line, process.execPath, account.script], { env });
  expect((await run.ended).out).toBe('one\n two\n');
});

test('a command in a loop does not eat what the loop reads', async () => {
  const line = `printf '1\\n2\\n' | while read -r n; do "$0" "$1" lock -n free -- echo "$n" </dev/null; done`;
  const run = account.spawn(['sh', '-c', line, process.execPath, account.script], { env });
  expect((await run.ended).out).toBe('1\n2\n');
});

test.each([0, 1, 69, 75, 76, 124, 126, 127, 255])('exit code %i of the command passes through', async (code) => {
  const found = await lock(['-n', 'free', '--exit-code', 'busy=3', '--', 'sh', '-c', `exit ${code}`]);
  expect(found).toEqual({ code, signal: null, out: '', err: '' });
});

test.each([
  ['KILL', 137],
  ['TERM', 143],
  ['INT', 130],
  ['SEGV', 139],
])('a command that SIG%s ends exits with %i', async (name, code) => {
  const result = join(account.work, `r-${name}.json`);
  const found = await lock(['-n', 'free', '--result-file', result, '--', 'sh', '-c', `ulimit -c 0; kill -${name} $$`]);
  expect(found).toMatchObject({ code, signal: null });
  expect(JSON.parse(readFileSync(result, 'utf8'))).toMatchObject({
    outcome: 'completed',
    exitCode: code,
    signal: `SIG${name}`,
  });
});

test.each([
  ['no such command', ['no-such-command-at-all'], 127, /"no-such-command-at-all": command not found/],
  ['no such file', ['./missing'], 127, /not found/],
  ['an empty word', [''], 127, /not found/],
  ['a folder', ['/'], 126, /could not be executed/],
  ['a file that is not executable', ['./plain.txt'], 126, /permission denied/],
  ['a script whose interpreter is missing', ['./odd.sh'], 127, /./],
])('what cannot be started: %s', async (_, argv, code, message) => {
  account.file('plain.txt', 'x');
  account.file('odd.sh', '#!/no/such/interpreter\n', 0o755);
  const result = join(account.work, 'ns.json');
  const found = await lock(['-n', 'free', '--result-file', result, '--', ...argv]);
  expect(found.code).toBe(code);
  expect(found.err).toMatch(message);
  const written = JSON.parse(readFileSync(result, 'utf8'));
  expect(written).toMatchObject({
    outcome: 'not-started',
    exitCode: code,
    signal: null,
    lease: { resources: [{ name: 'free' }] },
  });
  const { resources } = await account.status(env);
  expect(resources.find(({ name }) => name === 'free')?.leases).toEqual([]);
});

test('the environment of a command is that of cli.md, and NAME and ENDPOINT win a clash', async () => {
  const given = {
    KEPT: 'yes',
    RENTABOT_9_NAME: 'of an outer lock',
    RENTABOT_RESOURCE: 'stale',
    CUDA_VISIBLE_DEVICES: '7',
  };
  const { out, code } = await lock(['-w', '2*gpu', '-n', 'board-1', '--', 'env', '-0'], { env: given });
  expect(code).toBe(0);
  const found = Object.fromEntries(
    out
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  expect(found).toMatchObject({
    KEPT: 'yes',
    RENTABOT_RESOURCE: 'gpu-0',
    RENTABOT_RESOURCES: 'gpu-0,gpu-3,board-1',
    RENTABOT_ENDPOINT: 'pci:0',
    RENTABOT_0_NAME: 'gpu-0',
    RENTABOT_0_ENDPOINT: 'pci:0',
    RENTABOT_1_NAME: 'gpu-3',
    RENTABOT_2_NAME: 'board-1',
    RENTABOT_2_ENDPOINT: 'tcp://b1',
    RENTABOT_2_SERIAL_NUMBER: 'A-17',
    RENTABOT_2_RAM_GB: '3',
    RENTABOT_URL: served.url,
    CUDA_VISIBLE_DEVICES: '0,3',
    ONE: 'a',
  });
  expect(found.RENTABOT_LEASE).toMatch(/^[0-9A-Za-z-]{20,}$/);
  expect(Number(found.RENTABOT_FENCE)).toBeGreaterThan(0);
  expect(found).not.toHaveProperty('RENTABOT_9_NAME');
  const secrets = Object.entries(found).filter(([key]) => /SECRET/i.test(key));
  expect(secrets).toEqual([]);
});

test.each([
  [['-t', 'gpu', '-n', 'board-1', '-n', 'spare', '--count', '2'], 'gpu-0,gpu-3,board-1,spare'],
  [['-n', 'spare', '-w', 'name=board-*', '--id', '2'], 'spare,board-1,gpu-0'],
  [['-w', 'gpu', '-n', 'spare', '-w', 'gpu'], /^gpu-(0|3),spare,gpu-(0|3)$/],
])('%j are held in the order of typing', async (wants, names) => {
  const { out, code } = await lock([...wants, '--', 'printenv', 'RENTABOT_RESOURCES']);
  expect(code).toBe(0);
  expect(out.trim()).toMatch(names);
});

test('what the command leaves behind is ended before the release', async () => {
  const pidFile = join(account.work, 'left.pid');
  const { code } = await lock([
    '-n',
    'free',
    '--grace',
    '1s',
    '--',
    'sh',
    '-c',
    `(trap '' TERM; echo $$ >/dev/null; exec sleep 1000) & echo $! > ${pidFile}; exit 3`,
  ]);
  expect(code).toBe(3);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  expect(isAlive(pid)).toBe(false);
});

test('--timeout ends the command with 124: TERM first, KILL after the grace', async () => {
  const result = join(account.work, 't.json');
  const command = ['sh', '-c', 'trap "echo term" TERM; while :; do sleep 0.05; done'];
  await inSomeSpan(async (span) => {
    const spans = ['--timeout', `${span}s`, '--grace', `${span}s`];
    const started = performance.now();
    const found = await lock(['-n', 'free', ...spans, '--result-file', result, '--', ...command]);
    expect(found).toMatchObject({ code: 124, out: 'term\n' });
    expect(performance.now() - started).toBeGreaterThan(2000 * span - 100);
  });
  expect(JSON.parse(readFileSync(result, 'utf8'))).toMatchObject({ outcome: 'timeout', exitCode: 124, signal: null });
});

test('a command that ends within its grace is not killed', async () => {
  const command = ['bash', '-c', 'trap "echo bye; exit 0" TERM; while :; do sleep 0.05; done'];
  await inSomeSpan(async (span) => {
    const found = await lock(['-n', 'free', '--timeout', `${span}s`, '--grace', '60s', '--', ...command]);
    expect(found).toMatchObject({ code: 124, out: 'bye\n' });
  });
});

test.each(['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH'] as const)(
  'SIG%s to the wrapper reaches the command once, and its own exit code counts',
  async (name) => {
    const script = `n=0; trap 'n=$((n+1)); echo got' ${name}; echo ready; i=0; while [ $n = 0 ]; do sleep 0.02; done; sleep 0.2; exit $((40+n))`;
    const run = account.start(['lock', '-n', 'free', '--', 'bash', '-c', script], { env });
    await run.said('ready');
    run.kill(`SIG${name}`);
    expect(await run.ended).toMatchObject({ code: 41, signal: null, out: 'ready\ngot\n' });
  },
);

test('a signal that the command does not mind leaves its lease alone', async () => {
  const check = `"${process.execPath}" "${account.script}" check`;
  const command = `trap 'echo no' TERM; echo ready; while [ ! -e minded ]; do sleep 0.05; done; ${check}`;
  // Without a grace a stall has to last for more than half of the ttl to lose the lease.
  const run = account.start(['lock', '-n', 'free', '--ttl', '12s', '--grace', '0', '--', 'bash', '-c', command], {
    env,
  });
  await run.said('ready');
  run.kill('SIGTERM');
  await run.said('no\n');
  await renewed(served.url);
  account.file('minded', '');
  expect(await run.ended).toMatchObject({ code: 0, out: 'ready\nno\n' });
});

test('a command without a terminal gets a signal once, with its children', async () => {
  const run = account.start(
    [
      'lock',
      '-n',
      'free',
      '--',
      'bash',
      '-c',
      `trap 'wait; echo outer; exit 9' TERM; bash -c 'trap "echo inner; exit" TERM; echo ready; while :; do sleep 0.05; done' & wait`,
    ],
    { env },
  );
  await run.said('ready');
  run.kill('SIGTERM');
  expect(await run.ended).toMatchObject({ code: 9, out: 'ready\ninner\nouter\n' });
});

test('the wrapper killed with KILL gives the resource back by its ttl at the latest', async () => {
  const run = account.start(['lock', '-n', 'free', '--ttl', '2s', '--', 'sh', '-c', 'echo $$; exec sleep 1000'], {
    env,
  });
  await run.said('\n');
  run.kill('SIGKILL');
  try {
    // Before the 30 s that it would be without a ttl of its own.
    await until(
      'it is free',
      async () => (await account.status(env)).resources.find(({ name }) => name === 'free')?.state === 'free',
      25_000,
    );
  } finally {
    signal(Number(run.out), 'SIGKILL');
  }
  await run.ended;
});
