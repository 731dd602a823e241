import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { quote, type Remarks } from './remarks.ts';
import { readPlainYaml } from './yaml-plain.ts';

/**
 * A YAML text as far as a configuration needs it: texts, lists and maps whose keys are texts, each with its place. Aliases
 * and merge keys are resolved; an aliased tree is one tree in several places, so that no text of a few lines grows large.
 */
export type Tree = YamlEmpty | YamlText | YamlList | YamlMap;

export interface YamlEmpty {
  readonly type: 'empty';
  readonly at: number;
}

export interface YamlText {
  readonly type: 'text';
  readonly at: number;
  /** As it stands in the file: `007`, `1.10`, `yes`; what quotes and folding mean is done. */
  readonly text: string;
  /** What YAML takes it for; a text in quotes is a text. */
  readonly value: string | number | boolean;
  readonly quoted: boolean;
}

export interface YamlList {
  readonly type: 'list';
  readonly at: number;
  readonly items: readonly Tree[];
}

export interface YamlMap {
  readonly type: 'map';
  readonly at: number;
  /** In the order of the file; a key given twice stands where it was first and has the last value. */
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export interface YamlEntry {
  /** The key's place. */
  readonly at: number;
  readonly value: Tree;
}

/** Entries that merge keys may bring in, all together: maps that merge each other grow by their product. */
const MOST_MERGED = 1_000_000;
const MOST_SYNTAX_PROBLEMS = 10;
const DEEPEST = 100;

/** Lexemes that are not in the text: start of a document, of a flow's error, of a scalar. */
const SCALAR_FOLLOWS = '\u001f';
const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', SCALAR_FOLLOWS]);

/** Reads a text; null if it has problems, which are then in `remarks`. */
export function readYaml(text: string, remarks: Remarks): Tree | null {
  return readPlainYaml(text) ?? readAnyYaml(text, remarks);
}

/** Reads all of YAML 1.2, with merge keys. */
export function readAnyYaml(text: string, remarks: Remarks): Tree | null {
  const tooDeep = deepestFault(text);
  if (tooDeep !== null) {
    remarks.problem(tooDeep, `nested more than ${DEEPEST} levels deep`);
    return null;
  }
  const document = parse(text, remarks);
  if (remarks.problems.length > 0) return null;
  const tree = new TreeBuilder(document, remarks, text.includes('*')).build();
  return remarks.problems.length > 0 ? null : tree;
}

function parse(text: string, remarks: Remarks): Document.Parsed {
  // Keys given twice are looked at here, as the library compares each with each.
  const options = { uniqueKeys: false, prettyErrors: false, logLevel: 'error', version: '1.2' } as const;
  const document = parseDocument(text, options);
  for (const warning of document.warnings) remarks.warn(warning.pos[0], friendly(warning, text));
  for (const error of firstOfEachLine(document.errors, remarks)) remarks.problem(error.pos[0], friendly(error, text));
  return document;
}

/**
 * Where the text nests too deeply; null if it does not. Looked at beforehand, because the library recurses, and a stack
 * that is full inside of a regular expression ends the process without an exception.
 */
function deepestFault(text: string): number | null {
  const indented = INDENTED.exec(text);
  if (indented) return indented.index;
  const brackets = text.match(/[[{]/g)?.length ?? 0;
  return brackets > DEEPEST ? deepestBracket(text) : null;
}

/** Only a column further to the right, or a dash in front, nests a block deeper. */
const INDENTED = new RegExp(`^(?:[ \\t]|[-?:](?=[ \\t])){${2 * DEEPEST},}[^\\s#]`, 'm');

function deepestBracket(text: string): number | null {
  let [at, depth, previous] = [0, 0, ''];
  for (const lexeme of new Lexer().lex(text)) {
    // A text is announced by a mark; it may consist of a bracket.
    if (previous !== SCALAR_FOLLOWS && (lexeme === '[' || lexeme === '{')) depth += 1;
    if (previous !== SCALAR_FOLLOWS && (lexeme === ']' || lexeme === '}')) depth -= 1;
    if (depth > DEEPEST) return at;
    if (!MARKS.has(lexeme)) at += lexeme.length;
    previous = lexeme;
  }
  return null;
}

/** One slip of the pen makes the parser complain many times. */
function firstOfEachLine(errors: readonly YAMLError[], remarks: Remarks): YAMLError[] {
  const lines = new Set<number>();
  const first = errors.filter(({ pos }) => {
    const line = remarks.lineOf(pos[0]);
    return !lines.has(line) && lines.add(line);
  });
  return first.slice(0, MOST_SYNTAX_PROBLEMS);
}

const FRIENDLY: readonly (readonly [RegExp, string])[] = [
  [/Nested mappings are not allowed in compact/, 'a text with ": " in it needs quotes, or a line is indented too far'],
  [/cannot start with/, 'a text cannot start with this character; put it in quotes'],
  [/Missing closing ['"]quote/, 'a text in quotes before this place is never closed'],
  [/multiple documents/i, 'a file is one YAML document; a second one starts here'],
  [/Implicit map keys need to be followed by map values/, 'expected "key: value", found a text without a colon'],
  [/Implicit keys need to be on a single line/, 'expected "key: value", found a text of several lines'],
];

function friendly({ message, code, pos }: YAMLError, text: string): string {
  const lineStart = text.lastIndexOf('\n', pos[0] - 1) + 1;
  if (code === 'TAB_AS_INDENT' || /^ *\t/.test(text.slice(lineStart, lineStart + 200))) {
    return 'a tab cannot indent in YAML; use spaces';
  }
  const known = FRIENDLY.find(([pattern]) => pattern.test(message));
  return known ? known[1] : message.charAt(0).toLowerCase() + message.slice(1);
}

class TreeBuilder {
  private readonly built = new Map<unknown, Tree>();
  /** Nodes whose inside is being read: one that is met again contains itself. */
  private readonly open = new Set<unknown>();
  private readonly targets: ReadonlyMap<unknown, unknown>;
  private merged = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly remarks: Remarks,
    mayHaveAliases: boolean,
  ) {
    this.targets = mayHaveAliases ? aliasTargets(document) : new Map();
  }

  build(): Tree {
    return this.tree(this.document.contents, 0);
  }

  private tree(node: unknown, place: number): Tree {
    const at = placeOf(node) ?? place;
    const known = this.built.get(node);
    if (known) return known;
    if (isAlias(node)) return this.alias(node, at);
    if (isScalar(node)) return scalarTree(node, at, place);
    if (!isMap(node) && !isSeq(node)) return { type: 'empty', at: place };
    this.open.add(node);
    const tree: Tree = isMap(node)
      ? { type: 'map', at, entries: this.entries(node.items as readonly Pair[], at) }
      : { type: 'list', at, items: node.items.map((item) => this.tree(item, at)) };
    this.open.delete(node);
    this.built.set(node, tree);
    return tree;
  }

  private alias(node: { readonly source: string }, at: number): Tree {
    const target = this.targets.get(node);
    if (target !== undefined && !this.open.has(target)) return this.tree(target, at);
    const what = target === undefined ? 'has no anchor before it' : 'contains itself';
    this.remarks.problem(at, `the alias ${quote(`*${node.source}`)} ${what}`);
    return { type: 'empty', at };
  }

  private entries(pairs: readonly Pair[], place: number): ReadonlyMap<string, YamlEntry> {
    const own = new Map<string, YamlEntry>();
    const merged = new Map<string, YamlEntry>();
    for (const { key, value } of pairs) {
      const at = placeOf(key) ?? place;
      const keyTree = this.tree(key, at);
      if (keyTree.type !== 'text') {
        this.remarks.problem(at, `expected a key, found ${describeTree(keyTree)}`);
      } else if (keyTree.text === '<<' && !keyTree.quoted) {
        this.merge(this.tree(value, at), merged);
      } else {
        const first = own.get(keyTree.text);
        if (first) this.warnOfTwo(keyTree.text, at, first.at);
        own.set(keyTree.text, { at, value: this.tree(value, at) });
      }
    }
    return merged.size === 0 ? own : new Map([...merged, ...own]);
  }

  private warnOfTwo(key: string, at: number, first: number): void {
    this.remarks.warn(at, `${quote(key)} is given twice, first in line ${this.remarks.lineOf(first)}; the last counts`);
  }

  /** The map's own keys win over what is merged, and of several merged maps the first. */
  private merge(from: Tree, into: Map<string, YamlEntry>): void {
    const maps = from.type === 'list' ? from.items : from.type === 'empty' ? [] : [from];
    for (const map of maps) {
      if (map.type !== 'map') {
        this.remarks.problem(map.at, `expected a map to merge, found ${describeTree(map)}`);
        continue;
      }
      this.merged += map.entries.size;
      if (this.merged > MOST_MERGED)
        return this.remarks.problem(map.at, `merge keys bring in over ${MOST_MERGED} keys`);
      for (const [key, entry] of map.entries) if (!into.has(key)) into.set(key, entry);
    }
  }
}

/** Each alias with the last node before it that has its anchor; in one pass, where the library takes one for each alias. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<unknown, unknown> {
  const anchors = new Map<string, unknown>();
  const targets = new Map<unknown, unknown>();
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) targets.set(node, anchors.get(node.source));
      else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** Where nothing is, the key or the list is the place to show. */
function scalarTree(node: { value: unknown; type?: string; source?: string }, at: number, place: number): Tree {
  const { value } = node;
  const quoted = node.type !== undefined && node.type !== 'PLAIN';
  if (value === null || value === undefined) return { type: 'empty', at: place };
  if (typeof value === 'string') return { type: 'text', at, text: value, value, quoted };
  const text = node.source ?? String(value);
  const plain = typeof value === 'number' || typeof value === 'boolean' ? value : text;
  return { type: 'text', at, text, value: plain, quoted };
}

function placeOf(node: unknown): number | null {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? null;
}

/** For "found …" in a message. */
export function describeTree(tree: Tree): string {
  switch (tree.type) {
    case 'empty':
      return 'nothing';
    case 'text':
      return typeof tree.value === 'string' ? quote(tree.text) : tree.text;
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
    default:
      return tree satisfies never;
  }
}
