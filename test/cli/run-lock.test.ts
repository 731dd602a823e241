import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runLock } from '../../src/cli/run-lock.ts';
import { mono } from '../../src/cli/time.ts';
import type { AcquireJson } from '../../src/core/wire.ts';
import { cutOff, losesFirstReplies, repeats } from './support/bad-line.ts';
import { idIn, json, problem, type Script, StubDaemon, send, stream, waitingJson } from './support/stub-daemon.ts';
import { pass, passing, passingSlowly, stopTime, until } from './support/time.ts';
import { clientAt, lockPlan, lockWorld, temporaryFolder } from './support/world.ts';

let stub: StubDaemon;
beforeEach(async () => {
  stub = await new StubDaemon().start();
});
afterEach(async () => {
  vi.useRealTimers();
  await stub.stop();
});

const folder = temporaryFolder();
let files = 0;
function file(): string {
  files += 1;
  return join(folder, String(files));
}

function sh(script: string): readonly [string, ...string[]] {
  return ['sh', '-c', script];
}

function secretOf({ asked: [first] }: StubDaemon): string {
  if (first === undefined) throw new Error('nothing was asked');
  return (first.body as AcquireJson).secret;
}

async function appears(path: string): Promise<void> {
  await until(() => existsSync(path));
}

test('a command runs under its lease, which is given back once', async () => {
  const world = lockWorld(clientAt(stub.url));
  const out = file();
  const result = await runLock(
    lockPlan(sh(`echo $RENTABOT_RESOURCE $RENTABOT_FENCE $RENTABOT_URL > ${out}; exit 3`)),
    world,
  );
  expect(readFileSync(out, 'utf8')).toBe(`gpu-0 1 ${stub.url}\n`);
  expect(result).toMatchObject({
    outcome: 'completed',
    exitCode: 3,
    signal: null,
    lease: { fence: 1, resources: [{ id: 1, name: 'gpu-0', fence: 1 }] },
  });
  expect(stub.count('DELETE lease')).toBe(1);
  expect(stub.leases.size).toBe(0);
  expect(world.ear.text).toBe('');
});

test('the request says who asks, for what and for how long', async () => {
  const world = lockWorld(clientAt(stub.url));
  const wants = [{ tags: ['gpu'], count: 2 }];
  await runLock(lockPlan(['true'], { wants, wait: 90_000, ttl: 5000, priority: 2, note: 'nightly' }), world);
  expect(stub.asked[0]?.body).toMatchObject({
    want: wants,
    wait: 90,
    ttl: 5,
    priority: 2,
    note: 'nightly',
    guarded: true,
    holder: { name: 'ann', host: 'ws', link: null },
  });
  expect(secretOf(stub)).toMatch(/^[\w-]{43}$/);
  expect(idIn(stub.asked[0]?.path ?? '')).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
});

test('the CI job is the note, unless there is one', async () => {
  const world = {
    ...lockWorld(clientAt(stub.url)),
    env: { PATH: process.env.PATH, GITLAB_CI: 'true', CI_JOB_NAME: 'hil' },
  };
  await runLock(lockPlan(['true']), world);
  expect(stub.asked[0]?.body).toMatchObject({ note: 'hil', holder: { name: 'gitlab' } });
});

test.each([
  [199, ['PUT', 'DELETE']],
  [200, ['PUT', 'GET', 'DELETE']],
])('a short command opens no stream of its lease: one of %i ms asks %j', async (span, methods) => {
  stopTime();
  const out = file();
  const script = `touch ${out}; while [ ! -e ${out}.end ]; do sleep 0.01; done`;
  const running = runLock(lockPlan(sh(script)), lockWorld(clientAt(stub.url)));
  await appears(out);
  await pass(span);
  await until(() => stub.asked.length === methods.length - 1);
  writeFileSync(`${out}.end`, '');
  await running;
  expect(stub.asked.map(({ method }) => method)).toEqual(methods);
});

test.each([
  ['loses its first replies', () => losesFirstReplies()],
  ['repeats everything', () => repeats()],
])('over a line that %s a lock comes out as over a good one', async (_, line) => {
  const out = file();
  const world = lockWorld(clientAt(stub.url, line()));
  const result = await runLock(lockPlan(sh(`echo once >> ${out}; sleep 0.3`)), world);
  expect(result).toMatchObject({ outcome: 'completed', exitCode: 0, lease: { fence: 1 } });
  expect(readFileSync(out, 'utf8')).toBe('once\n');
  expect(stub.leases.size).toBe(0);
});

