import type { TLSSocket } from 'node:tls';
import type { Ask } from './requests.ts';

/** Where a request comes from. */
export interface Peer {
  /** An address, or `host` where it came by a unix socket. */
  readonly address: string;
  /** It came encrypted. */
  readonly secure: boolean;
}

export function peerOf(ask: Ask): Peer {
  const socket = ask.env?.incoming?.socket;
  return { address: socket?.remoteAddress ?? 'host', secure: (socket as TLSSocket | undefined)?.encrypted === true };
}
