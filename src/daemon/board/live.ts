import type { ServerResponse } from 'node:http';
import type { StoredEvent } from '../../core/event.ts';
import { type Seen, seenIso } from '../../core/machine.ts';
import type { Millis } from '../../core/model.ts';
import type { State } from '../../core/state.ts';
import { STANDING_HEADERS } from '../answer.ts';
import { stopwatchMs } from '../clock.ts';
import type { Engine, Report, Sight } from '../engine.ts';
import { rowOf, rowsOf, waitersOf } from './rows.ts';
import type { Change, News, Waiter, Whole } from './view/model.ts';

/** Boards hear of changes no more often than this: what happens in between is told together. */
const PAUSE_MS: Millis = 50;
/** Telling them may take up at most one part in so many of the daemon's time. */
const SHARE = 8;
/**
 * So often something is said even where nothing changes: a board that hears nothing for longer connects anew. And so often,
 * at most, that a machine was seen: each of a thousand may be with every renewal, and what is shown of it is minutes.
 */
const BEAT_MS: Millis = 15_000;
/** A board that has so much unread is let go. It comes back for the whole. */
const MOST_UNREAD_BYTES = 4_000_000;

/**
 * Tells open boards what changes. A change is put into words once, and the same bytes go to everybody: with hundreds of boards
 * the rest of the cost is one write to each socket. While nobody looks it does nothing.
 */
export class Live {
  private readonly boards = new Set<ServerResponse>();
  /** Ids of resources that are to be told of, or are gone. */
  private readonly dirty = new Set<number>();
  private timer: NodeJS.Timeout | null = null;
  private beat: NodeJS.Timeout | null = null;
  private unsubscribe: (() => void) | null = null;
  private waiters: ReadonlyMap<string, Waiter> = new Map();
  /** When machines that something is on were last seen, as boards know it. */
  private seen: ReadonlyMap<string, Seen> = new Map();
  private queueStirred = false;
  private lastFlush = 0;
  private pauseMs = PAUSE_MS;

  constructor(
    private readonly engine: Engine,
    private readonly script: string,
  ) {}

  /** How many boards are open. */
  get audience(): number {
    return this.boards.size;
  }

  /** Sends everything, and from then on what changes, until one of both ends closes it. */
  join(board: ServerResponse): Promise<void> {
    return this.engine.read((sight) => this.open(board, sight));
  }

