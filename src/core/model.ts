/** A moment (milliseconds since 1970 by the daemon's own clock) or a span of milliseconds. */
export type Millis = number;

export type Scalar = string | number | boolean;

/** Out of service, and what whoever waits for it is told. */
export interface Offline {
  readonly reason: string;
  /** Who said so; empty where a file did. */
  readonly by: string;
  readonly since: Millis;
  /** When it comes back by itself; null until somebody says so. */
  readonly until: Millis | null;
}

/** A thing to share, as somebody described it. */
export interface Description {
  readonly name: string;
  readonly description: string;
  readonly endpoint: string;
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, Scalar>>;
  readonly env: Readonly<Record<string, string>>;
  /** How many plain leases fit at once. */
  readonly slots: number;
  /** Longest life of a lease that includes it; null for no limit. */
  readonly maxHold: Millis | null;
  readonly offline: { readonly reason: string; readonly until: Millis | null } | null;
  /** The machine that it is, or is on, as `mdc1:t-linux64-ms-100`; absent where nobody said. */
  readonly machine?: string;
  /** It is not handed out when its machine was not seen for so long; absent where that does not matter. */
  readonly staleAfter?: Millis;
}

/** A description that has been given its number. Ids are given once and never again. */
export interface Resource extends Omit<Description, 'offline'> {
  readonly id: number;
  readonly offline: Offline | null;
  /** Who described it: `file:/etc/rentabot.yaml`, `api`, or `asked` where a private daemon made it up on demand. */
  readonly source: string;
  /** The description as it was declared, to see what a reload changes and to leave alone what people changed since. */
  readonly declared: string;
  /** Left its file, or was taken away, while held: nobody new gets it, and it goes when its last holder is done. */
  readonly retiring: boolean;
  /** People took it away though its file has it: it stays away until the file says something else of it. */
  readonly removed?: boolean;
  /** When its last lease ended; null if it never had one. */
  readonly lastUsedAt: Millis | null;
}

/**
 * How much of a resource a lease takes. `slot`: one slot, which is all of an ordinary resource. `whole`: every slot.
 * `shared`: together with any other shared holders, who occupy one slot between them.
 */
export type Mode = 'slot' | 'whole' | 'shared';

/** Which resources would do. */
export type Selector =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'id'; readonly id: number }
  | { readonly type: 'tags'; readonly tags: readonly string[] }
  | { readonly type: 'where'; readonly where: Expression };

/** `gpu && (a100 || h100) && !flaky && mem>=24`, parsed. */
export type Expression =
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'not'; readonly of: Expression }
  | { readonly type: 'tag'; readonly pattern: Pattern }
  | { readonly type: 'compare'; readonly key: string; readonly op: Comparison; readonly value: Pattern };
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A word as typed; a `glob` where it has a `*` or `?` that was not quoted. */
export interface Pattern {
  readonly text: string;
  readonly glob: boolean;
}

/** `count` different resources, each matching the selector and held in this mode. */
export interface Want {
  readonly selector: Selector;
  /** The selector in its one canonical spelling: equal keys want the same resources. */
  readonly key: string;
  readonly count: number;
  readonly mode: Mode;
}

export interface Holder {
  readonly name: string;
  readonly host: string;
  /** The CI job's page. */
  readonly link: string | null;
}

/** What somebody may do, each more than the one before; `nobody` has said nothing of who they are. */
export type Role = 'nobody' | 'viewer' | 'user' | 'admin';

/** Who gives a command, and what they may do. Every command carries one. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
}

/** A person's hold: nobody stands behind it who would renew it, so it lasts by itself. */
export interface Claim {
  /** How long, from its grant or, where it is offered first, from its acceptance; null for until it is given back. */
  readonly for: Millis | null;
  /** How long it is offered before it passes on; null where it is taken as soon as it is granted. */
  readonly accept: Millis | null;
  /** A client waits for it, and its place is given up like any other where that falls silent. */
  readonly attended?: true;
}

/** Another tool's protocol that a request came by, and what that has to remember of it. */
export interface Via {
  readonly facade: string;
  /** What it is called there. */
  readonly as: string;
  /** The tags in the words that were asked with. */
  readonly tags?: readonly string[];
}

/** What was asked for. It waits in the queue, becomes a lease with the same id, and is remembered for a while after. */
export interface Request {
  /** Minted by the client, so that a repeated request finds itself. */
  readonly id: string;
  readonly secretHash: string;
  readonly wants: readonly Want[];
  /** How long the lease outlives a silent holder. */
  readonly ttl: Millis;
  /** Longest life of the lease, renewed or not; null for no limit of its own. */
  readonly hold: Millis | null;
  readonly priority: number;
  readonly note: string;
  readonly holder: Holder;
  /** There is a command behind it, which has to be dead before anybody else may have the resources. */
  readonly guarded: boolean;
  readonly principal: string;
  /** Order of arrival, for the daemon's whole life. */
  readonly ticket: number;
  readonly askedAt: Millis;
  /** When the wait is over, unserved; equal to `askedAt` for one who does not wait; null for ever. */
  readonly givesUpAt: Millis | null;
  /** It is to be a claim; absent where it is not. */
  readonly claim?: Claim;
  /** Why it takes over from whoever holds it; absent where it does not. */
  readonly steals?: string;
  /** The longest life that the rules about tags leave it, however often it is extended; absent for no such bound. */
  readonly longest?: Millis;
  /** What was asked for, where the rules took something out of it: see `shapeOf`. */
  readonly shape?: string;
  /** Absent where it came by our own protocol. */
  readonly via?: Via;
}

