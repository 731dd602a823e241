import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Account, program, type Run, type Served } from '../support/cli.ts';

// A daemon that is upgraded while it is used: each release stops as a supervisor stops it, and the next starts on its
// state. Nobody may notice but by a pause.

const RELEASES = ['0.1.0', '0.2.0', '1.0.0'];
const LOCKERS = 4;
const ROUNDS = 2;

/** Enters, sees that nobody else is in, and leaves; a second one inside would find the folder, and fail with 9. */
const ALONE = 'mkdir inside || exit 9; echo x >> turns; rmdir inside';

test('daemons of three releases in a row, under load: nothing is lost, and nobody meets another', async () => {
  const account = await Account.make();
  const socket = join(account.base, 's');
  const serve = async (release: string, data?: string): Promise<Served> =>
    account.serve({
      yaml: 'board: {}\nlong: {}',
      listen: 'none',
      socket,
      script: await program(release),
      ...(data ? { data } : {}),
    });
  let served = await serve(RELEASES[0] as string);
  const env = { RENTABOT_URL: served.url };
  const holder = account.start(
    ['lock', '-n', 'long', '--', 'sh', '-c', 'echo in; while [ ! -e done ]; do sleep 0.05; done'],
    { env },
  );
  await holder.said('in');
  const last = account.start(['lock', '-n', 'long', '--', 'echo', 'served'], { env });
  await last.said('waiting', 'err');
  let isOver = false;
  let turns = 0;
  const failures: string[] = [];
  const lockers = Array.from({ length: LOCKERS }, async () => {
    while (!isOver) {
      const { code, err } = await account.run(['lock', '-n', 'board', '--', 'sh', '-c', ALONE], { env });
      turns += 1;
      if (code !== 0) failures.push(`${code}: ${err}`);
    }
  });
  for (const release of RELEASES.slice(1)) {
    const before = turns;
    while (turns < before + ROUNDS * LOCKERS) await new Promise((resolve) => setTimeout(resolve, 20));
    served.run.kill('SIGTERM');
    expect((await served.run.ended).code).toBe(0);
    served = await serve(release, served.data);
  }
  const before = turns;
  while (turns < before + LOCKERS) await new Promise((resolve) => setTimeout(resolve, 20));
  isOver = true;
  await Promise.all(lockers);
  expect(failures).toEqual([]);
  // One line a turn: nobody ran twice, or not at all.
  expect(account.read('turns')).toBe('x\n'.repeat(turns));
  expect(existsSync(join(account.work, 'inside'))).toBe(false);
  account.file('done', '');
  expect(await endOf(holder)).toBe(0);
  expect(await endOf(last)).toBe(0);
  expect(last.out).toBe('served\n');
  const { resources } = await account.status(env);
  expect(resources.map(({ state, waiting }) => [state, waiting])).toEqual([
    ['free', 0],
    ['free', 0],
  ]);
});

async function endOf(run: Run): Promise<number | null> {
  return (await run.ended).code;
}
