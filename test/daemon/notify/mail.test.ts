import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { type MailOptions, mail, messageOf, recipientsOf, transportOptions } from '../../../src/daemon/notify/mail.ts';
import { NOON, notice } from '../../support/notify.ts';

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

const PEOPLE: Record<string, string> = { alice: 'alice@example.org' };
const reader = { zone: 'UTC' };
const still = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A mail server on a port of its own. */
async function server(options: SMTPServerOptions = {}): Promise<{ port: number; received: Received[] }> {
  const received: Received[] = [];
  const smtp = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData: (stream, { envelope }, done) => {
      void text(stream).then((mail) => {
        const { mailFrom, rcptTo } = envelope;
        received.push({ from: mailFrom ? mailFrom.address : '', to: rcptTo.map(({ address }) => address), text: mail });
        done();
      });
    },
    ...options,
  });
  smtp.on('error', () => {});
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => smtp.close(() => resolve())));
  return { port: (smtp.server.address() as AddressInfo).port, received };
}

function options(port: number, more: Partial<MailOptions> = {}): MailOptions {
  return {
    server: { host: '127.0.0.1', port, secure: false },
    user: null,
    password: null,
    from: 'The lab <lab@example.org>',
    to: ['person'],
    addressOf: (person) => PEOPLE[person] ?? null,
    reader,
    ...more,
  };
}

function send(port: number, more: Partial<MailOptions> = {}, what = notice({ note: 'five minutes would do' })) {
  return mail(options(port, more)).send([what], NOON, still);
}

test('the person whom it is about gets a mail that says all of it', async () => {
  const { port, received } = await server();
  expect(await send(port)).toEqual({ type: 'delivered' });
  expect(received).toMatchObject([{ from: 'lab@example.org', to: ['alice@example.org'] }]);
  const [{ text: mail } = { text: '' }] = received;
  expect(mail).toMatch(/^From: The lab <lab@example\.org>\r$/m);
  expect(mail).toMatch(/^Subject: \[rentabot\] bob asks alice for board-1: five minutes would do\r$/m);
  expect(mail).toMatch(/^Auto-Submitted: auto-generated\r$/m);
  expect(mail).toMatch(/^To give it back: rentabot release board-1\r$/m);
});

test('the same notice is the same mail, so that it is shown once', async () => {
  const { port, received } = await server();
  await send(port);
  await send(port);
  await send(port, {}, notice({ id: '8' }));
  const ids = received.map(({ text: mail }) => /^Message-ID: (.*)$/m.exec(mail)?.[1]);
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(ids[2]);
});

describe('the recipients', () => {
  const to = (given: Parameters<typeof notice>[0], list: readonly string[]) =>
    recipientsOf(notice(given), { to: list, addressOf: (person) => PEOPLE[person] ?? null });

  test('are those of the list, and the person, each once', () => {
    expect(to({}, ['person', 'lab@example.org', 'alice@example.org'])).toEqual([
      'alice@example.org',
      'lab@example.org',
    ]);
  });

  test('have nobody who did it themselves', () => {
    expect(to({ event: 'granted', by: 'alice' }, ['person'])).toEqual([]);
    expect(to({ event: 'granted', by: 'alice' }, ['person', 'lab@example.org'])).toEqual(['lab@example.org']);
  });

  test('have nobody whose address nobody knows', () => {
    expect(to({ person: 'carol' }, ['person'])).toEqual([]);
    expect(to({ person: '' }, ['person'])).toEqual([]);
    expect(mail(options(1)).reaches(notice({ person: 'carol' }))).toBe(false);
  });
});

test('nothing that a stranger writes becomes a header, another recipient or a second mail', async () => {
  const { port, received } = await server();
  const hostile = 'x\r\nBcc: everybody@example.org\r\n\r\n.\r\nMAIL FROM:<a@b>\r\n';
  const holder = { name: hostile, host: hostile, link: hostile };
  await send(port, {}, notice({ note: hostile, by: hostile, resources: [hostile], holder }));
  expect(received).toHaveLength(1);
  expect(received[0]?.to).toEqual(['alice@example.org']);
  const [head = ''] = (received[0]?.text ?? '').split('\r\n\r\n');
  expect(head).not.toMatch(/^(Bcc|MAIL)/im);
});

