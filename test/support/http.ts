import { Agent, type IncomingHttpHeaders, request as send } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ProblemJson } from '../../src/core/wire.ts';

/** Longest time that anything waited for in these tests may take on a busy machine. */
export const PATIENCE_MS = 90_000;

/** Where a daemon is spoken to. */
export type Where = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** The same, as RENTABOT_URL spells it. */
export function whereOf(url: string): Where {
  if (url.startsWith('unix:')) return { socketPath: url.slice(5) };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asking {
  /** Sent as JSON; a text or bytes go as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One message of an event stream. */
export interface Message {
  readonly event: string;
  readonly data: unknown;
  readonly id: string | null;
}

/** A client that takes nothing for granted: what came back, as it came. */
export class Http {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 256 });

  constructor(readonly where: Where) {}

  ask(method: string, path: string, { body, headers = {}, signal }: Asking = {}): Promise<Answer> {
    const bytes = bytesOf(body);
    return new Promise((resolve, reject) => {
      const outgoing = send(
        {
          ...this.where,
          method,
          path,
          agent: this.agent,
          ...(signal ? { signal } : {}),
          headers: {
            ...(bytes ? { 'content-type': 'application/json', 'content-length': String(bytes.length) } : {}),
            ...headers,
          },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => {
            text += chunk;
          });
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
          incoming.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  }

  get(path: string, asking: Asking = {}): Promise<Answer> {
    return this.ask('GET', path, asking);
  }

  put(path: string, body: unknown, asking: Asking = {}): Promise<Answer> {
    return this.ask('PUT', path, { ...asking, body });
  }

  post(path: string, body: unknown, asking: Asking = {}): Promise<Answer> {
    return this.ask('POST', path, { ...asking, body });
  }

  delete(path: string, asking: Asking = {}): Promise<Answer> {
    return this.ask('DELETE', path, asking);
  }

  /** Opens an event stream; rejects with the answer's text where it is none. */
  stream(method: string, path: string, { body, headers = {} }: Asking = {}): Promise<EventStream> {
    const bytes = bytesOf(body);
    return new Promise((resolve, reject) => {
      const outgoing = send(
        {
          ...this.where,
          method,
          path,
          agent: false,
          headers: {
            accept: 'text/event-stream',
            ...(bytes ? { 'content-type': 'application/json', 'content-length': String(bytes.length) } : {}),
            ...headers,
          },
        },
        (incoming) => {
          const type = incoming.headers['content-type'] ?? '';
          if (incoming.statusCode === 200 && type.startsWith('text/event-stream')) {
            const stream = new EventStream(() => outgoing.destroy());
            incoming.setEncoding('utf8');
            incoming.on('data', (chunk: string) => stream.take(chunk));
            incoming.on('close', () => stream.finish());
            incoming.on('error', () => stream.finish());
            resolve(stream);
            return;
          }
          incoming.resume();
          reject(new Error(`no stream: ${incoming.statusCode} ${type}`));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  }

  /** A bare connection, for what no client would send. */
  socket(): Promise<Socket> {
    const socket =
      'socketPath' in this.where ? connect(this.where.socketPath) : connect(this.where.port, this.where.host);
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** Sends bytes as they are; resolves with all that comes back until the other end closes. */
  async raw(text: string | Buffer): Promise<string> {
    const socket = await this.socket();
    return new Promise((resolve) => {
      let found = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => {
        found += chunk;
      });
      socket.on('close', () => resolve(found));
      socket.on('error', () => resolve(found));
      socket.write(text);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Messages as they come; each is given out once. */
export class EventStream {
  readonly seen: Message[] = [];
  comments = 0;
  ended = false;
  private unread = 0;
  private buffer = '';
  private readonly listeners = new Set<() => void>();

  constructor(readonly close: () => void) {}

  take(chunk: string): void {
    this.buffer += chunk;
    for (let end = this.buffer.indexOf('\n\n'); end >= 0; end = this.buffer.indexOf('\n\n')) {
      this.takeBlock(this.buffer.slice(0, end));
      this.buffer = this.buffer.slice(end + 2);
    }
    this.tell();
  }

  finish(): void {
    this.ended = true;
    this.tell();
  }

  /** The next message, in order. */
  async next(deadlineMs = PATIENCE_MS): Promise<Message> {
    await this.until(() => this.unread < this.seen.length || this.ended, deadlineMs);
    const message = this.seen[this.unread];
    if (!message) throw new Error('the stream has ended');
    this.unread += 1;
    return message;
  }

  /** The next message of this type; those before it are passed over. */
  async nextOf(event: string, deadlineMs = PATIENCE_MS): Promise<Message> {
    for (;;) {
      const message = await this.next(deadlineMs);
      if (message.event === event) return message;
    }
  }

  /** Resolves once the other side has closed it. */
  end(deadlineMs = PATIENCE_MS): Promise<void> {
    return this.until(() => this.ended, deadlineMs);
  }

  until(done: () => boolean, deadlineMs = PATIENCE_MS): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!done()) return;
        clearTimeout(timer);
        this.listeners.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.listeners.delete(look);
        reject(new Error(`nothing came in ${deadlineMs} ms; so far: ${this.seen.map(({ event }) => event).join()}`));
      }, deadlineMs);
      this.listeners.add(look);
    });
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private takeBlock(block: string): void {
    let event = 'message';
    let id: string | null = null;
    const lines: string[] = [];
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments += 1;
      else if (line.startsWith('event: ')) event = line.slice(7);
      else if (line.startsWith('id: ')) id = line.slice(4);
      else if (line.startsWith('data: ')) lines.push(line.slice(6));
    }
    if (lines.length > 0) this.seen.push({ event, id, data: JSON.parse(lines.join('\n')) });
  }
}

/** An answer's body as JSON, of the shape that the test expects. */
export function jsonOf<T = Record<string, unknown>>({ text }: Answer): T {
  return JSON.parse(text) as T;
}

/** The problem an answer carries, having checked that it has the shape of one. */
export function problemOf({ status, headers, text }: Answer): ProblemJson {
  if (headers['content-type'] !== 'application/problem+json')
    throw new Error(`${status} with ${headers['content-type']} is no problem: ${text.slice(0, 200)}`);
  const problem = JSON.parse(text) as ProblemJson;
  const { type, title, detail, hint, code } = problem;
  for (const field of [type, title, detail, hint, code]) {
    if (typeof field !== 'string' || field === '') throw new Error(`an incomplete problem: ${text}`);
  }
  if (type !== `urn:rentabot:problem:${code}`) throw new Error(`type ${type} for code ${code}`);
  if (problem.status !== status) throw new Error(`the problem says ${problem.status}, the answer ${status}`);
  if (/\n\s+at |node:internal|\.ts:\d/.test(text)) throw new Error(`a stack trace: ${text}`);
  return problem;
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
