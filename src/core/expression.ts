import type { Comparison, Expression, Pattern, Resource, Scalar } from './model.ts';

/**
 * The language of `--want`:
 *
 *     or   = and { "||" and }          and  = not { "&&" not }          not = "!" not | "(" or ")" | term
 *     term = word | word ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=") word
 *
 * A word alone is a tag. On the left of a comparison it is `name`, `id`, `endpoint`, `tag` or a property. A word may have
 * `*` and `?` for any text and any one character; in quotes it may have anything and they stand for themselves.
 * Numbers compare as numbers, but names and endpoints as texts: `name=7` is not `007`. A resource without the property
 * never matches, except with `!=`.
 */

/** What is wrong with a text, and at which character (from 0). */
export interface SyntaxProblem {
  readonly problem: string;
  readonly at: number;
}

type Thing = Pick<Resource, 'id' | 'name' | 'tags' | 'endpoint' | 'properties'>;
type Token = { readonly type: 'word' | 'quoted' | 'sign' | 'end'; readonly text: string; readonly at: number };

const LONGEST_EXPRESSION = 2000;
const DEEPEST_NESTING = 64;
const SIGNS = ['&&', '||', '!=', '==', '<=', '>=', '!', '(', ')', '=', '<', '>'] as const;
const COMPARISONS: ReadonlySet<string> = new Set(['=', '==', '!=', '<', '<=', '>', '>=']);
/** What is looked up by its exact text. */
const TEXTS: ReadonlySet<string> = new Set(['name', 'endpoint']);
const WORD = /[\p{L}\p{N}_.:/@+*?%~#-]+/uy;
const QUOTED = /"(?:[^"\\]|\\.)*"/sy;

/** Parses an expression; a problem names what was expected and where. */
export function parseExpression(text: string): Expression | SyntaxProblem {
  if (text.length > LONGEST_EXPRESSION)
    return { problem: `an expression has at most ${LONGEST_EXPRESSION} characters`, at: 0 };
  try {
    return new Parser(tokens(text)).parse();
  } catch (error) {
    if (error instanceof Unexpected) return { problem: error.message, at: error.at };
    throw error;
  }
}

/** Shows a problem under its place, in two more lines: the text, and a caret. */
export function caret(text: string, { problem, at }: SyntaxProblem): string {
  const line = text.replace(/\s/g, ' ');
  return `${problem}\n  ${line}\n  ${' '.repeat(Math.min(at, line.length))}^`;
}

export function matchesExpression(expression: Expression, thing: Thing): boolean {
  switch (expression.type) {
    case 'and':
      return matchesExpression(expression.left, thing) && matchesExpression(expression.right, thing);
    case 'or':
      return matchesExpression(expression.left, thing) || matchesExpression(expression.right, thing);
    case 'not':
      return !matchesExpression(expression.of, thing);
    case 'tag':
      return hasTag(thing, expression.pattern);
    case 'compare':
      return compares(expression, thing);
    default:
      return expression satisfies never;
  }
}

/** The expression in its one canonical spelling; parsing it again gives the same. */
export function expressionKey(expression: Expression): string {
  return print(expression, 0);
}

/** What every match certainly has, to search an index by: an exact name, an exact tag, or null. */
export function certainOf(expression: Expression): { name: string } | { tag: string } | null {
  if (expression.type === 'tag') return expression.pattern.glob ? null : { tag: expression.pattern.text };
  if (expression.type === 'compare') {
    if (expression.op !== '=' || expression.value.glob) return null;
    if (expression.key === 'name') return { name: expression.value.text };
    return expression.key === 'tag' ? { tag: expression.value.text } : null;
  }
  if (expression.type !== 'and') return null;
  const left = certainOf(expression.left);
  return left && 'name' in left ? left : (certainOf(expression.right) ?? left);
}

function hasTag(thing: Thing, { text, glob }: Pattern): boolean {
  return glob ? thing.tags.some((tag) => globMatches(text, tag)) : thing.tags.includes(text);
}

function compares({ key, op, value }: Extract<Expression, { type: 'compare' }>, thing: Thing): boolean {
  if (key === 'tag') return hasTag(thing, value) === (op === '=');
  const actual = propertyOf(thing, key);
  if (actual === undefined) return op === '!=';
  if (op === '=' || op === '!=') return equals(actual, value, TEXTS.has(key)) === (op === '=');
  const left = numberOf(actual);
  const right = Number(value.text);
  if (left === null) return false;
  if (op === '<') return left < right;
  if (op === '<=') return left <= right;
  return op === '>' ? left > right : left >= right;
}

function propertyOf(thing: Thing, key: string): Scalar | undefined {
  if (key === 'name') return thing.name;
  if (key === 'id') return thing.id;
  if (key === 'endpoint') return thing.endpoint;
  return Object.hasOwn(thing.properties, key) ? thing.properties[key] : undefined;
}

function equals(actual: Scalar, { text, glob }: Pattern, asText: boolean): boolean {
  const written = String(actual);
  if (glob) return globMatches(text, written);
  if (written === text) return true;
  return !asText && numberOf(actual) !== null && numberOf(actual) === numberOf(text);
}

/** Null where it is none: neither `true` nor an empty text is one, although JavaScript thinks so. */
function numberOf(scalar: Scalar): number | null {
  if (typeof scalar === 'boolean' || (typeof scalar === 'string' && scalar.trim() === '')) return null;
  const number = Number(scalar);
  return Number.isNaN(number) ? null : number;
}

const BINDING = { or: 1, and: 2, not: 3 } as const;

