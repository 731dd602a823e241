import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { visibleWidth } from '../../src/cli/text.ts';
import { Account, type Run, type Served, signal, until } from '../support/cli.ts';
import { hasScript, Terminal, terminalEnv } from '../support/terminal.ts';

let account: Account;
let served: Served;
let env: Record<string, string>;
beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: '{ a: { tags: [x] }, b: { description: "the second one" } }' });
  env = terminalEnv(account, served.url);
});

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

const open = (more: Record<string, string | undefined> = {}, size = 'rows 24 cols 80'): Promise<Terminal> =>
  Terminal.open(account, { ...env, ...more }, size);

/** What a terminal shows that was sent this since top took the screen: no more of one than top needs. */
function screenOf(sent: string): string[] {
  const lines: string[] = [];
  const own = sent.slice(sent.lastIndexOf(ENTER) + ENTER.length).split(LEAVE)[0] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read
  for (const [, clear, row, text] of own.matchAll(/(\u001b\[2J)|\u001b\[(\d+);1H(.*?)\u001b\[K/gs)) {
    if (clear) lines.length = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are no text
    else lines[Number(row) - 1] = (text ?? '').replace(/\u001b\[\d*m/g, '');
  }
  return Array.from(lines, (line) => line ?? '');
}

const lineOf = (terminal: Terminal, name: string): string =>
  screenOf(terminal.screen).find((line) => line.startsWith(`${name} `)) ?? '';

const shows = (terminal: Terminal, name: string, what: RegExp): Promise<void> =>
  terminal.run.saidOnce(() => what.test(lineOf(terminal, name)), `${what} in the line of ${name}`);

async function started(terminal: Terminal, line = '$RB top'): Promise<void> {
  terminal.type(`${line}\r`);
  await terminal.run.saidOnce(() => screenOf(terminal.screen).length > 2, 'a table');
}

/** The terminal is as it was, once top has left it: its own screen, a cursor, and letters that are echoed. */
async function isRestored(terminal: Terminal, code: number): Promise<void> {
  const since = (): string => terminal.screen.slice(terminal.screen.lastIndexOf(ENTER));
  await terminal.run.saidOnce(() => since().includes(LEAVE), 'that it left');
  await terminal.command('echo code $?; stty -a');
  await terminal.run.saidOnce(() => / icanon [\s\S]* echo /.test(since()), 'what the terminal does with letters');
  expect(since()).toContain(`code ${code}\r\n`);
}

/** The process of this program that runs on this terminal. */
async function pidOfTop(): Promise<number> {
  let pid = 0;
  await until('top runs', () => {
    pid = Number(spawnSync('pgrep', ['-f', `^${process.execPath} ${account.script} top`], { encoding: 'utf8' }).stdout);
    return pid > 0;
  });
  return pid;
}

async function hold(name: string, note: string): Promise<Run> {
  const holder = account.start(['lock', '-n', name, '--note', note, '--', 'sh', '-c', 'echo in; exec sleep 1012'], {
    env,
  });
  await holder.said('in');
  return holder;
}

describe.skipIf(!hasScript)('rentabot top', () => {
  test('shows what happens by itself, and leaves the terminal as it was', async () => {
    const terminal = await open();
    await started(terminal);
    await shows(terminal, 'a', /free/);
    const holder = await hold('a', 'nightly');
    await shows(terminal, 'a', /held .* nightly$/);
    holder.kill('SIGTERM');
    await shows(terminal, 'a', /free/);
    terminal.type('q');
    await isRestored(terminal, 0);
    await terminal.exit();
  });

  test('keys filter, sort and pause; what is paused stays', async () => {
    const terminal = await open();
    await started(terminal);
    terminal.type('/secnod\u007f\u007f\u007fond\r');
    await terminal.run.saidOnce(() => screenOf(terminal.screen)[0]?.includes('1 shown') ?? false, 'one row');
    expect(lineOf(terminal, 'a')).toBe('');
    terminal.type('\u001bs');
    await terminal.run.saidOnce(() => screenOf(terminal.screen).at(-1)?.includes('sort: state') ?? false, 'the order');
    terminal.type('p');
    await terminal.run.saidOnce(() => screenOf(terminal.screen)[0]?.startsWith('paused') ?? false, 'paused');
    const still = screenOf(terminal.screen);
    const holder = await hold('b', 'while it stands still');
    expect(screenOf(terminal.screen)).toEqual(still);
    terminal.type('p');
    await shows(terminal, 'b', /while it stands still/);
    holder.kill('SIGTERM');
    terminal.type('q');
    await isRestored(terminal, 0);
    await terminal.exit();
  });

  test('Ctrl-C leaves it, with 130', async () => {
    const terminal = await open();
    await started(terminal);
    terminal.type('\u0003');
    await isRestored(terminal, 130);
    await terminal.exit();
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends it, and the terminal is as it was', async (name, code) => {
    const terminal = await open();
    await started(terminal);
    signal(await pidOfTop(), name);
    await isRestored(terminal, code);
    await terminal.exit();
  });

  test('Ctrl-Z gives the terminal back, and fg takes it again', async () => {
    const terminal = await open();
    await started(terminal);
    terminal.type('\u001a');
    await terminal.run.said('Stopped');
    await terminal.command('stty -a');
    await terminal.run.said(/ icanon [\s\S]* echo /);
    terminal.type('fg\r');
    await terminal.run.saidOnce(() => terminal.screen.split(ENTER).length === 3, 'its screen again');
    await terminal.run.saidOnce(() => screenOf(terminal.screen).length > 2, 'the table again');
    terminal.type('q');
    await isRestored(terminal, 0);
    await terminal.exit();
  });

  test.each(['rows 24 cols 80', 'rows 8 cols 30'])('fits a terminal of %s', async (size) => {
    const [rows = 0, columns = 0] = size.match(/\d+/g)?.map(Number) ?? [];
    const holder = await hold('a', 'nightly 🦊 '.repeat(20));
    const terminal = await open({}, size);
    await started(terminal);
    await shows(terminal, 'a', /held/);
    const lines = screenOf(terminal.screen);
    expect(lines).toHaveLength(rows);
    expect(lines.filter((line) => visibleWidth(line) > columns)).toEqual([]);
    terminal.type('q');
    await terminal.run.said(LEAVE);
    holder.kill('SIGTERM');
    await terminal.exit();
  });

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }, ''],
    ['--no-color', {}, ' --no-color'],
  ])('has no colours with %s', async (_, more, option) => {
    const terminal = await open(more);
    await started(terminal, `$RB top${option}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour is what is looked for
    expect(terminal.screen).not.toMatch(/\u001b\[\d*m/);
    terminal.type('q');
    await terminal.run.said(LEAVE);
    await terminal.exit();
  });

  test('a daemon that is away is said, and when it is back it goes on', async () => {
    const data = account.folder('away');
    const socket = `${data}/s`;
    const one = await account.serve({ yaml: 'c: {}', data, listen: 'none', socket });
    const terminal = await open({ RENTABOT_URL: `unix:${socket}` });
    await started(terminal);
    await shows(terminal, 'c', /free/);
    one.run.kill('SIGTERM');
    await one.run.ended;
    await terminal.run.saidOnce(() => screenOf(terminal.screen)[0]?.includes('trying again') ?? false, 'the trouble');
    const two = await account.serve({ yaml: 'c: { description: "back again" }', data, listen: 'none', socket });
    await shows(terminal, 'c', /back again/);
    expect(screenOf(terminal.screen)[0]).not.toContain('trying again');
    terminal.type('q');
    await terminal.run.said(LEAVE);
    two.run.kill('SIGTERM');
    await terminal.exit();
  });
});

test.each([{ options: [] }, { options: ['-n', 'b'] }])(
  'in a pipe it is one table, as status has it: $options',
  async ({ options }) => {
    const [top, status] = await Promise.all([
      account.run(['top', ...options], { env }),
      account.run(['status', ...options], { env }),
    ]);
    expect(top).toEqual(status);
    expect(top.out).toMatch(/^NAME .*\n/);
    expect(top.out).not.toContain('\u001b');
  },
);

test('with --json it is what status has, too', async () => {
  const { out } = await account.run(['top', '--json'], { env });
  expect(JSON.parse(out).resources).toHaveLength(2);
});

test.skipIf(!hasScript)('on a dumb terminal it is one table', async () => {
  const terminal = await open({ TERM: 'dumb' });
  await terminal.command('$RB top; echo code $?');
  await terminal.run.said(/code \d+\r\n/);
  expect(terminal.screen).toContain('code 0\r\n');
  expect(terminal.screen).not.toContain(ENTER);
  await terminal.exit();
});
