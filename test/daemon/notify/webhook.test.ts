import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signatureOf } from '../../../src/daemon/notify/payload.ts';
import { conditionOf } from '../../../src/daemon/notify/sender.ts';
import { type WebhookOptions, webhook } from '../../../src/daemon/notify/webhook.ts';
import { NOON, notice, Receiver } from '../../support/notify.ts';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await Receiver.start();
});
afterEach(() => receiver.close());

const still = new AbortController().signal;

function sender(more: Partial<WebhookOptions> = {}) {
  const url = `${receiver.url}/services/T0/B0/path-is-a-secret`;
  return webhook({ url, format: 'json', secret: null, reader: { zone: 'UTC' }, ...more });
}

function send(more: Partial<WebhookOptions> = {}) {
  return sender(more).send([notice()], NOON, still);
}

test('a notice arrives as JSON, with what it is in the headers and who sent it in the signature', async () => {
  expect(await send({ secret: 'key' })).toEqual({ type: 'delivered' });
  const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = receiver.received;
  expect(path).toBe('/services/T0/B0/path-is-a-secret');
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'x-rentabot-event': 'asked',
    'x-rentabot-delivery': '7',
    'x-rentabot-timestamp': String(NOON / 1000),
    'x-rentabot-signature': signatureOf('key', String(NOON / 1000), body),
  });
  expect(receiver.notices).toMatchObject([{ id: '7', event: 'asked', person: 'alice', by: 'bob' }]);
});

test('without a secret there is no signature', async () => {
  await send();
  expect(receiver.received[0]?.headers).not.toHaveProperty('x-rentabot-signature');
});

test('a chat gets a burst as one message', async () => {
  const chat = sender({ format: 'slack' });
  expect(chat.most).toBeGreaterThan(1);
  await chat.send([notice(), notice({ event: 'online' })], NOON, still);
  expect(receiver.received).toHaveLength(1);
  expect((JSON.parse(receiver.received[0]?.body ?? '') as { text: string }).text.split('\n')).toHaveLength(2);
});

describe('what comes of an answer', () => {
  test.each([200, 202, 204])('%i is delivered', async (status) => {
    receiver.status = status;
    expect(await send()).toEqual({ type: 'delivered' });
  });

  test.each([400, 401, 403, 404, 410])('%i would be the same again', async (status) => {
    receiver.status = status;
    expect(await send()).toEqual({ type: 'refused', why: `it answered ${status}` });
  });

  test.each([408, 425, 429, 500, 502, 503])('%i may be different later', async (status) => {
    receiver.status = status;
    expect(await send()).toMatchObject({ type: 'unreachable', why: `it answered ${status}` });
  });

  test('whoever says when is asked again then', async () => {
    receiver.status = 429;
    receiver.headers = { 'retry-after': '30' };
    expect(await send()).toMatchObject({ retryAfter: 30_000 });
  });

  test('a redirect is not followed', async () => {
    receiver.status = 307;
    receiver.headers = { location: `${receiver.url}/elsewhere` };
    expect(await send()).toMatchObject({
      type: 'unreachable',
      why: expect.stringContaining('redirects are not followed'),
    });
    expect(receiver.received).toHaveLength(1);
  });

  test('an endless answer is not read to its end', async () => {
    receiver.text = 'x'.repeat(10_000_000);
    expect(await send()).toEqual({ type: 'delivered' });
  });

  test('nothing of the address but its host, and nothing that the other side wrote, is told', async () => {
    receiver.text = 'Cannot POST /services/T0/B0/path-is-a-secret, key was hunter2';
    for (const status of [400, 500, 302]) {
      receiver.status = status;
      expect(JSON.stringify(await send({ secret: 'hunter2' }))).not.toMatch(/secret|services|hunter2/);
    }
    expect(sender().host).toBe(new URL(receiver.url).host);
  });
});

test('who does not answer is given up after a while', async () => {
  receiver.status = null;
  expect(await send({ longestTry: 50 })).toMatchObject({
    type: 'unreachable',
    why: expect.stringMatching(/did not answer/),
  });
});

test('who is not there is unreachable', async () => {
  await receiver.close();
  expect(await send()).toEqual({ type: 'unreachable', why: 'it refused the connection', retryAfter: null });
});

test.each([
  [{ code: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND secret' }, 'there is no such host'],
  [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, 'its certificate is not trusted (SELF_SIGNED_CERT_IN_CHAIN)'],
  [{ cause: { code: 'ECONNRESET' } }, 'the connection broke off'],
  [{ code: 'EMFILE', message: 'secret' }, 'the connection failed (EMFILE)'],
  [new Error('secret'), 'the connection failed'],
])('%o is told in words of our own', (error, condition) => expect(conditionOf(error)).toBe(condition));

test('who speaks no TLS where that is wanted is unreachable, and hears nothing', async () => {
  expect(await send({ url: `${receiver.url.replace('http:', 'https:')}/x` })).toMatchObject({ type: 'unreachable' });
  expect(receiver.received).toEqual([]);
});

test('a try is cut off when the daemon goes', async () => {
  receiver.status = null;
  const stop = new AbortController();
  const trying = sender().send([notice()], NOON, stop.signal);
  stop.abort();
  expect(await trying).toMatchObject({ type: 'unreachable' });
});

test('who hangs up in the middle is unreachable', async () => {
  const rude = createServer((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nx')),
  );
  await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
  const { port } = rude.address() as { port: number };
  expect(await send({ url: `http://127.0.0.1:${port}/` })).toMatchObject({ type: 'unreachable' });
  rude.close();
});
