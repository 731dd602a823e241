import { DEFAULT_LIMITS, type Limits, type Millis, type TagRule } from '../core/model.ts';
import {
  type AccessSettings,
  readAccess,
  readProxies,
  readTagRules,
  readTls,
  type TlsFiles,
} from './access-settings.ts';
import { type Facades, readFacades } from './facades/settings.ts';
import { type Listen, parseListen } from './listen.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';
import { type People, readPeople, readTargets, type TargetSettings } from './notify/settings.ts';
import { absolutePath, type PathBase } from './paths.ts';
import { type Place, quote, type Remarks } from './remarks.ts';
import { expected, readCount, readDuration, readKeys, readMap, readText, readWord } from './tree-readers.ts';
import type { Tree } from './yaml.ts';

/** Every limit of the daemon: the core's, and those of its doors and its disk. */
export interface DaemonLimits extends Limits {
  /** Bytes of a request's body. */
  readonly body: number;
  /** Open connections. */
  readonly connections: number;
  /** Events that the history keeps; older ones go first. */
  readonly history: number;
}

/** What a configuration says, as far as it says something. Paths are absolute. */
export interface Settings {
  readonly listen?: Listen | 'none';
  /** Where the file says so: whether it may is known only when all sources have been read. */
  readonly listenAt?: Place;
  readonly socket?: string;
  readonly data?: string;
  readonly undeclared?: 'create' | 'refuse';
  /** How long resources are held back after a command that nobody reported dead. */
  readonly drain?: Millis;
  /** Whoever can connect may do everything. */
  readonly auth?: 'none';
  readonly access?: AccessSettings;
  /** Who may take what has a tag. */
  readonly tagRules?: readonly TagRule[];
  readonly tls?: Partial<TlsFiles>;
  /** Has the token of an admin. */
  readonly adminTokenFile?: string;
  readonly trustedProxies?: readonly string[];
  readonly logFormat?: LogFormat;
  readonly logLevel?: LogLevel;
  readonly limits?: Partial<DaemonLimits>;
  /** How long events are kept. */
  readonly keepHistory?: Millis;
  /** Switches and options of the other tools' protocols, by name. */
  readonly facades?: Facades;
  /** Where people are told what happens. */
  readonly notify?: readonly TargetSettings[];
  readonly people?: People;
  /** Where people find the board: `https://rentabot.example.org`, without a slash at its end. */
  readonly publicUrl?: string;
}

/** A setting while it is gathered. `none` for the socket is kept as the word. */
export type SettingsDraft = { -readonly [Key in keyof Settings]: Settings[Key] };

interface LimitRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Milliseconds, which are written as durations. */
  readonly span?: true;
}

const DAY = 86_400_000;

/** Limits by name; in a file the names are in lower case, with `_` between words. */
export const LIMIT_RULES: Readonly<Record<keyof DaemonLimits, LimitRule>> = {
  waiters: { default: DEFAULT_LIMITS.waiters, min: 1, max: 1_000_000 },
  resources: { default: DEFAULT_LIMITS.resources, min: 1, max: 1_000_000 },
  wants: { default: DEFAULT_LIMITS.wants, min: 1, max: 1000 },
  units: { default: DEFAULT_LIMITS.units, min: 1, max: 10_000 },
  leases: { default: DEFAULT_LIMITS.leases, min: 1, max: 1_000_000 },
  remembered: { default: DEFAULT_LIMITS.remembered, min: 1000, max: 10_000_000 },
  rememberedFor: { default: DEFAULT_LIMITS.rememberedFor, min: 60_000, max: 30 * DAY, span: true },
  machines: { default: DEFAULT_LIMITS.machines, min: 1, max: 1_000_000 },
  undeclared: { default: DEFAULT_LIMITS.undeclared, min: 1, max: 100_000 },
  silence: { default: DEFAULT_LIMITS.silence, min: 5000, max: 3_600_000, span: true },
  body: { default: 65_536, min: 1024, max: 16 * 1024 * 1024 },
  connections: { default: 25_000, min: 10, max: 1_000_000 },
  history: { default: 100_000, min: 0, max: 100_000_000 },
};

export const DEFAULT_KEEP_HISTORY: Millis = 30 * DAY;

/** Of `drain`. What goes to the next later than that should not have been given out by itself. */
const LONGEST_DRAIN: Millis = 3_600_000;

