import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Feed } from '../../../src/cli/top/feed.ts';
import { json, problem, StubDaemon, send, stream } from '../support/stub-daemon.ts';
import { until } from '../support/time.ts';
import { clientAt } from '../support/world.ts';

let stub: StubDaemon;
let over: AbortController;
/** What was heard: how many resources there are, or what the trouble is. */
let heard: (number | string)[];
let resources: object[];
/** The streams that are open. */
let streams: ServerResponse[];

beforeEach(async () => {
  [over, heard, resources, streams] = [new AbortController(), [], [], []];
  stub = await new StubDaemon().start();
  stub.on('GET /api/v2/resources', (_, response) => json(response, 200, { resources }));
  stub.on('GET /api/v2/events', (_, response) => {
    stream(response);
    streams.push(response);
  });
});
afterEach(async () => {
  over.abort();
  await stub.stop();
});

function follow(): Promise<void> {
  const listener = {
    resources: (found: readonly object[]) => void heard.push(found.length),
    trouble: (sentence: string) => void heard.push(sentence),
  };
  return new Feed(clientAt(stub.url), listener, over.signal).follow();
}

test('the resources are asked for at once, and again when something happens', async () => {
  const following = follow();
  await until(() => heard.includes(0));
  resources = [{}, {}];
  send(streams[0] as ServerResponse, 'lease-granted', {});
  await until(() => heard.includes(2));
  over.abort();
  await following;
});

test('a crowd of events is one question, and the last of them is not missed', async () => {
  void follow();
  await until(() => heard.length === 1);
  for (let i = 1; i <= 50; i += 1) {
    resources = Array(i).fill({});
    send(streams[0] as ServerResponse, 'lease-granted', { i });
  }
  await until(() => heard.includes(50));
  expect(stub.count('GET /api/v2/resources')).toBeLessThan(50);
});

test('a stream that breaks off is opened again, and what was missed is asked for', async () => {
  void follow();
  await until(() => heard.includes(0));
  resources = [{}];
  streams[0]?.destroy();
  await until(() => heard.includes(1));
  expect(streams).toHaveLength(2);
});

test('a daemon that is away is said, and heard again when it is back', async () => {
  void follow();
  await until(() => heard.includes(0));
  await stub.stop();
  await until(() => heard.some((one) => typeof one === 'string'));
  resources = [{}];
  await stub.start();
  await until(() => heard.includes(1));
});

test('a daemon that can not just now is asked again', async () => {
  let refusals = 0;
  const open = stub.scripts.get('GET /api/v2/events');
  stub.on('GET /api/v2/events', (asked, response) => {
    refusals += 1;
    if (refusals === 1) problem(response, 'unavailable', 'stepping down');
    else open?.(asked, response, stub);
  });
  void follow();
  await until(() => heard.includes(0));
  expect(heard[0]).toBe('stepping down');
});

test.each(['denied', 'unauthorized'] as const)('one that will not have us ends it: %s', async (code) => {
  stub.on('GET /api/v2/events', (_, response) => problem(response, code, 'not you'));
  await expect(follow()).rejects.toMatchObject({ refusal: { code, detail: 'not you' } });
});
