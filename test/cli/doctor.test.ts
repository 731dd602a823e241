import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { loginFile } from '../../src/cli/login-file.ts';
import { run } from '../../src/cli/program.ts';
import type { CheckJson } from '../../src/core/wire.ts';
import { FakeClock } from '../support/clock.ts';
import { startDaemon, temporaryFolder } from '../support/daemon.ts';
import { testShell } from './support/world.ts';

async function doctor(shell: ReturnType<typeof testShell>) {
  const code = await run(['doctor', '--json'], shell);
  const { checks } = JSON.parse(shell.out) as { checks: CheckJson[] };
  return { code, states: Object.fromEntries(checks.map(({ name, state }) => [name, state])), checks };
}

async function withDaemon(options: Parameters<typeof startDaemon>[0], test: (url: string) => Promise<void>) {
  const daemon = await startDaemon(options);
  const { where } = daemon.http;
  await test('port' in where ? `http://${where.host}:${where.port}` : '').finally(() => daemon.close());
}

test('all is well with a daemon that answers, and its inside is looked at', async () => {
  await withDaemon({ clock: new FakeClock(Date.now()) }, async (url) => {
    const { code, states } = await doctor(testShell({ RENTABOT_URL: url }));
    expect(code).toBe(0);
    expect(states).toMatchObject({ login: 'ok', daemon: 'ok', release: 'ok', store: 'ok', identities: 'ok' });
  });
});

test('without a daemon nothing is wrong, and none is started', async () => {
  const { code, checks } = await doctor(testShell());
  expect(code).toBe(0);
  expect(checks.at(-1)?.text).toContain('none is running');
});

test('a daemon that does not answer is a fault, with the reason why it was asked', async () => {
  const { code, checks } = await doctor(testShell({ RENTABOT_URL: 'http://127.0.0.1:1' }));
  expect(code).toBe(1);
  expect(checks.at(-1)).toMatchObject({ name: 'daemon', state: 'fail', text: expect.stringContaining('RENTABOT_URL') });
});

test('clocks that differ are a warning', async () => {
  await withDaemon({ clock: new FakeClock(Date.now() - 3_600_000) }, async (url) => {
    expect(await doctor(testShell({ RENTABOT_URL: url }))).toMatchObject({ code: 0, states: { clock: 'warn' } });
  });
});

test('a login file that others may read is a fault', async () => {
  const shell = testShell();
  const path = loginFile(shell.machine.places);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify({ url: 'http://127.0.0.1:1', name: 'ann', token: 'secret' }));
  chmodSync(path, 0o644);
  const { code, states } = await doctor(shell);
  expect({ code, login: states.login }).toEqual({ code: 1, login: 'fail' });
  expect(shell.out).not.toContain('secret');
});

test('a data folder that others may write in is a fault, and its disk is looked at', async () => {
  const folder = temporaryFolder();
  chmodSync(folder.path, 0o777);
  await withDaemon({ dataFolder: folder.path }, async (url) => {
    const { code, states } = await doctor(testShell({ RENTABOT_URL: url }));
    expect(code).toBe(1);
    expect(states.data).toBe('fail');
    expect(states).toHaveProperty('disk');
  });
  folder.remove();
});

test('who is no admin is told so, and is told the rest', async () => {
  await withDaemon({ identify: () => ({ name: 'ann', role: 'viewer' }) }, async (url) => {
    expect(await doctor(testShell({ RENTABOT_URL: url }))).toMatchObject({ code: 0, states: { inside: 'warn' } });
  });
});
