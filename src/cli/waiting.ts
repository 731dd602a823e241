import { roughDuration } from '../core/duration.ts';
import type { BlockerJson, WaitingJson } from '../core/wire.ts';
import { NO_PAINT, type Paint, paintFor, type Talk } from './talk.ts';
import { clockTime, printable, truncate, visibleWidth, who, whose } from './text.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const FRAME_MS = 120;
const REMINDER_MS = 60_000;
const BLOCKERS_SHOWN = 2;

/** What there is to know of a wait, in one sentence. Times are shown as local clocks show them. */
export function waitingSentence(wanted: string, update: WaitingJson, now: number): string {
  const place = update.position <= 1 ? 'next in line' : `position ${update.position}`;
  const blockers = obstacles(wanted, update.blockers, now);
  const left = update.eta === null ? Number.NaN : Date.parse(update.eta) - now;
  const estimate = left > 0 ? [`about ${roughDuration(left)} to go`] : [];
  return [`waiting for ${printable(wanted)}: ${place}`, ...blockers, ...estimate].join('; ');
}

/** The first of what stands in the way; a name that was just said is not said again. */
export function obstacles(wanted: string, blockers: readonly BlockerJson[], now: number): string[] {
  const shown = blockers.slice(0, BLOCKERS_SHOWN).map((blocker) => {
    const sentence = blockerSentence(blocker, now);
    return blocker.resource === wanted ? sentence.slice(printable(wanted).length + ' is '.length) : sentence;
  });
  const more = blockers.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

/** `gpu-0 is held by alice@ws since 13:02 (nightly), until 14:05`; whoever the daemon knows by another name by both. */
export function blockerSentence(blocker: BlockerJson, now: number): string {
  const { resource, cause, holder, note, since, until } = blocker;
  const name = printable(resource);
  const them = holder === null ? who(null) : whose({ ...blocker, holder });
  const end = until === null ? '' : `, until ${clockTime(until, now)}`;
  const from = `since ${clockTime(since, now)}`;
  const about = note === '' ? '' : printable(note);
  switch (cause) {
    case 'offline':
      return `${name} is offline: ${about || 'no reason given'}${holder?.name ? `, by ${them}` : ''}${end}`;
    case 'draining': {
      const left = until === null ? 0 : Date.parse(until) - now;
      return `${name} is draining${left > 0 ? ` for ${roughDuration(left)} more` : ''}: its last command may not have ended yet`;
    }
    case 'queue':
      return `${name} is kept for ${them}, waiting ${from}${about && ` (${about})`}`;
    default:
      return `${name} is held by ${them} ${from}${about && ` (${about})`}${end}`;
  }
}

/**
 * What is shown while waiting. On a terminal one live line; elsewhere a line on each change that matters and one a
 * minute, so that a CI system does not take the job for dead; nothing with `-q`; JSON lines with `--json`.
 */
export class WaitingDisplay {
  private update: WaitingJson | null = null;
  private trouble: string | null = null;
  private said = '';
  private frame = 0;
  private drawn = false;
  private timer: NodeJS.Timeout | undefined;
  private paint: Paint = NO_PAINT;

  constructor(
    private readonly talk: Talk,
    private readonly wanted: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** Whether anything was shown, so that its end is worth a line too. */
  get wasShown(): boolean {
    return this.update !== null || this.trouble !== null;
  }

  /** What stood in the way when it was last heard of. */
  get blockers(): readonly BlockerJson[] {
    return this.update?.blockers ?? [];
  }

  waiting(update: WaitingJson): void {
    this.update = update;
    this.trouble = null;
    this.show();
  }

  hampered(sentence: string): void {
    this.trouble = sentence;
    this.show();
  }

  /** Leaves no trace of the live line. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.drawn) this.talk.voice.write('\r\u001b[K');
    this.drawn = false;
  }

  private get isLive(): boolean {
    return this.talk.voice.terminal && !this.talk.manner.json;
  }

  private show(): void {
    if (this.talk.manner.level === 'quiet') return;
    if (this.isLive) {
      if (this.timer === undefined) void this.usePaint();
      this.timer ??= setInterval(() => this.draw(), FRAME_MS);
      return this.draw();
    }
    this.timer ??= setInterval(() => this.print(), REMINDER_MS);
    const gist = this.gist();
    if (gist === this.said) return;
    this.said = gist;
    this.print();
  }

  private async usePaint(): Promise<void> {
    this.paint = await paintFor(this.talk.voice.terminal, this.talk.manner.color);
  }

  private draw(): void {
    this.frame = (this.frame + 1) % SPINNER.length;
    // Spinner and blank; and two columns stay free for the ^C that a terminal echoes, else the line would wrap.
    const text = truncate(this.sentence(), this.talk.voice.columns() - 4);
    const line = `${this.paint.busy(SPINNER[this.frame] ?? '')} ${text}`;
    // One write, and the rest of the old line is cleared after the new one stands: nothing flickers.
    if (visibleWidth(text) > 0) this.talk.voice.write(`\r${line}\u001b[K`);
    this.drawn = true;
  }

  private print(): void {
    if (this.trouble !== null) return this.talk.say('trouble', this.sentence());
    if (this.update !== null) this.talk.say('waiting', this.sentence(), this.update);
  }

  private sentence(): string {
    if (this.trouble !== null) return `waiting for ${printable(this.wanted)}: ${printable(this.trouble)}; trying again`;
    return this.update === null ? '' : waitingSentence(this.wanted, this.update, this.now());
  }

  /** What has to change for a line of its own: not the estimate, which always does. */
  private gist(): string {
    if (this.trouble !== null) return this.trouble;
    const blockers = this.update?.blockers.slice(0, BLOCKERS_SHOWN);
    return JSON.stringify([this.update?.position, blockers]);
  }
}
