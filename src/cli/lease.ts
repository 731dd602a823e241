import type { Refusal } from '../core/error.ts';
import type { EndReason } from '../core/model.ts';
import type { EndingJson, LeaseJson, MessageJson, RenewedJson } from '../core/wire.ts';
import { type Client, persist, type Reply, unreachable } from './client.ts';
import type { CommandLease } from './environment.ts';
import { textOf } from './problem.ts';
import { EventReader, type StreamEvent } from './sse.ts';
import { Backoff, type Mono, mono, sleep, slept } from './time.ts';
import { Unanswered } from './transport.ts';

/**
 * Holding a lease. It is renewed at a third of its ttl. The daemon passes it on no earlier than one ttl after it got
 * the last renewal, and it got that no earlier than we sent it; so by our own monotonic clock the deadline is
 * "when the last answered renewal was sent, plus ttl", and everything of the command has to be dead before.
 *
 *     held ──silence──▶ lost: end the command so that it is dead by the deadline
 *          ──told ────▶ lost: end the command, then confirm
 *          ──ended────▶ lost: somebody may have it already, so no grace
 *
 * The first cause of a loss counts. Whatever happens, `release` is sent once.
 */
export type Loss =
  /** Told to end; it passes on when we confirm. */
  | { readonly cause: 'told'; readonly reason: EndReason; readonly by: string; readonly note: string }
  /** Over already. */
  | { readonly cause: 'ended'; readonly reason: EndReason | null; readonly by: string; readonly detail: string }
  /** No renewal was answered for so long, milliseconds. */
  | { readonly cause: 'silence'; readonly silent: number };

export interface LeaseOptions {
  readonly secret: string;
  /** From TERM to KILL, milliseconds; capped at a third of the ttl where the deadline presses. */
  readonly grace: number;
  onMessage(message: MessageJson): void;
  /** When the command has to be told to end if nothing is answered until then, and when it has to be dead; they move. */
  onDeadline?(endAt: Mono, deadBy: Mono): void;
  /** Said once an outage, when a second attempt got no answer either; `left` milliseconds until it is lost. */
  onTrouble(sentence: string, left: number): void;
}

const FIRST_PAUSE_MS = 25;
/** Also bounded by a part of the ttl. */
const LONGEST_PAUSE_MS = 5000;
const LONGEST_ATTEMPT_MS = 10_000;
const RELEASE_WITHIN_MS = 15_000;
/** The clocks that it is told by differ by less. */
const LEAST_SLEEP_MS = 1000;
const STREAM_PAUSES_MS = { first: 250, longest: 5000 } as const;

/** What a command runs under: a lease of its own, or what a lock around it holds. */
export interface Hold {
  readonly lease: CommandLease;
  readonly lost: AbortSignal;
  readonly deadBy: Mono;
  readonly grace: number;
  readonly isStale: boolean;
  readonly isOverdue: boolean;
  refresh(signal: AbortSignal): Promise<boolean>;
  keep(): void;
  listen(): Promise<void>;
  tooLate(): void;
}

export class HeldLease implements Hold {
  private readonly loss = new AbortController();
  private readonly over = new AbortController();
  private readonly ttl: number;
  private readonly heard = new Set<string>();
  private answeredAt: Mono;
  private sleptBefore = slept();
  private watchdog: NodeJS.Timeout | undefined;
  private released: Promise<boolean> | null = null;
  private unanswered = 0;

  /** `sentAt`: when the request was sent that was answered with this lease. */
  constructor(
    private readonly client: Client,
    private current: LeaseJson,
    sentAt: Mono,
    private readonly options: LeaseOptions,
  ) {
    this.ttl = current.ttl * 1000;
    this.answeredAt = sentAt;
    if (current.ending) this.lose(lossOf(current.ending));
  }

  get lease(): LeaseJson {
    return this.current;
  }

  /** Aborted, with a `Loss` as its reason, when the lease is not ours any more or soon will not be. */
  get lost(): AbortSignal {
    return this.loss.signal;
  }

  /** By then the command has to be dead: a moment before the deadline, for what KILL and we ourselves take. */
  get deadBy(): Mono {
    return this.answeredAt + this.ttl - Math.min(1000, Math.max(150, this.ttl / 20));
  }

  /** Longest grace that the deadline leaves. */
  get grace(): number {
    return Math.min(this.options.grace, this.ttl / 3);
  }

  /** Whether the grant may have been on its way for so long that nobody knows what is left of it. */
  get isStale(): boolean {
    return mono() - this.answeredAt > this.ttl / 3;
  }

  /** Whether somebody else may have it by now: the deadline itself has passed, perhaps while we were stopped or slept. */
  get isOverdue(): boolean {
    const asleep = slept() - this.sleptBefore;
    return mono() + (asleep > LEAST_SLEEP_MS ? asleep : 0) >= this.answeredAt + this.ttl;
  }

