import { execFile } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { description } from '../support/builders.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';

/** The examples of the original's README as they are written, with another port. */
const COFFEE = { tags: ['coffee', 'kitchen'] };
let daemon: TestDaemon;
beforeEach(async () => {
  const others = ['a', 'b', 'c', 'd', 'e'].map((name) => description(name));
  daemon = await startDaemon({ resources: [...others, description('coffee-maker', COFFEE)] });
});
afterEach(() => daemon.close());

async function curl(line: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const { port } = daemon.http.where as { port: number };
  const text = await new Promise<string>((resolve, reject) => {
    const here = line.replace('http://localhost:5000', `http://127.0.0.1:${port}`);
    const env = { PATH: process.env.PATH, no_proxy: '*' };
    execFile('/bin/sh', ['-c', `${here} -s`], { env }, (error, out) => (error ? reject(error) : resolve(out)));
  });
  const [head = '', json = ''] = text.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: JSON.parse(json) as Record<string, unknown> };
}

test('reading', async () => {
  const list = await curl('curl -X GET -i http://localhost:5000/rentabot/api/v1.0/resources');
  expect([list.status, (list.body.resources as unknown[]).length]).toEqual([200, 6]);
  const one = await curl('curl -X GET -i http://localhost:5000/rentabot/api/v1.0/resources/2');
  expect(one).toMatchObject({ status: 200, body: { resource: { id: 2, name: 'b' } } });
});

test.each([
  'curl -X POST -i http://localhost:5000/rentabot/api/v1.0/resources/6/lock',
  String.raw`curl -X POST -i http://localhost:5000/rentabot/api/v1.0/resources/lock\?rid\=6`,
  String.raw`curl -X POST -i http://localhost:5000/rentabot/api/v1.0/resources/lock\?name\=coffee-maker`,
  String.raw`curl -X POST -i http://localhost:5000/rentabot/api/v1.0/resources/lock\?tag\=coffee\&tag\=kitchen`,
])('locking and unlocking: %s', async (line) => {
  const { status, body } = await curl(line);
  expect([status, body.message, (body.resource as { id: number }).id]).toEqual([200, 'Resource locked', 6]);
  expect((await curl(line)).status).toBe(403);
  const unlock = String.raw`curl -X POST -i http://localhost:5000/rentabot/api/v1.0/resources/6/unlock\?lock-token\=`;
  expect((await curl(`${unlock}wrong`)).status).toBe(403);
  expect(await curl(`${unlock}${body['lock-token']}`)).toEqual({ status: 200, body: { message: 'Resource unlocked' } });
});
