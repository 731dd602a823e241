import type { RequestListener, Server } from 'node:http';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ERRORS, RentabotError } from '../core/error.ts';
import type { Millis, Rules } from '../core/model.ts';
import { Announcer } from './announcer.ts';
import { startClock } from './clock.ts';
import { type Config, loadConfig, type ServeFlags } from './config.ts';
import type { Daemon } from './daemon.ts';
import { Descriptors } from './descriptors.ts';
import { Engine } from './engine.ts';
import { Nodes } from './facades/enema/nodes.ts';
import type { FastLane } from './fast-lane.ts';
import { boundHeap } from './heap.ts';
import { adoptAdminToken, readoptAdminToken } from './identity/file-admin.ts';
import { Identities } from './identity/identities.ts';
import { watchIdleness } from './idle.ts';
import { type Ids, makeIds } from './ids.ts';
import { formatListen } from './listen.ts';
import { createLog, type Log } from './log.ts';
import { logEvents } from './log-events.ts';
import { bufferedLines } from './log-lines.ts';
import { MachineJournal } from './machines.ts';
import { Meters } from './meters.ts';
import { Notifier } from './notify/notifier.ts';
import { openTargets } from './notify/open.ts';
import { positionFile } from './notify/positions.ts';
import { Proxies } from './peer.ts';
import { formatRemark, refuseProblems } from './remarks.ts';
import { flawOf } from './runtime.ts';
import {
  drain,
  type Front,
  frontOf,
  listenForOwner,
  listenOnSocket,
  listenOnTcp,
  makeServer,
  readTls,
  rereadTls,
  type Tls,
} from './server.ts';
import { Statistics } from './statistics.ts';
import { StepDown } from './step-down.ts';
import { MemoryIdentities } from './store/identity-memory.ts';
import { SqliteStore } from './store/sqlite.ts';

/** For a host's daemon: loopback is open to every user of the host, so its socket is too. */
const HOST_SOCKET_MODE = 0o666;
const PRIVATE_SOCKET_MODE = 0o600;
/** In the data folder: always an admin, and so the way back in. */
const ADMIN_SOCKET = 'admin.sock';
/** Who is the first process is in a container, and alone there. */
const FIRST_PID = 1;

type Release = () => unknown;

/** Runs a daemon until it is told to stop; answers with the exit code. The composition root: nothing else builds it. */
export async function serve(flags: ServeFlags): Promise<number> {
  const host = { uid: process.getuid?.() ?? null, home: homeOf(process.env), tmp: tmpdir(), cwd: process.cwd() };
  const loaded = loadConfig({ flags, env: process.env, host });
  if (!loaded.ok) return refused(new RentabotError(refuseProblems(loaded.problems)));
  const { config } = loaded;
  const lines = bufferedLines();
  // The engine's clock starts with its store; until then the log has one of its own.
  const bootClock = startClock();
  const log = createLog({ ...config.log, now: () => bootClock.now(), write: lines.write });
  for (const warning of loaded.warnings) log.warn(formatRemark(warning));
  const flaw = flawOf(process.versions.node);
  if (flaw !== null) log.warn(flaw);
  const releases: Release[] = [lines.flush];
  try {
    return await run(config, log, host.home, releases);
  } catch (error) {
    if (error instanceof RentabotError) return refused(error);
    log.error('the daemon failed', { error });
    return ERRORS.internal.exit;
  } finally {
    for (const release of releases.reverse()) await release();
  }
}