  /** Renews once, now, however long the answer takes; the lease counts from then. False where it was lost meanwhile. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    const until = Number.POSITIVE_INFINITY;
    const within = LONGEST_ATTEMPT_MS;
    const attempt = async (): Promise<void> => this.take(await this.renewal(within, signal));
    await persist(this.client, attempt, { until, signal });
    return !this.lost.aborted;
  }

  /** Keeps it, from now until it is lost or released. */
  keep(): void {
    this.watch();
    void this.renewals();
  }

  /** Listens to what the daemon has to say, until it is lost or released; renewals would tell as well, only later. */
  async listen(): Promise<void> {
    const backoff = new Backoff(STREAM_PAUSES_MS.first, STREAM_PAUSES_MS.longest);
    while (!this.isOver()) {
      try {
        await this.readStream(() => backoff.reset());
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
      }
      await sleep(backoff.pause(), this.over.signal);
    }
  }

  /**
   * Gives it back, saying that no command of it is running, and how that ended; the first call counts. False where the
   * daemon could not be told in time: then it ends by its ttl. `signal` cuts the trying short.
   */
  release(
    signal?: AbortSignal,
    within = Math.min(this.ttl, RELEASE_WITHIN_MS),
    exit: number | null = null,
  ): Promise<boolean> {
    this.released ??= this.giveBack(within, exit, signal);
    return this.released;
  }

  /** Somebody else saw that the deadline has passed: we were stopped, or the machine slept. */
  tooLate(): void {
    this.lose({ cause: 'silence', silent: mono() - this.answeredAt });
  }

  /**
   * Renews it once more for whoever takes it over, and stops keeping it. False where it is lost instead. Without an
   * answer in time the renewal before has to do.
   */
  async handOver(signal: AbortSignal): Promise<boolean> {
    const attempt = async (): Promise<void> => this.take(await this.renewal(LONGEST_ATTEMPT_MS, signal));
    await this.inTime(attempt, signal).catch(ifUnanswered);
    if (this.isOverdue) this.tooLate();
    this.abandon();
    return !this.lost.aborted;
  }

  /**
   * Has it held for so many milliseconds without us and without a command, as a claim with this note, and stops keeping it. A refusal says why
   * not; then it is still ours to give back. `exit`: how the command ended.
   */
  async holdFor(span: number, note: string, signal: AbortSignal, exit: number | null = null): Promise<Refusal | null> {
    const patience = { within: LONGEST_ATTEMPT_MS, signal };
    const attempt = async (): Promise<Refusal | null> => {
      const more = { for: span / 1000, guarded: false, note };
      const reply = await this.client.extend(this.current.id, this.options.secret, more, patience, exit);
      if (reply.type === 'ok') this.current = reply.body.lease;
      else if (isForLater(reply.refusal)) throw new Unanswered('EREFUSED', reply.refusal.detail);
      return reply.type === 'ok' ? null : reply.refusal;
    };
    const refusal = await this.inTime(attempt, signal).catch(ifUnanswered);
    if (refusal === null) this.abandon();
    return refusal;
  }

  /** Stops keeping it without giving it back: its ttl runs out. */
  abandon(): void {
    this.over.abort();
    clearTimeout(this.watchdog);
  }

  private async giveBack(within: number, exit: number | null, signal?: AbortSignal): Promise<boolean> {
    this.abandon();
    const { id } = this.current;
    return giveBack(this.client, { id, secret: this.options.secret, exit }, mono() + within, signal);
  }

