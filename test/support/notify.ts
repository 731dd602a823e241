import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Millis } from '../../src/core/model.ts';
import type { NoticeJson } from '../../src/core/wire-notify.ts';
import { makeNotice, NOTICE_EVENTS, type Notice } from '../../src/daemon/notify/notice.ts';
import type { PositionStore, Positions } from '../../src/daemon/notify/positions.ts';
import type { Outcome, Sender } from '../../src/daemon/notify/sender.ts';
import type { Target } from '../../src/daemon/notify/target.ts';

export const NOON: Millis = Date.UTC(2026, 10, 20, 12);

export function notice(given: Partial<Notice> = {}): Notice {
  return makeNotice({
    id: '7',
    event: 'asked',
    at: NOON,
    number: 7,
    resources: ['board-1'],
    person: 'alice',
    by: 'bob',
    ...given,
  });
}

/** Positions that last as long as the test. */
export function memoryPositions(from: Positions = {}): PositionStore & { readonly saved: () => Positions } {
  let known = from;
  return {
    load: async () => known,
    save: async (positions) => {
      known = structuredClone(positions);
    },
    saved: () => known,
  };
}

export function target(sender: Sender, given: Partial<Target> = {}): Target {
  return { name: 'lab', sender, events: new Set(NOTICE_EVENTS), where: null, waitingAfter: 3_600_000, ...given };
}

/** A way to tell that the test has in its hands: what came, and what becomes of it. */
export class FakeSender implements Sender {
  readonly kind = 'json';
  readonly host = 'receiver.example';
  most = 1;
  /** All tries, and those that were delivered. */
  readonly tries: Notice[][] = [];
  readonly told: Notice[] = [];
  outcome: Outcome = { type: 'delivered' };
  /** While there is one, tries do not end before it does. */
  gate: Promise<void> | null = null;

  reaches(): boolean {
    return true;
  }

  async send(notices: readonly Notice[], _now: Millis, signal: AbortSignal): Promise<Outcome> {
    this.tries.push([...notices]);
    const { outcome } = this;
    if (this.gate) {
      const cut = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([this.gate, cut]);
    }
    if (outcome.type === 'delivered' && !signal.aborted) this.told.push(...notices);
    return outcome;
  }

  get events(): string[] {
    return this.told.map(({ event }) => event);
  }
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks, on a port of its own. */
export class Receiver {
  readonly received: Received[] = [];
  /** What it answers; null for never. */
  status: number | null = 200;
  headers: Record<string, string> = {};
  text = 'ok';

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        receiver.received.push({ path: request.url ?? '', headers: request.headers, body });
        const { status, headers, text } = receiver;
        if (status !== null) response.writeHead(status, headers).end(text);
      });
    });
    return receiver;
  }

  get notices(): NoticeJson[] {
    return this.received.map(({ body }) => JSON.parse(body) as NoticeJson);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
