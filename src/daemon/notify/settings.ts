import { parseExpression } from '../../core/expression.ts';
import type { Expression, Millis } from '../../core/model.ts';
import { isUnprintable } from '../../core/name.ts';
import { absolutePath, type PathBase } from '../paths.ts';
import { type Place, quote, type Remarks } from '../remarks.ts';
import { expected, readDuration, readKeys, readMap, readText, readWord } from '../tree-readers.ts';
import type { Tree, YamlMap } from '../yaml.ts';
import type { MailServer } from './mail.ts';
import { NOTICE_EVENTS, type NoticeEvent } from './notice.ts';

/** Where a secret stands. It is read when the daemon starts. */
export type SecretSource =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'file'; readonly path: string; readonly at: Place }
  | { readonly type: 'env'; readonly name: string; readonly at: Place };

/** One of `notify`, as the file has it. */
export interface TargetSettings {
  readonly name: string;
  readonly way: WebhookSettings | MailSettings;
  readonly events: readonly NoticeEvent[];
  readonly where: Expression | null;
  readonly waitingAfter: Millis;
}

export interface WebhookSettings {
  readonly type: 'webhook';
  readonly url: SecretSource;
  readonly format: 'json' | 'slack';
  readonly secret: SecretSource | null;
}

export interface MailSettings {
  readonly type: 'mail';
  readonly server: MailServer;
  readonly user: string | null;
  readonly password: SecretSource | null;
  readonly from: string;
  /** Addresses, and `person`. */
  readonly to: readonly string[];
}

/** What is known of people, by the names that leases have. */
export type People = Readonly<Record<string, { readonly mail: string }>>;

export const DEFAULT_WAITING_AFTER: Millis = 3_600_000;
export const MOST_TARGETS = 50;
const MOST_PEOPLE = 10_000;
const MOST_ADDRESSES = 50;
const DEFAULT_PORTS = { 'smtp:': 587, 'smtps:': 465 } as const;

/** What mail servers take without quotes; nothing that could end a header or start another address. */
const ADDRESS = /^[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@[\p{L}\p{N}.-]{1,253}$/u;

export function isAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** The list of `notify`. */
export function readTargets(tree: Tree, base: PathBase, remarks: Remarks): readonly TargetSettings[] | null {
  if (tree.type === 'empty') return null;
  if (tree.type !== 'list') return expected(tree, 'notify', 'a list of targets', remarks);
  if (tree.items.length > MOST_TARGETS) {
    remarks.problem(tree.at, `notify has at most ${MOST_TARGETS} targets, this has ${tree.items.length}`);
    return null;
  }
  const targets: TargetSettings[] = [];
  for (const item of tree.items) {
    const target = readTarget(item, base, remarks);
    if (target === null) continue;
    if (targets.some(({ name }) => name === target.name))
      remarks.problem(
        item.at,
        `notify has two targets with the name ${quote(target.name)}; give each its own \`name\``,
      );
    targets.push(target);
  }
  return targets;
}

type Draft = { -readonly [Key in keyof TargetSettings]?: TargetSettings[Key] | null } & {
  url?: SecretSource | null;
  format?: 'json' | 'slack' | null;
  secret?: SecretSource | null;
  mail?: MailSettings | null;
};

function readTarget(tree: Tree, base: PathBase, remarks: Remarks): TargetSettings | null {
  if (tree.type !== 'map') return expected(tree, 'a target in notify', 'a map with webhook or mail', remarks);
  const draft: Draft = {};
  readKeys(tree, targetReaders(draft, base, remarks), unknownIn('a target in notify', remarks));
  const way = readWay(tree, draft, remarks);
  if (way === null) return null;
  return {
    name: draft.name ?? defaultName(way),
    way,
    events: draft.events ?? NOTICE_EVENTS,
    where: draft.where ?? null,
    waitingAfter: draft.waitingAfter ?? DEFAULT_WAITING_AFTER,
  };
}

/** Keys of a target, and what reads them. */
export function targetReaders(draft: Draft, base: PathBase, remarks: Remarks) {
  return {
    name: (value: Tree) => {
      draft.name = readTargetName(value, remarks);
    },
    webhook: (value: Tree) => {
      draft.url = readUrl(value, remarks);
    },
    webhook_file: (value: Tree) => {
      draft.url = readFileSource(value, 'webhook_file', base, remarks);
    },
    webhook_env: (value: Tree) => {
      draft.url = readEnvSource(value, 'webhook_env', remarks);
    },
    format: (value: Tree) => {
      draft.format = readWord(value, 'format in notify', ['json', 'slack'] as const, remarks);
    },
    secret_file: (value: Tree) => {
      draft.secret = readFileSource(value, 'secret_file', base, remarks);
    },
    secret_env: (value: Tree) => {
      draft.secret = readEnvSource(value, 'secret_env', remarks);
    },
    mail: (value: Tree) => {
      draft.mail = readMail(value, base, remarks);
    },
    events: (value: Tree) => {
      draft.events = readEvents(value, remarks);
    },
    where: (value: Tree) => {
      draft.where = readWhere(value, remarks);
    },
    waiting_after: (value: Tree) => {
      draft.waitingAfter = readDuration(value, 'waiting_after in notify', remarks);
    },
  };
}

/** One way to tell, and only one. What is wrong inside of it has been said already. */
function readWay(tree: YamlMap, draft: Draft, remarks: Remarks): TargetSettings['way'] | null {
  const has = (...keys: string[]): string[] => keys.filter((key) => tree.entries.has(key));
  const ways = has('webhook', 'webhook_file', 'webhook_env', 'mail');
  if (ways.length !== 1) {
    const found = ways.length === 0 ? 'none' : ways.join(' and ');
    remarks.problem(
      tree.at,
      `a target in notify: expected one of webhook, webhook_file, webhook_env and mail, found ${found}`,
    );
    return null;
  }
  if (ways[0] === 'mail') {
    for (const key of has('format', 'secret_file', 'secret_env'))
      remarks.problem(tree.entries.get(key)?.at ?? tree.at, `${key} is for webhooks, and this target is mail`);
    return draft.mail ?? null;
  }
  const { url, format, secret } = draft;
  return url ? { type: 'webhook', url, format: format ?? 'json', secret: secret ?? null } : null;
}

function defaultName(way: TargetSettings['way']): string {
  if (way.type === 'mail') return 'mail';
  return way.url.type === 'text' ? new URL(way.url.text).host : 'webhook';
}

function readTargetName(tree: Tree, remarks: Remarks): string | null {
  const name = readText(tree, 'name in notify', remarks);
  if (name === null || /^[\p{L}\p{N}_.:-]{1,100}$/u.test(name)) return name;
  return expected(tree, 'name in notify', 'up to 100 letters, digits and _ . : -', remarks);
}

/** Why a text is no address of a webhook, without the text: it may be a secret. Null where it is one. */
export function urlProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && (url.protocol === 'https:' || url.protocol === 'http:') && url.host !== '';
  return isWeb ? null : 'expected an address with https:// or http://';
}

