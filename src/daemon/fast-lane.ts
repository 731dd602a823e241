import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Millis } from '../core/model.ts';
import type { Answer, Reply } from './answer.ts';
import { PlainReader, type PlainRequest } from './plain-request.ts';
import type { Ask, WholeRequest } from './requests.ts';
import type { ApiRoute } from './routes/route.ts';

type Answerer = (ask: Ask) => Promise<Answer>;

/** What is true of every connection of a daemon. */
export interface LaneOptions {
  readonly routes: readonly ApiRoute[];
  /** Wraps a route as the app does: with what is true of every request, and refusals for what is thrown. */
  readonly answerOf: (route: ApiRoute) => Answerer;
  /** Called with every request. */
  readonly asked: () => void;
  readonly now: () => Millis;
  /** When time alone will change something; null for never. */
  readonly nextDeadline: () => Millis | null;
  /** Calls back after a while, unless the answer is called; replaced in tests. */
  readonly later?: (go: () => void, span: Millis) => () => void;
}

/**
 * How long a renewal may wait for others: a process that wakes up for each of them spends more on that than on all that
 * is to be done. Whoever has the shortest lease that there can be renews it every 667 ms.
 */
const GATHERING_MS: Millis = 100;

/** How long a connection may say nothing; Node's server is told the same. */
export const KEEP_ALIVE_MS: Millis = 65_000;

const PATHS: Readonly<Record<PlainRequest['does'], readonly [ApiRoute['method'], string]>> = {
  acquire: ['put', '/api/v2/leases/:id'],
  release: ['delete', '/api/v2/leases/:id'],
  renew: ['post', '/api/v2/leases/:id/renew'],
};

/**
 * Answers what a holder does all day (ask, renew, give back) right at its connection: Node's parser, its requests and
 * responses, and the framework take more than all the rest of such a request (docs/performance.md). The routes are the
 * same, and so are the answers, to the letter.
 *
 * A connection is in the lane as long as it brings nothing but plain requests (plain-request.ts), each as a whole and one
 * after the other. With the first thing that is anything else, or only a part, it goes to Node's server for good, and what
 * it brought with it: so whatever is slow, strange or hostile is met by what is made for it.
 */
export class FastLane {
  private readonly connections = new Set<Connection>();
  private readonly answerers: Readonly<Record<PlainRequest['does'], Answerer>>;
  private date = { second: -1, text: '' };
  private gathered: (() => void)[] = [];
  /** Ends the wait of those who are gathered; null while nobody is. */
  private cancel: (() => void) | null = null;

  constructor(private readonly options: LaneOptions) {
    const answererFor = (does: PlainRequest['does']): Answerer => {
      const [method, path] = PATHS[does];
      const route = options.routes.find((one) => one.method === method && one.path === path);
      if (!route) throw new Error(`there is no route for ${method} ${path}`);
      return options.answerOf(route);
    };
    this.answerers = { acquire: answererFor('acquire'), release: answererFor('release'), renew: answererFor('renew') };
  }

  /** How many connections are in it: to see that nothing leaks. */
  get size(): number {
    return this.connections.size;
  }

  /** Renewals that are gathered. */
  get waiting(): number {
    return this.gathered.length;
  }

  /** Takes a new connection; `ordinary` has it from the moment it leaves the lane. */
  admit(socket: Socket, ordinary: (socket: Socket) => void): void {
    const { answer, written, gather } = this;
    const left = (): void => {
      this.connections.delete(connection);
    };
    const connection = new Connection(socket, { answer, written, gather, left, ordinary });
    this.connections.add(connection);
  }

  /** Ends each connection: at once, or after the answer under way. */
  stepDown(): void {
    for (const connection of this.connections) connection.stepDown();
    this.goOn();
  }

  /** Calls back now or soon, before anything ends that a renewal could keep. */
  private readonly gather = (go: () => void): void => {
    this.gathered.push(go);
    if (this.cancel !== null) return;
    const { nextDeadline, now, later = afterwards } = this.options;
    const deadline = nextDeadline() ?? Number.POSITIVE_INFINITY;
    if (deadline - now() > 2 * GATHERING_MS) this.cancel = later(this.goOn, GATHERING_MS);
    else this.goOn();
  };

  private readonly goOn = (): void => {
    const gathered = this.gathered;
    this.gathered = [];
    this.cancel?.();
    this.cancel = null;
    for (const go of gathered) go();
  };

  private readonly answer = (asked: PlainRequest, socket: Socket): Promise<Answer> => {
    this.options.asked();
    return this.answerers[asked.does](askOf(asked, socket));
  };

  /** As Node's server writes it. */
  private readonly written = (answer: Answer): Written => {
    if (answer instanceof Response) throw new Error('a plain request is not answered with a stream');
    const { status, headers, text } = answer;
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    const standing = `Date: ${this.dateLine()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1000}\r\n`;
    const length = text === null ? '' : `Content-Length: ${bytes}\r\n`;
    return {
      text: `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${linesOf(headers)}${standing}${length}\r\n${text ?? ''}`,
      // One byte a character where it can be: most answers are ASCII.
      encoding: bytes === (text?.length ?? 0) ? 'latin1' : 'utf8',
    };
  };

