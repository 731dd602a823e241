import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { LeaseClient } from '../support/builders-daemon.ts';
import { Account, isAlive, type Run, renewed, type Served, until } from '../support/cli.ts';
import { Http, whereOf } from '../support/http.ts';
import { inSomeSpan } from '../support/spans.ts';

/** What happens to those who hold and wait while the daemon goes away, and to those who lose what they hold. */
let account: Account;
beforeEach(async () => {
  account = await Account.make();
});

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const YAML = NAMES.map((name) => `${name}: {}\n`).join('');
const UNTIL_DONE = 'echo in; while [ ! -e done ]; do sleep 0.05; done';

/** On a socket, which nobody else takes while the daemon is away, as somebody might a port. */
async function serve(): Promise<Served> {
  return account.serve({ yaml: YAML, listen: 'none', socket: join(account.base, 's') });
}

/** The socket stays, as that of a daemon which systemd starts again. */
async function again(served: Served): Promise<Served> {
  return account.serve({ yaml: YAML, data: served.data, listen: 'none', socket: served.url.slice('unix:'.length) });
}

async function dead(run: Run): Promise<void> {
  run.kill('SIGKILL');
  await run.ended;
}

async function fiveHoldAndFiveWait(served: Served): Promise<{ holders: Run[]; waiters: Run[] }> {
  const env = { RENTABOT_URL: served.url };
  // Short enough to be renewed on the way; without a grace, a daemon may be away for more than half of it.
  const holders = NAMES.map((name) =>
    account.start(['lock', '-n', name, '--ttl', '20s', '--grace', '0', '--', 'sh', '-c', UNTIL_DONE], { env }),
  );
  for (const holder of holders) await holder.said('in');
  const waiters: Run[] = [];
  // All for the same resource, so that their order can be told.
  for (let i = 0; i < 5; i += 1) {
    const waiter = account.start(['lock', '-n', 'a', '--', 'sh', '-c', `echo ${i} >> order`], { env });
    await waiter.said('waiting for a', 'err');
    waiters.push(waiter);
  }
  return { holders, waiters };
}

/** A renewal that fell into an outage may have said so. */
const OUTAGES = expect.stringMatching(
  /^(rentabot: nobody listens at .* goes on, and is stopped in \w+ unless that changes\n)*$/,
);

async function allEndWell(
  { holders, waiters }: { holders: Run[]; waiters: Run[] },
  env: { RENTABOT_URL: string },
): Promise<void> {
  expect((await account.status(env)).resources.find(({ name }) => name === 'a')?.waiting).toBe(5);
  await renewed(env.RENTABOT_URL);
  account.file('done', '');
  for (const run of holders) expect(await run.ended).toMatchObject({ code: 0, out: 'in\n', err: OUTAGES });
  for (const run of waiters) expect((await run.ended).code).toBe(0);
  expect(account.read('order')).toBe('0\n1\n2\n3\n4\n');
  expect((await account.status(env)).resources.map(({ state }) => state)).toEqual(NAMES.map(() => 'free'));
}

test('five that hold and five that wait do not notice a daemon that is killed and comes back', async () => {
  const served = await serve();
  const env = { RENTABOT_URL: served.url };
  const runs = await fiveHoldAndFiveWait(served);
  for (let round = 0, daemon = served; round < 2; round += 1) {
    await dead(daemon.run);
    daemon = await again(daemon);
    // All of the queue has come back, on connections of its own.
    await until(
      'all wait again',
      async () => (await account.status(env)).resources.find(({ name }) => name === 'a')?.waiting === 5,
    );
    expect((await account.run(['lock', '-n', 'a', '--no-wait', '--', 'true'], { env })).code).toBe(75);
  }
  await allEndWell(runs, env);
});

test('a daemon that is told to stop leaves at once whoever holds and waits, and the leases live on', async () => {
  const served = await serve();
  const env = { RENTABOT_URL: served.url };
  const runs = await fiveHoldAndFiveWait(served);
  let daemon = served;
  // It would wait for two seconds for answers under way; none is that slow, but a machine may be, so the best time counts.
  for (let best = Infinity, round = 0; best > 1500; round += 1) {
    expect(round, `it took ${best} ms`).toBeLessThan(6);
    const told = performance.now();
    daemon.run.kill('SIGTERM');
    expect(await daemon.run.ended).toMatchObject({ code: 0, signal: null });
    best = Math.min(best, performance.now() - told);
    daemon = await again(daemon);
    await renewed(served.url);
  }
  await allEndWell(runs, env);
});

test('a daemon away for good: the command is dead before its lease can pass on, and the code is 76', async () => {
  const pulse = join(account.work, 'pulse');
  const command = `trap '' TERM; echo $$; while :; do date +%s%N > ${pulse}.new && mv ${pulse}.new ${pulse}; sleep 0.02; done`;
  await inSomeSpan(
    async (ttl) => {
      const served = await serve();
      const env = { RENTABOT_URL: served.url };
      const spans = ['--ttl', `${ttl}s`, '--grace', `${2 * ttl}s`];
      const run = account.start(['lock', '-n', 'a', ...spans, '--result-file', 'r.json', '--', 'bash', '-c', command], {
        env,
      });
      await run.said('\n');
      const killed = Date.now();
      await dead(served.run);
      const result = await run.ended;
      const last = Number(readFileSync(pulse, 'utf8')) / 1e6;
      expect(isAlive(Number(run.out))).toBe(false);
      expect(result.code).toBe(76);
      expect(result.err).toMatch(/lost: no renewal of a was answered/);
      // No renewal was answered after the daemon was dead, so nobody could get it before `killed` and a ttl.
      expect(last).toBeLessThan(killed + ttl * 1000);
      expect(last).toBeGreaterThan(killed + ttl * 150);
    },
    [3, 6, 12, 30],
  );
  expect(JSON.parse(account.read('r.json'))).toMatchObject({
    outcome: 'lost',
    exitCode: 76,
    signal: null,
    lease: { resources: [{ name: 'a' }] },
  });
});