  private open(board: ServerResponse, sight: Sight): void {
    if (board.destroyed) return;
    // What this turn has done is told after its answers: it is heard of twice rather than not.
    this.listen();
    // No chunks and no length: it ends when the connection does, and a message is one plain write.
    board.useChunkedEncodingByDefault = false;
    board.writeHead(200, {
      ...STANDING_HEADERS,
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    board.once('close', () => this.leave(board));
    if (this.boards.size === 0) {
      this.waiters = byId(waitersOf(sight.state).waiters);
      this.seen = seenIn(sight.state);
    }
    this.boards.add(board);
    board.write(message('whole', this.whole(sight)));
  }

  close(): void {
    for (const board of [...this.boards]) board.end();
    this.rest();
  }

  private leave(board: ServerResponse): void {
    this.boards.delete(board);
    if (this.boards.size === 0) this.rest();
  }

  private listen(): void {
    if (this.unsubscribe !== null) return;
    // After a failure of the store nobody knows what was missed; they come back for the whole.
    this.unsubscribe = this.engine.subscribe(
      (report) => this.hear(report),
      () => this.close(),
    );
    this.beat = setInterval(() => void this.sayWhatWasSeen(), BEAT_MS);
  }

  private rest(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    if (this.beat) clearInterval(this.beat);
    if (this.timer) clearTimeout(this.timer);
    [this.beat, this.timer] = [null, null];
    this.dirty.clear();
    this.waiters = new Map();
    this.seen = new Map();
    this.queueStirred = false;
  }

  private async sayWhatWasSeen(): Promise<void> {
    this.send(message('beat', { now: this.engine.now() }));
    await this.engine.read((sight) => this.tellSeen(sight)).catch(() => {});
  }

  private tellSeen({ state, now }: Sight): void {
    const known = this.seen;
    this.seen = seenIn(state);
    const news = [...this.seen].filter(([machine, seen]) => known.get(machine) !== seen);
    const seen = Object.fromEntries(news.map(([machine, one]) => [machine, seenIso(one)]));
    if (news.length > 0) this.send(message('seen', { now, seen } satisfies News));
  }

  private hear({ events }: Report): void {
    for (const event of events) this.note(event);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== null || (this.dirty.size === 0 && !this.queueStirred)) return;
    const wait = this.lastFlush + this.pauseMs - stopwatchMs();
    this.timer = setTimeout(() => void this.flush(), Math.max(0, wait));
  }

  private note(event: StoredEvent): void {
    switch (event.type) {
      case 'resource-added':
      case 'resource-changed':
      case 'resource-removed':
        this.dirty.add(event.resource.id);
        return;
      case 'resource-offline':
      case 'resource-online':
      case 'resource-drained':
      case 'resource-silent':
      case 'resource-heard':
        this.dirty.add(event.id);
        return;
      case 'waiter-joined':
      case 'waiter-left':
        this.queueStirred = true;
        return;
      case 'resource-forgotten':
      case 'audited':
      case 'id-spent':
      case 'ids-forgotten':
        return;
      default:
        // Whoever is granted something was in the queue, if only for the moment.
        this.queueStirred = true;
        for (const { resource } of event.lease.uses) this.dirty.add(resource);
    }
  }

  private async flush(): Promise<void> {
    // Through the inbox, like every read: nothing shows before it is durable.
    await this.engine.read((sight) => this.tell(sight)).catch(() => {});
    this.timer = null;
    this.schedule();
  }

  private tell(sight: Sight): void {
    const started = stopwatchMs();
    this.send(message('change', this.change(sight)));
    this.lastFlush = stopwatchMs();
    this.pauseMs = Math.max(PAUSE_MS, SHARE * (this.lastFlush - started));
  }

  private send(bytes: Buffer): void {
    for (const board of this.boards) {
      if (board.writableLength > MOST_UNREAD_BYTES) board.destroy();
      else board.write(bytes);
    }
  }

  private whole({ state, now }: Sight): Whole {
    return { now, script: this.script, rows: rowsOf(state), ...waitersOf(state) };
  }

  /** What was noted, as it is now, and who came and left since the last time. */
  private change({ state, now }: Sight): Change {
    const entries = [...this.dirty].map((id) => [id, state.catalogue.byId.get(id)] as const);
    this.dirty.clear();
    this.queueStirred = false;
    const known = this.waiters;
    const { waiters, unseen } = waitersOf(state);
    this.waiters = byId(waiters);
    return {
      now,
      rows: entries.flatMap(([, entry]) => (entry ? [rowOf(state, entry)] : [])),
      gone: entries.flatMap(([id, entry]) => (entry ? [] : [id])),
      waiters: waiters.filter(({ id }) => !known.has(id)),
      left: [...known.keys()].filter((id) => !this.waiters.has(id)),
      unseen,
    };
  }
}

/** Of a list that was taken over there may be many that nothing is on. */
function seenIn({ catalogue, machines }: State): ReadonlyMap<string, Seen> {
  const found = new Map<string, Seen>();
  for (const { resource } of catalogue.byId.values()) {
    const seen = resource.machine === undefined ? undefined : machines.get(resource.machine);
    if (seen) found.set(seen.machine, seen);
  }
  return found;
}

function byId(waiters: readonly Waiter[]): ReadonlyMap<string, Waiter> {
  return new Map(waiters.map((waiter) => [waiter.id, waiter]));
}

function message(event: string, data: unknown): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