test.each([
  ['sh -c "kill -TERM $$"', sh('kill -TERM $$'), { outcome: 'completed', exitCode: 143, signal: 'SIGTERM' }],
  ['a missing command', ['no-such-command'] as const, { outcome: 'not-started', exitCode: 127, signal: null }],
  ['a file that is no program', ['/etc/passwd'] as const, { outcome: 'not-started', exitCode: 126, signal: null }],
])('%s comes out as %j, and nothing stays held', async (_, argv, result) => {
  expect(await runLock(lockPlan(argv as [string]), lockWorld(clientAt(stub.url)))).toMatchObject(result);
  expect(stub.leases.size).toBe(0);
  expect(stub.count('DELETE lease')).toBe(1);
});

test.each([
  ['busy', 75, {}],
  ['busy', 1, { busy: 1 }],
  ['impossible', 65, {}],
  ['denied', 77, {}],
  ['config', 78, {}],
  ['timeout', 124, {}],
] as const)('%s exits with %i, overridden by %j', async (code, exitCode, overrides) => {
  stub.on('PUT lease', (_, response) => problem(response, code, 'because of bob', { hint: 'ask bob' }));
  const world = lockWorld(clientAt(stub.url), { overrides });
  const result = await runLock(lockPlan(['true']), world);
  expect(result).toMatchObject({ outcome: code, exitCode, held: 0, lease: null });
  expect(world.ear.lines).toHaveLength(1);
  expect(world.ear.text).toMatch(new RegExp(`^rentabot: ${code}: .*because of bob; ask bob\n$`));
  expect(stub.count('DELETE lease')).toBe(0);
});

test('whoever is refused hears who has it', async () => {
  // It asks for that with little patience.
  stopTime();
  stub.on('PUT lease', (_, response) => problem(response, 'busy', 'taken', { hint: 'wait with --wait' }));
  stub.on('POST /api/v2/why', (_, response) => {
    json(response, 200, { state: 'waiting', detail: '', hint: '', blockers: waitingJson('x').blockers });
  });
  const world = lockWorld(clientAt(stub.url));
  await runLock(lockPlan(['true'], { wait: 0 }), world);
  expect(world.ear.text).toMatch(
    /^rentabot: busy: gpu-0 is held by bob@ci-4 since .* \(nightly\); wait with --wait\n$/,
  );
});

test('an unreachable daemon is 69, and the command never runs', async () => {
  const out = file();
  const world = lockWorld(clientAt('http://127.0.0.1:1'));
  const daemon = { url: null, token: null, connectTimeout: 100 };
  const result = await runLock(lockPlan(['touch', out], { daemon }), world);
  expect(result).toMatchObject({ outcome: 'unreachable', exitCode: 69, lease: null });
  expect(existsSync(out)).toBe(false);
});

test('a wait is told, and its end too', async () => {
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'waiting', waitingJson(idIn(asked.path), 2));
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
    response.end();
  });
  const world = lockWorld(clientAt(stub.url));
  await runLock(lockPlan(['true']), world);
  expect(world.ear.lines).toMatchObject([
    expect.stringMatching(/^rentabot: waiting for gpu-0: position 2; held by bob@ci-4 since .* \(nightly\)$/),
    expect.stringMatching(/^rentabot: got gpu-0 after \d+s$/),
  ]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
  '%s while waiting leaves the queue, and nothing runs',
  async (signal) => {
    const out = file();
    stub.on('PUT lease', (asked, response) => {
      stream(response);
      send(response, 'waiting', waitingJson(idIn(asked.path)));
    });
    const world = lockWorld(clientAt(stub.url));
    const running = runLock(lockPlan(['touch', out]), world);
    await stub.until('PUT lease');
    world.source.send(signal);
    const number = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3 }[signal];
    expect(await running).toMatchObject({ outcome: 'not-started', exitCode: 128 + number, signal, lease: null });
    expect(stub.count('DELETE lease')).toBe(1);
    expect(existsSync(out)).toBe(false);
  },
);

test('leaving the queue has an end, also when nobody hears it', async () => {
  stub.on('PUT lease', (_, response) => stream(response));
  stub.on('DELETE lease', () => {});
  const world = lockWorld(clientAt(stub.url));
  const running = runLock(lockPlan(['true']), world);
  await stub.until('PUT lease');
  world.source.send('SIGINT');
  await stub.until('DELETE lease');
  world.source.send('SIGINT');
  expect(await running).toMatchObject({ exitCode: 130 });
});

test('a signal that arrives as the grant does never starts the command', async () => {
  const out = file();
  const world = lockWorld(clientAt(stub.url));
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
    response.end();
  });
  const client = world.client;
  const open = client.openAcquire.bind(client);
  client.openAcquire = async (...args) => {
    const answer = await open(...args);
    return {
      ...answer,
      read: (onText) =>
        answer.read((text) => {
          onText(text);
          // The grant has been heard of; the signal comes before anything else happens.
          world.source.send('SIGTERM');
        }),
    };
  };
  expect(await runLock(lockPlan(['touch', out]), world)).toMatchObject({
    outcome: 'not-started',
    exitCode: 143,
    signal: 'SIGTERM',
  });
  expect(existsSync(out)).toBe(false);
  expect(stub.leases.size).toBe(0);
});

