import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExpression } from '../../src/core/expression.ts';
import type { Mode, Selector } from '../../src/core/model.ts';
import {
  describeWants,
  MAX_COUNT,
  makeWant,
  matches,
  modeToJson,
  parseWant,
  parseWantText,
  shapeOf,
} from '../../src/core/want.ts';
import type { WantJson } from '../../src/core/wire.ts';

const gpu = { id: 3, name: 'gpu-0', tags: ['gpu', 'a100'], endpoint: '', properties: { mem: 40 } };

describe('a want on the wire', () => {
  test.each<[WantJson, string, number, Mode]>([
    [{ name: 'gpu-0' }, 'gpu-0', 1, 'slot'],
    [{ id: 3 }, '#3', 1, 'slot'],
    [{ tags: ['b', 'a', 'b'], count: 2 }, 'a,b', 2, 'slot'],
    [{ where: 'mem>=24&&gpu', mode: 'shared' }, 'mem>=24 && gpu', 1, 'shared'],
    [{ name: 'gpu-0', mode: 'exclusive', count: 1, id: null }, 'gpu-0', 1, 'whole'],
    [{ name: '' }, '', 1, 'slot'],
  ])('%j is read', (json, shown, count, mode) => {
    const want = parseWant(json);
    if ('problem' in want) throw new Error(want.problem);
    expect([describeWants([{ ...want, count: 1, mode: 'slot' }]), want.count, want.mode]).toEqual([shown, count, mode]);
  });

  test.each<[WantJson, string]>([
    [{}, 'a want is one of name, id, tags or where; this one has none of them'],
    [{ name: 'a', tags: ['b'] }, 'a want is one of name, id, tags or where; this one has name and tags'],
    [{ name: 'a', count: 2 }, 'a name stands for one resource, so its count is 1, not 2'],
    [{ id: 1, count: 2 }, 'an id stands for one resource, so its count is 1, not 2'],
    [{ tags: [] }, 'tags has at least one tag'],
    [{ where: '' }, 'expected a tag, a comparison, ! or (, found the end'],
    [{ where: 'a &&' }, 'expected a tag, a comparison, ! or (, found the end'],
  ])('%j is refused: %s', (json, problem) => expect(parseWant(json)).toMatchObject({ problem }));
});

describe('a want as typed', () => {
  test.each<[string, number, string]>([
    ['gpu', 1, 'gpu'],
    ['2*gpu', 2, 'gpu'],
    [' 2 * gpu && a100', 2, 'gpu && a100'],
    ['1000*gpu', MAX_COUNT, 'gpu'],
    ['007*gpu', 7, 'gpu'],
    ['2*', 1, '2*'],
    ['*2', 1, '*2'],
    ['"2*gpu"', 1, '"2*gpu"'],
  ])('%j wants %d of %j', (text, count, where) => {
    expect(parseWantText(text)).toEqual({ where, count, mode: null });
  });

  test.each<[string, number, string]>([
    ['0*gpu', 0, 'a count is 1 to 1000, not 0'],
    ['1001*gpu', 0, 'a count is 1 to 1000, not 1001'],
    ['12345678901234567890123*gpu', 0, 'a count is 1 to 1000, not 12345678901234567890123'],
    ['2*gpu &&', 8, 'expected a tag, a comparison, ! or (, found the end'],
    ['2*(gpu', 2, 'this parenthesis is never closed'],
    ['', 0, 'expected a tag, a comparison, ! or (, found the end'],
  ])('%j is refused at %d: %s', (text, at, problem) => expect(parseWantText(text)).toEqual({ problem, at }));

  test('never throws, and a problem is inside the text', () => {
    const piece = fc.constantFrom('2', '*', 'gpu', ' ', '(', '&&', '"', '0');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const result = parseWantText(text);
        if ('problem' in result) expect(result.at).toBeLessThanOrEqual(text.length);
        else expect(parseWant(result)).toHaveProperty('selector');
      }),
    );
  });
});

describe('a selector', () => {
  const where = parseExpression('gpu && mem>=24');
  test.each<[Selector, boolean]>([
    [{ type: 'name', name: 'gpu-0' }, true],
    [{ type: 'name', name: 'gpu-1' }, false],
    [{ type: 'id', id: 3 }, true],
    [{ type: 'id', id: 4 }, false],
    [{ type: 'tags', tags: ['a100', 'gpu'] }, true],
    [{ type: 'tags', tags: ['gpu', 'h100'] }, false],
    ...('problem' in where ? [] : [[{ type: 'where', where }, true] as [Selector, boolean]]),
  ])('%j matches: %j', (selector, expected) => expect(matches(selector, gpu)).toBe(expected));
});

describe('the key of a want', () => {
  test('is one for one selector, however it was typed', () => {
    expect(makeWant({ type: 'tags', tags: ['b', 'a'] }).key).toBe(
      makeWant({ type: 'tags', tags: ['a', 'b', 'a'] }).key,
    );
  });

  test('differs where other resources would do', () => {
    const keys = [
      makeWant({ type: 'tags', tags: ['a,b'] }).key,
      makeWant({ type: 'tags', tags: ['a', 'b'] }).key,
      makeWant({ type: 'name', name: 'a,b' }).key,
      makeWant({ type: 'name', name: '3' }).key,
      makeWant({ type: 'id', id: 3 }).key,
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('can be made of any text', () => {
    const anyName = fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(makeWant({ type: 'name', name }).key).toContain('name:');
    });
    fc.assert(anyName);
    expect(makeWant({ type: 'name', name: '\ud800' }).key).toContain('name:');
  });
});

test('the shape of a request tells its wants, counts and modes apart, and their order', () => {
  const a = makeWant({ type: 'name', name: 'a' });
  const b = makeWant({ type: 'tags', tags: ['b'] }, 2);
  const shapes = [[a, b], [b, a], [a], [a, a], [{ ...a, mode: 'whole' as const }], [a, { ...b, count: 3 }]].map(
    shapeOf,
  );
  expect(new Set(shapes).size).toBe(shapes.length);
});

test('a request is described in one line', () => {
  const two = makeWant({ type: 'tags', tags: ['gpu', 'a100'] }, 2);
  expect(
    describeWants([
      two,
      makeWant({ type: 'id', id: 3 }, 1, 'shared'),
      makeWant({ type: 'name', name: 'x' }, 1, 'whole'),
    ]),
  ).toBe('2*a100,gpu + #3 (shared) + x (exclusive)');
});

test.each<[Mode, number, string]>([
  ['slot', 1, 'exclusive'],
  ['slot', 4, 'slot'],
  ['whole', 4, 'exclusive'],
  ['shared', 1, 'shared'],
])('a holder in mode %s of a resource with %d slots is told: %s', (mode, slots, told) => {
  expect(modeToJson(mode, slots)).toBe(told);
});
