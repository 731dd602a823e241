import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Account, type Result, type Run, until } from '../support/cli.ts';

/** A daemon as a container starts it: beyond its host from the first moment, and nobody there to type a password. */
const FIRST = '0f'.concat('3a9c47e1b85d62').repeat(4);
const SECOND = 'rb_Xq7mV2kT9wLzR4nB8cYdHsJfPgUeA3iO';

let account: Account;
let file: string;
beforeEach(async () => {
  account = await Account.make();
  file = account.file('admin-token', `${FIRST}\n`, 0o400);
});

const data = () => join(account.base, 'data');

function start(options: readonly string[] = ['--admin-token-file', file], env: Record<string, string> = {}): Run {
  account.file('lab.yaml', 'board-1: {}\n');
  const place = ['--data', data(), '--socket', 'none', '--listen', '127.0.0.1:0'];
  return account.start(['serve', '-c', 'lab.yaml', ...place, ...options], { env });
}

/** Starts it, and answers where it listens. */
async function serve(options?: readonly string[], env?: Record<string, string>): Promise<{ run: Run; url: string }> {
  const run = start(options, env);
  await run.said('\n');
  return { run, url: run.out.replace('listening on ', '').trim() };
}

async function stop(run: Run): Promise<void> {
  run.kill('SIGTERM');
  expect((await run.ended).code).toBe(0);
  for (const text of [run.out, run.err]) for (const secret of [FIRST, SECOND]) expect(text).not.toContain(secret);
}

function as(token: string, url: string, args: readonly string[]): Promise<Result> {
  return account.run(args, { env: { RENTABOT_URL: url, RENTABOT_TOKEN: token } });
}

async function replace(text: string): Promise<void> {
  rmSync(file);
  account.file('admin-token', text, 0o400);
}

describe('a daemon with the token of an admin in a file', () => {
  test('comes up closed, for the whole network, and usable without a further step', async () => {
    const { run, url } = await serve();
    const stranger = await account.run(['status'], { env: { RENTABOT_URL: url } });
    expect(stranger.code).toBe(77);
    expect((await as(FIRST, url, ['whoami'])).out).toBe(`file admin (admin) at ${url}\n`);
    const created = await as(FIRST, url, ['token', 'create', 'ci', '--role', 'user']);
    expect(created.code).toBe(0);
    const locked = await as(created.out.trim(), url, ['lock', '-n', 'board-1', '-q', '--', 'echo', 'mine']);
    expect([locked.code, locked.out]).toEqual([0, 'mine\n']);
    const list = await as(FIRST, url, ['token', 'list']);
    expect(list.out).toMatch(/^file admin +admin +never .* host admin /m);
    const history = await as(FIRST, url, ['history', '--json']);
    expect(history.out).toContain('"token-created"');
    await stop(run);
    // Neither the text nor anything but its hash is on the disk.
    for (const name of readdirSync(data())) {
      if (existsSync(join(data(), name)) && !name.endsWith('.sock'))
        expect(readFileSync(join(data(), name), 'latin1')).not.toContain(FIRST);
    }
  });

  test('has one such token after any number of starts, and that of the file as it is now', async () => {
    const ids = new Set<string>();
    for (let starts = 0; starts < 3; starts += 1) {
      const { run, url } = await serve();
      const { tokens } = JSON.parse((await as(FIRST, url, ['token', 'list', '--json'])).out);
      expect(tokens).toHaveLength(1);
      ids.add(tokens[0].id);
      await stop(run);
    }
    expect(ids.size).toBe(1);
    await replace(SECOND);
    const { run, url } = await serve();
    expect((await as(FIRST, url, ['status'])).code).toBe(77);
    expect((await as(SECOND, url, ['status'])).code).toBe(0);
    await stop(run);
  });

  test('reads the file again on SIGHUP; what is wrong with it changes nothing', async () => {
    const { run, url } = await serve();
    await replace('too short');
    run.kill('SIGHUP');
    await run.said('the admin token stays as it was', 'err');
    expect((await as(FIRST, url, ['status'])).code).toBe(0);
    await replace(SECOND);
    run.kill('SIGHUP');
    await until('the new token is good', async () => (await as(SECOND, url, ['status'])).code === 0);
    expect((await as(FIRST, url, ['status'])).code).toBe(77);
    await stop(run);
  });

  test('goes on with whom it knows when the setting is taken away', async () => {
    const first = await serve();
    await stop(first.run);
    const { run, url } = await serve([]);
    expect((await as(FIRST, url, ['status'])).code).toBe(0);
    await stop(run);
  });

  test.each([
    ['a flag', () => ({ options: ['--admin-token-file', file], env: {} })],
    ['a variable', () => ({ options: [], env: { RENTABOT_ADMIN_TOKEN_FILE: file } })],
  ])('is told the file by %s', async (_, given) => {
    const { options, env } = given();
    const { run, url } = await serve(options, env);
    expect((await as(FIRST, url, ['status'])).code).toBe(0);
    await stop(run);
  });

  test('is told the file by its descriptor, from the folder of that on', async () => {
    const config = account.file('settings.yaml', 'resources: {}\nadmin_token_file: admin-token\n');
    const args = ['serve', '-c', config, '--data', data(), '--socket', 'none', '--listen', '127.0.0.1:0'];
    const run = account.start(args, { cwd: account.home });
    await run.said('\n');
    const url = run.out.replace('listening on ', '').trim();
    expect((await as(FIRST, url, ['status'])).code).toBe(0);
    await stop(run);
  });
});

describe('a file that has no good token', () => {
  test.each([
    ['is missing', () => rmSync(file), 'it is not there'],
    ['is empty', () => replace(''), 'it is empty'],
    ['is short', () => replace('hunter2-hunter2'), 'at least 32 characters'],
    ['is one word again and again', () => replace('changeme'.repeat(5)), 'no random text'],
  ])('because it %s stops the start with a sentence', async (_, spoil, why) => {
    await spoil();
    const run = start();
    const { code, out, err } = await run.ended;
    expect([code, out, err]).toEqual([78, '', expect.stringContaining(`the admin token cannot be had from ${file}: `)]);
    expect(err).toContain(why);
    expect(err).not.toMatch(/hunter2|changeme/);
  });

  test('stops a start, too, where the daemon knows somebody already', async () => {
    const { run } = await serve();
    await stop(run);
    rmSync(file);
    expect((await start().ended).code).toBe(78);
  });
});

test.each([
  [0o644, true],
  [0o440, false],
  [0o400, false],
])('a file of mode %o that others may use is told of', async (mode, isTold) => {
  rmSync(file);
  account.file('admin-token', FIRST, mode);
  const { run } = await serve();
  expect(run.err.includes('others than its owner and its group may use the file')).toBe(isTold);
  await stop(run);
});

test("a user's background daemon takes no admin from a file", async () => {
  const env = { RENTABOT_ADMIN_TOKEN_FILE: file };
  try {
    const locked = await account.run(['lock', '-n', 'a', '-q', '--', 'echo', 'mine'], { env });
    expect([locked.code, locked.out]).toEqual([0, 'mine\n']);
    expect((await account.run(['status'], { env })).code).toBe(0);
  } finally {
    await account.close();
  }
});