/** A request in the queue. What changes here does not outlive the daemon, and need not. */
export interface Waiter {
  readonly request: Request;
  /** Open connections that wait for the outcome. */
  connections: number;
  /** When the client was last heard of; counts only while no connection is open. */
  heardAt: Millis;
}

/** One resource of a lease. */
export interface Use {
  readonly resource: number;
  readonly mode: Mode;
}

/** Told to end: the holder ends its command and confirms, or the ttl runs out. */
export interface Ending {
  readonly reason: EndReason;
  readonly by: string;
  readonly note: string;
  readonly since: Millis;
}

/** Somebody would like to have it back, or next. */
export interface Asked {
  readonly by: string;
  readonly note: string;
  readonly at: Millis;
}

/** How a lease, or a place in the queue, came to its end. */
export type EndReason = 'released' | 'expired' | 'stolen' | 'revoked';

/** A promise that these resources are the holder's until it ends. */
export interface Lease {
  readonly request: Request;
  /** Greater than that of every earlier grant, across restarts. */
  readonly fence: number;
  /** In the order of the wants, count by count. */
  readonly uses: readonly Use[];
  readonly grantedAt: Millis;
  /** Ends then whatever the holder does; null for never. */
  readonly endsAt: Millis | null;
  /** Does not expire before this, however silent the holder, unless it is told to end; set by `extend`, and of a claim that ends. */
  readonly keptUntil: Millis | null;
  readonly ending: Ending | null;
  /** A claim that nobody has accepted yet, and that passes on then; absent once it was, and where there is none. */
  readonly offeredUntil?: Millis;
  /** When that was accepted; absent where it was not, or was never an offer. */
  readonly acceptedAt?: Millis;
  /** Who asked for it, the latest last; absent where nobody has. */
  readonly asked?: readonly Asked[];
  /** People who may do with it what its owner may; absent where there are none. */
  readonly shares?: readonly string[];
  /** One ttl after its holder was last heard of. Not stored: a reopened daemon gives every lease one full ttl. */
  expiresAt: Millis;
}

/** `lost` is every end of a lease, and of a place in the queue that was given up rather than waited out. */
export type Outcome = 'lost' | 'busy' | 'timeout' | 'impossible';

/** What a spent id is remembered by, so that a late repetition of its request gets the answer of the first time. */
export interface Ended {
  readonly id: string;
  /** Empty where the id was deleted before anybody asked with it. */
  readonly secretHash: string;
  readonly shape: string;
  readonly outcome: Outcome;
  readonly reason: EndReason;
  readonly by: string;
  readonly at: Millis;
  /** Order of ending; older ones are forgotten first. */
  readonly seq: number;
  /** Resources that are held back from then on, as nobody had reported its command dead; absent where there are none. */
  readonly drains?: readonly number[];
}

/** Numbers that never go back, not even across restarts. */
export interface Counters {
  resourceId: number;
  ticket: number;
  fence: number;
  ended: number;
  event: number;
}

/** Every bound that a client can run into. Each is in the configuration, in /metrics and in the docs by this name. */
export interface Limits {
  readonly waiters: number;
  readonly resources: number;
  /** Wants in one request. */
  readonly wants: number;
  /** Different resources one request may ask for, counts added up. */
  readonly units: number;
  readonly leases: number;
  readonly remembered: number;
  readonly rememberedFor: Millis;
  /** Machines of which is known when they were last seen. */
  readonly machines: number;
  /** Names made up on demand that a private daemon keeps. */
  readonly undeclared: number;
  /** A waiter without a connection is thought gone after this long. */
  readonly silence: Millis;
}

export const DEFAULT_LIMITS: Limits = {
  waiters: 20_000,
  resources: 100_000,
  wants: 64,
  units: 1000,
  leases: 100_000,
  remembered: 100_000,
  rememberedFor: 3_600_000,
  machines: 100_000,
  undeclared: 1000,
  silence: 30_000,
};

/** Longer than a client that is cut off takes to end what it runs on a slow host, shorter than anybody minds. */
export const DEFAULT_DRAIN: Millis = 2000;

/** Who may take what has a tag, and how much of it: see core/tag-rules.ts. */
export interface TagRule {
  readonly tag: string;
  /** Names, patterns of names (`ci-*`), or `role:user`. */
  readonly who: readonly string[];
  readonly maxPriority: number | null;
  /** Longest life of a lease that could include it. */
  readonly maxHold: Millis | null;
  /** How many one may have and wait for. */
  readonly atOnce: number | null;
}

/** The rules of one daemon. */
export interface Rules {
  readonly limits: Limits;
  /** Whether a name that nobody declared is made up (as flock(1) makes its file) or refused. */
  readonly undeclared: 'create' | 'refuse';
  /** How long resources are held back after a command that nobody reported dead; 0 for not at all. */
  readonly drain: Millis;
  /** Who may take over what somebody holds; admins alone where it is absent. */
  readonly steal?: 'user' | 'admin';
  /** Who may take resources out of service and bring them back; admins alone where it is absent. */
  readonly offline?: 'user' | 'admin';
  /** In the order in which they were written. */
  readonly tags?: readonly TagRule[];
}
