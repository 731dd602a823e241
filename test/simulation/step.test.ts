import { expect, test } from 'vitest';
import type { Subject } from './audit.ts';
import { Chance } from './random.ts';
import * as subject from './subject.ts';
import { variant } from './variant.ts';
import { simulate } from './worlds.ts';

/** `RENTABOT_SEED=7 RENTABOT_WORLDS=1` shows world 7 again; more worlds look further. */
const FIRST = Number(process.env.RENTABOT_SEED ?? 1);
const WORLDS = Number(process.env.RENTABOT_WORLDS ?? 150);
/** So many worlds in one go take minutes on a slow machine. */
const LONGEST_MS = 900_000;
const SEEDS = Array.from({ length: WORLDS }, (_, i) => FIRST + i);

function expectSound(core: Subject): void {
  const broken = simulate(core, SEEDS, (seed) => new Chance(seed));
  if (broken) broken.message += `\nshow it again: RENTABOT_SEED=${broken.seed} RENTABOT_WORLDS=1`;
  if (broken) throw broken;
  expect(broken).toBeNull();
}

test(
  `in ${WORLDS} random worlds from seed ${FIRST} on, every turn leads to what the plain rules say`,
  () => {
    expectSound(subject);
  },
  LONGEST_MS,
);

test(
  `so it does with bounds turned down, so that small worlds meet them (${WORLDS} from seed ${FIRST} on)`,
  async () => {
    const core = await variant(
      { file: 'catalogue.ts', find: 'MOST_PASSED = 16', put: 'MOST_PASSED = 0' },
      { file: 'catalogue.ts', find: 'MOST_WATCHED = 1000', put: 'MOST_WATCHED = 2' },
      { file: 'expire.ts', find: 'FORGET_AT_ONCE = 1000', put: 'FORGET_AT_ONCE = 2' },
      { file: 'assign.ts', find: 'LOOK_AHEAD = 64', put: 'LOOK_AHEAD = 7' },
    );
    expectSound(core);
  },
  LONGEST_MS,
);
