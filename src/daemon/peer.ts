import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Where a request comes from. */
export interface Peer {
  /** An address, or `host` where it came by a unix socket. */
  readonly address: string;
  /** It came encrypted, at least to the proxy. */
  readonly secure: boolean;
  /** By what name it was sent to us. */
  readonly host: string | undefined;
}

/** In a list of proxies: whoever comes by a unix socket. */
const UNIX = 'unix';

/** The proxies whose word counts for whom they speak for (`X-Forwarded-*`); everybody else's counts for nothing. */
export class Proxies {
  private readonly list = new BlockList();
  private readonly unix: boolean;

  constructor(given: readonly string[] = []) {
    this.unix = given.includes(UNIX);
    for (const text of given) {
      const { address, prefix, family } = parseNetwork(text) ?? {};
      if (address !== undefined && prefix !== undefined && family !== undefined)
        this.list.addSubnet(address, prefix, family);
    }
  }

  peerOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): Peer {
    const address = bare(socket.remoteAddress);
    const secure = (socket as TLSSocket).encrypted === true;
    if (!this.trusts(address)) return { address, secure, host: headers.host };
    const proto = lastOf(headers['x-forwarded-proto']);
    return {
      address: this.sender(headers['x-forwarded-for']) ?? address,
      secure: proto === undefined ? secure : proto.toLowerCase() === 'https',
      host: lastOf(headers['x-forwarded-host']) ?? headers.host,
    };
  }

  /** From the right, as each proxy appends whom it heard: the first that is none of ours. What stands before that anybody may have written. */
  private sender(forwarded: string | readonly string[] | undefined): string | undefined {
    const heard = [forwarded ?? []]
      .flat()
      .join(',')
      .split(',')
      .map((text) => bare(text.trim()));
    return heard.reverse().find((address) => isIP(address) !== 0 && !this.trusts(address));
  }

  private trusts(address: string): boolean {
    if (address === HOST) return this.unix;
    const family = isIP(address);
    return family !== 0 && this.list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

const HOST = 'host';

/** `10.0.0.0/8`, `192.0.2.7`, `fd00::/8`, `unix`: what is wrong with it; null if nothing is. */
export function proxyProblem(text: string): string | null {
  return text === UNIX || parseNetwork(text) !== null ? null : 'an address, a network as 10.0.0.0/8, or unix';
}

function parseNetwork(
  text: string,
): { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' } | null {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0) return null;
  const longest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? longest : Number(bits);
  return prefix > longest ? null : { address, prefix, family: family === 6 ? 'ipv6' : 'ipv4' };
}

/** An IPv4 address as such, also where it came to an IPv6 socket. */
function bare(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? HOST;
}

/** The proxy next to us wrote the last one. */
function lastOf(header: string | readonly string[] | undefined): string | undefined {
  const last = [header ?? []].flat().join(',').split(',').at(-1)?.trim();
  return last === '' ? undefined : last;
}
