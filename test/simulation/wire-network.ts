import type { Answer, Ask, Transport } from '../../src/cli/transport.ts';
import type { Millis } from '../../src/core/model.ts';
import type { Chance } from './random.ts';
import type { Arrival, Kind, Ledger } from './wire-ledger.ts';
import type { Life, WireSubject } from './wire-life.ts';

/** What becomes of one message, and of the connection that it has for itself. */
interface Fate {
  readonly request: 'arrives' | 'refused' | 'lost';
  readonly delay: Millis;
  readonly reply: 'arrives' | 'lost';
  readonly replyDelay: Millis;
  /** After so many pieces of a stream nothing comes any more. */
  readonly pieces: number;
  /** Whether the client is told that its connection broke; else it has to find out. */
  readonly loud: boolean;
  /** When the daemon hears that the other end has gone. */
  readonly noticed: Millis;
  /** When it arrives again. */
  readonly again: readonly Millis[];
}

const CALM: Fate = {
  request: 'arrives',
  delay: 1,
  reply: 'arrives',
  replyDelay: 1,
  pieces: Number.POSITIVE_INFINITY,
  loud: true,
  noticed: 1,
  again: [],
};

/** A client that waits gets through so often, at the least: who is cut off for longer may lose its place. */
const LONGEST_GAP_MS: Millis = 8000;

/**
 * The wire between clients and daemons. It loses requests and replies, with and without a word; delays them, so that they
 * overtake each other; breaks streams off; brings a message twice, the second time perhaps minutes later; and leaves
 * connections half open on either side.
 */
export class Network {
  /** Counts what happens: as long as it moves, the world is not at rest. */
  activity = 0;
  calm = false;
  readonly faults = { requests: 0, replies: 0, silent: 0, copies: 0, cuts: 0 };
  /** Everything that was ever sent, to be brought again. */
  readonly past: Ask[] = [];
  private readonly arrived = new Map<string, Millis>();
  private readonly open = new Set<Connection>();

  constructor(
    readonly core: WireSubject,
    readonly chance: Chance,
    readonly ledger: Ledger,
    readonly now: () => Millis,
    readonly life: () => Life | null,
  ) {}

  readonly transport: Transport = (_endpoint, ask) => {
    this.past.push(ask);
    const fate = this.calm ? CALM : this.fate(ask);
    for (const delay of fate.again) setTimeout(() => this.bring(ask), delay);
    return new Exchange(this, ask, fate).answer;
  };

  /** Connections that a daemon takes for open. */
  get connections(): number {
    return this.open.size;
  }

  /** The same bytes once more. Nobody reads what is answered, and the daemon finds out about that sooner or later. */
  bring(ask: Ask): void {
    this.faults.copies += 1;
    const life = this.life();
    if (life === null) return;
    const connection = new Connection(this, life, ask);
    setTimeout(() => connection.close(), this.chance.pick([0, 50, 3000, 40_000]));
    void connection.send().then((response) => (response ? connection.read(response, () => true) : null));
  }

  /** Even half-open connections end, when the kernel gives up on them. */
  closeAll(): void {
    for (const one of [...this.open]) one.close();
  }

  opened(connection: Connection): void {
    this.open.add(connection);
    const { kind, id } = addressOf(connection.ask);
    if (kind === 'PUT') this.arrived.set(id, this.now());
  }

  closed(connection: Connection): void {
    this.open.delete(connection);
  }

