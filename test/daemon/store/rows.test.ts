import { describe, expect, test } from 'vitest';
import { restore } from '../../../src/core/evolve.ts';
import { EMPTY_SNAPSHOT } from '../../../src/core/state.ts';
import { step } from '../../../src/core/step.ts';
import { decode, encode, merge, noRows, type Rows, rowsOf } from '../../../src/daemon/store/rows.ts';
import { acquire, declare, description, release, rules } from '../../support/builders.ts';

/** A world whose turns are told as rows; each call is a turn. */
function world(): (...commands: Parameters<typeof step>[1]) => Rows {
  const state = restore(EMPTY_SNAPSHOT, rules(), 0);
  return (...commands) => {
    const { events } = step(state, commands, 1000);
    return rowsOf({ events, told: [], counters: state.counters, at: 1000 });
  };
}

/** As after a crash, too: through the journal. */
function added(...turns: readonly Rows[]): Rows {
  const rows = noRows();
  for (const turn of turns) merge(rows, decode(encode(turn)));
  return rows;
}

describe('a lease in the rows of several turns', () => {
  test('that came and went between two folds concerns no table', () => {
    const turn = world();
    const [came, went] = [turn(declare([description('a')]), acquire('one', 'name:a')), turn(release('one'))];
    expect([...added(came).live.keys()]).toEqual(['one']);
    expect([...added(came, went).live]).toEqual([]);
  });

  test('that a table may have is deleted from it', () => {
    const turn = world();
    turn(declare([description('a')]), acquire('one', 'name:a'));
    expect([...added(turn(release('one'))).live]).toEqual([['one', null]]);
  });

  test('whose id was used before, and forgotten since, is deleted all the same', () => {
    const turn = world();
    const came = turn(declare([description('a')]), acquire('one', 'name:a'));
    const went = turn(release('one'));
    expect([...added(went, came, went).live]).toEqual([['one', null]]);
    expect([...added(went, came).live.keys()]).toEqual(['one']);
  });

  test('that comes and goes in one turn is not in them at all', () => {
    const turn = world();
    turn(declare([description('a')]), acquire('one', 'name:a'));
    const rows = turn(acquire('two', 'name:a', { wait: 0 }));
    expect([...rows.live]).toEqual([]);
  });
});

describe('the journal', () => {
  test('gives back what was written, whatever characters are in it', () => {
    const turn = world();
    const note = '"},{]\\ \u2028 ends here';
    const rows = turn(
      declare([description('a')]),
      acquire('one', 'name:a', { note }),
      acquire('two', 'name:a', { note }),
    );
    expect(decode(encode(rows))).toEqual(rows);
    expect(rows.live.size).toBe(2);
  });
});
