import { type Refusal, refuse } from '../core/error.ts';
import { HIGHEST_PRIORITY, type WantJson } from '../core/wire.ts';
import type { DaemonChoice } from './find-daemon.ts';
import { type CommonOptions, readDaemonChoice, readDuration } from './options.ts';
import { readWants, type TypedWant, type WantModifiers } from './wants.ts';

/** The options of `claim` as they were typed. */
export interface ClaimOptions extends CommonOptions, WantModifiers {
  readonly for?: string;
  readonly wait?: string | boolean;
  readonly note?: string;
  readonly priority: string;
  readonly next?: boolean;
  readonly accept?: string;
  readonly detach?: boolean;
}

/** What one claim shall be. Times are milliseconds. */
export interface ClaimPlan {
  readonly wants: readonly WantJson[];
  /** How long it lasts. */
  readonly span: number;
  /** Longest time in the queue; null for ever, 0 asks once. */
  readonly wait: number | null;
  readonly priority: number;
  readonly note: string | null;
  /** How long it is offered; null where it is taken as soon as it is granted. */
  readonly accept: number | null;
  /** The place in the queue is kept without us. */
  readonly next: boolean;
  /** Only ask; whoever wants it comes back for it. */
  readonly detach: boolean;
  /** Why it takes over from whoever holds it; null where it waits like everybody. */
  readonly steal: string | null;
  readonly daemon: DaemonChoice;
}

/** As `--help` shows them. */
export const ACCEPT = '15m';
export const STEAL_FOR = '1h';
export const PRIORITY = '0';

/** Long enough to take what is granted over a bad line, short enough if that was our last word. */
const TAKE_WITHIN_MS = 60_000;
const FOR_HINT = 'for example: rentabot claim -n board-1 --for 2h';

/** Checks everything that can be checked without asking anybody. */
export function planClaim(typed: readonly TypedWant[], options: ClaimOptions): ClaimPlan | Refusal {
  if (typed.length === 0)
    return refuse('usage', 'nothing is wanted', {
      hint: `say what to hold: -n NAME, --id N, -t TAG or -w EXPR; ${FOR_HINT}`,
    });
  const wants = readWants(typed, options);
  if ('code' in wants) return wants;
  const span = readSpan('--for', options.for);
  if (typeof span !== 'number') return span;
  const wait =
    options.wait === false ? 0 : typeof options.wait === 'string' ? readDuration('--wait', options.wait) : null;
  if (wait !== null && typeof wait !== 'number') return wait;
  const priority = /^[+-]?\d{1,7}$/.test(options.priority) ? Number(options.priority) : Number.NaN;
  if (!(Math.abs(priority) <= HIGHEST_PRIORITY))
    return refuse(
      'usage',
      `--priority: ${JSON.stringify(options.priority)} is no whole number up to ${HIGHEST_PRIORITY}`,
      {
        hint: 'higher comes first; 0 is usual',
      },
    );
  const next = readNext(options);
  if ('code' in next) return next;
  const daemon = readDaemonChoice(options);
  if ('code' in daemon) return daemon;
  return { wants, span, wait, priority, note: options.note ?? null, steal: null, daemon, ...next };
}

type Next = Pick<ClaimPlan, 'accept' | 'next' | 'detach'>;

function readNext({ next = false, accept, detach = false, wait }: ClaimOptions): Next | Refusal {
  if (!next) {
    const option = accept !== undefined ? '--accept' : detach ? '--detach' : null;
    if (option === null) return { accept: TAKE_WITHIN_MS, next, detach };
    return refuse('usage', `${option} goes with --next, and there is none`, { hint: 'see `rentabot claim --help`' });
  }
  if (wait === false)
    return refuse('usage', '--next queues, and --no-wait does not', { hint: 'leave one of them out' });
  const span = readSpan('--accept', accept ?? ACCEPT);
  return typeof span === 'number' ? { accept: span, next, detach } : span;
}

/** A duration that is some time. */
export function readSpan(option: string, text: string | undefined): number | Refusal {
  if (text === undefined) return refuse('usage', `${option} says how long, and is missing`, { hint: FOR_HINT });
  const span = readDuration(option, text);
  if (span !== 0) return span;
  return refuse('usage', `${option} is some time, not ${text}`, { hint: FOR_HINT });
}