function print(e: Expression, outer: number): string {
  if (e.type === 'tag') return printPattern(e.pattern);
  if (e.type === 'compare') return `${e.key}${e.op}${printPattern(e.value)}`;
  const binding = BINDING[e.type];
  const text =
    e.type === 'not'
      ? `!${print(e.of, binding)}`
      : `${print(e.left, binding)} ${e.type === 'and' ? '&&' : '||'} ${print(e.right, binding + 1)}`;
  return binding < outer ? `(${text})` : text;
}

function printPattern({ text, glob }: Pattern): string {
  WORD.lastIndex = 0;
  const bare = WORD.exec(text)?.[0] === text && (glob || !/[*?]/.test(text));
  return bare ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

class Unexpected extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const token = /\s/.test(text.charAt(at)) ? null : tokenAt(text, at);
    if (token) found.push(token);
    at = token ? at + lengthOf(text, token) : at + 1;
  }
  found.push({ type: 'end', text: 'the end', at: text.length });
  return found;
}

function tokenAt(text: string, at: number): Token {
  if (text.charAt(at) === '"') return quotedAt(text, at);
  const sign = SIGNS.find((s) => text.startsWith(s, at));
  if (sign) return { type: 'sign', text: sign, at };
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  if (word) return { type: 'word', text: word, at };
  const found = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const meant = found === '&' || found === '|' ? `, did you mean ${found}${found}?` : '';
  throw new Unexpected(`${JSON.stringify(found)} has no meaning here${meant}`, at);
}

function quotedAt(text: string, at: number): Token {
  const raw = rawQuoted(text, at);
  if (raw === null) throw new Unexpected('this quote is never closed', at);
  return { type: 'quoted', text: raw.slice(1, -1).replace(/\\(.)/gs, '$1'), at };
}

function lengthOf(text: string, token: Token): number {
  if (token.type !== 'quoted') return token.text.length;
  return rawQuoted(text, token.at)?.length ?? 1;
}

function rawQuoted(text: string, at: number): string | null {
  QUOTED.lastIndex = at;
  return QUOTED.exec(text)?.[0] ?? null;
}

class Parser {
  private next = 0;
  private depth = 0;

  constructor(private readonly found: readonly Token[]) {}

  parse(): Expression {
    const whole = this.or();
    const rest = this.peek();
    if (rest.type !== 'end') throw new Unexpected(`expected && or || before ${JSON.stringify(rest.text)}`, rest.at);
    return whole;
  }

  private or(): Expression {
    let left = this.and();
    while (this.take('||')) left = { type: 'or', left, right: this.and() };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.take('&&')) left = { type: 'and', left, right: this.not() };
    return left;
  }

  private not(): Expression {
    this.depth += 1;
    if (this.depth > DEEPEST_NESTING) throw new Unexpected('nested too deeply', this.peek().at);
    const result = this.take('!') ? ({ type: 'not', of: this.not() } as const) : this.group();
    this.depth -= 1;
    return result;
  }

  private group(): Expression {
    const open = this.peek();
    if (!this.take('(')) return this.term();
    const inside = this.or();
    if (!this.take(')')) throw new Unexpected('this parenthesis is never closed', open.at);
    return inside;
  }

  private term(): Expression {
    const word = this.word('a tag, a comparison, ! or (');
    const op = this.peek();
    if (op.type !== 'sign' || !COMPARISONS.has(op.text)) return { type: 'tag', pattern: patternOf(word) };
    this.next += 1;
    const value = this.word(`a value after ${op.text}`);
    const comparison = (op.text === '==' ? '=' : op.text) as Comparison;
    if (/[*?]/.test(word.text) || word.type === 'quoted')
      throw new Unexpected('a property name stands for itself', word.at);
    if (/[<>]/.test(comparison)) mustOrder(word, value, comparison);
    return { type: 'compare', key: word.text, op: comparison, value: patternOf(value) };
  }

  private word(expected: string): Token {
    const token = this.peek();
    if (token.type !== 'word' && token.type !== 'quoted') {
      const found = token.type === 'end' ? token.text : JSON.stringify(token.text);
      throw new Unexpected(`expected ${expected}, found ${found}`, token.at);
    }
    this.next += 1;
    return token;
  }

  private take(sign: string): boolean {
    const token = this.peek();
    if (token.type !== 'sign' || token.text !== sign) return false;
    this.next += 1;
    return true;
  }

  private peek(): Token {
    return this.found[this.next] as Token;
  }
}

function mustOrder(key: Token, value: Token, op: string): void {
  if (key.text === 'tag' || key.text === 'name') throw new Unexpected(`${key.text} has no order; use = or !=`, key.at);
  if (value.text.trim() === '' || Number.isNaN(Number(value.text))) {
    throw new Unexpected(`${op} needs a number, found ${JSON.stringify(value.text)}`, value.at);
  }
}

function patternOf({ type, text }: Token): Pattern {
  return { text, glob: type === 'word' && /[*?]/.test(text) };
}

/** Not a RegExp: those take exponential time on `*a*a*a*a*b`, and the text comes from strangers. */
export function globMatches(glob: string, text: string): boolean {
  let [g, t, star, retry] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g;
      retry = t;
      g += 1;
    } else if (glob[g] === '?') {
      g += 1;
      t += widthAt(text, t);
    } else if (glob[g] === text[t]) {
      g += 1;
      t += 1;
    } else if (star >= 0) {
      retry += widthAt(text, retry);
      g = star + 1;
      t = retry;
    } else return false;
  }
  while (glob[g] === '*') g += 1;
  return g === glob.length;
}

/** Characters beyond the first 65,536 take two places. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
