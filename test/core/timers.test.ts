import { expect, test } from 'vitest';
import { type Timer, Timers } from '../../src/core/timers.ts';
import { Chance } from '../simulation/random.ts';

test('the next is the earliest, whatever was added, moved and removed', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const chance = new Chance(seed);
    const timers = new Timers();
    const live = new Set<Timer>();
    for (let i = 0; i < 400; i += 1) {
      const at = chance.maybe(0.05) ? Number.POSITIVE_INFINITY : chance.below(100);
      if (live.size === 0 || chance.maybe(0.5)) live.add(timers.add('lease', i, at));
      else if (chance.maybe(0.6)) timers.move(chance.pick([...live]), at);
      else {
        const gone = chance.pick([...live]);
        timers.remove(gone);
        timers.remove(gone);
        timers.move(gone, 0);
        live.delete(gone);
      }
      const earliest = live.size === 0 ? undefined : Math.min(...[...live].map((timer) => timer.at));
      expect(timers.next?.at, `seed ${seed}`).toBe(earliest);
      expect(timers.size).toBe(live.size);
    }
  }
});