function readUrl(tree: Tree, remarks: Remarks): SecretSource | null {
  const text = tree.type === 'text' ? tree.text.trim() : '';
  const problem = urlProblem(text);
  if (problem === null) return { type: 'text', text };
  remarks.problem(tree.at, `webhook in notify: ${problem}`);
  return null;
}

function readFileSource(tree: Tree, key: string, base: PathBase, remarks: Remarks): SecretSource | null {
  const path = readText(tree, `${key} in notify`, remarks);
  if (!path) return expected(tree, `${key} in notify`, 'a path', remarks);
  return { type: 'file', path: absolutePath(path, base), at: remarks.placeOf(tree.at) };
}

/** The text may be the secret itself, by mistake: it is not repeated. */
function readEnvSource(tree: Tree, key: string, remarks: Remarks): SecretSource | null {
  const name = tree.type === 'text' ? tree.text.trim() : '';
  if (/^[A-Za-z_]\w*$/.test(name)) return { type: 'env', name, at: remarks.placeOf(tree.at) };
  remarks.problem(tree.at, `${key} in notify: expected the name of a variable`);
  return null;
}

function readMail(tree: Tree, base: PathBase, remarks: Remarks): MailSettings | null {
  const map = readMap(tree, 'mail in notify', remarks);
  if (map === null) return null;
  const draft: { -readonly [Key in keyof MailSettings]?: MailSettings[Key] | null } = {};
  readKeys(
    map,
    {
      smtp: (value) => {
        draft.server = readServer(value, remarks);
      },
      user: (value) => {
        draft.user = readText(value, 'user in mail', remarks);
      },
      password_file: (value) => {
        draft.password = readFileSource(value, 'password_file', base, remarks);
      },
      password_env: (value) => {
        draft.password = readEnvSource(value, 'password_env', remarks);
      },
      from: (value) => {
        draft.from = readSender(value, remarks);
      },
      to: (value) => {
        draft.to = readRecipients(value, remarks);
      },
    },
    unknownIn('mail in notify', remarks),
  );
  for (const key of ['smtp', 'from'])
    if (!map.entries.has(key)) remarks.problem(map.at, `mail in notify: expected ${key}, found none`);
  const { server, user = null, password = null, from, to } = draft;
  if ((user === null) !== (password === null) && map.entries.has('user') !== hasPassword(map))
    remarks.problem(map.at, 'mail in notify: user and password_file (or password_env) go together');
  return server && from ? { type: 'mail', server, user, password, from, to: to ?? ['person'] } : null;
}

