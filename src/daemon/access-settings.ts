import type { TagRule } from '../core/model.ts';
import { tagProblem } from '../core/name.ts';
import { HIGHEST_PRIORITY } from '../core/wire.ts';
import { absolutePath, type PathBase } from './paths.ts';
import { proxyProblem } from './peer.ts';
import { didYouMean, quote, type Remarks } from './remarks.ts';
import { expected, readCount, readDuration, readKeys, readMap, readText, readWord } from './tree-readers.ts';
import type { Tree } from './yaml.ts';

/** What a configuration says about who may do what. */
export interface AccessSettings {
  /** Who may take over what somebody holds. */
  readonly steal?: 'user' | 'admin';
  /** Who may take resources out of service, and bring them back. */
  readonly offline?: 'user' | 'admin';
}

const WHO = ['user', 'admin'] as const;
const ROLES = ['role:viewer', 'role:user', 'role:admin'];
const MOST_RULES = 1000;

/** `access: {steal: user, offline: user}`. */
export function readAccess(tree: Tree, remarks: Remarks): AccessSettings | null {
  const map = readMap(tree, 'access', remarks);
  if (map === null) return null;
  const found: { -readonly [Key in keyof AccessSettings]: AccessSettings[Key] } = {};
  const word = (key: keyof AccessSettings) => (value: Tree) => {
    const role = readWord(value, `${key} in access`, WHO, remarks);
    if (role !== null) found[key] = role;
  };
  readKeys(map, { steal: word('steal'), offline: word('offline') }, (key, at, hint) => {
    remarks.problem(at, `access has no setting ${quote(key)}${hint}`);
  });
  return found;
}

/** Files in PEM; both, or neither. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** `tls: {cert: …, key: …}`. */
export function readTls(tree: Tree, base: PathBase, remarks: Remarks): Partial<TlsFiles> | null {
  const map = readMap(tree, 'tls', remarks);
  if (map === null) return null;
  const found: { cert?: string; key?: string } = {};
  const path = (key: keyof TlsFiles) => (value: Tree) => {
    const text = readText(value, `${key} in tls`, remarks);
    if (text) found[key] = absolutePath(text, base);
    else expected(value, `${key} in tls`, 'the path of a file', remarks);
  };
  readKeys(map, { cert: path('cert'), key: path('key') }, (key, at, hint) => {
    remarks.problem(at, `tls has no setting ${quote(key)}${hint}`);
  });
  return found;
}

/** `trusted_proxies: [10.0.0.0/8, unix]`. */
export function readProxies(tree: Tree, remarks: Remarks): readonly string[] {
  const items = tree.type === 'list' ? tree.items : [tree];
  return items.flatMap((item) => {
    const text = readText(item, 'trusted_proxies', remarks);
    const problem = text === null ? null : proxyProblem(text);
    if (problem !== null) expected(item, 'trusted_proxies', problem, remarks);
    return text === null ? [] : [text];
  });
}

/** The list of `rules`. */
export function readTagRules(tree: Tree, remarks: Remarks): readonly TagRule[] | null {
  if (tree.type === 'empty') return null;
  if (tree.type !== 'list') return expected(tree, 'rules', 'a list of rules, each about a tag', remarks);
  if (tree.items.length > MOST_RULES) return expected(tree, 'rules', `at most ${MOST_RULES} rules`, remarks);
  return tree.items.flatMap((item, i) => readTagRule(item, `rule ${i + 1}`, remarks) ?? []);
}

function readTagRule(tree: Tree, about: string, remarks: Remarks): TagRule | null {
  const map = tree.type === 'map' ? tree : expected(tree, about, 'a map with a tag', remarks);
  if (map === null) return null;
  let tag = '';
  const rule: { -readonly [Key in keyof TagRule]: TagRule[Key] } = {
    tag,
    who: ['*'],
    maxPriority: null,
    maxHold: null,
    atOnce: null,
  };
  const of = (key: string) => `${key} of ${about}`;
  const readers = {
    tag: (value: Tree) => {
      tag = readText(value, of('tag'), remarks) ?? '';
      const problem = tagProblem(tag);
      if (tag !== '' && problem !== null) remarks.problem(value.at, `${of('tag')}: ${problem}`);
    },
    who: (value: Tree) => {
      rule.who = readWho(value, of('who'), remarks);
    },
    max_priority: (value: Tree) => {
      rule.maxPriority = readCount(value, of('max_priority'), { min: 0, max: HIGHEST_PRIORITY }, remarks);
    },
    max_hold: (value: Tree) => {
      rule.maxHold = readDuration(value, of('max_hold'), remarks);
    },
    at_once: (value: Tree) => {
      rule.atOnce = readCount(value, of('at_once'), { min: 0, max: 1_000_000 }, remarks);
    },
  };
  readKeys(map, readers, (key, at, hint) => remarks.problem(at, `${about} has no key ${quote(key)}${hint}`));
  if (tag !== '') return { ...rule, tag };
  return expected(tree, about, 'a tag, as in `tag: prod`', remarks);
}

/** Names, patterns of names and roles: one, or a list. */
function readWho(tree: Tree, about: string, remarks: Remarks): readonly string[] {
  const items = tree.type === 'list' ? tree.items : [tree];
  return items.flatMap((item) => {
    const who = readText(item, about, remarks) ?? '';
    if (who === '') expected(item, about, 'names, patterns as ci-*, or role:user', remarks);
    if (who.startsWith('role:') && !ROLES.includes(who))
      remarks.problem(item.at, `${about}: expected ${ROLES.join(', ')}, found ${quote(who)}${didYouMean(who, ROLES)}`);
    return who === '' ? [] : [who];
  });
}