async function run(config: Config, log: Log, home: string, releases: Release[]): Promise<number> {
  const store = new SqliteStore(config.data, { events: config.limits.history, keepFor: config.keepHistory });
  const rules = rulesOf(config);
  const engine = await openEngine(store, rules, log, releases);
  const ids = makeIds();
  const { identities, renewAdminToken } = await openIdentities(config, store, ids, { engine, log });
  releases.push(() => identities.close());
  const meters = new Meters();
  releases.push(engine.subscribe(meters.hear));
  const announcer = new Announcer(engine);
  releases.push(() => announcer.close());
  const descriptors = await openDescriptors(config, engine, log, home, releases);
  const notifier = await openNotifier(config, { engine, store, log }, identities, releases);
  const stepsDown = new StepDown();
  const stopped = stopReason(releases);
  const startedAt = engine.now();
  let lastAsked: Millis = startedAt;
  const daemon: Daemon = {
    engine,
    store,
    announcer,
    statistics: new Statistics(engine, store),
    notifier,
    ids,
    meters,
    log,
    rules,
    http: config.limits,
    ...facadesOf(config, store),
    identities,
    callerOf: (ask) => identities.callerOf(ask),
    identify: (ask) => identities.callerOf(ask).principal,
    proxies: new Proxies(config.trustedProxies),
    localNames: config.auth === 'none' ? 'any' : [config.listen?.host.toLowerCase() ?? ''],
    describe: config.private ? (path) => descriptors.ensure(path) : null,
    stop: config.private ? () => stopped.because('a newer client') : null,
    stepsDown,
    startedAt,
    dataFolder: config.data,
  };
  const front = frontOf(daemon, () => {
    lastAsked = engine.now();
  });
  const adminListener: RequestListener = (request, response) => {
    identities.cameFromHost(request);
    front.listener(request, response);
  };
  const since = new Date(startedAt).toISOString();
  const owner = { pid: process.pid, host: hostname(), version: RENTABOT_VERSION, since };
  // Before it listens: a client that finds the data owned must never find no owner beside a socket that answers.
  if (config.private) store.announce({ ...owner, url: null, socket: config.socket?.paths[0] ?? null });
  const { servers, url, socket, renewTls } = await listen(config, log, front, adminListener);
  store.announce({ ...owner, url, socket });
  engine.onDeath = () => stopped.because('the store is lost', ERRORS.internal.exit);
  const idle = (): void => stopped.because('idle');
  if (config.private) releases.push(watchIdleness(engine, () => lastAsked, idle));
  onHangUp(releases, () => {
    renewTls();
    renewAdminToken();
    void descriptors.reload();
  });
  tellServing(config, log, url, socket);

  const { why, code } = await stopped.when;
  log.info('stepping down; leases stay', { reason: why });
  stepsDown.begin();
  await drain(servers, front.lane);
  return code;
}

function rulesOf({ limits, undeclared, drain, access, tagRules }: Config): Rules {
  return { limits, undeclared, drain, ...access, tags: tagRules };
}

/** What it has to let go of is pushed before anything else that uses it. */
async function openEngine(store: SqliteStore, rules: Rules, log: Log, releases: Release[]): Promise<Engine> {
  const onTrouble = (message: string, error: unknown): void => log.error(message, { error });
  const machines = new MachineJournal(store.machines, onTrouble);
  const engine = new Engine({ store, rules, onTrouble, onSeen: (seen) => machines.note(seen) });
  await engine.open();
  releases.push(() => engine.close());
  releases.push(() => machines.flush());
  releases.push(logEvents(engine, log));
  releases.push(boundHeap(engine));
  return engine;
}

async function openNotifier(
  config: Config,
  tools: Pick<Daemon, 'engine' | 'store' | 'log'>,
  { people }: Identities,
  releases: Release[],
): Promise<Notifier> {
  const mailOf = (name: string): string | null => people.find(name)?.mail ?? null;
  const targets = openTargets({ ...config, env: process.env, mailOf });
  const notifier = new Notifier({ ...tools, targets, positions: positionFile(join(config.data, 'notify.json')) });
  releases.push(() => notifier.close());
  await notifier.start();
  return notifier;
}

/** What the protocols of other tools need. */
function facadesOf({ facades }: Config, store: SqliteStore): Pick<Daemon, 'facades' | 'nodes'> {
  return { facades, nodes: new Nodes(store.nodes) };
}

/** Reads what the configuration describes. Throws a RentabotError if it cannot be had. */
async function openDescriptors(
  config: Config,
  engine: Engine,
  log: Log,
  home: string,
  releases: Release[],
): Promise<Descriptors> {
  const descriptors = new Descriptors(engine, log, { home, additive: config.private });
  releases.push(() => descriptors.close());
  if (config.file !== null && config.descriptor !== null) {
    await descriptors.add(config.file, config.descriptor);
    if (!config.private) await descriptors.dropOthers(config.file);
  }
  return descriptors;
}