  private fate(ask: Ask): Fate {
    const { chance, faults } = this;
    const { kind, id } = addressOf(ask);
    const starved = kind === 'PUT' && this.isStarved(id);
    const request = starved ? 'arrives' : chance.pick(['arrives', 'arrives', 'arrives', 'lost', 'refused'] as const);
    const reply = chance.maybe(0.25) ? 'lost' : 'arrives';
    const cut = chance.maybe(0.3);
    const loud = chance.maybe(0.7);
    if (request !== 'arrives') faults.requests += 1;
    else if (reply === 'lost') faults.replies += 1;
    else if (cut) faults.cuts += 1;
    if (!loud && (request === 'lost' || reply === 'lost' || cut)) faults.silent += 1;
    return {
      request,
      reply,
      loud,
      delay: chance.pick([0, 1, 5, 200, chance.maybe(0.3) && !starved ? 6000 : 20]),
      replyDelay: chance.pick([0, 1, 5, 200, chance.maybe(0.3) ? 4000 : 20]),
      pieces: cut ? chance.below(4) : Number.POSITIVE_INFINITY,
      noticed: chance.pick([0, 1, 500, 20_000, 100_000]),
      again: chance.maybe(0.3) ? [chance.pick([0, 10, 1000, 15_000, 90_000, 300_000])] : [],
    };
  }

  private isStarved(id: string): boolean {
    return this.now() - (this.arrived.get(id) ?? this.now()) > LONGEST_GAP_MS;
  }
}

/** One attempt of a client: its end of the connection. */
class Exchange {
  readonly answer: Promise<Answer>;
  private resolve: (answer: Answer) => void = () => {};
  private reject: (error: unknown) => void = () => {};
  private connection: Connection | null = null;
  private body: Body | null = null;
  private idle: NodeJS.Timeout | undefined;
  private over = false;

  constructor(
    private readonly network: Network,
    private readonly ask: Ask,
    private readonly fate: Fate,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.begin();
  }

  private readonly abort = (): void => this.fail('ABORTED');

  private begin(): void {
    const { ask, fate } = this;
    if (ask.signal?.aborted) return this.fail('ABORTED');
    ask.signal?.addEventListener('abort', this.abort, { once: true });
    this.listen(ask.answerWithin);
    if (fate.request === 'refused') setTimeout(() => this.fail('ECONNREFUSED'), fate.delay);
    else if (fate.request === 'arrives') setTimeout(() => void this.arrive(), fate.delay);
    else if (fate.loud) setTimeout(() => this.fail('ECONNRESET'), fate.delay);
  }

  private async arrive(): Promise<void> {
    const { network, fate } = this;
    const life = network.life();
    if (life === null) return this.fail('ECONNREFUSED');
    this.connection = new Connection(network, life, this.ask);
    // It was on its way when the client gave up, and arrives all the same.
    if (this.over) this.hangUp();
    const response = await this.connection.send();
    if (response === null) return this.fail('ECONNRESET');
    if (fate.reply === 'lost') return this.lose(response);
    setTimeout(() => this.take(response), fate.replyDelay);
  }

  /** The daemon may hear of it much later than the client, or the client not at all. */
  private lose(response: Response): void {
    void this.connection?.read(response, () => true);
    if (this.fate.loud) this.fail('ECONNRESET');
    else this.hangUp();
  }

  private take(response: Response): void {
    if (this.over) return this.lose(response);
    const body = new Body((code) => new this.network.core.Unanswered(code, 'the network broke it'));
    this.body = body;
    this.listen(this.ask.silence ?? this.ask.answerWithin);
    this.resolve({ status: response.status, headers: Object.fromEntries(response.headers), read: body.read });
    void this.follow(response, body);
  }

  private async follow(response: Response, body: Body): Promise<void> {
    let pieces = 0;
    let arrival = this.network.now();
    const complete = await this.connection?.read(response, (text) => {
      pieces += 1;
      if (pieces > this.fate.pieces) return false;
      // Pieces of one stream do not overtake each other.
      arrival = Math.max(arrival, this.network.now() + this.fate.replyDelay);
      setTimeout(() => this.piece(body, text), arrival - this.network.now());
      return true;
    });
    if (complete) setTimeout(() => this.end(body), Math.max(arrival - this.network.now(), 0));
    else if (this.fate.loud || pieces <= this.fate.pieces) this.fail('ECONNRESET');
    else this.hangUp();
  }

  private piece(body: Body, text: string): void {
    if (this.over) return;
    this.network.activity += 1;
    this.listen(this.ask.silence ?? this.ask.answerWithin);
    body.push(text);
  }

  private end(body: Body): void {
    if (this.over) return;
    this.finish();
    body.end();
  }

