import { expect, test } from 'vitest';
import { describeTyped, readWants, type TypedWant, type WantModifiers } from '../../src/cli/wants.ts';

/** `n:gpu-0 t:a100` as typed. */
function typed(text: string): TypedWant[] {
  const options = { n: 'name', i: 'id', t: 'tag', w: 'want' } as const;
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => ({ option: options[word[0] as 'n'], text: word.slice(2).replaceAll('_', ' ') }));
}

test.each<[string, WantModifiers, unknown]>([
  ['n:a n:b', {}, [{ name: 'a' }, { name: 'b' }]],
  ['n:a n:b n:a', {}, [{ name: 'a' }, { name: 'b' }]],
  ['i:3 i:03x', {}, 'no number'],
  ['i:3 n:3 i:3', {}, [{ id: 3 }, { name: '3' }]],
  ['n:a t:x w:y t:z i:9', {}, [{ name: 'a' }, { tags: ['x', 'z'] }, { where: 'y' }, { id: 9 }]],
  ['w:y t:z n:a', { count: '2' }, [{ where: 'y' }, { tags: ['z'], count: 2 }, { name: 'a' }]],
  [
    'w:2*gpu w:2*gpu',
    {},
    [
      { where: 'gpu', count: 2 },
      { where: 'gpu', count: 2 },
    ],
  ],
  [
    'n:a t:b',
    { shared: true },
    [
      { name: 'a', mode: 'shared' },
      { tags: ['b'], mode: 'shared' },
    ],
  ],
  ['w:a', { exclusive: true }, [{ where: 'a', mode: 'exclusive' }]],
])('%s with %j are the wants %j', (text, modifiers, wanted) => {
  const wants = readWants(typed(text), modifiers);
  if (typeof wanted === 'string')
    expect(wants).toMatchObject({ code: 'usage', detail: expect.stringContaining(wanted) });
  else expect(wants).toMatchObject(wanted as object[]);
});

test.each<[string, WantModifiers, RegExp]>([
  ['n:a', { shared: true, exclusive: true }, /exclude each other/],
  ['n:a', { count: '2' }, /no --tag/],
  ['t:a', { count: '0' }, /1 to 1000/],
  ['t:a', { count: '1001' }, /1 to 1000/],
  ['t:a', { count: '1.5' }, /1 to 1000/],
  ['t:a', { count: 'two' }, /1 to 1000/],
  ['n:', {}, /at least one character/],
  ['t:a t:', {}, /at least one character/],
  ['i:0', {}, /no number of a resource/],
  ['i:-1', {}, /no number of a resource/],
  ['w:0*gpu', {}, /count is 1/],
])('%s with %j is a wrong call', (text, modifiers, message) => {
  expect(readWants(typed(text), modifiers)).toMatchObject({ code: 'usage', detail: expect.stringMatching(message) });
});

test('a mistake in an expression is shown under its place', () => {
  const refusal = readWants(typed('w:gpu_&&_||_a100'), {});
  expect(refusal).toMatchObject({ detail: expect.stringMatching(/--want: .*\n {2}gpu && \|\| a100\n {9}\^/) });
});

test('wants are named as people say them', () => {
  const wants = readWants(typed('n:a t:x t:y i:4 w:2*gpu'), { count: '3' });
  if ('code' in wants) throw new Error(wants.detail);
  expect(describeTyped(wants)).toBe('a + 3*x,y + #4 + 2*gpu');
});