test('a signal while the command runs is forwarded; what the command makes of it is its own affair', async () => {
  const out = file();
  const world = lockWorld(clientAt(stub.url));
  const running = runLock(lockPlan(sh(`trap 'exit 9' TERM; touch ${out}; while :; do sleep 0.01; done`)), world);
  await appears(out);
  world.source.send('SIGTERM');
  expect(await running).toMatchObject({ outcome: 'completed', exitCode: 9 });
});

test('a command that runs too long is ended, and is a timeout', async () => {
  const world = lockWorld(clientAt(stub.url));
  const result = await runLock(
    lockPlan(sh('trap "exit 0" TERM; while :; do sleep 0.01; done'), { timeout: 200 }),
    world,
  );
  expect(result).toMatchObject({ outcome: 'timeout', exitCode: 124 });
  expect(result.held).toBeGreaterThanOrEqual(0.2);
  expect(world.ear.text).toMatch(
    /^rentabot: timeout: sh -c trap .* ran longer than 200ms and was stopped; --timeout gives it longer\n$/,
  );
});

test('--timeout counts from the start of the command, not from the beginning of the wait', async () => {
  stopTime();
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'waiting', waitingJson(idIn(asked.path)));
    vi.advanceTimersByTime(600_000);
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
    response.end();
  });
  const daemon = { url: null, token: null, connectTimeout: 3_600_000 };
  const result = await runLock(lockPlan(['true'], { timeout: 300_000, daemon }), lockWorld(clientAt(stub.url)));
  expect(result).toMatchObject({ outcome: 'completed', exitCode: 0 });
});

test('a lease that is revoked while the command runs: it is told to go, with grace, and 76 says who did it', async () => {
  const out = file();
  const world = lockWorld(clientAt(stub.url));
  stub.on('GET lease', async (_, response) => {
    stream(response);
    await appears(`${out}.up`);
    stub.on('POST renew', (_asked, answer) => {
      const ending = { reason: 'revoked', by: 'alice', note: 'fan broken', since: '2026-01-01T00:00:00Z' };
      json(answer, 200, { lease: { ...[...stub.leases.values()][0], ending }, messages: [] });
    });
    send(response, 'message', { type: 'ending', by: 'alice', reason: 'fan broken', at: 'x' });
  });
  const script = `trap 'echo cleaned > ${out}; exit 0' TERM; touch ${out}.up; while :; do sleep 0.01; done`;
  const result = await runLock(lockPlan(sh(script), { grace: 20_000 }), world);
  expect(result).toMatchObject({ outcome: 'lost', exitCode: 76 });
  expect(readFileSync(out, 'utf8')).toBe('cleaned\n');
  expect(world.ear.text).toMatch(
    /^rentabot: lost: gpu-0 was revoked by alice \(fan broken\): sh -c trap .* was stopped\n$/,
  );
  expect(stub.count('DELETE lease')).toBe(1);
});

test('a daemon that has gone for good: the command is dead before the lease could pass on, and it is 76', async () => {
  stopTime();
  const out = file();
  let down = false;
  const world = lockWorld(
    clientAt(
      stub.url,
      cutOff(() => down),
    ),
  );
  const script = `trap '' TERM; touch ${out}; while :; do sleep 0.01; done`;
  const granted = mono();
  const running = runLock(lockPlan(sh(script), { ttl: 20_000, grace: 60_000 }), world);
  await appears(out);
  down = true;
  await pass(18_000);
  expect(await passingSlowly(running)).toMatchObject({ outcome: 'lost', exitCode: 76 });
  // It was killed, for it does not heed TERM, and the release that nobody hears takes its two seconds.
  expect(mono() - granted).toBeLessThan(20_000 + 2000);
  expect(world.ear.text).toMatch(
    /^rentabot: nobody listens at .* goes on, and is stopped in \d+s unless that changes\n/,
  );
  expect(world.ear.text).toMatch(
    /\nrentabot: lost: no renewal of gpu-0 was answered for \d+s, so somebody else might have got it: /,
  );
});

test('a lease that is over already gets no grace: somebody else may have it', async () => {
  const out = file();
  stub.on('GET lease', async (_, response) => {
    stream(response);
    await appears(`${out}.up`);
    send(response, 'ended', { reason: 'expired', by: '' });
  });
  const script = `trap 'echo term > ${out}' TERM; touch ${out}.up; while :; do sleep 0.01; done`;
  const result = await runLock(lockPlan(sh(script)), lockWorld(clientAt(stub.url)));
  expect(result).toMatchObject({ outcome: 'lost', exitCode: 76 });
  expect(existsSync(out)).toBe(false);
});

