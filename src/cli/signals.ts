import { FORWARDED, type Forwarded } from './child.ts';

/** Those that mean "stop"; the others concern a running command only. */
export const STOPPING: ReadonlySet<Forwarded> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/** The source of signals; the process itself, or a stand-in. */
export interface SignalSource {
  on(signal: Forwarded, listener: (signal: Forwarded) => void): unknown;
  removeListener(signal: Forwarded, listener: (signal: Forwarded) => void): unknown;
}

/**
 * Signals to us. Before a command runs, one that means "stop" aborts `stopped`; while it runs they are all forwarded;
 * after it, and at the second time before it,
 * "stop" aborts `hurried`, so that nobody has to wait for a release that gets no answer.
 */
export class Signals {
  first: Forwarded | null = null;
  /** All that came, whoever it was for. */
  readonly heard = new Set<Forwarded>();
  private receiver: ((signal: Forwarded) => void) | null = null;
  private isCleanup = false;
  private readonly stop = new AbortController();
  private readonly hurry = new AbortController();

  constructor(private readonly source: SignalSource = process as SignalSource) {
    for (const signal of FORWARDED) source.on(signal, this.receive);
  }

  get stopped(): AbortSignal {
    return this.stop.signal;
  }

  get hurried(): AbortSignal {
    return this.hurry.signal;
  }

  /** From now on signals go to the command. */
  forwardTo(receiver: (signal: Forwarded) => void): void {
    this.receiver = receiver;
  }

  /** Nothing is left to forward to, only to clean up. */
  commandEnded(): void {
    this.receiver = null;
    this.isCleanup = true;
  }

  close(): void {
    for (const signal of FORWARDED) this.source.removeListener(signal, this.receive);
  }

  private readonly receive = (signal: Forwarded): void => {
    this.heard.add(signal);
    if (this.receiver !== null) return this.receiver(signal);
    if (!STOPPING.has(signal)) return;
    if (this.isCleanup || this.stop.signal.aborted) return this.hurry.abort();
    this.first = signal;
    this.stop.abort();
  };
}
