import { expect, test } from 'vitest';
import { histogram } from '../../src/daemon/exposition.ts';
import { Histogram } from '../../src/daemon/histogram.ts';

test.each<[string, readonly number[], readonly number[], number]>([
  ['nothing', [], [0, 0, 0], 0],
  ['a value at a bound, which belongs below it', [1], [1, 1, 1], 1],
  ['a value above all', [99], [0, 0, 1], 99],
  ['nothing at all, as a length', [0], [1, 1, 1], 0],
  ['many', [0.5, 1.5, 2, 3, 0.25], [2, 4, 5], 7.25],
])('of %s', (_, values, counts, sum) => {
  const found = new Histogram([1, 2]);
  for (const value of values) found.observe(value);
  expect([...found.buckets()]).toEqual(['1', '2', '+Inf'].map((bound, i) => [bound, counts[i]]));
  expect(found.sum).toBe(sum);
});

test('as text it has its buckets, their sum and their count', () => {
  const found = new Histogram([0.1]);
  found.observe(0.05);
  found.observe(7);
  expect(histogram('waits_seconds', 'How long.', found)).toBe(
    [
      '# HELP waits_seconds How long.',
      '# TYPE waits_seconds histogram',
      'waits_seconds_bucket{le="0.1"} 1',
      'waits_seconds_bucket{le="+Inf"} 2',
      'waits_seconds_sum 7.05',
      'waits_seconds_count 2',
      '',
    ].join('\n'),
  );
});
