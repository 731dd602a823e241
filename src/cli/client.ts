import { type Refusal, refuse } from '../core/error.ts';
import {
  type AcquireJson,
  type AskJson,
  type BlockerJson,
  DESCRIPTOR_HEADER,
  type ExtendJson,
  type HeldJson,
  type HistoryJson,
  type LeasesJson,
  PROTOCOL_HEADER,
  type QueueJson,
  type RenewedJson,
  type ResourceJson,
  type ResourcesJson,
  type ShareJson,
  type StatsJson,
  VERSION_HEADER,
  type WaitingJson,
  type WantJson,
} from '../core/wire.ts';
import { refusalOf, textOf } from './problem.ts';
import { Backoff, type Mono, mono, sleep } from './time.ts';
import { type Answer, type Ask, type Endpoint, type Transport, Unanswered } from './transport.ts';

/** The daemon that a call talks to. */
export interface Access {
  readonly endpoint: Endpoint;
  readonly token: string | null;
  /** The caller's descriptor, for a private daemon to read. */
  readonly descriptor: string | null;
  /** Brings a private daemon back that has gone, and says where it is; null where that is somebody else's business. */
  readonly revive: (() => Promise<Endpoint | null>) | null;
  /** Puts a daemon of this release in the place of an older private one; null as above. */
  readonly replace: (() => Promise<Endpoint | null>) | null;
}

/** An answer that the daemon gave on purpose. */
export type Reply<T> =
  | { readonly type: 'ok'; readonly body: T; readonly sentAt: Mono }
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly sentAt: Mono };

/** What `POST /api/v2/why` says about a want. */
export interface WhyJson {
  state: 'free' | 'waiting' | 'impossible';
  detail: string;
  hint: string;
  blockers: BlockerJson[];
}

export interface Patience {
  readonly signal?: AbortSignal;
  /** Longest wait for one answer, milliseconds. */
  readonly within?: number;
}

/**
 * Heartbeats of a stream come every 15 s. A daemon that sees a connection end keeps the place in the queue for 30 s more;
 * whoever does not see it, because only the other direction broke, has to come back before that.
 */
export const STREAM_SILENCE_MS = 25_000;
const ANSWER_WITHIN_MS = 10_000;
/** How long the daemon may keep the answer to a PUT open where something on the way allows no streams; seconds. */
const BLOCK_S = 10;
const LONGEST_PAUSE_MS = 5000;
const FIRST_PAUSE_MS = 25;
/** Where older clients bring the older daemon back again and again, it is spoken to. */
const MOST_REPLACEMENTS = 3;

/** The native API, one attempt a call; `persist` is for those who want more. */
export class Client {
  /** The release of the daemon that answered last; null before it has. */
  daemonVersion: string | null = null;
  private endpoint: Endpoint;
  private replacements = 0;

  constructor(
    private readonly access: Access,
    private readonly transport: Transport,
    private readonly ownVersion = RENTABOT_VERSION,
  ) {
    this.endpoint = access.endpoint;
  }

  /** As RENTABOT_URL spells it. */
  get url(): string {
    return this.endpoint.url;
  }

  get token(): string | null {
    return this.access.token;
  }

  /** Where a daemon is ours to keep running: makes sure that it does. */
  async revive(): Promise<void> {
    this.endpoint = (await this.access.revive?.()) ?? this.endpoint;
  }

  /** Has an older daemon that is ours step down for one of this release; true where that was done, else it will do. */
  async replaceOlder(): Promise<boolean> {
    const { replace } = this.access;
    if (replace === null || this.daemonVersion === null || !isOlder(this.daemonVersion, this.ownVersion)) return false;
    if (this.replacements >= MOST_REPLACEMENTS) return false;
    this.replacements += 1;
    const endpoint = await replace();
    if (endpoint === null) return false;
    this.endpoint = endpoint;
    return true;
  }

  /** Asks for a lease; the answer is a stream of events, or JSON where it is a refusal. */
  async openAcquire(id: string, body: AcquireJson, signal: AbortSignal): Promise<Answer> {
    return this.open({
      method: 'PUT',
      path: `/api/v2/leases/${encodeURIComponent(id)}?block=${BLOCK_S}`,
      headers: { accept: 'text/event-stream', ...this.bearer() },
      body: JSON.stringify(body),
      answerWithin: ANSWER_WITHIN_MS + BLOCK_S * 1000,
      silence: STREAM_SILENCE_MS,
      signal,
    });
  }

  /** The lease's own stream: messages, then its end. */
  async openLease(id: string, secret: string, signal: AbortSignal): Promise<Answer> {
    return this.open({
      method: 'GET',
      path: `/api/v2/leases/${encodeURIComponent(id)}`,
      headers: { accept: 'text/event-stream', authorization: `Lease ${secret}` },
      answerWithin: ANSWER_WITHIN_MS,
      silence: STREAM_SILENCE_MS,
      signal,
    });
  }

