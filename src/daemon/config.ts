import { join, resolve } from 'node:path';
import { DEFAULT_DRAIN, type Millis, type TagRule } from '../core/model.ts';
import { type Host, places } from '../core/places.ts';
import { DEFAULT_PORT } from '../core/wire.ts';
import type { AccessSettings, TlsFiles } from './access-settings.ts';
import { type Descriptor, loadDescriptor } from './descriptor.ts';
import { type ReadFile, readTextFile } from './descriptor-file.ts';
import type { Facades } from './facades/settings.ts';
import { DEFAULT_HOST, formatListen, isLoopback, type Listen, parseListen } from './listen.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';
import type { People, TargetSettings } from './notify/settings.ts';
import { absolutePath } from './paths.ts';
import { didYouMean, type Problem, quote, type Warning } from './remarks.ts';
import { type DaemonLimits, DEFAULT_KEEP_HISTORY, LIMIT_RULES, type Settings, type SettingsDraft } from './settings.ts';

/** How one daemon is to run. Frozen: what a reload changes are the resources. */
export interface Config {
  /** The background daemon of one user, which its client starts. */
  readonly private: boolean;
  /** The descriptor, absolute; null where there is none. It is watched for changes. */
  readonly file: string | null;
  /** What that file describes. */
  readonly descriptor: Descriptor | null;
  /** Null for no TCP. */
  readonly listen: Listen | null;
  /** Null for no unix socket. */
  readonly socket: SocketChoice | null;
  /** Folder of the state. */
  readonly data: string;
  readonly undeclared: 'create' | 'refuse';
  /** How long resources are held back after a command that nobody reported dead. */
  readonly drain: Millis;
  /** `none` where somebody said so; null is the default: whoever is on this host may do everything. */
  readonly auth: 'none' | null;
  /** Who may steal, and take resources out of service; admins where it says nothing. */
  readonly access: AccessSettings;
  /** Who may take what has a tag. */
  readonly tagRules: readonly TagRule[];
  /** Null for plain HTTP. Unix sockets are plain in any case. */
  readonly tls: TlsFiles | null;
  /** Has the token of an admin; null where admins are made otherwise. */
  readonly adminTokenFile: string | null;
  readonly trustedProxies: readonly string[];
  /** Why it may not listen where it is told to as long as it knows nobody; null where it may. */
  readonly exposure: Problem | null;
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
  readonly limits: DaemonLimits;
  /** How long events are kept; their number is among the limits. */
  readonly keepHistory: Millis;
  readonly facades: Facades;
  /** Where people are told what happens. */
  readonly notify: readonly TargetSettings[];
  readonly people: People;
  /** Where people find the board; null where nobody has said. */
  readonly publicUrl: string | null;
}

export interface SocketChoice {
  /** The first whose folder can be used. */
  readonly paths: readonly string[];
  /** Somebody named it, so that not getting it is an error; a default is done without, with a warning. */
  readonly explicit: boolean;
}

/** What was typed after `serve`. */
export interface ServeFlags {
  readonly config?: string | undefined;
  readonly listen?: string | undefined;
  readonly socket?: string | undefined;
  readonly data?: string | undefined;
  readonly auth?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly adminTokenFile?: string | undefined;
  readonly private?: boolean | undefined;
}