  private listen(within: Millis): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.fail('ETIMEDOUT'), within);
  }

  private fail(code: string): void {
    if (this.over) return;
    this.finish();
    this.hangUp();
    if (this.body) this.body.fail(code);
    else this.reject(new this.network.core.Unanswered(code, 'the network broke it'));
  }

  private finish(): void {
    this.over = true;
    this.network.activity += 1;
    clearTimeout(this.idle);
    this.ask.signal?.removeEventListener('abort', this.abort);
  }

  /** This end is gone, or as good as gone. */
  private hangUp(): void {
    const { connection } = this;
    if (connection) setTimeout(() => connection.close(), this.network.calm ? 1 : this.fate.noticed);
  }
}

/** A daemon's end of a connection. */
export class Connection {
  private readonly gone = new AbortController();
  private reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  private arrival: Arrival | null = null;
  private closed = false;

  constructor(
    private readonly network: Network,
    readonly life: Life,
    readonly ask: Ask,
  ) {}

  /** Null where the daemon died over it. */
  async send(): Promise<Response | null> {
    const { network, ask, life } = this;
    const { kind, id } = addressOf(ask);
    network.opened(this);
    network.activity += 1;
    this.arrival = network.ledger.arrives(kind, id);
    void life.death.then(() => this.close());
    const request = new Request(`http://127.0.0.1:5000${ask.path}`, {
      method: ask.method,
      headers: ask.headers,
      signal: this.gone.signal,
      ...(ask.body === undefined ? {} : { body: ask.body }),
    });
    const response = await Promise.race([life.fetch(request), life.death]);
    network.activity += 1;
    network.ledger.answered(this.arrival, response?.status ?? null);
    if (response === null) this.close();
    return response;
  }

  /** Reads to the end, or until `take` has enough; true where the end came. */
  async read(response: Response, take: (text: string) => boolean): Promise<boolean> {
    const decoder = new TextDecoder();
    const reader = response.body?.getReader() ?? null;
    this.reader = reader;
    if (this.closed) void reader?.cancel().catch(() => {});
    for (;;) {
      const next = await Promise.race([reader?.read() ?? { done: true as const, value: undefined }, this.cut]);
      this.network.activity += 1;
      if (next === null || this.closed) return false;
      if (next.done) break;
      if (!take(decoder.decode(next.value, { stream: true }))) return false;
    }
    this.close();
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.network.closed(this);
    this.gone.abort();
    void this.reader?.cancel().catch(() => {});
  }

  private get cut(): Promise<null> {
    return new Promise((resolve) => this.gone.signal.addEventListener('abort', () => resolve(null), { once: true }));
  }
}

/** What a client reads of an answer. */
class Body {
  private readonly pieces: string[] = [];
  private state: 'open' | 'ended' | { readonly code: string } = 'open';
  private onText: ((text: string) => void) | null = null;
  private done: { resolve(): void; reject(error: unknown): void } | null = null;

  constructor(private readonly unanswered: (code: string) => Error) {}

  readonly read = (onText: (text: string) => void): Promise<void> => {
    this.onText = onText;
    for (const text of this.pieces.splice(0)) onText(text);
    return new Promise((resolve, reject) => {
      this.done = { resolve, reject };
      this.settle();
    });
  };

  push(text: string): void {
    if (this.onText) this.onText(text);
    else this.pieces.push(text);
  }

  end(): void {
    this.state = 'ended';
    this.settle();
  }

  fail(code: string): void {
    this.state = { code };
    this.settle();
  }

  private settle(): void {
    if (this.done === null || this.state === 'open') return;
    if (this.state === 'ended') this.done.resolve();
    else this.done.reject(this.unanswered(this.state.code));
  }
}

/** What a request is about. */
export function addressOf({ method, path }: Ask): { readonly kind: Kind; readonly id: string } {
  const [, id = '', verb] = /^\/api\/v2\/leases\/([^/?]+)(?:\/(\w+))?/.exec(path) ?? [];
  return { id, kind: verb === 'renew' || verb === 'extend' ? verb : (method as Kind) };
}
