import type { Command } from '../core/command.ts';
import { type Refusal, RentabotError, refuse } from '../core/error.ts';
import { fateOf, type StoredEvent } from '../core/event.ts';
import { restore } from '../core/evolve.ts';
import { nextDeadline } from '../core/expire.ts';
import type { Seen } from '../core/machine.ts';
import type { Millis, Rules } from '../core/model.ts';
import { EMPTY_SNAPSHOT, emptyState, type State } from '../core/state.ts';
import { step } from '../core/step.ts';
import type { Store } from '../core/store.ts';
import { tell } from '../core/told.ts';
import type { EventJson } from '../core/wire.ts';
import { type Clock, startClock, stopwatchMs } from './clock.ts';
import { Histogram } from './histogram.ts';

/** What an answer is made from, after the turn is on disk. Not to be kept: the next turn changes the state. */
export interface Sight {
  readonly state: State;
  readonly now: Millis;
  /** Why the command was refused; null if it was not, and for reads. */
  readonly refusal: Refusal | null;
}

/** A turn as subscribers see it, after it is durable. */
export interface Report {
  readonly sight: Sight;
  readonly events: readonly StoredEvent[];
  readonly told: readonly EventJson[];
}

export interface EngineOptions {
  readonly store: Store;
  readonly rules: Rules;
  /** Called with every failure that the engine survives or dies of. */
  readonly onTrouble: (message: string, error: unknown) => void;
  /** Called with machines that were seen, which no commit writes. */
  readonly onSeen?: (seen: readonly Seen[]) => void;
  /** Replaces the clock in tests. */
  readonly start?: (notBefore: Millis) => Clock;
  readonly recovery?: Partial<Recovery>;
}

/** How often, and with what pauses, a store that failed is opened again before the engine gives up. */
interface Recovery {
  readonly attempts: number;
  readonly pauseMs: Millis;
}

export interface EngineFigures {
  turns: number;
  commands: number;
  commits: number;
  commitFailures: number;
  readonly commitSeconds: Histogram;
  largestBatch: number;
}

/** Near a minute: a disk that was full has often room again by then, and a supervisor may give up sooner than that. */
const RECOVERY: Recovery = { attempts: 60, pauseMs: 100 };
const LONGEST_PAUSE_MS: Millis = 1000;
/** Most commands in one turn: bounds how long one commit can be. The rest has its turn right after. */
const MOST_PER_TURN = 1024;
/** A sync takes a tenth of a millisecond on one disk, and a hundred on another. */
const COMMITS_S = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5];
/** Most that may be waiting for a turn; further ones are told to come back. */
const MOST_IN_INBOX = 50_000;

interface Subscriber {
  readonly heard: (report: Report) => void;
  readonly missed: () => void;
}

interface Item {
  readonly command: Command | null;
  readonly answer: (sight: Sight) => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Owns the state. Whatever arrives while a turn is being written to disk waits in the inbox; then the whole inbox is the
 * next turn: one step, one commit, and only then the answers. Reads come the same way, so that nobody sees what a crash
 * could still undo. What arrives while all is quiet waits for what else arrives just then; a renewal only for what is asked in the
 * same breath.
 *
 * If a commit fails, memory is ahead of the disk: the batch is refused, and the state is loaded afresh from the store.
 * When that fails too, again and again, the engine is dead and says so.
 */
export class Engine {
  readonly figures: EngineFigures = {
    turns: 0,
    commands: 0,
    commits: 0,
    commitFailures: 0,
    commitSeconds: new Histogram(COMMITS_S),
    largestBatch: 0,
  };
  private state: State;
  private clock: Clock | null = null;
  private inbox: Item[] = [];
  private scheduled = false;
  private turning: Promise<void> | null = null;
  private cancelWake: (() => void) | null = null;
  private wakesAt: Millis | null = null;
  /** The timer went off; a turn will see to it. */
  private isDue = false;
  private status: 'closed' | 'open' | 'recovering' | 'dead' = 'closed';
  private readonly subscribers = new Set<Subscriber>();
  /** Ends the pause between two attempts to have the store back. */
  private cutPause: (() => void) | null = null;
  private readonly watchers = new Map<string, Set<() => void>>();

  constructor(private readonly options: EngineOptions) {
    this.state = emptyState(options.rules, EMPTY_SNAPSHOT.counters);
  }

  get isOpen(): boolean {
    return this.status === 'open';
  }

  /** Commands and reads that wait for a turn. */
  get backlog(): number {
    return this.inbox.length;
  }

