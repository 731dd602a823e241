import type { ErrorCode } from './error.ts';
import type { EndReason, Scalar } from './model.ts';

export type * from './wire-descriptions.ts';

/**
 * The JSON that daemon and programs exchange. Times are RFC 3339 in UTC, durations are seconds, `null` is "none".
 * Shapes only ever grow; whoever reads them ignores what they do not know.
 */

/** Changes when an older client would misunderstand the daemon. Sent with every answer in `PROTOCOL_HEADER`. */
export const PROTOCOL = 2;
export const PROTOCOL_HEADER = 'rentabot-protocol';
/** The daemon's release, with every answer: a client that started a private daemon replaces an older one. */
export const VERSION_HEADER = 'rentabot-version';
/** The caller's descriptor file, an absolute path; only a private daemon, which runs as the caller, reads it. */
export const DESCRIPTOR_HEADER = 'rentabot-descriptor';

export const DEFAULT_PORT = 5000;
export const DEFAULT_TTL_S = 30;
/** Priorities are whole numbers from minus this to this. */
export const HIGHEST_PRIORITY = 1000;
export const TTL_RANGE_S = { min: 2, max: 86_400 } as const;

export interface HolderJson {
  name: string;
  host: string;
  link: string | null;
}

/** One of `name`, `id`, `tags`, `where`; a want without a mode takes one slot. */
export interface WantJson {
  name?: string | null;
  id?: number | null;
  tags?: readonly string[] | null;
  where?: string | null;
  count?: number | null;
  /** `exclusive` takes every slot of a resource with several, `shared` goes together with other shared holders. */
  mode?: 'exclusive' | 'shared' | null;
}

/** The body of `PUT /api/v2/leases/{id}`. */
export interface AcquireJson {
  secret: string;
  want: readonly WantJson[];
  ttl?: number | null;
  wait?: number | null;
  hold?: number | null;
  priority?: number | null;
  note?: string | null;
  holder?: { name?: string | null; host?: string | null; link?: string | null } | null;
  guarded?: boolean | null;
  /** A person's hold, which needs no renewals. */
  claim?: ClaimJson | null;
  /** Why it takes over from whoever holds it, ahead of the queue. */
  steal?: string | null;
}

export interface ClaimJson {
  /** Seconds; null for until it is given back. */
  for: number | null;
  /** Seconds that it is offered before it passes on; null where it is taken as soon as it is granted. */
  accept?: number | null;
  /** A client waits for it; without one its place is given up like any other. */
  attended?: boolean | null;
}

/** The body of `POST /api/v2/leases/{id}/share`. */
export interface ShareJson {
  with: string;
  /** False: no longer. */
  shared?: boolean | null;
}

/** The body of `POST /api/v2/resources/{name}/ask`. */
export interface AskJson {
  note?: string | null;
  /** Who asks, on a daemon that does not know. */
  by?: string | null;
}

/** The body of `POST /api/v2/leases/{id}/extend`. */
export interface ExtendJson {
  for: number;
  /** `false`: its command is gone, and it stays as a claim. */
  guarded?: boolean | null;
  /** Of the claim. */
  note?: string | null;
}

export type ModeJson = 'exclusive' | 'slot' | 'shared';

export interface LeasedResourceJson {
  id: number;
  name: string;
  endpoint: string;
  properties: Record<string, Scalar>;
  /** Given to the holder alone. */
  env?: Record<string, string>;
  fence: number;
  mode: ModeJson;
}

export interface LeaseJson {
  id: string;
  fence: number;
  resources: LeasedResourceJson[];
  want: string;
  holder: HolderJson;
  note: string;
  priority: number;
  ttl: number;
  hold: number | null;
  guarded: boolean;
  /** When it was granted. */
  since: string;
  /** Seconds from asking to the grant. */
  waited: number;
  /** Moves with each renewal; never later than `until`. Null of a claim that lasts until it is given back. */
  expiresAt: string | null;
  /** The end that no renewal moves. */
  until: string | null;
  ending: EndingJson | null;
  /** It needs no renewals. */
  claim: boolean;
  /** Whose it is on a daemon with identities; empty on one without. */
  owner: string;
  /** Where it is only offered: when it passes on, unless it is accepted. */
  offeredUntil?: string;
  /** Who may do with it what its owner may; absent where there is nobody. */
  shares?: string[];
  /** Who asked for it, the latest last; absent where nobody has. */
  asked?: AskedJson[];
}

export interface AskedJson {
  by: string;
  note: string;
  at: string;
}

export interface EndingJson {
  reason: EndReason;
  by: string;
  note: string;
  since: string;
}

export interface HeldJson {
  state: 'held' | 'ending';
  lease: LeaseJson;
}

/** Something that stands between a waiter and what it wants. */
export interface BlockerJson {
  resource: string;
  /**
   * `held`: in use. `offline`: out of service. `draining`: held back, as its last command may not have ended yet. `queue`:
   * free, but an earlier waiter stands before it.
   */
  cause: 'held' | 'offline' | 'draining' | 'queue';
  /** The holder, whoever took it offline, or the earlier waiter; null where it drains. */
  holder: HolderJson | null;
  /** Whose lease, or place, it is on a daemon with identities; absent on one without. */
  owner?: string;
  note: string;
  since: string;
  until: string | null;
}

