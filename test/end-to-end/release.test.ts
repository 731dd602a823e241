import { expect, test } from 'vitest';
import { Account } from '../support/cli.ts';

const YAML = 'resources: {a: {}, b: {}}\n';

test('what a failed command left as a claim is given back by its user, by name, and is free at once', async () => {
  const account = await Account.make();
  const { url } = await account.serve({ yaml: YAML });
  const env = { RENTABOT_URL: url };
  const failed = await account.run(['lock', '-n', 'a', '--keep-on-failure', '1h', '-q', '--', 'false'], { env });
  expect(failed.code).toBe(1);
  expect((await account.run(['lock', '-n', 'a', '--no-wait', '--', 'true'], { env })).code).toBe(75);
  expect(await account.run(['release', 'a'], { env })).toMatchObject({
    code: 0,
    out: '',
    err: 'rentabot: gave back a\n',
  });
  expect((await account.run(['lock', '-n', 'a', '--no-wait', '--', 'true'], { env })).code).toBe(0);
});

test('a running command keeps what it has until it is forced, and then it is stopped', async () => {
  const account = await Account.make();
  const { url } = await account.serve({ yaml: YAML });
  const env = { RENTABOT_URL: url };
  const running = account.start(['lock', '-n', 'b', '--', 'sh', '-c', 'echo in; exec sleep 600'], { env });
  await running.said('in');
  const refused = await account.run(['release', 'b'], { env });
  expect(refused).toMatchObject({ code: 77, out: '' });
  expect(refused.err).toMatch(/^rentabot: denied: b is in use by a command of yours on \S+ since .*--force/);
  const forced = await account.run(['release', 'b', '--force', '--json'], { env });
  expect(JSON.parse(forced.out)).toMatchObject({ released: [{ resources: ['b'] }] });
  expect((await running.ended).code).toBe(76);
  expect((await account.run(['lock', '-n', 'b', '--', 'true'], { env })).code).toBe(0);
});

test('without a daemon nothing is held, and none is started to say so', async () => {
  const account = await Account.make();
  const found = await account.run(['release', 'a']);
  expect(found).toMatchObject({ code: 0, err: 'rentabot: no daemon is running here, so nothing is held\n' });
  expect(account.privatePid).toBeNull();
});
