import type { Millis } from '../../core/model.ts';
import type { Store } from '../../core/store.ts';
import type { EventJson } from '../../core/wire.ts';
import type { NotifyTargetJson, NotifyTestedJson } from '../../core/wire-notify.ts';
import type { Engine, Report, Sight } from '../engine.ts';
import type { Log } from '../log.ts';
import { Courier } from './courier.ts';
import { makeNotice, type Notice, noticeOf } from './notice.ts';
import type { Position, PositionStore, Positions } from './positions.ts';
import { Schedule } from './schedule.ts';
import { type Target, wants } from './target.ts';

/** How far back a daemon that was down, or a store that failed, is caught up with. */
const MOST_CAUGHT_UP = 10_000;
/** How far each target has come is written no more often than this. */
const SAVE_PAUSE_MS: Millis = 1000;
/** What is left when the daemon stops is tried for so long. */
const GRACE_MS: Millis = 2000;

export interface NotifierOptions {
  readonly engine: Engine;
  readonly store: Store;
  readonly log: Log;
  readonly targets: readonly Target[];
  readonly positions: PositionStore;
  readonly grace?: Millis;
}

interface Route {
  readonly target: Target;
  readonly courier: Courier;
  /** What it had been told when the daemon started. */
  from: Position;
}

/**
 * Tells people what happens. It derives what there is to tell from the history and from what is stored, and remembers for each
 * target how far that has come: so a restart, or a store that failed, loses nothing. What is told twice has the same id.
 */
export class Notifier {
  private routes: readonly Route[] = [];
  private readonly schedule: Schedule;
  /** The number of the last event that was looked at. */
  private seen = 0;
  /** The moment up to which all that was due was told. */
  private dueUpTo: Millis = 0;
  /** What happens while the past is read; null while it is not. */
  private meanwhile: Report[] | null = [];
  /** Leases that were taken away, and have not ended yet. */
  private readonly taken = new Set<string>();
  private wakesAt: Millis | null = null;
  private cancelWake: (() => void) | null = null;
  private saving: NodeJS.Timeout | null = null;
  private written = '';
  private unsubscribe: () => void = () => {};
  private closed = false;

  constructor(private readonly options: NotifierOptions) {
    const { targets } = options;
    const patient = targets.filter(({ events }) => events.has('waiting-too-long'));
    this.schedule = new Schedule({
      spans: [...new Set(patient.map(({ waitingAfter }) => waitingAfter))],
      claims: targets.some(({ events }) => events.has('expiring')),
    });
  }

  /** Catches up with what happened since the targets were last told, and follows from there. */
  async start(): Promise<void> {
    const { engine, log, positions, targets } = this.options;
    if (targets.length === 0) return;
    const known = await positions.load();
    const here = await engine.read(({ state, now }) => ({ event: state.counters.event, at: now }));
    this.routes = targets.map((target) => ({
      target,
      courier: new Courier(target.name, target.sender, {
        now: () => engine.now(),
        wakeAt: (at, wake) => engine.wakeAt(at, wake),
        log,
        onProgress: () => this.saveSoon(),
      }),
      // A target that is new is told nothing of the past. Numbers from the future come from before a backup was restored.
      from: clamp(known[target.name] ?? here, here),
    }));
    this.seen = Math.min(...this.routes.map(({ from }) => from.event));
    this.dueUpTo = Math.min(...this.routes.map(({ from }) => from.at));
    this.unsubscribe = engine.subscribe(
      (report) => this.hear(report),
      () => void this.catchUp(),
    );
    await this.catchUp();
    // A target that is new has a place in the history from here on, whatever happens next.
    await this.save();
  }

  status(): NotifyTargetJson[] {
    return this.routes.map(({ courier }) => courier.status());
  }

  /** Tells one target, or all, that this is a test. Null where there is no such target. */
  async test(
    name: string | null,
    { person, by }: { readonly person: string; readonly by: string },
  ): Promise<NotifyTestedJson | null> {
    const chosen = this.routes.filter(({ target }) => name === null || target.name === name);
    if (chosen.length === 0 && name !== null) return null;
    const at = this.options.engine.now();
    const tested = chosen.map(async ({ courier }) => {
      const note = by === '' ? '' : `asked for by ${by}`;
      const notice = makeNotice({ id: `test-${at}`, event: 'test', at, person, note });
      const outcome = await courier.test(notice);
      const ok = outcome.type === 'delivered';
      return { name: courier.name, ok, problem: ok ? null : outcome.why };
    });
    return { tested: await Promise.all(tested) };
  }