/** A limit's name as files spell it. */
export function limitKey(limit: string): string {
  return limit.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Top-level keys of a file with `resources:`, and what reads them. */
export function settingReaders(draft: SettingsDraft, base: PathBase, remarks: Remarks) {
  return {
    listen: (value: Tree) => {
      set(draft, 'listen', readListen(value, remarks));
      draft.listenAt = remarks.placeOf(value.at);
    },
    socket: (value: Tree) => set(draft, 'socket', readPath(value, 'socket', base, remarks)),
    data: (value: Tree) => set(draft, 'data', readPath(value, 'data', base, remarks)),
    undeclared: (value: Tree) =>
      set(draft, 'undeclared', readWord(value, 'undeclared', ['create', 'refuse'] as const, remarks)),
    drain: (value: Tree) => set(draft, 'drain', readDrain(value, remarks)),
    auth: (value: Tree) => set(draft, 'auth', readWord(value, 'auth', ['none'] as const, remarks)),
    access: (value: Tree) => set(draft, 'access', readAccess(value, remarks)),
    rules: (value: Tree) => set(draft, 'tagRules', readTagRules(value, remarks)),
    tls: (value: Tree) => set(draft, 'tls', readTls(value, base, remarks)),
    admin_token_file: (value: Tree) => set(draft, 'adminTokenFile', readPath(value, 'admin_token_file', base, remarks)),
    trusted_proxies: (value: Tree) => set(draft, 'trustedProxies', readProxies(value, remarks)),
    log: (value: Tree) => readLog(value, draft, remarks),
    limits: (value: Tree) => readLimits(value, draft, remarks),
    history: (value: Tree) => readHistory(value, draft, remarks),
    facades: (value: Tree) => set(draft, 'facades', readFacades(value, remarks)),
    notify: (value: Tree) => set(draft, 'notify', readTargets(value, base, remarks)),
    people: (value: Tree) => set(draft, 'people', readPeople(value, remarks)),
    public_url: (value: Tree) => set(draft, 'publicUrl', readPublicUrl(value, remarks)),
  };
}

function set<Key extends keyof SettingsDraft>(draft: SettingsDraft, key: Key, value: SettingsDraft[Key] | null): void {
  if (value !== null && value !== undefined) draft[key] = value;
}

function readListen(tree: Tree, remarks: Remarks): Listen | 'none' | null {
  const text = readText(tree, 'listen', remarks);
  if (text === null || text === 'none') return text;
  const listen = parseListen(text);
  if (typeof listen !== 'string') return listen;
  remarks.problem(tree.at, `listen: ${listen}, found ${quote(text)}`);
  return null;
}

function readPath(tree: Tree, about: string, base: PathBase, remarks: Remarks): string | null {
  const text = readText(tree, about, remarks);
  if (text === '') return expected(tree, about, 'a path', remarks);
  return text === null ? null : absolutePath(text, base);
}

/** Of the origin alone: the pages refer to each other from the root of their host. */
function readPublicUrl(tree: Tree, remarks: Remarks): string | null {
  const text = readText(tree, 'public_url', remarks);
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.href === `${url.origin}/`) return url.origin;
  // Before an @ may stand a password.
  const found = text.includes('@') ? '' : `, found ${quote(text)}`;
  remarks.problem(tree.at, `public_url: expected https://HOST or http://HOST:PORT, and nothing behind it${found}`);
  return null;
}

function readDrain(tree: Tree, remarks: Remarks): Millis | null {
  const span = readDuration(tree, 'drain', remarks, { zero: true });
  if (span === null || span <= LONGEST_DRAIN) return span;
  return expected(tree, 'drain', `0 to ${LONGEST_DRAIN / 1000} seconds`, remarks);
}

function readLog(tree: Tree, draft: SettingsDraft, remarks: Remarks): void {
  const map = readMap(tree, 'log', remarks);
  const readers = {
    format: (value: Tree) => set(draft, 'logFormat', readWord(value, 'format in log', LOG_FORMATS, remarks)),
    level: (value: Tree) => set(draft, 'logLevel', readWord(value, 'level in log', LOG_LEVELS, remarks)),
  };
  if (map) readKeys(map, readers, unknownIn('log', remarks));
}

function readLimits(tree: Tree, draft: SettingsDraft, remarks: Remarks): void {
  const map = readMap(tree, 'limits', remarks);
  if (map === null) return;
  const readers = Object.fromEntries(
    (Object.keys(LIMIT_RULES) as (keyof DaemonLimits)[]).map((name) => [
      limitKey(name),
      (value: Tree) => setLimit(draft, name, readLimit(value, name, remarks)),
    ]),
  );
  readKeys(map, readers, unknownIn('limits', remarks));
}

function readLimit(tree: Tree, name: keyof DaemonLimits, remarks: Remarks): number | null {
  const rule = LIMIT_RULES[name];
  const about = `${limitKey(name)} in limits`;
  if (!rule.span) return readCount(tree, about, rule, remarks);
  const span = readDuration(tree, about, remarks);
  if (span === null || (span >= rule.min && span <= rule.max)) return span;
  return expected(tree, about, `${rule.min / 1000} to ${rule.max / 1000} seconds`, remarks);
}

function setLimit(draft: SettingsDraft, name: keyof DaemonLimits, value: number | null): void {
  if (value !== null) draft.limits = { ...draft.limits, [name]: value };
}

/** `events` is the limit of that name; it may stand in either place. */
function readHistory(tree: Tree, draft: SettingsDraft, remarks: Remarks): void {
  const map = readMap(tree, 'history', remarks);
  if (map === null) return;
  const readers = {
    keep: (value: Tree) => set(draft, 'keepHistory', readDuration(value, 'keep in history', remarks)),
    events: (value: Tree) => {
      if (draft.limits?.history !== undefined)
        remarks.warn(value.at, 'history.events and limits.history are one; the last counts');
      setLimit(draft, 'history', readCount(value, 'events in history', LIMIT_RULES.history, remarks));
    },
  };
  readKeys(map, readers, unknownIn('history', remarks));
}

function unknownIn(where: string, remarks: Remarks) {
  return (key: string, at: number, hint: string) => {
    remarks.problem(at, `${where} has no setting ${quote(key)}${hint}`);
  };
}
