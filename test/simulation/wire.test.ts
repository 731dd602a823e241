import { expect, test } from 'vitest';
import { Chance } from './random.ts';
import * as subject from './wire-subject.ts';
import { liveOnWire } from './wire-world.ts';

/** `RENTABOT_SEED=7 RENTABOT_WORLDS=1` shows world 7 again; more worlds look further. */
const FIRST = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const WORLDS = Number(process.env.RENTABOT_WORLDS ?? 12);

test(`in ${WORLDS} random worlds whose network loses, delays, repeats and reorders, every request has the outcome of one (RENTABOT_SEED=${FIRST})`, async () => {
  let [grants, lives, commits] = [0, 0, 0];
  const faults = { requests: 0, replies: 0, silent: 0, copies: 0, cuts: 0 };
  for (let seed = FIRST; seed < FIRST + WORLDS; seed += 1) {
    const tale = await liveOnWire(subject, new Chance(seed)).catch((cause: Error) => {
      throw new Error(`${cause.message}\nshow it again: RENTABOT_SEED=${seed} RENTABOT_WORLDS=1`, { cause });
    });
    grants += tale.grants;
    lives += tale.lives;
    commits += tale.commits;
    for (const kind of Object.keys(faults) as (keyof typeof faults)[]) faults[kind] += tale.faults[kind];
  }
  // Worlds in which nothing goes wrong prove nothing; a single one may be quiet.
  if (WORLDS < 10) return;
  expect(grants).toBeGreaterThan(WORLDS * 8);
  expect(lives).toBeGreaterThan(WORLDS);
  expect(commits).toBeGreaterThan(WORLDS / 2);
  expect(Math.min(...Object.values(faults))).toBeGreaterThan(WORLDS * 5);
});

test('a seed is a world: it can be shown again', async () => {
  const tale = await liveOnWire(subject, new Chance(FIRST));
  expect(await liveOnWire(subject, new Chance(FIRST))).toEqual(tale);
});
