import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildProgram } from '../support/build.ts';
import { temporaryFolder } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { Serve } from '../support/serve.ts';

let program: string;
let remove: () => void;
let folder: ReturnType<typeof temporaryFolder>;
let serve: Serve;
beforeAll(async () => {
  ({ program, remove } = await buildProgram());
});
afterAll(() => remove());
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await serve.stop('SIGKILL');
  folder.remove();
});

async function start(): Promise<void> {
  const args = ['--listen', '127.0.0.1:0', '--socket', 'none', '--data', join(folder.path, 'data')];
  const env = { RENTABOT_RESOURCE_DESCRIPTOR: join(folder.path, 'fleet.yaml') };
  serve = await Serve.start({ program, args, cwd: folder.path, env });
}

async function post(path: string, body?: unknown): Promise<[number, Record<string, unknown>]> {
  const answer = await serve.http.ask('POST', path, { body });
  return [answer.status, jsonOf(answer)];
}

test('locks, their tokens and reservations of rent-a-bot are there after kill -9', async () => {
  const text = 'coffee-maker: {description: in the kitchen, tags: coffee kitchen}\nboard: {tags: "a, b"}\n';
  writeFileSync(join(folder.path, 'fleet.yaml'), text);
  await start();
  const [, { 'lock-token': coffee }] = await post('/rentabot/api/v1.0/resources/lock?tag=coffee&tag=kitchen');
  const [, { reservation_id: id }] = await post('/api/v1/reservations', { tags: ['b', 'a'], quantity: 1 });
  const [, { lock_tokens, ...claimed }] = await post(`/api/v1/reservations/${id}/claim`);
  await serve.stop('SIGKILL');
  await start();
  expect(claimed).toMatchObject({ status: 'claimed', resource_ids: [2], tags: ['b', 'a'] });
  const { lock_tokens: shown, ...known } = jsonOf<Record<string, unknown>>(
    await serve.http.get(`/api/v1/reservations/${id}`),
  );
  expect([known, shown]).toEqual([claimed, ['hidden']]);
  for (const resource of [1, 2]) expect((await post(`/api/v1/resources/${resource}/lock`))[0]).toBe(403);
  const unlock = (resource: number, token: unknown) => post(`/api/v1/resources/${resource}/unlock?lock-token=${token}`);
  expect([(await unlock(1, coffee))[0], (await unlock(2, (lock_tokens as string[])[0]))[0]]).toEqual([200, 200]);
});
