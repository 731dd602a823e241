import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Remarks } from '../../src/daemon/remarks.ts';
import { readAnyYaml } from '../../src/daemon/yaml.ts';
import { readPlainYaml } from '../../src/daemon/yaml-plain.ts';

/** Pieces that lines are made of: much of it is nearly what the quick reader takes. */
const KEYS = ['a', 'board-1', 'tags', 'null', 'true', '12', 'x.y/z', '"q"', 'a b', '<<', '-k', 'ключ', 'a:b'];
const VALUES = [
  ...[
    'x',
    'two words',
    'a, b c',
    'tcp://10.0.0.1:80',
    'null',
    'Null',
    '~',
    'true',
    'FALSE',
    'tRue',
    '1',
    '007',
    '1.10',
    '5.',
  ],
  ...[
    '1e3',
    '0x1F',
    '0o17',
    '0o9',
    '-5',
    '+5',
    '.5',
    '.inf',
    '"quoted"',
    '"with \\" one"',
    "'single'",
    "'it''s'",
    "bob's",
  ],
  ...[
    '[]',
    '[a]',
    '[a, b-1, 3]',
    '[ a , null ]',
    '[a,, b]',
    '[a: b]',
    '{}',
    '{a: b}',
    '|',
    '>-',
    '&anchor x',
    '*anchor',
    '!tag',
  ],
  ...[
    'a: b',
    'a:',
    'a #b',
    'a#b',
    '# comment',
    '- x',
    '@x',
    '%x',
    'x  y ',
    '...',
    '---',
    'äöü',
    '日本',
    'x\ty',
    '2001-01-01',
  ],
];
/** Mostly what is right, so that whole texts are, with a slip now and then. */
const mostly = <T>(right: readonly T[], others: readonly T[], weight = 12) =>
  fc.oneof({ weight, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const line = fc
  .tuple(
    mostly(['', '  '], ['    ', ' ', '      ', '\t']),
    mostly(
      Array.from({ length: 30 }, (_, i) => `key-${i}`),
      KEYS,
    ),
    mostly([':'], [': ', '', ' :'], 30),
    mostly([' ', '  '], ['']),
    mostly(['', ...VALUES.slice(0, 24)], VALUES, 4),
    mostly([''], [' # note', ' ', '# x', '\r'], 4),
  )
  .map((parts) => parts.join(''));
const other = fc.constantFrom(
  '',
  '# a comment',
  '   # another',
  '---',
  '...',
  '- x',
  'words only',
  '   ',
  '%YAML 1.2',
  '\t',
);
const text = fc
  .tuple(
    fc.constantFrom('', '', '---\n', '\n', '# head\n'),
    fc.array(fc.oneof({ weight: 30, arbitrary: line }, { weight: 1, arbitrary: other }), { maxLength: 6 }),
    fc.constantFrom('', '\n', '\n\n'),
  )
  .map(([head, lines, tail]) => head + lines.join('\n') + tail);

describe('the quick reader of plain YAML', () => {
  test('reads the same tree as the library, or leaves the text to it', () => {
    let taken = 0;
    const sameTree = fc.property(text, (yaml) => {
      const quick = readPlainYaml(yaml);
      if (quick === null) return;
      taken += 1;
      const remarks = new Remarks('f', yaml);
      expect(readAnyYaml(yaml, remarks), JSON.stringify(yaml)).toEqual(quick);
      expect(remarks.warnings).toEqual([]);
    });
    fc.assert(sameTree, { numRuns: 20_000, examples: [['a:\n  b: 1\n\n# c\n  d: [x, 1]\r\ne:']] });
    expect(taken).toBeGreaterThan(1000);
  });

  test('takes a descriptor as people write it', () => {
    const yaml = [
      '# the lab',
      'coffee-machine:',
      '  description: "Kitchen coffee machine"',
      '  endpoint: tcp://192.168.1.50',
      '  tags: coffee, kitchen food',
      'gpu-0:',
      '  slots: 2',
      '  env: # for CUDA',
      '    CUDA_VISIBLE_DEVICES: 0',
      'bare:',
    ];
    expect(readPlainYaml(yaml.join('\n'))).not.toBeNull();
    expect(readPlainYaml(yaml.join('\r\n'))).not.toBeNull();
  });

  test('does not take exponential time on any line, nor quadratic', () => {
    // So long that what is not linear takes minutes, on any machine.
    for (const evil of [
      `a: ${'x '.repeat(500_000)}: `,
      `a: ${'x:'.repeat(500_000)} `,
      `a: [${'x,'.repeat(500_000)}`,
      `${' '.repeat(999_999)}\t`,
    ]) {
      const started = performance.now();
      readPlainYaml(evil);
      expect(performance.now() - started).toBeLessThan(30_000);
    }
  });
});