function hasPassword({ entries }: YamlMap): boolean {
  return entries.has('password_file') || entries.has('password_env');
}

function readServer(tree: Tree, remarks: Remarks): MailServer | null {
  const text = tree.type === 'text' ? tree.text.trim() : '';
  const url = URL.canParse(text) ? new URL(text) : null;
  const protocol = url?.protocol;
  if (url === null || (protocol !== 'smtp:' && protocol !== 'smtps:') || url.hostname === '') {
    remarks.problem(tree.at, 'smtp in mail: expected smtps://HOST, smtp://HOST, or these with :PORT');
    return null;
  }
  if (url.username !== '' || url.password !== '' || !/^\/?$/.test(url.pathname) || url.search !== '') {
    remarks.problem(tree.at, 'smtp in mail has a host and a port alone; give user and password_file beside it');
    return null;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port) || DEFAULT_PORTS[protocol], secure: protocol === 'smtps:' };
}

/** `lab@example.org`, or `The lab <lab@example.org>`. */
function readSender(tree: Tree, remarks: Remarks): string | null {
  const text = readText(tree, 'from in mail', remarks);
  if (text === null) return expected(tree, 'from in mail', 'a mail address', remarks);
  const [, name, address = text] = /^([^<>",;:@()\\]*)<([^<>]+)>$/.exec(text) ?? [];
  if (!isAddress(address)) return expected(tree, 'from in mail', 'a mail address, as lab@example.org', remarks);
  return name?.trim() ? `${name.trim()} <${address}>` : address;
}

function readRecipients(tree: Tree, remarks: Remarks): readonly string[] | null {
  const items = tree.type === 'list' ? tree.items : [tree];
  if (items.length === 0 || items.length > MOST_ADDRESSES)
    return expected(tree, 'to in mail', `1 to ${MOST_ADDRESSES} mail addresses, or person`, remarks);
  const found = items.map((item) => {
    const text = readText(item, 'to in mail', remarks);
    if (text === 'person' || (text !== null && isAddress(text))) return text;
    return expected(item, 'to in mail', 'a mail address, or person', remarks);
  });
  return found.filter((address) => address !== null);
}

function readEvents(tree: Tree, remarks: Remarks): readonly NoticeEvent[] | null {
  const items = tree.type === 'list' ? tree.items : [tree];
  return items
    .map((item) => readWord(item, 'events in notify', NOTICE_EVENTS, remarks))
    .filter((event) => event !== null);
}

function readWhere(tree: Tree, remarks: Remarks): Expression | null {
  const text = readText(tree, 'where in notify', remarks);
  if (text === null) return null;
  const where = parseExpression(text);
  if (!('problem' in where)) return where;
  const plain = tree.type === 'text' && !tree.quoted;
  remarks.problem(tree.at + (plain ? where.at : 0), `where in notify: ${where.problem}`);
  return null;
}

/** A map from names to what is known of them. */
export function readPeople(tree: Tree, remarks: Remarks): People | null {
  const map = readMap(tree, 'people', remarks);
  if (map === null) return null;
  if (map.entries.size > MOST_PEOPLE) {
    remarks.problem(map.at, `people has at most ${MOST_PEOPLE} names, this has ${map.entries.size}`);
    return null;
  }
  const people: [string, { mail: string }][] = [];
  for (const [name, { at, value }] of map.entries) {
    if (isUnprintable(name) || name === '') remarks.problem(at, `people: expected a name, found ${quote(name)}`);
    const one = readMap(value, `${quote(name)} in people`, remarks);
    if (one === null) continue;
    const readers = {
      mail: (tree: Tree) => {
        const mail = readText(tree, `mail of ${quote(name)}`, remarks);
        if (mail !== null && isAddress(mail)) people.push([name, { mail }]);
        else if (mail !== null) expected(tree, `mail of ${quote(name)}`, 'a mail address', remarks);
      },
    };
    readKeys(one, readers, unknownIn(`${quote(name)} in people`, remarks));
  }
  return Object.fromEntries(people);
}

function unknownIn(where: string, remarks: Remarks) {
  return (key: string, at: number, hint: string) => {
    remarks.problem(at, `${where} has no setting ${quote(key)}${hint}`);
  };
}
