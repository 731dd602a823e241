import type { Acquired } from '../../src/cli/acquire.ts';
import type { Taken } from '../../src/cli/adopt.ts';
import type { Client } from '../../src/cli/client.ts';
import type { HeldLease } from '../../src/cli/lease.ts';
import type { Transport } from '../../src/cli/transport.ts';
import type { Millis } from '../../src/core/model.ts';
import type { WantJson } from '../../src/core/wire.ts';
import type { Chance } from './random.ts';
import type { Ledger } from './wire-ledger.ts';
import type { WireSubject } from './wire-life.ts';

/** What one client is about to do. */
export interface Errand {
  readonly id: string;
  readonly want: readonly WantJson[];
  readonly ttl: Millis;
  readonly wait: Millis | null;
  /** How long its command takes, and to end when it is told to. */
  readonly work: Millis;
  readonly dying: Millis;
  /** A proxy on its way knows no streams. */
  readonly json: boolean;
  /**
   * What comes after the command. `crash`: nobody says anything any more. `keep`: it stays as a claim. `pass`: another
   * run takes it over, and gives it back.
   */
  readonly after: 'release' | 'crash' | 'keep' | 'pass';
}

/** How long whoever leaves the queue tries to say so. */
const LEAVE_WITHIN_MS: Millis = 2000;
const LISTEN_AFTER_MS: Millis = 200;
/** With this ttl, the default, no lost reply costs a lease. */
const LONG_TTL_MS: Millis = 30_000;
const KEEP_MS: Millis = 20_000;
const TAKE_WITHIN_MS: Millis = 10_000;
const NEVER = new AbortController().signal;
const REFUSALS = ['busy', 'timeout', 'unreachable', 'unavailable'];

/** A run of `lock` without its process: the client's own code, around a command that is only a span of time. */
export class WireClient {
  /** Its command runs: it relies on its lease. */
  runs = false;
  /** It still wants to be served. */
  waits = true;
  done = false;
  held: HeldLease | null = null;
  private answered = false;
  readonly secret: string;
  readonly client: Client;
  private readonly stop = new AbortController();
  private readonly worked = new AbortController();

  constructor(
    private readonly core: WireSubject,
    readonly errand: Errand,
    transport: Transport,
    private readonly ledger: Ledger,
    private readonly chance: Chance,
  ) {
    this.secret = `secret-of-${errand.id}`.padEnd(24, '_');
    const endpoint = {
      url: 'http://127.0.0.1:5000',
      secure: false,
      socketPath: null,
      host: '127.0.0.1',
      port: 5000,
      prefix: '',
    };
    const access = { endpoint, token: null, descriptor: null, revive: null, replace: null };
    const heard: Transport = async (at, ask) => {
      const answer = await transport(at, ask);
      this.answered = true;
      return answer;
    };
    this.client = new core.Client(access, errand.json ? withoutStreams(heard) : heard, '0.0.0-test');
  }

  /** Ctrl-C: leaves the queue, or ends the command early. */
  interrupt(): void {
    this.waits = false;
    this.stop.abort();
    this.worked.abort();
  }

  async run(): Promise<void> {
    const { id, want, ttl, wait } = this.errand;
    const body = {
      secret: this.secret,
      want,
      ttl: ttl / 1000,
      wait: wait === null ? null : wait / 1000,
      guarded: true,
    };
    const request = { id, body, wait, connectTimeout: 30_000 };
    const quiet = { waiting: () => {}, trouble: () => {} };
    const acquired = await this.core.acquire(this.client, request, quiet, this.stop.signal);
    if (acquired.type === 'held') await this.hold(acquired);
    else await this.leave(acquired);
    this.waits = false;
    this.done = true;
  }

  private async leave(acquired: Exclude<Acquired, { type: 'held' }>): Promise<void> {
    const { id, ttl, wait } = this.errand;
    if (acquired.type === 'refused') {
      const { code, reason } = acquired.refusal;
      // Granted, and not claimed for a whole ttl, as it is shorter than a dead connection takes to be noticed.
      const wasSilent =
        code === 'lost' &&
        ttl < LONG_TTL_MS &&
        this.ledger.fences.has(id) &&
        this.ledger.ended.get(id)?.reason === 'expired';
      const wasDeaf = code === 'unreachable' && !this.answered;
      const isFair = wasSilent || wasDeaf || (wait !== null && REFUSALS.includes(code));
      this.ledger.must(!this.waits || isFair, () => `${id} waited, and got ${code} (${reason})`);
    }
    this.waits = false;
    if (acquired.type === 'refused' && acquired.settled) return;
    await this.core.giveBack(this.client, { id, secret: this.secret }, this.core.mono() + LEAVE_WITHIN_MS);
  }

  private async hold(
    { lease, sentAt }: Extract<Acquired | Taken, { type: 'held' }>,
    after: Errand['after'] = this.errand.after,
  ): Promise<void> {
    const { id, ttl, dying } = this.errand;
    const fence = this.ledger.fences.get(id);
    this.ledger.must(fence === lease.fence, () => `${id} is told fence ${lease.fence}, and its grant has ${fence}`);
    const options = { secret: this.secret, grace: dying, onMessage: () => {}, onTrouble: () => {} };
    const held = new this.core.HeldLease(this.client, lease, sentAt, options);
    this.held = held;
    if (held.isStale) await held.refresh(this.stop.signal).catch(() => false);
    if (!this.stop.signal.aborted && !held.lost.aborted) await this.command(held);
    this.held = null;
    if (after === 'crash') return held.abandon();
    if (after === 'pass' && !held.lost.aborted && (await held.handOver(NEVER))) return this.takeOver();
    if (after === 'keep' && !held.lost.aborted && (await held.holdFor(KEEP_MS, 'kept', NEVER)) === null) return;
    await held.release(undefined, Math.min(ttl, 15_000));
  }

  /** Another run, with nothing but the id and the secret. */
  private async takeOver(): Promise<void> {
    await this.pause(this.chance.pick([0, 1000, 5000]));
    const adopted = { lease: this.errand.id, secret: this.secret, url: null, file: null };
    const patience = { within: TAKE_WITHIN_MS, signal: this.stop.signal };
    const taken = await this.core.takeOver(this.client, adopted, patience);
    if (taken.type === 'held') await this.hold(taken, 'release');
  }

  /** A command that is told to end takes its time, but not beyond the moment when rentabot kills it. */
  private async command(held: HeldLease): Promise<void> {
    held.keep();
    this.runs = true;
    const listening = setTimeout(() => void held.listen(), LISTEN_AFTER_MS);
    await this.pause(this.errand.work, AbortSignal.any([held.lost, this.worked.signal]));
    clearTimeout(listening);
    const loss = held.lost.aborted ? (held.lost.reason as { cause: string }) : null;
    if (loss?.cause === 'ended')
      this.ledger.must(false, () => `${this.errand.id} was told that it had ended, while it ran`);
    const slow = this.chance.pick([0, 0.5, 1]) * held.grace;
    if (loss !== null) await this.pause(Math.min(slow, held.deadBy - this.core.mono()));
    this.runs = false;
  }

  private pause(span: Millis, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(resolve, Math.max(span, 0));
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** The same requests, asking for JSON: what a client in a shell script does with curl. */
function withoutStreams(transport: Transport): Transport {
  return (endpoint, ask) =>
    transport(
      endpoint,
      ask.method === 'PUT' ? { ...ask, headers: { ...ask.headers, accept: 'application/json' } } : ask,
    );
}