test('a mail leads to the board where that is known', () => {
  const board = { ...reader, board: 'https://lab.example.org' };
  expect(messageOf(notice(), board).text).toContain('\nboard: https://lab.example.org/resources/board-1\n');
  expect(messageOf(notice(), reader).text).not.toContain('board:');
});

test('a subject is one line and not endless', () => {
  const { subject } = messageOf(notice({ note: 'é'.repeat(5000), person: 'a\nb' }), reader);
  expect(subject).not.toMatch(/\n/);
  expect(subject.length).toBeLessThan(200);
});

describe('what comes of a try', () => {
  const refusing = (responseCode: number) => Object.assign(new Error('no, hunter2'), { responseCode });

  test('a mailbox that is not there would be the same again', async () => {
    const { port } = await server({ onRcptTo: (_address, _session, done) => done(refusing(550)) });
    expect(await send(port)).toEqual({ type: 'refused', why: 'it refused the mail (550)' });
  });

  test('a server that is busy may not be later', async () => {
    const { port } = await server({ onRcptTo: (_address, _session, done) => done(refusing(451)) });
    expect(await send(port)).toMatchObject({ type: 'unreachable', why: 'it cannot take the mail now (451)' });
  });

  test('one mailbox that is not there does not keep it from the others', async () => {
    const onRcptTo: SMTPServerOptions['onRcptTo'] = ({ address }, _session, done) =>
      done(address.startsWith('alice') ? refusing(550) : null);
    const { port, received } = await server({ onRcptTo });
    expect(await send(port, { to: ['person', 'lab@example.org'] })).toEqual({ type: 'delivered' });
    expect(received[0]?.to).toEqual(['lab@example.org']);
  });

  test('a server that is not there is unreachable', async () => {
    const { port } = await server();
    for (const close of closers.splice(0)) await close();
    expect(await send(port)).toMatchObject({ type: 'unreachable', why: 'it refused the connection' });
  });

  test('a try is cut off when the daemon goes', async () => {
    let reached = () => {};
    const connected = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const { port } = await server({ onMailFrom: () => reached() });
    const stop = new AbortController();
    const trying = mail(options(port)).send([notice()], NOON, stop.signal);
    await connected;
    stop.abort();
    expect(await trying).toMatchObject({ type: 'unreachable', why: 'it was cut off' });
  });
});

describe('the password', () => {
  const login: SMTPServerOptions = {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'rentabot' && password === 'hunter2' ? done(null, { user: username }) : done(new Error('hunter3?')),
  };

  test('is given to the server', async () => {
    const { port, received } = await server(login);
    expect(await send(port, { user: 'rentabot', password: 'hunter2' })).toEqual({ type: 'delivered' });
    expect(received).toHaveLength(1);
  });

  test('that is wrong is worth another try, as it may be put right, and is in no message', async () => {
    const { port } = await server(login);
    const outcome = await send(port, { user: 'rentabot', password: 'hunter3' });
    expect(outcome).toMatchObject({ type: 'unreachable', why: expect.stringMatching(/^it refused the login/) });
    expect(JSON.stringify(outcome)).not.toContain('hunter');
  });

  test('goes over a network encrypted or not at all', () => {
    const over = (host: string, secure: boolean, password: string | null) =>
      transportOptions({ server: { host, port: 25, secure }, user: 'me', password }).requireTLS;
    expect(over('mail.example.org', false, 'hunter2')).toBe(true);
    expect(over('mail.example.org', false, null)).toBe(false);
    expect(over('mail.example.org', true, 'hunter2')).toBe(false);
    expect(over('127.0.0.1', false, 'hunter2')).toBe(false);
  });
});