  /** How many ids are watched, and how many hear of every turn: to see that nothing leaks. */
  get watched(): number {
    return this.watchers.size;
  }

  get audience(): number {
    return this.subscribers.size;
  }

  now(): Millis {
    return this.clock?.now() ?? 0;
  }

  /** When time alone will change something, or earlier; null for never. */
  nextDeadline(): Millis | null {
    return nextDeadline(this.state);
  }

  /** Calls back once when this moment has come; the answer cancels that. */
  readonly wakeAt = (at: Millis, wake: () => void): (() => void) => this.clock?.wakeAt(at, wake) ?? (() => {});

  /** Becomes the owner of the store. Throws a RentabotError if somebody else is. */
  async open(): Promise<void> {
    await this.load();
    this.status = 'open';
    this.schedule();
  }

  /** Finishes the turn under way, refuses what comes later, and lets go of the store. Leases stay. */
  async close(): Promise<void> {
    const turning = this.turning;
    this.status = 'closed';
    this.cutPause?.();
    await turning;
    this.armTimer();
    this.refuseInbox('the daemon is stepping down');
    await this.options.store.close();
  }

  /** Gives a command, and answers from what came of it. Rejects with a RentabotError (`unavailable`) if it cannot be written. */
  submit<T>(command: Command, answer: (sight: Sight) => T): Promise<T> {
    return this.enqueue(command, answer);
  }

  /** Answers from the state as it is on disk. */
  read<T>(answer: (sight: Sight) => T): Promise<T> {
    return this.enqueue(null, answer);
  }

  /**
   * Hears of every turn in which something happened. `missed` is called where that cannot be promised: the store failed,
   * and a turn that nobody was told of may be in it all the same.
   */
  subscribe(heard: (report: Report) => void, missed: () => void = () => {}): () => void {
    const subscriber = { heard, missed };
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  }

