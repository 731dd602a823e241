import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One address that stays, whichever daemon is behind it, or none. */
export interface Relay {
  readonly url: string;
  /** Null: whoever comes is turned away, and whoever is there is cut off. */
  lead(port: number | null): void;
  close(): Promise<void>;
}

export async function startRelay(): Promise<Relay> {
  let target: number | null = null;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((incoming) => {
    keep(incoming);
    if (target === null) return void incoming.destroy();
    const outgoing = connect(target, '127.0.0.1');
    keep(outgoing);
    incoming.pipe(outgoing).pipe(incoming);
    incoming.once('close', () => outgoing.destroy());
    outgoing.once('close', () => incoming.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const lead = (port: number | null): void => {
    target = port;
    if (port === null) for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead,
    close: () => {
      lead(null);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