/** Who is known. Throws a RentabotError where nobody is, and more than this host could connect. */
async function openIdentities(
  config: Config,
  store: SqliteStore,
  ids: Ids,
  tools: Pick<Daemon, 'engine' | 'log'>,
): Promise<{ readonly identities: Identities; readonly renewAdminToken: () => void }> {
  // A private daemon serves its user, who is known by the socket.
  const known = config.private ? new MemoryIdentities() : store.identities;
  const now = (): Millis => tools.engine.now();
  const identities = new Identities({ store: known, ids, now, exposed: config.exposure !== null });
  const { credentials } = identities;
  const file = config.adminTokenFile;
  const fromFile = file === null ? null : { file, credentials, tools, isAlone: process.pid === FIRST_PID };
  if (fromFile) await adoptAdminToken(fromFile);
  if (identities.isOpen && config.exposure !== null) throw new RentabotError(refuseProblems([config.exposure]));
  if (identities.isOpen && config.tagRules.length > 0)
    tools.log.warn('the rules about tags bind nobody as long as this daemon knows nobody');
  return { identities, renewAdminToken: () => void (fromFile && readoptAdminToken(fromFile)) };
}

/** On stdout for whoever started it, and in the log. */
function tellServing({ data }: Config, log: Log, url: string | null, socket: string | null): void {
  process.stdout.write(`listening on ${url ?? `unix:${socket}`}\n`);
  log.info('serving', {
    url: url ?? undefined,
    socket: socket ?? undefined,
    data,
    version: RENTABOT_VERSION,
    pid: process.pid,
  });
}

/** TCP, the unix socket, or both; and the one in the data folder, which is the way in for whoever owns that. */
async function listen(
  config: Config,
  log: Log,
  { listener, lane }: Front,
  adminListener: RequestListener,
): Promise<{ servers: Server[]; url: string | null; socket: string | null; renewTls: () => void }> {
  const servers: Server[] = [];
  const { tls } = config;
  let renewTls = (): void => {};
  let url: string | null = null;
  let socket: string | null = null;
  const warn = (text: string): void => log.warn(text);
  const open = (answer: RequestListener, options: { tls?: Tls | null; lane?: FastLane }): Server => {
    const server = makeServer(answer, config.limits.connections, options);
    servers.push(server);
    return server;
  };
  try {
    if (config.listen !== null) {
      const server = open(listener, { tls: tls && readTls(tls), lane });
      if (tls) renewTls = () => rereadTls(server, tls, log);
      const address = await listenOnTcp(server, config.listen);
      const host = config.listen.host === 'localhost' ? 'localhost' : address.host;
      url = `${tls ? 'https' : 'http'}://${formatListen({ host, port: address.port })}`;
    }
    if (config.socket !== null) {
      const mode = config.private ? PRIVATE_SOCKET_MODE : HOST_SOCKET_MODE;
      socket = await listenOnSocket(open(listener, { lane }), config.socket, mode, warn);
    }
    if (!config.private) await listenForOwner(open(adminListener, {}), join(config.data, ADMIN_SOCKET), warn);
    if (url === null && socket === null) throw new Error('there is nowhere to listen');
    return { servers, url, socket, renewTls };
  } catch (error) {
    await drain(servers, lane);
    throw error;
  }
}

/** Whatever first asks the daemon to stop: a signal, idleness, a newer client, the loss of the store. */
function stopReason(releases: Release[]): {
  readonly when: Promise<{ why: string; code: number }>;
  readonly because: (why: string, code?: number) => void;
} {
  let because: (why: string, code?: number) => void = () => {};
  const when = new Promise<{ why: string; code: number }>((resolve) => {
    because = (why, code = 0) => resolve({ why, code });
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const stop = (): void => because(signal);
    process.on(signal, stop);
    releases.push(() => process.off(signal, stop));
  }
  return { when, because };
}

function onHangUp(releases: Release[], reload: () => void): void {
  process.on('SIGHUP', reload);
  releases.push(() => process.off('SIGHUP', reload));
}

/** Says why there will be no daemon. */
function refused({ refusal }: RentabotError): number {
  const { code, detail, hint } = refusal;
  process.stderr.write(`rentabot: ${detail}\n${hint === '' ? '' : `  ${hint}\n`}`);
  return ERRORS[code].exit;
}

function homeOf(env: NodeJS.ProcessEnv): string {
  return env.HOME || homedir() || userInfo().homedir;
}

export { readImport } from './import/import.ts';
