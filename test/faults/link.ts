import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What passes: everything, nothing, or only what a client says. */
type Mode = 'open' | 'cut' | 'one-way';

/** A network between a client and its server. Cut, it swallows what is sent and resets nothing, as a pulled cable does. */
export class Link {
  private mode: Mode = 'open';
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (near) => this.join(near));
  }

  static async to(target: number): Promise<Link> {
    const server = createServer();
    const link = new Link(server, target);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  set(mode: Mode): void {
    this.mode = mode;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    }
    near.on('data', (bytes) => this.mode !== 'cut' && far.write(bytes));
    far.on('data', (bytes) => this.mode === 'open' && near.write(bytes));
    near.on('close', () => far.destroy());
    far.on('close', () => this.mode === 'open' && near.destroy());
  }
}