  private dateLine(): string {
    const second = Math.floor(this.options.now() / 1000);
    if (second !== this.date.second) this.date = { second, text: new Date(second * 1000).toUTCString() };
    return this.date.text;
  }
}

/** An answer as it goes over the wire. */
interface Written {
  readonly text: string;
  readonly encoding: 'latin1' | 'utf8';
}

/** What a connection needs of its lane. */
interface Lane {
  readonly answer: (asked: PlainRequest, socket: Socket) => Promise<Answer>;
  readonly written: (answer: Answer) => Written;
  readonly gather: (go: () => void) => void;
  readonly left: () => void;
  readonly ordinary: (socket: Socket) => void;
}

/** One connection, from its start to its end or until it leaves the lane. At most one request of it is being answered. */
class Connection {
  private answering = false;
  /** The other side will say nothing more, or we shall: after the answer under way it ends. */
  private last = false;
  /** It renews over and over, and nobody waits for that. A first time somebody may. */
  private isRoutine = false;
  private readonly reader = new PlainReader();

  constructor(
    private readonly socket: Socket,
    private readonly lane: Lane,
  ) {
    socket.on('data', this.heard).on('end', this.stepDown).on('error', this.broke).on('close', lane.left);
    socket.setTimeout(KEEP_ALIVE_MS, this.fellSilent);
  }

  readonly stepDown = (): void => {
    this.last = true;
    if (!this.answering) this.socket.destroySoon();
  };

  private readonly heard = (chunk: Buffer): void => {
    // What comes before its time waits, so that answers have the order of what was asked.
    if (this.answering) this.postpone(chunk);
    else {
      const asked = this.reader.read(chunk);
      if (asked === null) this.leave(chunk);
      else this.begin(asked);
    }
  };

  private begin(asked: PlainRequest): void {
    this.answering = true;
    const waits = asked.does === 'renew' && this.isRoutine;
    this.isRoutine = asked.does === 'renew';
    if (waits) this.lane.gather(() => void this.take(asked));
    else void this.take(asked);
  }

  private async take(asked: PlainRequest): Promise<void> {
    try {
      this.write(this.lane.written(await this.lane.answer(asked, this.socket)));
    } catch {
      this.socket.destroy();
    }
    this.answering = false;
    if (this.last) this.socket.destroySoon();
    else if (this.socket.isPaused() && !this.socket.writableNeedDrain) this.socket.resume();
  }

  private write({ text, encoding }: Written): void {
    const { socket } = this;
    if (!socket.writable) return;
    const taken = socket.write(text, encoding);
    if (taken) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  }

  private postpone(chunk: Buffer): void {
    this.socket.pause();
    this.socket.unshift(chunk);
  }

  private leave(chunk: Buffer): void {
    const { socket } = this;
    socket.off('data', this.heard).off('end', this.stepDown).off('error', this.broke).off('close', this.lane.left);
    socket.off('timeout', this.fellSilent).setTimeout(0);
    this.lane.left();
    this.postpone(chunk);
    this.lane.ordinary(socket);
    socket.resume();
  }

  private readonly fellSilent = (): void => {
    if (!this.answering) this.socket.destroy();
  };

  private readonly broke = (): void => {
    this.socket.destroy();
  };
}

function afterwards(go: () => void, span: Millis): () => void {
  const timer = setTimeout(go, span);
  return () => clearTimeout(timer);
}

const writtenHeaders = new WeakMap<Reply['headers'], string>();

/** Most answers have the very same headers. */
function linesOf(headers: Reply['headers']): string {
  let lines = writtenHeaders.get(headers);
  if (lines === undefined) {
    lines = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    writtenHeaders.set(headers, lines);
  }
  return lines;
}

/** As much of a Context as a route may look at. */
function askOf(asked: PlainRequest, socket: Socket): Ask {
  const { method, url, headers, body } = asked;
  const incoming: WholeRequest = { method, url, headers, rawHeaders: [], socket, body };
  return { env: { incoming }, req: new PlainAsk(asked) } as unknown as Ask;
}

class PlainAsk {
  private asked: URLSearchParams | null = null;

  constructor(private readonly plain: PlainRequest) {}

  get method(): string {
    return this.plain.method;
  }

  get path(): string {
    return this.plain.url.replace(/\?.*$/, '');
  }

  param(name: string): string | undefined {
    return name === 'id' ? this.plain.id : undefined;
  }

  header(name: string): string | undefined {
    return this.plain.headers[name] as string | undefined;
  }

  query(name: string): string | undefined {
    if (this.plain.query === '') return undefined;
    this.asked ??= new URLSearchParams(this.plain.query);
    return this.asked.get(name) ?? undefined;
  }
}
