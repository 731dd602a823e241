import { isIPv4 } from 'node:net';

/** Where the daemon serves HTTP over TCP. */
export interface Listen {
  /** A name, or an address without brackets. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export const DEFAULT_HOST = '127.0.0.1';

/** Reads `HOST:PORT`, with an IPv6 address in brackets. A text that is returned says what is wrong. */
export function parseListen(text: string): Listen | string {
  const expected = 'expected HOST:PORT, as 127.0.0.1:5000 or [::1]:5000, or none';
  const parts = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  if (parts === null) return `${expected}${/^:?\d+$/.test(text) ? '; the host is missing' : ''}`;
  const port = Number(parts[3]);
  if (port > 65_535) return `${expected}; a port is at most 65535`;
  const host = parts[1] ?? parts[2] ?? '';
  return { host: host === '*' ? '::' : host, port };
}

/** Writes it as `parseListen` reads it. */
export function formatListen({ host, port }: Listen): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether nobody on another machine can connect. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^::ffff:/, '');
  if (bare === 'localhost' || /^(0{0,4}:){2,7}0{0,3}1$/.test(bare)) return true;
  return isIPv4(bare) && bare.startsWith('127.');
}