  /** Asks for a lease once, without waiting for it. */
  ask(id: string, body: AcquireJson, patience: Patience): Promise<Reply<HeldJson | WaitingJson>> {
    return this.json('PUT', `/api/v2/leases/${encodeURIComponent(id)}`, patience, undefined, JSON.stringify(body));
  }

  /** Takes what is offered; without the secret as who we are. */
  accept(id: string, secret: string | null, patience: Patience): Promise<Reply<RenewedJson>> {
    const path = `/api/v2/leases/${encodeURIComponent(id)}/accept`;
    return this.json('POST', path, patience, secret === null ? undefined : `Lease ${secret}`);
  }

  /** Lets somebody else do with a lease of ours what we may, or no longer. */
  share(id: string, more: ShareJson, patience: Patience): Promise<Reply<RenewedJson>> {
    const path = `/api/v2/leases/${encodeURIComponent(id)}/share`;
    return this.json('POST', path, patience, undefined, JSON.stringify(more));
  }

  /** Tells whoever holds a resource that we would like to have it. */
  askHolders(name: string, more: AskJson, patience: Patience): Promise<Reply<{ readonly asked: number }>> {
    const path = `/api/v2/resources/${encodeURIComponent(name)}/ask`;
    return this.json('POST', path, patience, undefined, JSON.stringify(more));
  }

  /** Who we are to a daemon that knows its users. */
  whoami(patience: Patience = {}): Promise<Reply<{ readonly name: string }>> {
    return this.json('GET', '/api/v2/whoami', patience);
  }

  renew(id: string, secret: string, patience: Patience): Promise<Reply<RenewedJson>> {
    const path = `/api/v2/leases/${encodeURIComponent(id)}/renew`;
    return this.json('POST', path, patience, `Lease ${secret}`, undefined, { apart: true });
  }

  /** Gives back, and says that no command of this lease is running any more; and how that ended, unless it is null. */
  release(id: string, secret: string, patience: Patience, exit: number | null = null): Promise<Reply<unknown>> {
    const how = exit === null ? '' : `&exit=${exit}`;
    const path = `/api/v2/leases/${encodeURIComponent(id)}?ended=true${how}`;
    return this.json('DELETE', path, patience, `Lease ${secret}`);
  }

  /** Holds it for so many seconds at least, even in silence; `guarded: false` says that no command is behind it any more. */
  extend(
    id: string,
    secret: string | null,
    more: ExtendJson,
    patience: Patience,
    exit: number | null = null,
  ): Promise<Reply<RenewedJson>> {
    // Not in the body, of which an older daemon would refuse a key that it does not know.
    const path = `/api/v2/leases/${encodeURIComponent(id)}/extend${exit === null ? '' : `?exit=${exit}`}`;
    return this.json('POST', path, patience, secret === null ? undefined : `Lease ${secret}`, JSON.stringify(more));
  }

  lease(id: string, patience: Patience = {}): Promise<Reply<HeldJson>> {
    return this.json('GET', `/api/v2/leases/${encodeURIComponent(id)}`, patience);
  }

  leases(patience: Patience = {}): Promise<Reply<LeasesJson>> {
    return this.json('GET', '/api/v2/leases', patience);
  }

  /** Ends somebody's lease without its secret; where a command is behind it, that is told to end. */
  revoke(id: string, patience: Patience = {}): Promise<Reply<{ readonly state: 'ending' } | null>> {
    return this.json('DELETE', `/api/v2/leases/${encodeURIComponent(id)}`, patience);
  }

  /** Everything that happens, from now on. */
  openEvents(signal: AbortSignal): Promise<Answer> {
    return this.open({
      method: 'GET',
      path: '/api/v2/events',
      headers: { accept: 'text/event-stream', ...this.bearer() },
      answerWithin: ANSWER_WITHIN_MS,
      silence: STREAM_SILENCE_MS,
      signal,
    });
  }

  resource(name: string, patience: Patience = {}): Promise<Reply<{ readonly resource: ResourceJson }>> {
    return this.json('GET', `/api/v2/resources/${encodeURIComponent(name)}`, patience);
  }

  resources(patience: Patience = {}): Promise<Reply<ResourcesJson>> {
    return this.json('GET', '/api/v2/resources', patience);
  }

  queue(patience: Patience = {}): Promise<Reply<QueueJson>> {
    return this.json('GET', '/api/v2/queue', patience);
  }

  history(query: URLSearchParams, patience: Patience = {}): Promise<Reply<HistoryJson>> {
    return this.json('GET', `/api/v2/history?${query}`, patience);
  }

  stats(query: URLSearchParams, patience: Patience = {}): Promise<Reply<StatsJson>> {
    return this.json('GET', `/api/v2/stats?${query}`, patience);
  }

