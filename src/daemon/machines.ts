import type { MachineStore, Seen } from '../core/machine.ts';
import type { Millis } from '../core/model.ts';

/** A crash forgets at most so much; a whole fleet that beats costs one write in that time. */
const WRITE_AFTER_MS: Millis = 2000;

/** Writes down when machines were last seen: many at a time, some moments later. */
export class MachineJournal {
  private unwritten = new Map<string, Seen>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly store: MachineStore,
    private readonly onTrouble: (message: string, error: unknown) => void,
    private readonly writeAfterMs = WRITE_AFTER_MS,
  ) {}

  note(seen: readonly Seen[]): void {
    for (const one of seen) this.unwritten.set(one.machine, one);
    this.timer ??= setTimeout(() => this.flush(), this.writeAfterMs).unref();
  }

  /** What cannot be written is tried again with what comes next. */
  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.unwritten.size === 0) return;
    try {
      this.store.write([...this.unwritten.values()]);
      this.unwritten.clear();
    } catch (error) {
      this.onTrouble('when machines were last seen cannot be written yet', error);
    }
  }
}
