import { expect, test } from 'vitest';
import { Guard } from '../../src/cli/guard.ts';
import type { Hold, Loss } from '../../src/cli/lease.ts';
import { runUnder } from '../../src/cli/run-under.ts';
import { mono } from '../../src/cli/time.ts';
import { leaseJson } from './support/stub-daemon.ts';
import { clientAt, lockPlan, lockWorld } from './support/world.ts';

/** A lease that the test loses, or lets run out. */
class TestHold implements Hold {
  readonly lease = leaseJson({ id: 'L1', fence: 1, ttl: 60 });
  readonly deadBy = mono() + 60_000;
  readonly grace = 5000;
  readonly isStale = false;
  private readonly loss = new AbortController();

  constructor(private readonly overdue: () => boolean = () => false) {}

  get lost(): AbortSignal {
    return this.loss.signal;
  }

  get isOverdue(): boolean {
    return this.overdue();
  }

  lose(loss: Loss): void {
    this.loss.abort(loss);
  }

  tooLate(): void {
    this.lose({ cause: 'silence', silent: 60_000 });
  }

  async refresh(): Promise<boolean> {
    return true;
  }

  keep(): void {}

  async listen(): Promise<void> {}
}

const MARK = 'L1:nonce-01';

function run(hold: Hold, script: string, more: Parameters<typeof lockPlan>[1] = {}) {
  const world = lockWorld(clientAt('http://127.0.0.1:1'));
  const guard = new Guard({ mark: MARK, grace: 0, env: {}, self: null });
  return { world, ending: runUnder(hold, lockPlan(['sh', '-c', script], more), world, { mark: MARK, guard }) };
}

test.each(['kill', 'wait', 'ignore'] as const)(
  'a command that ended well, but was only seen to when the lease had run out, is no success (--leftovers %s)',
  async (leftovers) => {
    const { world, ending } = run(new TestHold(() => true), 'exit 0', { leftovers });
    expect(await ending).toMatchObject({ name: 'lost', exitCode: 76, signal: null, isTreeGone: true });
    expect(world.ear.text).toMatch(
      /^rentabot: lost: no renewal of gpu-0 was answered for 1m, .* has ended, perhaps too late\n$/,
    );
  },
);

test.each<[Loss, string]>([
  [{ cause: 'ended', reason: 'expired', by: '', detail: '' }, 'lost'],
  // It passes on when we confirm, which is after the end of what was left.
  [{ cause: 'told', reason: 'stolen', by: 'bob', note: '' }, 'completed'],
])('a lease that is lost while what the command left is being ended (%j) makes it %s', async (loss, name) => {
  let looks = 0;
  const hold: TestHold = new TestHold(() => {
    looks += 1;
    // The first look is when the command has ended, the second when nothing of it is left.
    if (looks === 2) hold.lose(loss);
    return false;
  });
  expect(await run(hold, 'exit 0').ending).toMatchObject({ name, isTreeGone: true });
});

test('what runs out while the command runs into its --timeout is lost', async () => {
  const { ending } = run(new TestHold(() => true), 'sleep 1012', { timeout: 50 });
  expect(await ending).toMatchObject({ name: 'lost', exitCode: 76 });
});
