import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { Proxies, proxyProblem } from '../../src/daemon/peer.ts';

function from(
  remoteAddress: string | undefined,
  headers: Record<string, string | string[]> = {},
  encrypted = false,
): IncomingMessage {
  return {
    headers: { host: 'inner:5000', ...headers },
    socket: { remoteAddress, encrypted },
  } as unknown as IncomingMessage;
}

const SPOKEN = {
  'x-forwarded-for': '203.0.113.9, 198.51.100.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'rentabot.example',
};

describe('where a request comes from', () => {
  test('is what the connection says, whatever a stranger writes', () => {
    const proxies = new Proxies(['10.0.0.0/8']);
    expect(proxies.peerOf(from('192.0.2.1', SPOKEN))).toEqual({
      address: '192.0.2.1',
      secure: false,
      host: 'inner:5000',
    });
    expect(new Proxies().peerOf(from('127.0.0.1', SPOKEN))).toMatchObject({ address: '127.0.0.1', secure: false });
    expect(new Proxies().peerOf(from('192.0.2.1', {}, true))).toMatchObject({ secure: true });
    expect(new Proxies().peerOf(from(undefined, SPOKEN))).toMatchObject({ address: 'host', secure: false });
  });

  test.each(['10.1.2.3', '::ffff:10.1.2.3'])('is what a trusted proxy at %s says', (proxy) => {
    const peer = new Proxies(['10.0.0.0/8']).peerOf(from(proxy, SPOKEN));
    expect(peer).toEqual({ address: '198.51.100.7', secure: true, host: 'rentabot.example' });
  });

  test('is looked for behind all proxies of ours, and no further', () => {
    const proxies = new Proxies(['10.0.0.0/8', 'fd00::/8', 'unix']);
    const forged = { 'x-forwarded-for': ['1.1.1.1', '203.0.113.9, fd00::7, 10.9.9.9'] };
    expect(proxies.peerOf(from('10.0.0.1', forged)).address).toBe('203.0.113.9');
    expect(proxies.peerOf(from(undefined, forged)).address).toBe('203.0.113.9');
    expect(proxies.peerOf(from('fd00::1', { 'x-forwarded-for': 'nonsense, 10.0.0.2' })).address).toBe('fd00::1');
    expect(proxies.peerOf(from('10.0.0.1')).address).toBe('10.0.0.1');
  });

  test('is as secure as the proxy next to us says', () => {
    const proxies = new Proxies(['10.0.0.1']);
    expect(proxies.peerOf(from('10.0.0.1', { 'x-forwarded-proto': 'https, http' })).secure).toBe(false);
    expect(proxies.peerOf(from('10.0.0.1', {}, true)).secure).toBe(true);
  });
});

test.each(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1', 'unix'])('%s is a proxy that can be trusted', (text) => {
  expect(proxyProblem(text)).toBeNull();
});

test.each(['', 'proxy.example', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '*'])(
  '%j is none',
  (text) => {
    expect(proxyProblem(text)).toContain('10.0.0.0/8');
  },
);
