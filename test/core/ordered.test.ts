import { expect, test } from 'vitest';
import { Ordered, type Place } from '../../src/core/ordered.ts';
import { Chance } from '../simulation/random.ts';

test('it is in order, whatever was inserted and removed', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const chance = new Chance(seed);
    const list = new Ordered<number>((a, b) => a < b);
    const places: Place<number>[] = [];
    for (let i = 0; i < 200; i += 1) {
      if (places.length === 0 || chance.maybe(0.6)) places.push(list.insert(chance.next()));
      else {
        const [gone] = places.splice(chance.below(places.length), 1) as [Place<number>];
        list.remove(gone);
        list.remove(gone);
      }
      const sorted = places.map(({ value }) => value).sort((a, b) => a - b);
      expect([...list], `seed ${seed}`).toEqual(sorted);
      expect([list.first, list.last, list.size]).toEqual([sorted[0] ?? null, sorted.at(-1) ?? null, sorted.length]);
    }
  }
});

test('a place of another list is left alone', () => {
  const [a, b] = [new Ordered<number>((x, y) => x < y), new Ordered<number>((x, y) => x < y)];
  const place = a.insert(1);
  b.remove(place);
  expect([a.size, b.size]).toEqual([1, 0]);
});
