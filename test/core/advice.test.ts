import { describe, expect, test } from 'vitest';
import { nearest } from '../../src/core/advice.ts';
import { acquire, declare, description, offline, release, tagged } from '../support/builders.ts';
import { World } from '../support/world.ts';

/** Four A100s, one of them broken and none of them held, and a board. */
function lab(): World {
  const world = new World();
  const gpus = [0, 1, 2, 3].map((i) => description(`gpu-${i}`, { tags: ['gpu', 'gpu-a100'], properties: { mem: 40 } }));
  world.turn(declare([...gpus, description('board-1', { tags: ['board'] })]), offline('gpu-3'));
  return world;
}

describe('what can never be granted is refused at once, with the nearest that exists', () => {
  const cases: readonly [string, Parameters<typeof acquire>[1], string, string][] = [
    [
      'a tag that is misspelled',
      [tagged(['gpu-a10'])],
      'no resource has the tag "gpu-a10"',
      'did you mean gpu-a100? 4 exist, 3 free, 1 offline: fan broken',
    ],
    [
      'a tag of which half is known',
      [tagged(['a100'])],
      'no resource has the tag "a100"',
      'did you mean gpu-a100? 4 exist, 3 free, 1 offline: fan broken',
    ],
    [
      'tags that nothing has together',
      [tagged(['board', 'gpu'])],
      'no resource has all of the tags board, gpu',
      'board: 1 exists, 1 free; gpu: 4 exist, 3 free, 1 offline: fan broken',
    ],
    [
      'a name that is misspelled',
      'name:bord-1',
      'no resource is named "bord-1"',
      'did you mean board-1? 1 exists, 1 free',
    ],
    [
      'a name that is a tag',
      'name:gpu',
      'no resource is named "gpu"',
      'gpu is a tag: ask with --tag gpu; 4 exist, 3 free, 1 offline: fan broken',
    ],
    [
      'a tag that is a name',
      [tagged(['board-1'])],
      'no resource has the tag "board-1"',
      'board-1 is a name: ask with --name board-1',
    ],
    [
      'more than there are',
      '5*gpu',
      '5 of gpu were asked for, and there are not so many',
      '4 exist, 3 free, 1 offline: fan broken',
    ],
    [
      'an expression with an unknown tag',
      'gpu && !bord && bord2',
      'no resource matches gpu && !bord && bord2',
      'no resource has the tag "bord"; did you mean board? 1 exists, 1 free',
    ],
  ];

  test.each(cases)('%s', (_, wants, detail, hint) => {
    const world = lab();
    expect(world.ask(acquire('a', wants))).toMatchObject({ code: 'impossible', detail, hint });
    expect(world.events).toEqual([]);
  });

  test('an id that does not exist', () => {
    expect(lab().ask(acquire('a', '#9'))?.detail).toBe('no resource has the id 9');
  });

  test('an expression that nothing matches', () => {
    expect(lab().ask(acquire('a', 'gpu && mem>=80'))?.detail).toBe('no resource matches gpu && mem>=80');
  });

  test('wants that only exist one by one', () => {
    expect(lab().ask(acquire('a', ['name:board-1', 'board']))).toMatchObject({
      detail: expect.stringContaining('cannot be had together'),
      hint: 'board-1: 1 exists, 1 free; board: 1 exists, 1 free',
    });
  });

  test('the same mistake in the first place that is impossible is what is told', () => {
    expect(lab().ask(acquire('a', ['gpu', 'bord', 'gpx']))?.detail).toBe('no resource matches bord');
  });

  test('a name that is on its way out is said to be', () => {
    const world = lab();
    world.turn(acquire('h', 'name:board-1'));
    world.turn(declare([description('gpu-0', { tags: ['gpu'] })]));
    expect(world.ask(acquire('a', 'name:board-1'))).toMatchObject({
      code: 'impossible',
      detail: 'board-1 is retiring: it goes when its holder is done, and nobody new gets it',
    });
    world.ask(release('h'));
    expect(world.ask(acquire('a', 'name:board-1'))?.detail).toBe('no resource is named "board-1"');
  });
});

test('what is offline exists, and is waited for', () => {
  const world = lab();
  expect(world.answer(acquire('a', '4*gpu'))).toBe('waiting');
});

describe('the nearest word', () => {
  test.each([
    ['gpu-a10', ['board', 'gpu-a100', 'gpu'], 'gpu-a100'],
    ['GPU', ['gpu', 'gpus'], 'gpu'],
    ['boadr', ['board', 'gpu'], 'board'],
    ['a100', ['h100', 'gpu-a100x'], 'h100'],
    ['xyz', ['board', 'gpu'], null],
    ['', ['board'], null],
    ['ab', ['xy', 'cd'], null],
    ['board', [], null],
  ])('of %s among %j is %s', (word, words, near) => {
    expect(nearest(word, words)).toBe(near);
  });
});
