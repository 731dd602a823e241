import { afterEach, expect, test } from 'vitest';
import { isOlder, persist, unreachable } from '../../src/cli/client.ts';
import { refusalFrom } from '../../src/cli/problem.ts';
import { mono } from '../../src/cli/time.ts';
import { Unanswered } from '../../src/cli/transport.ts';
import { ERRORS, type ErrorCode } from '../../src/core/error.ts';
import { losesFirstReplies } from './support/bad-line.ts';
import { json, problem, StubDaemon } from './support/stub-daemon.ts';
import { clientAt } from './support/world.ts';

let stub: StubDaemon;
afterEach(() => stub?.stop());

test.each(Object.keys(ERRORS).filter((code) => code !== 'unreachable') as ErrorCode[])(
  'a problem %s arrives as what it is',
  async (code) => {
    stub = await new StubDaemon().start();
    stub.on('GET /api/v2/queue', (_, response) => problem(response, code, 'because', { hint: 'do', reason: 'stolen' }));
    const reply = await clientAt(stub.url).queue();
    expect(reply).toMatchObject({
      type: 'refused',
      refusal: { code, detail: 'because', hint: 'do', reason: 'stolen' },
    });
  },
);

test('Retry-After is passed on', async () => {
  stub = await new StubDaemon().start();
  stub.on('GET /api/v2/queue', (_, response) =>
    problem(response, 'limit', 'full', { headers: { 'retry-after': '7' } }),
  );
  expect(await clientAt(stub.url).queue()).toMatchObject({ refusal: { code: 'limit', retryAfter: 7 } });
});

test.each([
  [400, 'usage'],
  [401, 'unauthorized'],
  [403, 'denied'],
  [404, 'not-found'],
  [410, 'lost'],
  [418, 'usage'],
  [500, 'internal'],
  [503, 'unavailable'],
])('a bare status %i is the refusal %s', (status, code) => {
  expect(refusalFrom(null, status)).toMatchObject({ code });
});

test('a web server that is no rentabot daemon is told from one, at once', async () => {
  stub = await new StubDaemon().start();
  delete stub.headers['rentabot-protocol'];
  stub.on('GET /api/v2/queue', (_, response) => json(response, 200, {}));
  const error = await clientAt(stub.url)
    .queue()
    .catch((caught) => caught);
  expect(error).toMatchObject({ name: 'Unanswered', final: true });
  expect(unreachable(error)).toMatchObject({
    code: 'unreachable',
    detail: expect.stringContaining('no rentabot daemon'),
  });
});

test('a proxy that answers for a daemon that is away is no answer, and worth another try', async () => {
  stub = await new StubDaemon().start();
  delete stub.headers['rentabot-protocol'];
  stub.on('GET /api/v2/queue', (_, response) => response.writeHead(502).end('<html>'));
  await expect(clientAt(stub.url).queue()).rejects.toMatchObject({ code: 'EPROXY', final: false });
});

test('a lost reply is asked for again', async () => {
  stub = await new StubDaemon().start();
  stub.on('GET /api/v2/queue', (_, response) => json(response, 200, { waiting: [] }));
  const client = clientAt(stub.url, losesFirstReplies());
  expect(await persist(client, () => client.queue(), { until: mono() + 90_000 })).toMatchObject({ type: 'ok' });
  expect(stub.count('GET /api/v2/queue')).toBe(2);
});

test('asking again ends at its time, with the last error', async () => {
  const client = clientAt('http://127.0.0.1:1');
  const attempt = persist(client, () => client.queue(), { until: mono() + 100 });
  await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('what cannot change is not tried again', async () => {
  const client = clientAt('http://127.0.0.1:1');
  let attempts = 0;
  const attempt = (): Promise<never> => {
    attempts += 1;
    throw new Unanswered('CERT_HAS_EXPIRED', 'no', { final: true });
  };
  await expect(persist(client, attempt, { until: mono() + 90_000 })).rejects.toMatchObject({
    code: 'CERT_HAS_EXPIRED',
  });
  expect(attempts).toBe(1);
});

test('the token, the descriptor and our release go with a request; the secret in place of the token where there is one', async () => {
  stub = await new StubDaemon().start();
  const client = clientAt(stub.url, undefined, { token: 'tok', descriptor: '/a b/ü/50%.yaml' });
  await client.queue();
  await client.renew('L', 'sec', {});
  const [queue, renew] = stub.asked;
  expect(queue?.headers).toMatchObject({ authorization: 'Bearer tok', 'rentabot-version': RENTABOT_VERSION });
  expect(decodeURIComponent(String(queue?.headers['rentabot-descriptor']))).toBe('/a b/ü/50%.yaml');
  expect(renew?.headers.authorization).toBe('Lease sec');
});

test.each([
  ['0.1.0', '0.2.0', true],
  ['0.9.0', '0.10.0', true],
  ['1.0.0', '0.9.9', false],
  ['1.2.3', '1.2.3', false],
  ['dev', '1.0.0', false],
  ['1.0.0-rc1', '1.0.1', true],
])('whether %s is older than %s: %s', (one, other, older) => {
  expect(isOlder(one, other)).toBe(older);
});
