import { beforeAll, describe, expect, test } from 'vitest';
import { visibleWidth } from '../../src/cli/text.ts';
import { Account, type Run, type Served, until } from '../support/cli.ts';
import { hasScript, Terminal, terminalEnv } from '../support/terminal.ts';

let account: Account;
let served: Served;
let env: Record<string, string>;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: '{ a: {}, b: {} }' });
  env = terminalEnv(account, served.url);
});

const CLEARED = '\r\u001b[K';

const open = (more: Record<string, string | undefined> = {}): Promise<Terminal> =>
  Terminal.open(account, { ...env, ...more });

async function holdB(): Promise<Run> {
  const holder = account.start(
    [
      'lock',
      '-n',
      'b',
      '--note',
      'nightly 🦊 '.repeat(9),
      '--',
      'sh',
      '-c',
      'trap "exit 0" TERM; echo in; while :; do sleep 0.05; done',
    ],
    { env },
  );
  await holder.said('in');
  return holder;
}

describe.skipIf(!hasScript)('on a terminal', () => {
  test('the command has the terminal: tty, size, and the foreground', async () => {
    const terminal = await open();
    await terminal.command(
      'tty; $RB lock -n a -- sh -c "tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all"',
    );
    const names = terminal.screen.match(/^\/dev\/pts\/\d+/gm) ?? [];
    expect(names).toHaveLength(2);
    expect(names[0]).toBe(names[1]);
    expect(terminal.screen).toMatch(/ 60\r\nall\r\n/);
    await terminal.exit();
  });

  test('the wait is one live line within the width, which is gone when the command starts', async () => {
    const holder = await holdB();
    const terminal = await open();
    terminal.type('$RB lock -n b -- echo served\r');
    // Several frames of it.
    await terminal.run.saidOnce(() => terminal.screen.split('waiting for b').length > 4, 'frames');
    holder.kill('SIGTERM');
    await terminal.run.said('\r\nserved\r\n');
    const shown = terminal.screen.slice(terminal.screen.indexOf('echo served'));
    const live = shown.slice(shown.indexOf('\r\n') + 2, shown.lastIndexOf(CLEARED));
    expect(live).not.toContain('\n');
    const frames = live.split('\u001b[K').map((frame) => frame.replace('\r', ''));
    expect(frames.filter((frame) => visibleWidth(frame) > 58)).toEqual([]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a spinner in colour
    expect(live).toMatch(/\u001b\[33m[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
    expect(shown).toContain(`${CLEARED}rentabot: got b after`);
    await terminal.exit();
  });

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }, ''],
    ['--no-color', {}, '--no-color'],
    ['a dumb terminal', { TERM: 'dumb' }, ''],
  ])('no colours with %s', async (_, more, option) => {
    const holder = await holdB();
    const terminal = await open(more);
    await terminal.command(`$RB status ${option}`);
    terminal.type(`$RB lock ${option} -n b -- echo served\r`);
    await terminal.run.said('waiting for b');
    holder.kill('SIGTERM');
    await terminal.run.said('\r\nserved\r\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour is what is looked for
    expect(terminal.screen).not.toMatch(/\u001b\[\d*m/);
    await terminal.exit();
  });

  test('Ctrl-C while waiting leaves the queue, with 130 and nothing left of the line', async () => {
    const holder = await holdB();
    const terminal = await open();
    terminal.type('$RB lock -n b -- echo served\r');
    await terminal.run.said('waiting for b');
    terminal.type('\u0003');
    await terminal.run.said('left the queue');
    await terminal.command('echo code $?');
    await terminal.run.said(/code \d+\r\n/);
    expect(terminal.screen).toContain('code 130\r\n');
    const last = terminal.screen.slice(0, terminal.screen.indexOf('rentabot: left'));
    expect(last.endsWith(CLEARED)).toBe(true);
    // The terminal itself writes ^C behind the line, which has room for it, so that it does not wrap.
    const frame = last.slice(0, last.lastIndexOf('\r')).split('\r').at(-1) ?? '';
    expect(visibleWidth(frame.replaceAll('\u001b[K', ''))).toBeLessThanOrEqual(60);
    holder.kill('SIGTERM');
    await holder.ended;
    await terminal.exit();
  });

  test('Ctrl-C reaches the command once, and its own exit code counts', async () => {
    const terminal = await open();
    account.file(
      'traps.sh',
      `n=0; trap 'n=$((n+1))' INT; echo go; while [ $n = 0 ]; do sleep 0.02; done; sleep 0.3; exit $((70+n))`,
    );
    terminal.type('$RB lock -n a -- bash traps.sh\r');
    await terminal.run.said('\r\ngo\r\n');
    await terminal.interrupt();
    await terminal.command('echo code $?');
    await terminal.run.said(/code \d+\r\n/);
    expect(terminal.screen).toContain('code 71\r\n');
    await terminal.exit();
  });

  test('Ctrl-C ends a loop around it, as it would around the command alone', async () => {
    const terminal = await open();
    terminal.type('for i in 1 2 3; do $RB lock -n a -- sh -c "echo go; exec sleep 600"; echo after $i; done\r');
    await terminal.run.said('\r\ngo\r\n');
    await terminal.interrupt();
    await terminal.command('echo code $?');
    await terminal.run.said(/code \d+\r\n/);
    expect(terminal.screen).toContain('code 130\r\n');
    expect(terminal.screen).not.toContain('after 1\r\n');
    await terminal.exit();
  });

  test('kill -9 of the wrapper takes the command with it, and nobody else of the terminal', async () => {
    const terminal = await open();
    const long = 100_000_000 + 10 * process.pid;
    await terminal.command(`sleep ${long + 2} &`);
    // The command itself kills the wrapper, which is its parent.
    await terminal.command(
      `$RB lock -n a --ttl 10m -- bash -c "kill -9 \\$PPID; setsid sleep ${long} & sleep ${long + 1}"; echo code $?`,
    );
    expect(terminal.screen).toContain('code 137\r\n');
    await terminal.command('$RB lock -n a -- echo next');
    await terminal.command(`pgrep -f "^sleep ${long / 10}[01]" || echo nothing left`);
    expect(terminal.screen).toContain('\r\nnothing left');
    await terminal.command('kill %1 && echo the bystander lived');
    expect(terminal.screen).toContain('\r\nthe bystander lived');
    await terminal.exit();
  });

  test('Ctrl-Z stops it and fg goes on, to the same exit code', async () => {
    const terminal = await open();
    account.file('fg.sh', 'echo go; while [ ! -e fg-done ]; do sleep 0.05; done; exit 9');
    terminal.type('$RB lock -n a -- bash fg.sh\r');
    await terminal.run.said('\r\ngo\r\n');
    terminal.type('\u001a');
    await terminal.run.said('Stopped');
    account.file('fg-done', '');
    terminal.type('fg\r');
    await terminal.command('echo code $?');
    await terminal.run.said(/code \d+\r\n/);
    expect(terminal.screen).toContain('code 9\r\n');
    await terminal.exit();
  });

  test('Ctrl-Z renews the lease and says for how long it is held, fg renews it again, and both work twice', async () => {
    const terminal = await open();
    const expiry = async (): Promise<number> => {
      const { leases } = (await (await fetch(`${served.url}/api/v2/leases`)).json()) as {
        leases: { expiresAt: string; resources: { name: string }[] }[];
      };
      return Date.parse(leases.find(({ resources }) => resources[0]?.name === 'a')?.expiresAt ?? '');
    };
    account.file('twice.sh', 'echo go; while [ ! -e twice-done ]; do sleep 0.05; done; exit 9');
    // So long that it is not renewed by itself meanwhile.
    terminal.type('$RB lock -n a --ttl 1d -- bash twice.sh\r');
    await terminal.run.said('\r\ngo\r\n');
    for (const round of [1, 2]) {
      const running = await expiry();
      terminal.type('\u001a');
      const said =
        /rentabot: stopped: a is held for .* at most; bash twice\.sh is ended then, unless `fg` comes before\r\n/g;
      await terminal.run.saidOnce(() => terminal.screen.match(said)?.length === round, 'how long it is held');
      await terminal.run.saidOnce(() => terminal.screen.match(/Stopped/g)?.length === round, 'Stopped');
      const stopped = await expiry();
      expect(stopped).toBeGreaterThan(running);
      terminal.type('fg\r');
      await until('it is renewed', async () => (await expiry()) > stopped);
    }
    account.file('twice-done', '');
    await terminal.command('echo code $?');
    await terminal.run.said(/code \d+\r\n/);
    expect(terminal.screen).toContain('code 9\r\n');
    await terminal.exit();
  });

  test('where no shell is there to go on again, Ctrl-Z stops nothing', async () => {
    const run = account.spawn(
      [
        'script',
        '-qfec',
        `exec ${process.execPath} ${account.script} lock -n a -- sh -c 'echo go; read line; echo $line'`,
        '/dev/null',
      ],
      { env, input: null },
    );
    await run.said('go');
    run.child.stdin?.write('\u001a');
    await run.said('stopped: a is held');
    run.child.stdin?.write('on\r');
    await run.said('\r\non\r\n');
    await run.ended;
  });

  test('what the command leaves in the terminal’s session is ended before the release', async () => {
    const terminal = await open();
    // Nobody else on this machine sleeps for so long.
    const long = 100_000_000 + 10 * process.pid;
    await terminal.command(
      `$RB lock -n a --grace 1s -- bash -c "sleep ${long} & setsid sleep ${long + 1} & exit 4"; echo code $?`,
    );
    expect(terminal.screen).toContain('code 4\r\n');
    await terminal.command(`pgrep -f "^sleep ${long / 10}[01]" || echo nothing left`);
    expect(terminal.screen).toContain('\r\nnothing left');
    await terminal.exit();
  });

  test('a terminal that goes away takes the command with it, and the resource is free at once', async () => {
    const terminal = await open();
    terminal.type('$RB lock -n a --ttl 300s -- bash -c "echo go; while :; do sleep 0.1; done"\r');
    await terminal.run.said('\r\ngo\r\n');
    terminal.run.kill('SIGKILL');
    await terminal.run.ended;
    const next = await account.run(['lock', '-q', '-n', 'a', '--wait', '90s', '--', 'true'], { env });
    expect(next.code).toBe(0);
  });
});