  /** Is called when the fate of this id changed: granted, told to end, ended, or left the queue. */
  watch(id: string, watcher: () => void): () => void {
    const known = this.watchers.get(id);
    const watchers = known ?? new Set();
    if (!known) this.watchers.set(id, watchers);
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.watchers.get(id) === watchers) this.watchers.delete(id);
    };
  }

  private enqueue<T>(command: Command | null, answer: (sight: Sight) => T): Promise<T> {
    if (this.status === 'closed' || this.status === 'dead')
      return Promise.reject(unavailable('the daemon is stepping down'));
    if (this.inbox.length >= MOST_IN_INBOX) return Promise.reject(unavailable('more is asked than can be answered'));
    return new Promise<T>((resolve, reject) => {
      this.inbox.push({ command, answer, resolve: resolve as (value: never) => void, reject });
      this.schedule(command?.type === 'renew' ? inSameBreath : setImmediate);
    });
  }

  /** A renewal writes nothing, so there is no commit that others could share if it waited for what else arrives just then. */
  private schedule(later: (begin: () => void) => void = setImmediate): void {
    if (this.scheduled || this.turning !== null || this.status !== 'open') return;
    this.scheduled = true;
    later(() => {
      this.scheduled = false;
      if (this.status === 'open') this.begin();
    });
  }

  private begin(): void {
    // Whoever hears of this turn while it runs may ask for another, which is for afterwards.
    this.scheduled = true;
    this.turning = this.turn().finally(() => {
      this.turning = null;
      if (this.inbox.length > 0 || this.isDue) this.schedule();
    });
    this.scheduled = false;
  }

  private async turn(): Promise<void> {
    const items = this.inbox.length > MOST_PER_TURN ? this.inbox.splice(0, MOST_PER_TURN) : this.inbox;
    if (items === this.inbox) this.inbox = [];
    this.isDue = false;
    const now = this.now();
    const asking = items.filter(({ command }) => command !== null);
    try {
      const { events, refusals, seen } = step(
        this.state,
        asking.map(({ command }) => command as Command),
        now,
      );
      const told = tell(this.state, events, now);
      if (events.length > 0) await this.commit(events, told, now);
      if (seen.length > 0) this.options.onSeen?.(seen);
      this.count(asking.length);
      this.answer(items, asking, refusals, now);
      this.report(events, told, now);
    } catch (error) {
      await this.recover(items, error);
    }
    this.armTimer();
  }

  private async commit(events: readonly StoredEvent[], told: readonly EventJson[], at: Millis): Promise<void> {
    const started = stopwatchMs();
    await this.options.store.commit({ at, events, counters: this.state.counters, told });
    const took = stopwatchMs() - started;
    this.figures.commits += 1;
    this.figures.commitSeconds.observe(took / 1000);
  }

  private count(commands: number): void {
    this.figures.turns += 1;
    this.figures.commands += commands;
    this.figures.largestBatch = Math.max(this.figures.largestBatch, commands);
  }

  private answer(
    items: readonly Item[],
    asking: readonly Item[],
    refusals: readonly (Refusal | null)[],
    now: Millis,
  ): void {
    let next = 0;
    for (const item of items) {
      const refusal = item === asking[next] ? (refusals[next++] ?? null) : null;
      try {
        item.resolve(item.answer({ state: this.state, now, refusal }) as never);
      } catch (error) {
        item.reject(error);
      }
    }
  }

  private report(events: readonly StoredEvent[], told: readonly EventJson[], now: Millis): void {
    if (events.length === 0) return;
    for (const event of events) {
      const id = fateOf(event);
      if (id !== null) this.wake(this.watchers.get(id));
    }
    const report = { sight: { state: this.state, now, refusal: null }, events, told };
    for (const { heard } of this.subscribers) this.call(() => heard(report));
  }

  private wake(watchers: Iterable<() => void> = []): void {
    for (const watcher of watchers) this.call(watcher);
  }

  /** What happened has happened, whether or not somebody can bear to hear it. */
  private call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.options.onTrouble('a listener failed', error);
    }
  }

  private async recover(items: readonly Item[], cause: unknown): Promise<void> {
    this.figures.commitFailures += 1;
    this.options.onTrouble('the store cannot be written; loading it afresh', cause);
    for (const { reject } of items) reject(unavailable('the daemon cannot write to its store', cause));
    if (this.status !== 'open') return;
    this.status = 'recovering';
    const { attempts, pauseMs } = { ...RECOVERY, ...this.options.recovery };
    for (let attempt = 1; attempt <= attempts && this.isRecovering(); attempt += 1) {
      try {
        await this.options.store.close();
        await this.load();
        if (this.isRecovering()) this.recovered();
        return;
      } catch (error) {
        this.options.onTrouble(`the store cannot be opened (attempt ${attempt} of ${attempts})`, error);
        this.refuseInbox('the daemon cannot read its store');
        if (this.isRecovering()) await this.pause(Math.min(LONGEST_PAUSE_MS, pauseMs * attempt));
      }
    }
    if (!this.isRecovering()) return;
    this.status = 'dead';
    this.refuseInbox('the daemon cannot read its store');
    this.options.onTrouble('giving up on the store', cause);
    this.onDeath?.();
  }

  /** Not any more, once it was closed meanwhile. */
  private isRecovering(): boolean {
    return this.status === 'recovering';
  }

  private recovered(): void {
    this.status = 'open';
    for (const watchers of [...this.watchers.values()]) this.wake(watchers);
    for (const { missed } of this.subscribers) this.call(missed);
  }

  private pause(span: Millis): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, span);
      this.cutPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Called once if the store cannot be had back; the daemon then stops, for its supervisor to start it again. */
  onDeath: (() => void) | null = null;

  private async load(): Promise<void> {
    const snapshot = await this.options.store.open();
    this.clock ??= (this.options.start ?? startClock)(snapshot.latest);
    this.state = restore(snapshot, this.options.rules, this.now());
  }

  private refuseInbox(why: string): void {
    const items = this.inbox;
    this.inbox = [];
    for (const { reject } of items) reject(unavailable(why));
  }

  private armTimer(): void {
    const deadline = this.status === 'open' ? nextDeadline(this.state) : null;
    // Deadlines move on all the time: to wake once too early costs less than to set the timer anew with each turn.
    if (deadline !== null && this.wakesAt !== null && this.wakesAt <= deadline) return;
    this.cancelWake?.();
    this.wakesAt = deadline;
    this.cancelWake = null;
    if (deadline === null || !this.clock) return;
    this.cancelWake = this.clock.wakeAt(deadline, () => {
      this.wakesAt = null;
      this.isDue = (nextDeadline(this.state) ?? Number.POSITIVE_INFINITY) <= this.now();
      if (this.isDue) this.schedule();
      else this.armTimer();
    });
  }
}

const AT_ONCE = Promise.resolve();

/** As soon as what runs now is done. A tenth of the cost of queueMicrotask, which keeps track of who asked. */
function inSameBreath(begin: () => void): void {
  void AT_ONCE.then(begin);
}

function unavailable(detail: string, cause?: unknown): RentabotError {
  const refusal = refuse('unavailable', detail, { retryAfter: 1 });
  return new RentabotError(refusal, cause === undefined ? undefined : { cause });
}