  /** Tries what is left for a moment, and writes down how far that came. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.unsubscribe();
    this.cancelWake?.();
    const { grace = GRACE_MS } = this.options;
    await Promise.all(this.routes.map(({ courier }) => courier.close(grace)));
    if (this.saving) clearTimeout(this.saving);
    this.saving = null;
    if (this.routes.length > 0) await this.save();
  }

  private hear(report: Report): void {
    if (this.meanwhile !== null) {
      this.meanwhile.push(report);
      return;
    }
    this.tell(report.told, report.sight);
    this.schedule.hear(report.events, report.sight.now);
    this.tellDue(report.sight);
  }

  /** Reads from the store what came since it last looked, and then what came meanwhile. */
  private async catchUp(): Promise<void> {
    const { engine, store, log } = this.options;
    this.meanwhile ??= [];
    try {
      const newest = await engine.read(({ state }) => state.counters.event);
      this.seen = Math.max(this.seen, newest - MOST_CAUGHT_UP);
      const past = await store.eventsAfter(this.seen, MOST_CAUGHT_UP);
      await engine.read((sight) => this.tellPast(past, sight));
    } catch (error) {
      // Whoever is told that the store is there again comes back here.
      if (!this.closed) log.warn('what is to be told was not caught up with', { error });
    } finally {
      this.meanwhile = null;
    }
  }

  private tellPast(past: readonly EventJson[], sight: Sight): void {
    this.tell(past, sight);
    for (const { told } of this.meanwhile ?? []) this.tell(told, sight);
    this.meanwhile = null;
    this.schedule.restart(sight.state, this.dueUpTo);
    this.tellDue(sight);
  }

  private tell(told: readonly EventJson[], sight: Sight): void {
    for (const event of told) {
      if (event.id <= this.seen) continue;
      this.seen = event.id;
      const notice = this.once(event);
      if (notice) this.give(notice, sight);
    }
  }

  /** A guarded lease that is taken away is told to end, and ends: people hear of it at the first. */
  private once(event: EventJson): Notice | null {
    const notice = noticeOf(event);
    const { type, lease } = event;
    if (lease === undefined || (type !== 'lease-ending' && type !== 'lease-ended')) return notice;
    if (type === 'lease-ended') return this.taken.delete(lease) ? null : notice;
    if (notice) this.taken.add(lease);
    return notice;
  }

  private tellDue(sight: Sight): void {
    for (const notice of this.schedule.due(sight.state, sight.now)) this.give(notice, sight);
    this.dueUpTo = Math.max(this.dueUpTo, sight.now);
    this.arm();
  }

  private give(notice: Notice, { state, now }: Sight): void {
    if (notice.staleAt <= now) return;
    for (const { target, courier, from } of this.routes) {
      const isOld = notice.number === null ? notice.at <= from.at : notice.number <= from.event;
      if (!isOld && wants(target, notice, state)) courier.give(notice);
    }
  }

  private arm(): void {
    const next = this.closed ? null : this.schedule.next;
    if (next === this.wakesAt) return;
    this.cancelWake?.();
    this.cancelWake = null;
    this.wakesAt = next;
    if (next === null) return;
    const { engine } = this.options;
    this.cancelWake = engine.wakeAt(next, () => {
      this.wakesAt = null;
      // While the past is caught up with, that sees to it.
      void engine.read((sight) => (this.meanwhile === null ? this.tellDue(sight) : null)).catch(() => null);
    });
  }

  private saveSoon(): void {
    if (this.saving !== null || this.closed) return;
    this.saving = setTimeout(() => {
      this.saving = null;
      void this.save();
    }, SAVE_PAUSE_MS);
    this.saving.unref();
  }

  private async save(): Promise<void> {
    const { positions, log } = this.options;
    const all: Positions = Object.fromEntries(this.routes.map((route) => [route.target.name, this.positionOf(route)]));
    const text = JSON.stringify(all);
    if (text === this.written) return;
    try {
      await positions.save(all);
      this.written = text;
    } catch (error) {
      log.warn('how far notifications have come cannot be written; after a restart some may come twice', { error });
    }
  }

  /** Just before the first of what is not delivered yet. */
  private positionOf({ courier, from }: Route): Position {
    let event = Math.max(this.seen, from.event);
    let at = Math.max(this.dueUpTo, from.at);
    for (const notice of courier.waiting) {
      if (notice.number === null) at = Math.min(at, notice.at - 1);
      else event = Math.min(event, notice.number - 1);
    }
    return { event, at };
  }
}

function clamp({ event, at }: Position, here: Position): Position {
  return { event: Math.min(event, here.event), at: Math.min(at, here.at) };
}
