import { expect, test } from 'vitest';
import { flawOf } from '../../src/daemon/runtime.ts';

test.each(['20.20.2', '22.23.3', '24.0.0', '24.18.1', '25.0.0'])('nothing is known against Node %s', (version) => {
  expect(flawOf(version)).toBeNull();
});

test.each(['24.19.0', '24.21.0'])(
  'Node %s is known to be able to end a daemon, and what is safer is said',
  (version) => {
    expect(flawOf(version)).toMatch(new RegExp(`^Node ${version} .*Node 22`));
  },
);