test('a restarted daemon does not pass on what was held before a full ttl has run out', async () => {
  const served = await serve();
  // A holder that will not be heard of again; its ttl is short, but not so short that it ends before the daemon does.
  const http = new Http(whereOf(served.url));
  await new LeaseClient(http).hold('a', { ttl: 6 });
  http.close();
  await dead(served.run);
  const back = performance.now();
  await again(served);
  const next = await account.run(['lock', '-q', '-n', 'a', '--', 'true'], { env: { RENTABOT_URL: served.url } });
  expect(next.code).toBe(0);
  expect(performance.now() - back).toBeGreaterThan(5900);
});

/** As an admin would, who does not know the secret. */
function revoke(served: Served, id: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const path = `/api/v2/leases/${id}`;
    const call = request({ ...whereOf(served.url), path, method: 'DELETE' }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    call.once('error', reject).end();
  });
}

test('revoked: the command gets TERM and its grace, the code is 76, and the next holder starts when all of it is dead', async () => {
  const served = await serve();
  const env = { RENTABOT_URL: served.url };
  const child = `bash -c 'trap "" TERM; while :; do date +%s%N > pulse.new; mv pulse.new pulse; sleep 0.02; done' &`;
  const command = `trap 'echo term' TERM; ${child} echo $RENTABOT_LEASE; while :; do wait; done`;
  const run = account.start(
    ['lock', '-n', 'a', '--ttl', '300s', '--grace', '5s', '--result-file', 'r.json', '--', 'bash', '-c', command],
    { env },
  );
  await run.said('\n');
  await until('a pulse', () => {
    try {
      return account.read('pulse') !== '';
    } catch {
      return false;
    }
  });
  const next = account.start(['lock', '-q', '-n', 'a', '--', 'date', '+%s%N'], { env });
  await until('somebody waits', async () => (await account.status(env)).resources[0]?.waiting === 1);
  const told = performance.now();
  expect(await revoke(served, run.out.trim())).toBe(202);
  const lost = await run.ended;
  const took = performance.now() - told;
  expect(lost.code).toBe(76);
  expect(lost.out).toMatch(/\nterm\n/);
  expect(lost.err).toMatch(/^rentabot: lost: a was revoked/);
  expect(took).toBeGreaterThan(4900);
  // It was told: a renewal would have said so after a third of the ttl.
  expect(took).toBeLessThan(90_000);
  expect(JSON.parse(account.read('r.json'))).toMatchObject({ outcome: 'lost', exitCode: 76 });
  const { out } = await next.ended;
  expect(Number(out)).toBeGreaterThan(Number(account.read('pulse')));
});

test('a waiter outlives a daemon that is away for longer than its connect timeout, and --wait goes on counting', async () => {
  const served = await serve();
  const env = { RENTABOT_URL: served.url };
  const holder = account.start(['lock', '-n', 'a', '--ttl', '300s', '--', 'sh', '-c', UNTIL_DONE], { env });
  await holder.said('in');
  const patient = account.start(['lock', '-n', 'a', '--connect-timeout', '5s', '--', 'echo', 'served'], { env });
  await patient.said('waiting for a', 'err');
  const hasty = account.start(['lock', '-n', 'a', '--wait', '7s', '--', 'true'], { env });
  await hasty.said('waiting for a', 'err');
  await dead(served.run);
  const gone = performance.now();
  expect((await hasty.ended).code).toBe(124);
  await until('longer than the connect timeout', () => performance.now() - gone > 5500);
  expect(patient.hasEnded).toBe(false);
  await again(served);
  account.file('done', '');
  expect((await patient.ended).out).toBe('served\n');
  expect((await holder.ended).code).toBe(0);
});

test('a daemon that comes within the connect timeout is waited for', async () => {
  const served = await serve();
  await dead(served.run);
  const run = account.start(['lock', '-n', 'a', '--connect-timeout', '90s', '--', 'echo', 'x'], {
    env: { RENTABOT_URL: served.url },
  });
  await run.said('nobody listens', 'err');
  await again(served);
  expect(await run.ended).toMatchObject({ code: 0, out: 'x\n' });
});

test('when machines were last seen survives the end of the daemon, and so does the silence of those that were not', async () => {
  const yaml = 'a: {machine: "mdc1:a", stale_after: 1h}\nb: {machine: "mdc1:b", stale_after: 1h}\n';
  const first = await account.serve({ yaml, listen: 'none', socket: join(account.base, 's') });
  const env = { RENTABOT_URL: first.url };
  expect((await account.start(['beat', 'mdc1:a'], { env }).ended).code).toBe(0);
  const before = await lastSeen(first);
  first.run.kill('SIGTERM');
  await first.run.ended;
  const second = await account.serve({ yaml, data: first.data, listen: 'none', socket: join(account.base, 's') });
  const { resources } = await account.status({ RENTABOT_URL: second.url });
  expect(resources.map(({ name, state }) => [name, state])).toEqual([
    ['a', 'free'],
    ['b', 'offline'],
  ]);
  expect(before).toMatch(/^"\d{4}-\d\d-\d\dT[\d:.]+"$/);
  expect(await lastSeen(second)).toBe(before);
});

async function lastSeen(served: Served): Promise<string> {
  const http = new Http(whereOf(served.url));
  const { text } = await http.get('/machines/mdc1:a');
  http.close();
  return text;
}
