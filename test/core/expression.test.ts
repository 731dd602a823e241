import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  caret,
  certainOf,
  expressionKey,
  matchesExpression,
  parseExpression,
  type SyntaxProblem,
} from '../../src/core/expression.ts';
import type { Expression, Scalar } from '../../src/core/model.ts';

interface Thing {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly endpoint: string;
  readonly properties: Readonly<Record<string, Scalar>>;
}

const board: Thing = {
  id: 7,
  name: 'gpu-0',
  tags: ['gpu', 'a100', 'c++', 'two words'],
  endpoint: 'tcp://10.0.0.1:80',
  properties: { mem: 40, rack: '007', firmware: '1.10', fast: true, blank: ' ', none: '' },
};

function parsed(text: string): Expression {
  const expression = parseExpression(text);
  if ('problem' in expression) throw new Error(caret(text, expression));
  return expression;
}

const matches = (text: string, thing = board) => matchesExpression(parsed(text), thing);

describe('an expression matches', () => {
  test.each([
    ['gpu', true],
    ['flaky', false],
    ['gpu && (a100 || h100) && !flaky', true],
    ['gpu && !a100', false],
    ['a || b && gpu', false],
    ['gpu || a && b', true],
    ['!!gpu', true],
    ['!(gpu && b)', true],
    ['a1*', true],
    ['?pu', true],
    ['"a1*"', false],
    ['c++', true],
    ['"two words"', true],
    ['tag=gpu', true],
    ['tag!=gpu', false],
    ['tag=a*', true],
    ['name=gpu-0', true],
    ['name=gpu-*', true],
    ['name!=gpu-*', false],
    ['name=gpu-?', true],
    ['id=7', true],
    ['id>=7 && id<8', true],
    ['endpoint=tcp://10.0.0.1:80', true],
    ['mem>=24', true],
    ['mem>40', false],
    ['mem=40', true],
    ['mem==40.0', true],
    ['mem!=40', false],
    ['mem<1e2', true],
    ['rack=7', true],
    ['rack=007', true],
    ['firmware=1.1', true],
    ['firmware>=1.1', true],
    ['fast=true', true],
    ['fast=1', false],
    ['fast>=1', false],
    ['blank=0', false],
    ['blank<1', false],
    ['none=0', false],
    ['none=""', true],
    ['colour=red', false],
    ['colour!=red', true],
    ['colour<5', false],
    ['toString=x', false],
    ['toString!=x', true],
  ])('%s: %j', (text, expected) => expect(matches(text)).toBe(expected));

  test('names as texts, so that an index by exact name finds all of them', () => {
    expect(matches('name=007', { ...board, name: '7' })).toBe(false);
    expect(matches('name=7', { ...board, name: '7' })).toBe(true);
  });

  test('characters, not their halves', () => {
    const face = { ...board, tags: ['😀'] };
    expect(matches('?', face)).toBe(true);
    expect(matches('??', face)).toBe(false);
    expect(matches('*?', face)).toBe(true);
    expect(matches('*??', face)).toBe(false);
  });

  test('no glob in exponential time', () => {
    const started = performance.now();
    expect(matches(`${'*a'.repeat(50)}b`, { ...board, tags: ['a'.repeat(5000)] })).toBe(false);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

describe('a glob', () => {
  test('matches as a reference does', () => {
    const letters = fc.constantFrom('a', 'b', '*', '?', '😀');
    const glob = fc.array(letters, { maxLength: 8 }).map((all) => all.join(''));
    const tag = fc.array(fc.constantFrom('a', 'b', '😀'), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(glob, tag, (text, name) => {
        const expression: Expression = { type: 'tag', pattern: { text, glob: true } };
        const source = text.replaceAll('*', '[^]*').replaceAll('?', '[^]');
        expect(matchesExpression(expression, { ...board, tags: [name] })).toBe(
          new RegExp(`^${source}$`, 'u').test(name),
        );
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a mistake in an expression', () => {
  test.each<[string, number, string]>([
    ['', 0, 'expected a tag, a comparison, ! or (, found the end'],
    ['gpu &&', 6, 'expected a tag, a comparison, ! or (, found the end'],
    ['gpu & a', 4, '"&" has no meaning here, did you mean &&?'],
    ['gpu a100', 4, 'expected && or || before "a100"'],
    ['(gpu', 0, 'this parenthesis is never closed'],
    ['gpu)', 3, 'expected && or || before ")"'],
    ['"gpu', 0, 'this quote is never closed'],
    ['mem>=', 5, 'expected a value after >=, found the end'],
    ['mem>=lots', 5, '>= needs a number, found "lots"'],
    ['mem>""', 4, '> needs a number, found ""'],
    ['name<5', 0, 'name has no order; use = or !='],
    ['m*m=5', 0, 'a property name stands for itself'],
    ['"mem"=5', 0, 'a property name stands for itself'],
    ['gpu; rm', 3, '";" has no meaning here'],
    ['😀', 0, '"😀" has no meaning here'],
    ['a=b=c', 3, 'expected && or || before "="'],
    [`${'('.repeat(70)}a`, 64, 'nested too deeply'],
    ['a'.repeat(2001), 0, 'an expression has at most 2000 characters'],
  ])('%j is at %d: %s', (text, at, problem) => expect(parseExpression(text)).toEqual({ problem, at }));

  test('is shown under its place', () => {
    const text = 'gpu &&\t) x';
    expect(caret(text, parseExpression(text) as SyntaxProblem).split('\n')).toEqual([
      'expected a tag, a comparison, ! or (, found ")"',
      '  gpu && ) x',
      '         ^',
    ]);
  });
});

const patterns = fc
  .oneof(
    fc.record({ text: fc.stringMatching(/^[a-z0-9_.:/@+%~#-]{1,6}$/), glob: fc.constant(false) }),
    fc.record({ text: fc.stringMatching(/^[a-z0-9]{0,3}[*?][a-z*?]{0,3}$/), glob: fc.constant(true) }),
    fc.record({ text: fc.string({ unit: 'binary', maxLength: 8 }), glob: fc.constant(false) }),
    fc.record({ text: fc.constantFrom('"', '\\', '\n', '\\n', 'a"b\\', '*', '?', ' ', ''), glob: fc.constant(false) }),
  )
  .map(({ text, glob }) => ({ text, glob }));

const expressions: fc.Arbitrary<Expression> = fc.letrec<{ any: Expression }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 6 },
    fc.record({ type: fc.constant('tag' as const), pattern: patterns }),
    fc.record({
      type: fc.constant('compare' as const),
      key: fc.constantFrom('mem', 'id', 'tag', 'name', 'größe'),
      op: fc.constantFrom('=' as const, '!=' as const),
      value: patterns,
    }),
    fc.record({
      type: fc.constant('compare' as const),
      key: fc.constantFrom('mem', 'id'),
      op: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
      value: fc.record({ text: fc.nat().map(String), glob: fc.constant(false) }),
    }),
    fc.record({ type: fc.constantFrom('and' as const, 'or' as const), left: tie('any'), right: tie('any') }),
    fc.record({ type: fc.constant('not' as const), of: tie('any') }),
  ),
})).any;

describe('an expression', () => {
  test('is the same after writing and reading', () => {
    const same = fc.property(expressions, (expression) => {
      expect(parseExpression(expressionKey(expression))).toEqual(expression);
    });
    fc.assert(same, { numRuns: 2000 });
  });

  test('has one spelling, whatever it was typed like', () => {
    expect(expressionKey(parsed('( (gpu)&&( a==1 ) ) || "x"'))).toBe(expressionKey(parsed('gpu && a=1 || x')));
    expect(expressionKey(parsed('a && (b && c)'))).not.toBe(expressionKey(parsed('a && b && c')));
  });

  test('is never read by throwing, and a problem is inside the text', () => {
    const piece = fc.constantFrom(
      'gpu',
      '&&',
      '||',
      '!',
      '(',
      ')',
      '=',
      '>=',
      '"',
      '\\',
      ' ',
      '*',
      '5',
      '😀',
      '\n',
      '&',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
    );
    const safe = fc.property(text, (typed) => {
      const result = parseExpression(typed);
      if (!('problem' in result)) return;
      expect(result.at).toBeGreaterThanOrEqual(0);
      expect(result.at).toBeLessThanOrEqual(typed.length);
      expect(caret(typed, result).split('\n')).toHaveLength(3);
    });
    fc.assert(safe, { numRuns: 3000 });
  });

  test('matches nothing that lacks what is certain', () => {
    const thing = fc.record({
      id: fc.nat(9),
      name: fc.constantFrom('1', '01', 'a', 'gpu'),
      tags: fc.subarray(['a', 'b', '1', 'gpu']),
      endpoint: fc.constant(''),
      properties: fc.dictionary(fc.constantFrom('mem', 'id', 'name'), fc.constantFrom<Scalar>(1, '1', 'a', true)),
    });
    const word = fc.record({ text: fc.constantFrom('1', '01', 'a', 'b', 'gpu'), glob: fc.constant(false) });
    const small = fc.letrec<{ any: Expression }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.record({ type: fc.constant('tag' as const), pattern: word }),
        fc.record({
          type: fc.constant('compare' as const),
          key: fc.constantFrom('name', 'tag', 'mem'),
          op: fc.constantFrom('=' as const, '!=' as const),
          value: word,
        }),
        fc.record({ type: fc.constantFrom('and' as const, 'or' as const), left: tie('any'), right: tie('any') }),
        fc.record({ type: fc.constant('not' as const), of: tie('any') }),
      ),
    })).any;
    const holds = fc.property(small, thing, (expression, candidate) => {
      const certain = certainOf(expression);
      if (certain === null || !matchesExpression(expression, candidate)) return;
      if ('name' in certain) expect(candidate.name).toBe(certain.name);
      else expect(candidate.tags).toContain(certain.tag);
    });
    fc.assert(holds, { numRuns: 5000 });
  });
});
