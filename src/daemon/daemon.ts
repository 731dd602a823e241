import type { Millis, Principal, Rules } from '../core/model.ts';
import type { Store } from '../core/store.ts';
import type { Announcer } from './announcer.ts';
import type { Engine } from './engine.ts';
import type { Nodes } from './facades/enema/nodes.ts';
import type { Facades } from './facades/settings.ts';
import type { Caller, Identities } from './identity/identities.ts';
import type { Ids } from './ids.ts';
import type { Log } from './log.ts';
import type { Meters } from './meters.ts';
import type { Notifier } from './notify/notifier.ts';
import type { LocalNames } from './origin.ts';
import type { Proxies } from './peer.ts';
import type { Ask } from './requests.ts';
import type { Statistics } from './statistics.ts';
import type { StepDown } from './step-down.ts';

/** Bounds of the HTTP side; those of the rules are in core/model.ts. */
export interface HttpLimits {
  /** Bytes. */
  readonly body: number;
  /** Streams and held-open requests at once. */
  readonly connections: number;
}

/** What the routes work with. */
export interface Daemon {
  readonly engine: Engine;
  readonly store: Store;
  readonly announcer: Announcer;
  readonly statistics: Statistics;
  readonly meters: Meters;
  readonly notifier: Notifier;
  readonly ids: Ids;
  readonly log: Log;
  readonly rules: Rules;
  readonly http: HttpLimits;
  /** Switches and options of the protocols of other tools. */
  readonly facades: Facades;
  /** Numbers of what resources are attached to, for a facade. */
  readonly nodes: Nodes;
  /** Who is known. */
  readonly identities: Identities;
  /** Who asks, and with what. Throws a RentabotError (`unauthorized`) for a token that is not good. */
  readonly callerOf: (ask: Ask) => Caller;
  /** Who asks. Without identities everybody who can connect is an admin. Throws as above. */
  readonly identify: (ask: Ask) => Principal;
  /** Whose word counts for where a request comes from. */
  readonly proxies: Proxies;
  /** Names in a `Host` header that are this daemon's, beside the loopback's. */
  readonly localNames: LocalNames;
  /** Reads the caller's descriptor before the request; only a private daemon does. */
  readonly describe: ((path: string) => Promise<void>) | null;
  /** Ends the daemon as SIGTERM would; only a private daemon can be told so. */
  readonly stop: (() => void) | null;
  /** Begins once: whoever waits is told to come back. */
  readonly stepsDown: StepDown;
  readonly startedAt: Millis;
  /** Where the state is kept; null where it is not on a disk. */
  readonly dataFolder: string | null;
}
