import { type Refusal, refuse } from '../core/error.ts';
import type { AcquireJson, HeldJson, LeaseJson, ProblemJson, WaitingJson } from '../core/wire.ts';
import { type Client, unreachable } from './client.ts';
import { refusalFrom, refusalOf, textOf } from './problem.ts';
import { EventReader, type StreamEvent } from './sse.ts';
import { Backoff, type Mono, mono, sleep } from './time.ts';
import { type Answer, Unanswered } from './transport.ts';

/**
 * Getting a lease. The id makes it one request however often it is sent: while the daemon is away, restarts, or loses
 * its answer, we come back with the same id and find the same place in the queue, or the lease.
 */
export interface AcquireRequest {
  readonly id: string;
  readonly body: AcquireJson;
  /** Longest time in the queue, milliseconds; null for ever. */
  readonly wait: number | null;
  /** How long a daemon that never answered is tried, milliseconds. */
  readonly connectTimeout: number;
}

/** What there is to know while it takes. */
export interface AcquireWatcher {
  waiting(update: WaitingJson): void;
  /** The daemon is away or has no room; it is tried again by itself. */
  trouble(sentence: string): void;
}

export type Acquired =
  | { readonly type: 'held'; readonly lease: LeaseJson; readonly sentAt: Mono }
  /** `settled`: the daemon knows that it is over; else it may still think that we wait. */
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly settled: boolean }
  | { readonly type: 'interrupted' };

/** Not decided: ask again, after so long at least. */
interface Again {
  readonly type: 'again';
  readonly after: number;
  /** Why the daemon could not decide; null where nothing is wrong. */
  readonly because: Refusal | Unanswered | null;
}

/** Even `--no-wait` asks again when a reply got lost; milliseconds. */
const LEAST_PATIENCE_MS = 1000;
/** `--no-wait` is about the queue: a daemon, or a host, with much to do may take this long for the one answer. */
const ONE_ANSWER_MS = 10_000;
/** The daemon ends the wait; this is how much later we do it ourselves, should it not. */
const WAIT_SLACK_MS = 5000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 2000;
/** A daemon that says "come back" must not be asked in a tight circle. */
const POLL_PAUSE_MS = 1000;

export async function acquire(
  client: Client,
  request: AcquireRequest,
  watcher: AcquireWatcher,
  signal: AbortSignal,
): Promise<Acquired> {
  const patience = new Patience(request);
  const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  for (;;) {
    const attempt = await askOnce(client, request, watcher, patience, signal);
    if (attempt.type === 'held') return attempt;
    if (signal.aborted) return { type: 'interrupted' };
    if (attempt.type !== 'again') return attempt;
    const { because } = attempt;
    const unanswered = because instanceof Unanswered ? because : null;
    if (unanswered === null) backoff.reset();
    const left = patience.end() - mono();
    if (unanswered?.final || left <= attempt.after) {
      return { type: 'refused', refusal: patience.spent(because), settled: false };
    }
    if (because !== null) watcher.trouble(because instanceof Unanswered ? because.message : because.detail);
    await sleep(Math.min(left, Math.max(attempt.after, backoff.pause())), signal);
    if (unanswered && !signal.aborted) await client.revive();
  }
}

/** How long to go on: until `--wait` is over, and where nobody ever answered no longer than `--connect-timeout`. */
class Patience {
  answered = false;
  private startedAt = mono();

  constructor(private readonly request: AcquireRequest) {}

  end(): Mono {
    const { wait, connectTimeout } = this.request;
    const waiting = Math.max(wait ?? Number.POSITIVE_INFINITY, LEAST_PATIENCE_MS);
    return this.startedAt + (this.answered ? waiting : Math.min(waiting, connectTimeout));
  }

  /** By when an attempt under way has to be answered. */
  answerBy(): Mono {
    if (this.answered) return this.end() + WAIT_SLACK_MS;
    const { wait, connectTimeout } = this.request;
    return wait === 0 ? this.startedAt + Math.min(ONE_ANSWER_MS, connectTimeout) : this.end();
  }

  /** Time that was ours, not the queue's. */
  forgive(span: number): void {
    this.startedAt += span;
  }

  /** What to call it when it is over. Whoever asked only once has not waited, so the cause itself is the answer. */
  spent(because: Refusal | Unanswered | null): Refusal {
    if (because instanceof Unanswered) {
      if (because.final || !this.answered || this.request.wait === 0) return unreachable(because);
      return refuse('timeout', `gave up waiting, at last without an answer: ${because.message}`);
    }
    if (because === null) return refuse('timeout', 'gave up waiting');
    return this.request.wait === 0 ? because : refuse('timeout', `gave up waiting: ${because.detail}`);
  }
}