export interface ConfigSources {
  readonly flags: ServeFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: Host & { readonly cwd: string };
  readonly readFile?: ReadFile;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Warning[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Found = { readonly descriptor: Descriptor; readonly warnings: readonly Warning[] } | null;
type Read = { readonly settings: Settings; readonly problems: readonly Problem[] };

/** Defaults ← file ← environment ← flags. Problems of all of them are told at once. */
export function loadConfig({ flags, env, host, readFile = readTextFile }: ConfigSources): ConfigResult {
  const problems: Problem[] = [];
  const isPrivate = flags.private === true;
  const file = findFile(flags, env, host, readFile);
  let found: Found = null;
  if (file !== null) {
    const result = loadDescriptor(file, host.home, readFile);
    if (result.ok) found = { descriptor: result.value, warnings: result.warnings };
    else problems.push(...result.problems);
  }
  const fromEnv = readEnvironment(env, host);
  const fromFlags = readFlags(flags, host);
  problems.push(...fromEnv.problems, ...fromFlags.problems);
  if (problems.length > 0) return { ok: false, problems };
  const inFile = found?.descriptor.settings;
  const settings = { ...inFile, ...fromEnv.settings, ...fromFlags.settings };
  if (settings.tls) settings.tls = { ...inFile?.tls, ...settings.tls };
  const behind = isPrivate ? privateDoors(env, host) : doors(settings, env, host);
  const exposure = exposureOf(behind, listenSource(flags, env, file, settings));
  const config = { ...common(settings, file, found), ...behind, exposure };
  const last = [...halfTls(settings, file), ...nowhere(config), ...tooMany(config)];
  if (last.length > 0) return { ok: false, problems: last };
  return { ok: true, config: freeze(config), warnings: found?.warnings ?? [] };
}

/** A daemon without a descriptor is fine; a descriptor that was named has to be there. */
function findFile(
  flags: ServeFlags,
  env: ConfigSources['env'],
  host: ConfigSources['host'],
  readFile: ReadFile,
): string | null {
  if (flags.config) return resolve(host.cwd, flags.config);
  // An empty flag is told as a mistake; reading another file instead would only add to the confusion.
  if (flags.config === '') return null;
  // The background daemon is told by each client which file is nearest to it.
  if (flags.private) return null;
  const usual = [
    join(host.cwd, '.rentabot.yaml'),
    join(host.cwd, 'rentabot.yaml'),
    join(host.home, '.rentabot', 'config.yaml'),
  ];
  const named = env.RENTABOT_RESOURCE_DESCRIPTOR;
  return usual.find((path) => readFile(path).type !== 'missing') ?? (named ? resolve(host.cwd, named) : null);
}

function readEnvironment(env: ConfigSources['env'], host: ConfigSources['host']): Read {
  const base = { folder: host.cwd, home: host.home };
  const problems: Problem[] = [];
  const settings: SettingsDraft = {};
  if (env.RENTABOT_LISTEN) set(settings, 'listen', listenFrom(env.RENTABOT_LISTEN, 'RENTABOT_LISTEN', problems));
  if (env.RENTABOT_SOCKET) settings.socket = absolutePath(env.RENTABOT_SOCKET, base);
  if (env.RENTABOT_DATA) settings.data = absolutePath(env.RENTABOT_DATA, base);
  if (env.RENTABOT_ADMIN_TOKEN_FILE) settings.adminTokenFile = absolutePath(env.RENTABOT_ADMIN_TOKEN_FILE, base);
  if (env.RENTABOT_LOG) Object.assign(settings, logFrom(env.RENTABOT_LOG, problems));
  return { settings, problems };
}

function readFlags(flags: ServeFlags, host: ConfigSources['host']): Read {
  const base = { folder: host.cwd, home: host.home };
  const problems: Problem[] = [];
  const settings: SettingsDraft = {};
  if (flags.listen !== undefined) set(settings, 'listen', listenFrom(flags.listen, '--listen', problems));
  if (flags.socket !== undefined) settings.socket = absolutePath(flags.socket, base);
  if (flags.data !== undefined) settings.data = absolutePath(flags.data, base);
  const tls = {
    ...(flags.tlsCert === undefined ? {} : { cert: absolutePath(flags.tlsCert, base) }),
    ...(flags.tlsKey === undefined ? {} : { key: absolutePath(flags.tlsKey, base) }),
  };
  if (Object.keys(tls).length > 0) settings.tls = tls;
  if (flags.auth === 'none') settings.auth = 'none';
  else if (flags.auth !== undefined) problems.push(remark('--auth', `expected none, found ${quote(flags.auth)}`));
  if (flags.adminTokenFile !== undefined) settings.adminTokenFile = absolutePath(flags.adminTokenFile, base);
  const { config, socket, data, adminTokenFile } = flags;
  for (const [name, path] of Object.entries({ config, socket, data, 'admin-token-file': adminTokenFile })) {
    if (path === '') problems.push(remark(`--${name}`, 'expected a path, found nothing'));
  }
  return { settings, problems };
}

function set<Key extends keyof SettingsDraft>(draft: SettingsDraft, key: Key, value: SettingsDraft[Key]): void {
  if (value !== undefined) draft[key] = value;
}

function listenFrom(text: string, where: string, problems: Problem[]): Listen | 'none' | undefined {
  if (text === 'none') return text;
  const listen = parseListen(text);
  if (typeof listen !== 'string') return listen;
  problems.push(remark(where, `${listen}, found ${quote(text)}`));
  return undefined;
}

/** A format, a level, or both: `json,debug`. */
function logFrom(text: string, problems: Problem[]): Pick<Settings, 'logFormat' | 'logLevel'> {
  const found: SettingsDraft = {};
  for (const word of text.toLowerCase().split(/[\s,:]+/)) {
    const format = LOG_FORMATS.find((known) => known === word);
    const level = LOG_LEVELS.find((known) => known === word);
    if (format) found.logFormat = format;
    else if (level) found.logLevel = level;
    else {
      const known = [...LOG_FORMATS, ...LOG_LEVELS];
      const message = `expected ${known.join(', ')}, found ${quote(word)}${didYouMean(word, known)}`;
      problems.push(remark('RENTABOT_LOG', message));
    }
  }
  return found;
}

type Doors = Pick<Config, 'private' | 'listen' | 'socket' | 'data' | 'undeclared' | 'auth' | 'adminTokenFile'>;

/** A private daemon stands where its clients look for it, whatever the environment says for others. */
function privateDoors(env: ConfigSources['env'], host: Host): Doors {
  const { privateSocket, privateData } = places(env, host);
  const socket = { paths: [privateSocket], explicit: true };
  const access = { auth: null, adminTokenFile: null };
  return { private: true, listen: null, socket, data: privateData, undeclared: 'create', ...access };
}

function doors(settings: Settings, env: ConfigSources['env'], host: Host): Doors {
  const { hostSockets, serveData } = places(env, host);
  const { listen = { host: DEFAULT_HOST, port: DEFAULT_PORT }, socket } = settings;
  const chosen = socket === undefined ? { paths: hostSockets, explicit: false } : { paths: [socket], explicit: true };
  return {
    private: false,
    listen: listen === 'none' ? null : listen,
    socket: socket === 'none' ? null : chosen,
    data: settings.data ?? serveData,
    undeclared: settings.undeclared ?? 'refuse',
    auth: settings.auth ?? null,
    adminTokenFile: settings.adminTokenFile ?? null,
  };
}

function common(settings: Settings, file: string | null, found: Found): Omit<Config, keyof Doors | 'exposure'> {
  const defaults = Object.fromEntries(Object.entries(LIMIT_RULES).map(([name, rule]) => [name, rule.default]));
  return {
    file,
    descriptor: found?.descriptor ?? null,
    log: { format: settings.logFormat ?? 'text', level: settings.logLevel ?? 'info' },
    limits: { ...(defaults as unknown as DaemonLimits), ...settings.limits },
    access: settings.access ?? {},
    tagRules: settings.tagRules ?? [],
    tls: tlsOf(settings),
    trustedProxies: settings.trustedProxies ?? [],
    drain: settings.drain ?? DEFAULT_DRAIN,
    keepHistory: settings.keepHistory ?? DEFAULT_KEEP_HISTORY,
    facades: settings.facades ?? {},
    notify: settings.notify ?? [],
    people: settings.people ?? {},
    publicUrl: settings.publicUrl ?? null,
  };
}

/** Half of it is a problem of its own. */
function tlsOf({ tls }: Settings): TlsFiles | null {
  const { cert, key } = tls ?? {};
  return cert === undefined || key === undefined ? null : { cert, key };
}

type Source = Omit<Problem, 'message'>;

/** Who said where to listen. */
function listenSource(flags: ServeFlags, env: ConfigSources['env'], file: string | null, settings: Settings): Source {
  if (flags.listen !== undefined) return { where: '--listen', line: null, column: null };
  if (env.RENTABOT_LISTEN) return { where: 'RENTABOT_LISTEN', line: null, column: null };
  const { line, column } = settings.listenAt ?? { line: null, column: null };
  return { where: file ?? 'listen', line, column };
}

/** Whoever can connect to an open daemon may do everything, so it is open to this host alone. */
function exposureOf({ listen, auth }: Doors, source: Source): Problem | null {
  if (listen === null || auth === 'none' || isLoopback(listen.host)) return null;
  const message =
    `listening on ${formatListen(listen)} would let everybody on the network take and release everything: ` +
    'listen on 127.0.0.1 and add somebody first (`rentabot user add NAME --role admin`), ' +
    'or name a file with the token of an admin (`--admin-token-file`), ' +
    'or write "auth: none" beside "resources:" in the descriptor if that is what you want';
  return { ...source, message };
}

function nowhere({ listen, socket, file }: Config): Problem[] {
  if (listen !== null || socket !== null) return [];
  return [
    remark(file ?? 'listen', 'with "listen: none" and "socket: none" nobody could reach the daemon; give one of them'),
  ];
}

function halfTls({ tls }: Settings, file: string | null): Problem[] {
  if (tls === undefined || (tls.cert !== undefined && tls.key !== undefined)) return [];
  const [has, lacks] = tls.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
  return [remark(file ?? `--tls-${has}`, `tls has a ${has} and no ${lacks}; give both, --tls-cert and --tls-key`)];
}

function tooMany({ descriptor, limits, file }: Config): Problem[] {
  const count = descriptor?.resources.length ?? 0;
  if (file === null || count <= limits.resources) return [];
  return [
    remark(file, `${count} resources are more than the limit of ${limits.resources}; raise "resources" in "limits"`),
  ];
}

function remark(where: string, message: string): Problem {
  return { where, line: null, column: null, message };
}

/** All the way down, but not the resources: there may be very many, and they are read-only by type. */
function freeze(config: Config): Config {
  for (const part of [
    config.log,
    config.limits,
    config.socket,
    config.listen,
    config.facades,
    config.notify,
    config.people,
  ])
    if (part) Object.freeze(part);
  return Object.freeze(config);
}