  why(want: readonly WantJson[], patience: Patience = {}): Promise<Reply<WhyJson>> {
    return this.json('POST', '/api/v2/why', patience, undefined, JSON.stringify({ want }));
  }

  /** Asks a private daemon to step down. */
  stop(patience: Patience = {}): Promise<Reply<unknown>> {
    return this.json('POST', '/api/v2/stop', patience, undefined, '{}');
  }

  /** Anything else that there is: see identity-client.ts and things.ts. */
  call<T>(method: Ask['method'], path: string, patience: Patience, body?: unknown): Promise<Reply<T>> {
    return this.json(method, path, patience, undefined, body === undefined ? undefined : JSON.stringify(body));
  }

  private async json<T>(
    method: Ask['method'],
    path: string,
    { signal, within = ANSWER_WITHIN_MS }: Patience,
    authorization?: string,
    body?: string,
    how: Pick<Ask, 'apart'> = {},
  ): Promise<Reply<T>> {
    const sentAt = mono();
    const answer = await this.open({
      method,
      path,
      headers: { accept: 'application/json', ...this.credentials(authorization) },
      answerWithin: within,
      ...how,
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
    const text = await textOf(answer);
    if (answer.status >= 400) return { type: 'refused', refusal: refusalOf(answer, text), sentAt };
    return { type: 'ok', body: parseBody(text, this.endpoint) as T, sentAt };
  }

  private async open(ask: Ask): Promise<Answer> {
    const headers: Record<string, string> = { ...ask.headers, [VERSION_HEADER]: this.ownVersion };
    if (ask.body !== undefined) headers['content-type'] = 'application/json';
    // Header values are ASCII, and paths need not be.
    if (this.access.descriptor !== null) headers[DESCRIPTOR_HEADER] = encodeURI(this.access.descriptor);
    const answer = await this.transport(this.endpoint, { ...ask, headers });
    mustBeRentabot(answer, this.endpoint);
    const version = answer.headers[VERSION_HEADER];
    if (typeof version === 'string') this.daemonVersion = version;
    return answer;
  }

  /**
   * A lease's secret says all there is to say about that lease; but one that the daemon never heard of is given back only
   * by somebody it knows.
   */
  private credentials(authorization: string | undefined): Record<string, string> {
    if (authorization === undefined) return this.bearer();
    return { authorization, ...(this.access.token === null ? {} : { 'x-api-key': this.access.token }) };
  }

  private bearer(): Record<string, string> {
    return this.access.token === null ? {} : { authorization: `Bearer ${this.access.token}` };
  }
}

/**
 * Repeats an attempt that got no answer, with growing pauses, until `until`; then the last `Unanswered` is thrown. The
 * first repetition comes at once, because most often a single reply was lost.
 */
export async function persist<T>(
  client: Client,
  attempt: () => Promise<T>,
  { until, signal }: { until: Mono; signal?: AbortSignal },
): Promise<T> {
  const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Unanswered) || error.final || signal?.aborted) throw error;
      const pause = backoff.pause();
      if (mono() + pause >= until) throw error;
      await sleep(pause, signal);
      if (signal?.aborted) throw error;
      await client.revive();
    }
  }
}

/** The refusal that a client makes of silence. */
export function unreachable(error: Unanswered): Refusal {
  if (error.code === 'EACCES') {
    return refuse('denied', error.message, {
      hint: "you need access to the daemon's socket, or another daemon with --url",
    });
  }
  if (!error.final) return refuse('unreachable', error.message);
  return refuse('unreachable', error.message, {
    hint: 'is the url right? a private authority goes into NODE_EXTRA_CA_CERTS',
  });
}

/** Compares releases number by number; what is no release is older than nothing. */
export function isOlder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number));
  if (a === undefined || b === undefined) return false;
  const differs = a.findIndex((number, i) => number !== b[i]);
  return differs >= 0 && (a[differs] ?? 0) < (b[differs] ?? 0);
}

/** Something else may answer at a wrong address, and a proxy answers for a daemon that is away. */
function mustBeRentabot(answer: Answer, endpoint: Endpoint): void {
  if (answer.headers[PROTOCOL_HEADER] !== undefined) return;
  answer.read(() => {}).catch(() => {});
  if (answer.status >= 502 && answer.status <= 504) {
    throw new Unanswered('EPROXY', `a proxy answers ${answer.status} for ${endpoint.url}`);
  }
  throw new Unanswered(
    'ENOTRENTABOT',
    `what answers at ${endpoint.url} is no rentabot daemon (status ${answer.status})`,
    {
      final: true,
    },
  );
}

function parseBody(text: string, endpoint: Endpoint): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unanswered('EBODY', `${endpoint.url} answered something that is no JSON`, { cause: error });
  }
}