async function askOnce(
  client: Client,
  { id, body }: AcquireRequest,
  watcher: AcquireWatcher,
  patience: Patience,
  signal: AbortSignal,
): Promise<Acquired | Again> {
  const sentAt = mono();
  const limit = new Limit(signal);
  limit.at(patience.answerBy());
  let outcome: Acquired | Again | null = null;
  try {
    const answer = await client.openAcquire(id, body, limit.signal);
    patience.answered = true;
    limit.at(patience.answerBy());
    if (await client.replaceOlder()) {
      patience.forgive(mono() - sentAt);
      return { type: 'again', after: 0, because: null };
    }
    outcome = await outcomeOf(answer, watcher, sentAt);
    return outcome;
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    const isOurs = error.code === 'ABORTED' && !signal.aborted;
    return { type: 'again', after: 0, because: isOurs ? silent(client, error) : error };
  } finally {
    limit.close();
    // A decided stream ends by itself, and its connection serves the next request.
    if (outcome?.type !== 'held') limit.abort();
  }
}

/** The limit that ended the attempt says nothing of why. */
function silent({ url }: Client, cause: Unanswered): Unanswered {
  return new Unanswered('ETIMEDOUT', `nothing heard from ${url}`, { cause });
}

/** Ends a request when its caller gives up, or at a time. */
class Limit {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  readonly abort = (): void => this.controller.abort();

  constructor(private readonly outer: AbortSignal) {
    outer.addEventListener('abort', this.abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  at(moment: Mono): void {
    clearTimeout(this.timer);
    if (Number.isFinite(moment))
      this.timer = setTimeout(this.abort, Math.min(Math.max(0, moment - mono()), 2 ** 31 - 1));
  }

  close(): void {
    clearTimeout(this.timer);
    this.outer.removeEventListener('abort', this.abort);
  }
}

async function outcomeOf(answer: Answer, watcher: AcquireWatcher, sentAt: Mono): Promise<Acquired | Again> {
  if (String(answer.headers['content-type'] ?? '').startsWith('text/event-stream')) {
    return streamedOutcome(answer, watcher, sentAt);
  }
  const text = await textOf(answer);
  if (answer.status >= 400) return refusedOrLater(refusalOf(answer, text));
  const state = parsed<HeldJson | WaitingJson>(text);
  if (state.state === 'waiting') {
    watcher.waiting(state);
    return { type: 'again', after: POLL_PAUSE_MS, because: null };
  }
  return held(state, sentAt);
}

/** Resolves with the event that decides; what the stream says after that is of no interest, only its connection is. */
function streamedOutcome(answer: Answer, watcher: AcquireWatcher, sentAt: Mono): Promise<Acquired | Again> {
  return new Promise((resolve, reject) => {
    const reader = new EventReader();
    const take = (text: string): void => {
      for (const event of reader.push(text)) {
        const outcome = outcomeOfEvent(event, watcher, sentAt);
        if (outcome) resolve(outcome);
      }
    };
    answer
      .read((text) => {
        try {
          take(text);
        } catch (error) {
          reject(error);
        }
      })
      .then(() => reject(new Unanswered('ECONNRESET', 'the daemon ended the wait without a word')), reject);
  });
}

function outcomeOfEvent(event: StreamEvent, watcher: AcquireWatcher, sentAt: Mono): Acquired | Again | null {
  switch (event.type) {
    case 'waiting':
      watcher.waiting(parsed<WaitingJson>(event.text));
      return null;
    case 'held':
      return held(parsed<HeldJson>(event.text), sentAt);
    case 'problem':
      return refusedOrLater(refusalFrom(parsed<ProblemJson & { retryAfter?: number }>(event.text)));
    case 'closing': {
      const { retryAfter = 1 } = parsed<{ retryAfter?: number }>(event.text);
      const because = refuse('unavailable', 'the daemon steps down; asking its successor for the same place');
      return { type: 'again', after: Math.max(0, retryAfter * 1000), because };
    }
    default:
      // A later daemon may say more.
      return null;
  }
}

function held({ lease }: HeldJson, sentAt: Mono): Acquired | Again {
  return { type: 'held', lease, sentAt };
}

/** A daemon that has no room or cannot write now says when to come back. */
function refusedOrLater(refusal: Refusal): Acquired | Again {
  if (refusal.code !== 'limit' && refusal.code !== 'unavailable') return { type: 'refused', refusal, settled: true };
  return { type: 'again', after: (refusal.retryAfter ?? 1) * 1000, because: refusal };
}

function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Unanswered('EBODY', 'the daemon said something that is no JSON', { cause: error });
  }
}