test('what the command leaves behind is ended before the lease is given back', async () => {
  const out = file();
  let alive: boolean | null = null;
  stub.on('DELETE lease', (_, response) => {
    const pid = Number(readFileSync(out, 'utf8'));
    try {
      process.kill(pid, 0);
      alive = !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      alive = false;
    }
    response.writeHead(204).end();
  });
  const result = await runLock(lockPlan(sh(`sleep 300 & echo $! > ${out}; exit 4`)), lockWorld(clientAt(stub.url)));
  expect(result).toMatchObject({ outcome: 'completed', exitCode: 4 });
  expect(alive).toBe(false);
});

/** A grant that is under way for more than a third of its ttl. */
const late: Script = (asked, response) => {
  stream(response);
  vi.advanceTimersByTime(25_000);
  send(response, 'held', { state: 'held', lease: stub.grant(asked) });
  response.end();
};

test('a grant that was long on its way is renewed once before the command starts', async () => {
  stopTime();
  stub.on('PUT lease', late);
  const out = file();
  await runLock(lockPlan(['touch', out]), lockWorld(clientAt(stub.url)));
  expect(stub.asked.map(({ method, path }) => `${method} ${path.endsWith('/renew')}`)).toEqual([
    'PUT false',
    'POST true',
    'DELETE false',
  ]);
  expect(existsSync(out)).toBe(true);
});

test('a grant that was gone by the time we knew of it never starts the command', async () => {
  stopTime();
  stub.on('PUT lease', late);
  stub.on('POST renew', (_, response) => problem(response, 'lost', 'it expired', { reason: 'expired' }));
  const out = file();
  const world = lockWorld(clientAt(stub.url));
  expect(await runLock(lockPlan(['touch', out]), world)).toMatchObject({
    outcome: 'lost',
    exitCode: 76,
  });
  expect(existsSync(out)).toBe(false);
  expect(world.ear.text).toMatch(/^rentabot: lost: the lease of gpu-0 expired before the command could start\n$/);
});

test('a holder is told who asks for the resource', async () => {
  stub.on('GET lease', (_, response) => {
    stream(response);
    send(response, 'message', { type: 'asked', by: 'bob', reason: 'release day', at: '2026-01-01T00:00:00Z' });
  });
  const world = lockWorld(clientAt(stub.url));
  const heard = file();
  const running = runLock(lockPlan(sh(`while [ ! -e ${heard} ]; do sleep 0.01; done`)), world);
  await until(() => world.ear.text !== '');
  writeFileSync(heard, '');
  await running;
  expect(world.ear.text).toBe('rentabot: bob asks for gpu-0: release day\n');
});

test('a release that nobody hears is said, and changes nothing about the outcome', async () => {
  stopTime();
  let down = false;
  let tried = 0;
  const line = cutOff(() => {
    if (down) tried += 1;
    return down;
  });
  const world = lockWorld(clientAt(stub.url, line));
  const out = file();
  const script = `touch ${out}; while [ ! -e ${out}.down ]; do sleep 0.01; done; exit 5`;
  const running = runLock(lockPlan(sh(script)), world);
  await appears(out);
  down = true;
  writeFileSync(`${out}.down`, '');
  await until(() => tried > 0);
  expect(await passing(running)).toMatchObject({ outcome: 'completed', exitCode: 5 });
  expect(world.ear.text).toMatch(/^rentabot: gpu-0 could not be given back; it will be free in 1m at the latest\n$/);
});

test('with --json what is said is JSON, a line each', async () => {
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'waiting', waitingJson(idIn(asked.path), 2));
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
    response.end();
  });
  const world = lockWorld(clientAt(stub.url), { manner: { json: true } });
  await runLock(lockPlan(['no-such-command']), world);
  const events = world.ear.lines.map((line) => JSON.parse(line));
  expect(events.map(({ event }) => event)).toEqual(['waiting', 'held', 'not-started']);
  expect(events[0]).toMatchObject({ position: 2, blockers: [{ resource: 'gpu-0' }] });
});

test('with -q only a failure is said', async () => {
  stub.on('PUT lease', (asked, response) => {
    stream(response);
    send(response, 'waiting', waitingJson(idIn(asked.path), 2));
    send(response, 'held', { state: 'held', lease: stub.grant(asked) });
    response.end();
  });
  const world = lockWorld(clientAt(stub.url), { manner: { level: 'quiet' } });
  await runLock(lockPlan(['true']), world);
  expect(world.ear.text).toBe('');
});

test('the secret is in no word that is said, with -v', async () => {
  const world = lockWorld(clientAt(stub.url), { manner: { level: 'verbose', json: true } });
  await runLock(lockPlan(['true']), world);
  expect(world.ear.text).not.toContain(secretOf(stub));
});
