import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IdentityStore } from '../../src/core/identity.ts';
import { DEFAULT_DRAIN, DEFAULT_LIMITS, type Description, type Limits, type Rules } from '../../src/core/model.ts';
import type { NodeStore } from '../../src/core/nodes.ts';
import type { Store } from '../../src/core/store.ts';
import { Announcer } from '../../src/daemon/announcer.ts';
import type { Clock } from '../../src/daemon/clock.ts';
import type { Daemon, HttpLimits } from '../../src/daemon/daemon.ts';
import { Engine, type EngineOptions } from '../../src/daemon/engine.ts';
import { Nodes } from '../../src/daemon/facades/enema/nodes.ts';
import { Identities } from '../../src/daemon/identity/identities.ts';
import { Passwords } from '../../src/daemon/identity/passwords.ts';
import { makeIds } from '../../src/daemon/ids.ts';
import { createLog } from '../../src/daemon/log.ts';
import { logEvents } from '../../src/daemon/log-events.ts';
import { Meters } from '../../src/daemon/meters.ts';
import { Notifier } from '../../src/daemon/notify/notifier.ts';
import type { PositionStore } from '../../src/daemon/notify/positions.ts';
import type { Target } from '../../src/daemon/notify/target.ts';
import { Proxies } from '../../src/daemon/peer.ts';
import { drain, type Front, frontOf, listenOnTcp, makeServer } from '../../src/daemon/server.ts';
import { Statistics } from '../../src/daemon/statistics.ts';
import { StepDown } from '../../src/daemon/step-down.ts';
import { MemoryIdentities } from '../../src/daemon/store/identity-memory.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { MemoryNodes } from '../../src/daemon/store/node-memory.ts';
import { description } from './builders.ts';
import { LeaseClient } from './builders-daemon.ts';
import { FakeClock } from './clock.ts';
import { Http, PATIENCE_MS } from './http.ts';
import { memoryPositions } from './notify.ts';

export interface DaemonOptions {
  readonly store?: Store;
  readonly resources?: readonly (string | Description)[];
  readonly limits?: Partial<Limits>;
  readonly http?: Partial<HttpLimits>;
  readonly facades?: Daemon['facades'];
  readonly nodes?: NodeStore;
  readonly undeclared?: Rules['undeclared'];
  readonly drain?: Rules['drain'];
  /** Without one time stands still, so that nothing expires however long a test takes. */
  readonly clock?: Clock;
  readonly recovery?: EngineOptions['recovery'];
  /** Who is known; nobody, unless a test adds them. Their passwords are cheap. */
  readonly identities?: IdentityStore;
  readonly exposed?: boolean;
  /** Whose word counts for where a request comes from. */
  readonly proxies?: readonly string[];
  readonly identify?: Daemon['identify'];
  readonly describe?: Daemon['describe'];
  readonly stop?: Daemon['stop'];
  readonly dataFolder?: string;
  readonly notify?: readonly Target[];
  readonly positions?: PositionStore;
}

/** A daemon in this process: all of it but the command line and the disk, behind a real server. */
export interface TestDaemon {
  readonly daemon: Daemon;
  readonly engine: Engine;
  readonly server: Server;
  readonly front: Front;
  readonly http: Http;
  /** Every line of its log. */
  readonly lines: string[];
  readonly troubles: string[];
  lease(id?: string): LeaseClient;
  declare(resources: readonly (string | Description)[]): Promise<void>;
  /** As SIGTERM begins. */
  stepDown(): void;
  close(): Promise<void>;
}

const SILENT: NonNullable<EngineOptions['recovery']> = { attempts: 3, pauseMs: 1 };

export async function startDaemon(options: DaemonOptions = {}): Promise<TestDaemon> {
  const {
    store = new MemoryStore(),
    limits = {},
    undeclared = 'refuse',
    resources = [],
    clock = new FakeClock(),
  } = options;
  const { drain: drained = DEFAULT_DRAIN } = options;
  const rules: Rules = { limits: { ...DEFAULT_LIMITS, ...limits }, undeclared, drain: drained };
  const lines: string[] = [];
  const troubles: string[] = [];
  const engine = new Engine({
    store,
    rules,
    onTrouble: (message) => troubles.push(message),
    start: () => clock,
    recovery: options.recovery ?? SILENT,
  });
  await engine.open();
  const log = createLog({ format: 'text', level: 'debug', now: () => engine.now(), write: (line) => lines.push(line) });
  const quiet = logEvents(engine, log);
  const stepsDown = new StepDown();
  const ids = makeIds();
  const identities = new Identities({
    store: options.identities ?? new MemoryIdentities(),
    ids,
    now: () => engine.now(),
    exposed: options.exposed ?? false,
    passwords: new Passwords({ ln: 4, r: 1, p: 1 }),
  });
  const { identify } = options;
  const callerOf: Daemon['callerOf'] = (ask) =>
    identify ? { principal: identify(ask), credential: null, csrf: null } : identities.callerOf(ask);
  const meters = new Meters();
  engine.subscribe(meters.hear);
  const { notify: targets = [], positions = memoryPositions() } = options;
  const notifier = new Notifier({ engine, store, log, targets, positions, grace: 10 });
  await notifier.start();
  const daemon: Daemon = {
    engine,
    store,
    announcer: new Announcer(engine),
    statistics: new Statistics(engine, store),
    notifier,
    ids,
    meters,
    log,
    rules,
    facades: options.facades ?? {},
    nodes: new Nodes(options.nodes ?? new MemoryNodes()),
    http: { body: 65_536, connections: 25_000, ...options.http },
    identities,
    callerOf,
    identify: (ask) => callerOf(ask).principal,
    proxies: new Proxies(options.proxies),
    localNames: [],
    describe: options.describe ?? null,
    stop: options.stop ?? null,
    stepsDown,
    startedAt: engine.now(),
    dataFolder: options.dataFolder ?? null,
  };
  const front = frontOf(daemon, () => {});
  const server = makeServer(front.listener, daemon.http.connections, front);
  const http = new Http(await listenOnTcp(server, { host: '127.0.0.1', port: 0 }));
  const declare = async (given: readonly (string | Description)[]): Promise<void> => {
    const described = given.map((one) => (typeof one === 'string' ? description(one) : one));
    const command = { type: 'declare', source: 'file:test', resources: described, additive: false } as const;
    const refusal = await engine.submit(command, (sight) => sight.refusal);
    if (refusal) throw new Error(refusal.detail);
  };
  if (resources.length > 0) await declare(resources);
  return {
    daemon,
    engine,
    server,
    front,
    http,
    lines,
    troubles,
    lease: (id) => new LeaseClient(http, id),
    declare,
    stepDown: () => stepsDown.begin(),
    close: async () => {
      http.close();
      stepsDown.begin();
      server.closeAllConnections();
      await drain([server], front.lane);
      daemon.announcer.close();
      identities.close();
      await notifier.close();
      quiet();
      await engine.close();
    },
  };
}

/** Waits for a condition that nothing announces, and looks again each turn of the loop. */
export async function eventually(what: string, holds: () => unknown, deadlineMs = PATIENCE_MS): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A folder that is gone after the test. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'rentabot-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
