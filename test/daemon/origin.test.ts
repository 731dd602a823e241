import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type LocalNames, refuseForeignPage } from '../../src/daemon/origin.ts';

function ask(headers: Record<string, string>, remoteAddress: string | undefined = '127.0.0.1'): IncomingMessage {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}

const OPEN: LocalNames = ['lab.internal'];

describe('an open daemon and the web', () => {
  it.each([
    ['a program', { host: '127.0.0.1:5000' }],
    ['a program by name', { host: 'localhost:5000' }],
    ['a program over IPv6', { host: '[::1]:5000' }],
    ['the name it was told to listen on', { host: 'LAB.internal:5000' }],
    ['a page of its own', { host: 'localhost:5000', origin: 'http://localhost:5000', 'sec-fetch-site': 'same-origin' }],
    ['somebody who types the address', { host: 'localhost:5000', 'sec-fetch-site': 'none' }],
    ['HTTP/1.0 without a host', {}],
  ])('serves %s', (_, headers) => {
    expect(refuseForeignPage(ask(headers as Record<string, string>), OPEN)).toBeNull();
  });

  it.each([
    ['a page of another site', { host: 'localhost:5000', origin: 'https://evil.example' }],
    ['a page of another port', { host: 'localhost:5000', origin: 'http://localhost:8080' }],
    ['a sandboxed frame', { host: 'localhost:5000', origin: 'null' }],
    ['an image on another site', { host: 'localhost:5000', 'sec-fetch-site': 'cross-site' }],
    ['a name that was made to point here', { host: 'evil.example:5000', origin: 'http://evil.example:5000' }],
  ])('refuses %s', (_, headers) => {
    expect(refuseForeignPage(ask(headers as Record<string, string>), OPEN)?.code).toBe('denied');
  });

  it('answers to every name once it was opened to everybody', () => {
    expect(refuseForeignPage(ask({ host: 'lab.example.com' }), 'any')).toBeNull();
  });

  it('does not ask for a name on a unix socket', () => {
    const { headers } = ask({ host: 'whatever' });
    expect(refuseForeignPage({ headers, socket: {} } as unknown as IncomingMessage, OPEN)).toBeNull();
  });
});