export interface WaitingJson {
  state: 'waiting';
  id: string;
  /** 1 is next. Counts the waiters ahead that want something of what this one wants. */
  position: number;
  /** When it should be its turn, from the recent history of holds; null where there is none to go by. */
  eta: string | null;
  /** At most ten, those that should be free soonest first. */
  blockers: BlockerJson[];
}

export interface QueuedJson {
  id: string;
  position: number;
  holder: HolderJson;
  want: string;
  since: string;
  priority: number;
  note: string;
  eta: string | null;
  /** When it gives up; null for never. */
  until: string | null;
  blockers: BlockerJson[];
  /** A person, who is told when it is their turn. */
  claim: boolean;
  /** It takes over, ahead of everybody. */
  steals: boolean;
  /** Whose it is on a daemon with identities; empty on one without. */
  owner: string;
}

export interface QueueJson {
  waiting: QueuedJson[];
}

export interface ResourceJson {
  id: number;
  name: string;
  /** What a plain request would find. */
  state: 'free' | 'held' | 'shared' | 'draining' | 'offline' | 'retiring';
  description: string;
  tags: string[];
  endpoint: string;
  properties: Record<string, Scalar>;
  slots: number;
  maxHold: number | null;
  offline: { reason: string; by: string; since: string; until: string | null } | null;
  lastUsed: string | null;
  /** Until when it is held back after a silent holder; null where it is not. */
  drainedAt: string | null;
  /** All who could use it. */
  waiting: number;
  leases: ResourceLeaseJson[];
  /** The machine that it is, or is on; absent where nobody said. */
  machine?: string;
  /** When that was last heard of; null for never, absent without a machine. */
  lastSeen?: string | null;
  /** It is not handed out when its machine was silent for so many seconds; absent where that does not matter. */
  staleAfter?: number;
}

export interface ResourceLeaseJson {
  id: string;
  holder: HolderJson;
  note: string;
  mode: ModeJson;
  since: string;
  until: string | null;
  /** A command runs behind it. */
  guarded: boolean;
  /** It needs no renewals. */
  claim: boolean;
  /** It was told to end, and its command has not ended yet. */
  ending: boolean;
  /** Whose it is on a daemon with identities; empty on one without. */
  owner: string;
  offeredUntil?: string;
  shares?: string[];
  asked?: AskedJson[];
}

export interface ResourcesJson {
  resources: ResourceJson[];
}

export interface LeasesJson {
  leases: LeaseJson[];
}

/** A line for the holder, from a renewal or the lease's event stream. */
export interface MessageJson {
  type: 'asked' | 'expiring' | 'ending';
  by: string;
  reason: string;
  at: string;
}

export interface RenewedJson {
  lease: LeaseJson;
  messages: MessageJson[];
}

/** What happened, as `history` and `/api/v2/events` tell it; further fields depend on the type. */
export interface EventJson {
  id: number;
  at: string;
  type: string;
  lease?: string;
  resources?: string[];
  holder?: HolderJson;
  note?: string;
  /** Seconds. */
  waited?: number;
  held?: number;
  /** How the command behind it ended, where its wrapper said so. */
  exit?: number;
  /** Only of one of several resources that were held together; the others stay held. */
  part?: boolean;
  fence?: number;
  want?: string;
  reason?: string;
  by?: string;
  /** What somebody said who took it away. */
  why?: string;
  until?: string | null;
  /** With whom it is shared, or no longer. */
  with?: string;
  shared?: boolean;
  /** Granted, and waits to be accepted. */
  offered?: boolean;
  /** It was asked for as a claim. */
  claim?: boolean;
  /** Whose it is on a daemon with identities. */
  owner?: string;
  /** What was done to those who are known: to whom. */
  about?: string;
}

export interface HistoryJson {
  events: EventJson[];
  /** Give it as `before` for the next page; null on the last. */
  next: number | null;
}

/** What a span of the history comes to. Rates and `utilisation` are parts of 1; null where there is nothing to go by. */
export interface FiguresJson {
  grants: number;
  /** Seconds that leases lasted within the span, added up. */
  held: number;
  /** The part of its time in service in which anybody held it. */
  utilisation: number | null;
  /** Seconds that it was offline and nobody held it. */
  offline: number;
  /** Seconds that half of those who were served, and nine of ten, had waited at most. */
  waitP50: number | null;
  waitP90: number | null;
  /** Commands that ended by themselves and said how. */
  finished: number;
  failed: number;
  failureRate: number | null;
}

export interface ResourceFiguresJson extends FiguresJson {
  id: number;
  name: string;
  tags: string[];
  /** Of all the others together. */
  othersFailureRate: number | null;
}

export interface StatsJson {
  from: string;
  to: string;
  resources: ResourceFiguresJson[];
  /** Leases count once here, however many resources they had; `unserved` left the queue without one. */
  all: FiguresJson & { unserved: number };
}

/** RFC 9457. */
export interface ProblemJson {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  hint: string;
  reason?: EndReason;
}

/** `type` of the events on the stream that answers a PUT: `waiting`, then `held`; or `problem` where the wait ends otherwise. */
export type AcquireStreamEvent = 'waiting' | 'held' | 'problem';
/** `type` of the events on a lease's own stream; the last is `ended`. */
export type LeaseStreamEvent = 'message' | 'ended';
