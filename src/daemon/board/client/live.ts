import type { WhoamiJson } from '../../../core/wire-identity.ts';
import type { Change, News, Whole } from '../view/model.ts';
import { now, setNow } from './clock.ts';

export interface Listener {
  whole(whole: Whole): void;
  change(change: Change): void;
  /** Machines were seen. */
  seen?(news: News): void;
  /** The daemon cannot be reached, or can be again. */
  away(isAway: boolean): void;
}

/** The daemon says something every 15 s. */
const SILENT_MS = 40_000;
const LOOK_MS = 5000;
const RETRY_MS = [250, 500, 1000, 2000, 3000] as const;
/** A tab that nobody sees gives its connection back: browsers allow six of them for all tabs of a site. */
const HIDDEN_MS = 60_000;

/** Stays connected: across restarts of the daemon, sleep of this machine, and networks that go and come. */
export class Connection {
  private source: EventSource | null = null;
  private lastHeard = now();
  private failures = 0;
  private retry = 0;
  private hide = 0;

  constructor(
    private readonly listener: Listener,
    /** Whether this tab is to stay connected also while nobody sees it. */
    private readonly always: boolean,
  ) {
    this.open();
    setInterval(() => this.check(), LOOK_MS);
    document.addEventListener('visibilitychange', () => this.turn());
    addEventListener('online', () => this.again(0));
  }

  private open(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.lastHeard = now();
    const source = new EventSource('/board/events');
    this.source = source;
    const hear = <T extends { now: number }>(type: string, told: (data: T) => void): void =>
      source.addEventListener(type, ({ data }) => {
        const parsed = JSON.parse(data) as T;
        setNow(parsed.now);
        this.lastHeard = now();
        told(parsed);
      });
    hear<Whole>('whole', (whole) => {
      this.failures = 0;
      this.listener.away(false);
      this.listener.whole(whole);
    });
    hear<Change>('change', (change) => this.listener.change(change));
    hear<News>('seen', (news) => this.listener.seen?.(news));
    hear('beat', () => {});
    // The browser's own way to come back gives up for good when the daemon answers, but not with a stream.
    source.addEventListener('error', () => this.again(RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 0));
  }

  private again(after: number): void {
    if (this.source === null) return;
    this.source.close();
    this.failures += 1;
    this.listener.away(true);
    void goToLogin();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), after);
  }

  private check(): void {
    if (this.source?.readyState === EventSource.OPEN && now() - this.lastHeard > SILENT_MS) this.again(0);
  }

  private turn(): void {
    clearTimeout(this.hide);
    if (document.hidden && !this.always) {
      this.hide = setTimeout(() => {
        clearTimeout(this.retry);
        this.source?.close();
        this.source = null;
      }, HIDDEN_MS);
    } else if (this.source === null) this.open();
  }
}

/** A session that is over looks like a daemon that is away, but for what it answers. The page then leads to the login, and back. */
async function goToLogin(): Promise<void> {
  const answer = await fetch('/api/v2/whoami').catch(() => null);
  if (!answer?.ok) return;
  const { role } = (await answer.json()) as WhoamiJson;
  if (role === 'nobody') location.reload();
}