  private inTime<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return persist(this.client, attempt, { until: Math.min(this.deadBy, mono() + RELEASE_WITHIN_MS), signal });
  }

  /** When the command has to be told to end for want of an answer. */
  private get lostAt(): Mono {
    return this.deadBy - this.grace;
  }

  private isOver(): boolean {
    return this.over.signal.aborted || this.lost.aborted;
  }

  private async renewals(): Promise<void> {
    const backoff = new Backoff(FIRST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, this.ttl / 12));
    for (;;) {
      await sleep(this.answeredAt + this.ttl / 3 - mono(), this.over.signal);
      backoff.reset();
      while (!this.isOver() && !(await this.renewed())) {
        await sleep(backoff.pause(), this.over.signal);
        if (!this.isOver()) await this.client.revive();
      }
      if (this.isOver()) return;
    }
  }

  /** One attempt; true where it was answered in any way that settles it. */
  private async renewed(): Promise<boolean> {
    try {
      const within = Math.min(LONGEST_ATTEMPT_MS, Math.max(this.ttl / 6, 100));
      this.take(await this.renewal(within, this.over.signal));
      this.unanswered = 0;
      return true;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.unanswered += 1;
      if (this.unanswered === 2 && !this.isOver()) this.options.onTrouble(error.message, this.lostAt - mono());
      return false;
    }
  }

  private async renewal(within: number, signal: AbortSignal): Promise<Reply<RenewedJson>> {
    const sleptBefore = slept();
    const reply = await this.client.renew(this.current.id, this.options.secret, { within, signal });
    if (reply.type === 'refused' && !isOverFor(reply)) throw new Unanswered('EREFUSED', reply.refusal.detail);
    this.sleptBefore = sleptBefore;
    return reply;
  }

  private take(reply: Reply<RenewedJson>): void {
    if (this.isOver()) return;
    if (reply.type === 'refused') {
      const { reason, detail } = reply.refusal;
      return this.lose({ cause: 'ended', reason: reason ?? null, by: '', detail });
    }
    const { lease, messages } = reply.body;
    this.current = lease;
    this.answeredAt = Math.max(this.answeredAt, reply.sentAt);
    for (const message of messages ?? []) this.tell(message);
    if (lease.ending) this.lose(lossOf(lease.ending));
    else if (this.watchdog) this.watch();
  }

  /** Fires when the command has to be ended for want of an answer; moves on with each renewal. */
  private watch(): void {
    clearTimeout(this.watchdog);
    this.options.onDeadline?.(this.lostAt, this.deadBy);
    const left = this.lostAt - mono();
    this.watchdog = setTimeout(
      () => this.lose({ cause: 'silence', silent: mono() - this.answeredAt }),
      Math.max(0, left),
    );
  }

  private lose(loss: Loss): void {
    if (this.isOver()) return;
    clearTimeout(this.watchdog);
    this.loss.abort(loss);
  }

  private async readStream(onEvent: () => void): Promise<void> {
    const answer = await this.client.openLease(this.current.id, this.options.secret, this.over.signal);
    if (answer.status >= 400) {
      await textOf(answer);
      await this.renewed();
      return;
    }
    const reader = new EventReader();
    await answer.read((text) => {
      onEvent();
      for (const event of reader.push(text)) void this.hear(event);
    });
  }

  private async hear(event: StreamEvent): Promise<void> {
    if (event.type === 'message') {
      const message = parsed<MessageJson>(event.text);
      if (message && message.type !== 'ending') this.tell(message);
      if (message?.type === 'ending') await this.confirmed({ by: message.by, note: message.reason });
    }
    if (event.type === 'ended') {
      const { reason, by } = parsed<{ reason?: EndReason; by?: string }>(event.text) ?? {};
      this.lose({ cause: 'ended', reason: reason ?? null, by: by ?? '', detail: '' });
    }
  }

  /** The stream says that it ends; a renewal says how. Without its answer the stream has to do. */
  private async confirmed({ by, note }: { by: string; note: string }): Promise<void> {
    await this.renewed();
    this.lose({ cause: 'told', reason: 'revoked', by, note });
  }

  private tell(message: MessageJson): void {
    const key = `${message.type} ${message.at} ${message.by}`;
    if (message.type === 'ending' || this.heard.has(key)) return;
    this.heard.add(key);
    this.options.onMessage(message);
  }
}

/**
 * Gives a lease back, saying that no command of it is running; repeated until it is answered. False where the daemon
 * could not be told, or would not hear of it.
 */
export async function giveBack(
  client: Client,
  { id, secret, exit = null }: { readonly id: string; readonly secret: string; readonly exit?: number | null },
  until: Mono,
  signal?: AbortSignal,
): Promise<boolean> {
  const options = signal ? { signal } : {};
  const within = Math.min(until - mono(), LONGEST_ATTEMPT_MS);
  const attempt = async (): Promise<boolean> => {
    const reply = await client.release(id, secret, { within, ...options }, exit);
    if (reply.type === 'ok' || isOverFor(reply)) return true;
    if (reply.refusal.code === 'denied' || reply.refusal.code === 'unauthorized') return false;
    throw new Unanswered('EREFUSED', reply.refusal.detail);
  };
  try {
    return await persist(client, attempt, { until, ...options });
  } catch (error) {
    if (error instanceof Unanswered) return false;
    throw error;
  }
}

/** Other refusals say nothing about the lease: out of room, cannot write, a bug, not let in any more. */
function isOverFor(reply: Extract<Reply<unknown>, { type: 'refused' }>): boolean {
  return reply.refusal.code === 'lost' || reply.refusal.code === 'not-found';
}

/** The daemon is there, but cannot do it now. */
function isForLater({ code }: Refusal): boolean {
  return code === 'unavailable' || code === 'limit' || code === 'internal';
}

function ifUnanswered(error: unknown): Refusal {
  if (error instanceof Unanswered) return unreachable(error);
  throw error;
}

function lossOf({ reason, by, note }: EndingJson): Loss {
  return { cause: 'told', reason, by, note };
}

function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
