import type { HolderJson } from './wire.ts';

/** The body of a webhook: what people are told, for programs. */
export interface NoticeJson {
  /** The same however often it comes. */
  id: string;
  event: string;
  at: string;
  /** All of it in one sentence. */
  text: string;
  resources: string[];
  lease: string | null;
  /** Whom it is about; empty where it is nobody in particular. */
  person: string;
  holder: HolderJson | null;
  /** Who did it; empty where nobody did. */
  by: string;
  note: string;
  want: string;
  /** Seconds. */
  waited: number | null;
  until: string | null;
  /** The page of the board that shows it; null where the daemon was not told where its board is. */
  url: string | null;
}

/** Where people are told, and how that goes. Of an address only the host: the rest of it may be a secret. */
export interface NotifyTargetJson {
  name: string;
  kind: 'json' | 'slack' | 'mail';
  host: string;
  /** `failing` from a try that failed to one that did not. */
  state: 'working' | 'failing';
  problem: string | null;
  failingSince: string | null;
  lastDelivered: string | null;
  waiting: number;
  /** Since the daemon started. */
  delivered: number;
  /** Given up since then: refused, too late, or too many. */
  dropped: number;
}

export interface NotifyTargetsJson {
  targets: NotifyTargetJson[];
}

/** The body of `POST /api/v2/notify/test`. */
export interface NotifyTestJson {
  /** The target's name; all of them without one. */
  target?: string | null;
  /** Whose mail address is tried; the caller's without one. */
  person?: string | null;
}

export interface NotifyTestedJson {
  tested: { name: string; ok: boolean; problem: string | null }[];
}
