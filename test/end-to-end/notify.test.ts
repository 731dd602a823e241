import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { NotifyTargetsJson } from '../../src/core/wire-notify.ts';
import { buildProgram } from '../support/build.ts';
import { eventually, temporaryFolder } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { Receiver } from '../support/notify.ts';
import { Serve } from '../support/serve.ts';

let program: string;
let remove: () => void;
let folder: ReturnType<typeof temporaryFolder>;
let receiver: Receiver;
let running: Serve[];
beforeAll(async () => {
  ({ program, remove } = await buildProgram());
});
afterAll(() => remove());
beforeEach(async () => {
  folder = temporaryFolder();
  receiver = await Receiver.start();
  running = [];
});
afterEach(async () => {
  for (const serve of running) await serve.stop('SIGKILL');
  await receiver.close();
  folder.remove();
});

/** A daemon that tells a receiver whose address, with a secret in it, stands in a file. */
async function start(target = '{name: robot, webhook_file: robot.url, secret_env: ROBOT_KEY}'): Promise<Serve> {
  writeFileSync(join(folder.path, 'robot.url'), `${receiver.url}/hunter2\n`);
  writeFileSync(join(folder.path, 'rentabot.yaml'), `resources: {board-1: {}}\nnotify:\n  - ${target}\n`);
  const serve = await Serve.start({
    program,
    args: ['--listen', '127.0.0.1:0', '--socket', 'none', '--data', join(folder.path, 'data')],
    cwd: folder.path,
    env: { ROBOT_KEY: 'hunter3' },
  });
  running.push(serve);
  return serve;
}

test('what could not be told is told after the next start, once, and no secret is told on the way', async () => {
  receiver.status = 500;
  const first = await start();
  await first.http.post('/api/v2/resources/board-1/offline', { reason: 'fan' });
  await eventually('it was tried', () => receiver.received.length > 0);
  await first.logged('a notification target fails');
  const shown = await first.http.get('/api/v2/notify');
  expect(jsonOf<NotifyTargetsJson>(shown).targets).toMatchObject([
    {
      name: 'robot',
      kind: 'json',
      host: new URL(receiver.url).host,
      state: 'failing',
      problem: 'it answered 500',
      waiting: 1,
    },
  ]);
  const figures = (await first.http.get('/metrics')).text;
  expect(figures).toContain('rentabot_notify_failing{target="robot"} 1');
  expect(await first.stop()).toEqual({ code: 0, signal: null });

  receiver.status = 204;
  const told = receiver.received.length;
  const second = await start();
  await eventually('it is told', () => receiver.received.length > told);
  await second.http.post('/api/v2/resources/board-1/online', {});
  await eventually('the next is told', () => receiver.received.length > told + 1);
  expect(receiver.notices.slice(told).map(({ event }) => event)).toEqual(['offline', 'online']);
  expect(receiver.notices[told]?.id).toBe(receiver.notices[0]?.id);
  expect(receiver.received[0]?.path).toBe('/hunter2');
  await second.stop();

  const file = join(folder.path, 'data', 'notify.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const seen = [first.stderr, first.stdout, second.stderr, shown.text, figures, readFileSync(file, 'utf8')];
  expect(seen.join('\n')).not.toMatch(/hunter/);
});

test('a daemon that is killed tells the rest after the next start', async () => {
  receiver.status = null;
  const first = await start();
  await first.http.post('/api/v2/resources/board-1/offline', { reason: 'fan' });
  await eventually('it was tried', () => receiver.received.length > 0);
  await first.stop('SIGKILL');
  receiver.status = 204;
  await start();
  await eventually('it is told', () => receiver.received.length > 1);
  expect(receiver.notices.map(({ id, event }) => `${id} ${event}`)).toEqual(
    Array(2).fill(`${receiver.notices[0]?.id} offline`),
  );
});

test('a secret that is not there stops the start, with the place of its name', async () => {
  const serve = await start('{name: robot, webhook: "https://robot.example.org", secret_file: robot.key}');
  expect((await serve.exited).code).toBe(78);
  expect(serve.stderr).toMatch(
    /rentabot\.yaml:3:\d+: a secret of notify cannot be read from .*robot\.key: it is not there/,
  );
  expect(existsSync(join(folder.path, 'data', 'notify.json'))).toBe(false);
});

test('where people find the board is part of what is told, and a mistake in it stops the start', async () => {
  const told = '{name: robot, webhook_file: robot.url}\npublic_url: ';
  const serve = await start(`${told}https://lab.example.org/`);
  await serve.http.post('/api/v2/resources/board-1/offline', { reason: 'fan' });
  await eventually('it is told', () => receiver.received.length > 0);
  expect(receiver.notices[0]).toMatchObject({ url: 'https://lab.example.org/resources/board-1' });
  await serve.stop();
  const wrong = await start(`${told}lab.example.org`);
  expect(await wrong.exited).toEqual({ code: 78, signal: null });
  expect(wrong.stderr).toContain('rentabot.yaml:4:13: public_url: expected https://HOST or http://HOST:PORT');
});

test('an admin at the terminal sees the targets and tries them', async () => {
  const serve = await start();
  const rentabot = async (...argv: string[]): Promise<{ readonly code: number | null; readonly output: string }> => {
    const child = spawn(process.execPath, [program, ...argv, '--url', serve.url], { cwd: folder.path });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  };
  expect(await rentabot('notify', 'test')).toEqual({ code: 0, output: 'rentabot: robot was told\n' });
  expect(receiver.notices).toMatchObject([{ event: 'test' }]);
  receiver.status = 404;
  const failed = await rentabot('notify', 'test', 'robot');
  expect(failed).toEqual({ code: 69, output: 'rentabot: robot could not be told: it answered 404\n' });
  expect((await rentabot('notify', 'test', 'nobody')).output).toContain('there is no notification target nobody');
  const listed = await rentabot('notify', 'list');
  expect(listed.code).toBe(0);
  expect(listed.output).toMatch(/^TARGET +KIND +HOST +STATE/);
  expect(listed.output).toMatch(/^robot +json +127\.0\.0\.1:\d+ +working/m);
});
