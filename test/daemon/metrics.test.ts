import { afterEach, describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/error.ts';
import { acquire, description, SECOND } from '../support/builders.ts';
import { acquireJson } from '../support/builders-daemon.ts';
import { FakeClock } from '../support/clock.ts';
import { type DaemonOptions, eventually, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Family, lint, readMetrics } from '../support/prometheus.ts';

let daemon: TestDaemon;
let clock: FakeClock;
async function start(options: DaemonOptions = {}): Promise<void> {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock, ...options });
}
afterEach(() => daemon.close());

async function measured(): Promise<Family[]> {
  const { status, text } = await daemon.http.get('/metrics');
  expect(status).toBe(200);
  return readMetrics(text);
}

/** The value of one series; undefined where there is none. */
async function value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  const samples = (await measured()).flatMap((family) => family.samples);
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return samples.find((one) => one.name === name && JSON.stringify(Object.entries(one.labels).sort()) === wanted)
    ?.value;
}

test('they are as promtool wants them, before anything happened and after', async () => {
  await start({ resources: [description('a', { tags: ['gpu', 'say-"hi"', 'back\\slash'] })] });
  expect(lint(await measured())).toEqual([]);
  const client = daemon.lease();
  await client.hold('a', { guarded: true });
  clock.advance(3 * SECOND);
  await client.release('?ended=true&exit=1');
  await daemon.http.get('/nowhere');
  const families = await measured();
  expect(lint(families)).toEqual([]);
  const tags = families
    .find(({ name }) => name === 'rentabot_tagged_resources')
    ?.samples.map(({ labels }) => labels.tag);
  expect(new Set(tags)).toEqual(new Set(['gpu', 'say-"hi"', 'back\\slash']));
});

test('a planted mistake is found', () => {
  const bad =
    '# HELP rentabot_waits_ms x\n# TYPE rentabot_waits_ms counter\nrentabot_waits_ms 1\nrentabot_waits_ms 2\n';
  expect(lint(readMetrics(bad))).toHaveLength(3);
  expect(() => readMetrics('rentabot_x 1\n')).toThrow('out of place');
  expect(() => readMetrics('# HELP a b\n# TYPE a gauge\na{b="c" 1\n')).toThrow('no sample');
  const cut = '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n';
  expect(lint(readMetrics(cut))).toContain('a: is no histogram');
});

test('resources are told by state, and by tag, of which only the most frequent are', async () => {
  const many = Array.from({ length: 80 }, (_, i) =>
    description(`r${i}`, { tags: ['all', `tag-${i}`, `half-${i % 2}`] }),
  );
  await start({ resources: many });
  await daemon.lease().hold('r0');
  await daemon.http.post('/api/v2/resources/r1/offline', { reason: 'fan' });
  expect(await value('rentabot_resources', { state: 'free' })).toBe(78);
  expect(await value('rentabot_tagged_resources', { tag: 'all', state: 'held' })).toBe(1);
  expect(await value('rentabot_tagged_resources', { tag: 'half-1', state: 'offline' })).toBe(1);
  expect(await value('rentabot_tagged_resources', { tag: 'half-1', state: 'free' })).toBe(39);
  const tagged = (await measured()).find(({ name }) => name === 'rentabot_tagged_resources')?.samples ?? [];
  expect(new Set(tagged.map(({ labels }) => labels.tag)).size).toBe(50);
});

test('waits and holds are in the bucket of their length', async () => {
  await start();
  const [first, second] = [daemon.lease(), daemon.lease()];
  await first.hold('board-1', { ttl: 3600 });
  await second.wait('board-1', { ttl: 3600 });
  clock.advance(20 * SECOND);
  await first.release();
  const wait = (le: string) => value('rentabot_wait_duration_seconds_bucket', { le });
  expect([await wait('0.01'), await wait('15'), await wait('60'), await wait('+Inf')]).toEqual([1, 1, 2, 2]);
  const hold = (le: string) => value('rentabot_hold_duration_seconds_bucket', { le });
  expect([await hold('15'), await hold('60')]).toEqual([0, 1]);
  expect(await value('rentabot_hold_duration_seconds_sum')).toBe(20);
  expect(await value('rentabot_hold_duration_seconds_count')).toBe(1);
  expect(await value('rentabot_commit_duration_seconds_count')).toBeGreaterThan(2);
});

test('leases count by how they ended, waiters by how they left, commands by how they came out', async () => {
  await start();
  const [silent, busy, failing, fine] = [daemon.lease(), daemon.lease(), daemon.lease(), daemon.lease()];
  await silent.hold('board-1', { ttl: 30 });
  expect((await busy.put('board-1', { wait: 0 })).status).toBe(409);
  clock.advance(31 * SECOND);
  await daemon.engine.read(() => null);
  await failing.hold('board-1', { guarded: true });
  await failing.release('?ended=true&exit=3');
  await fine.hold('board-1', { guarded: true });
  await fine.release('?ended=true&exit=0');
  expect(await value('rentabot_lease_ends_total', { reason: 'expired' })).toBe(1);
  expect(await value('rentabot_lease_ends_total', { reason: 'released' })).toBe(2);
  expect(await value('rentabot_lease_ends_total', { reason: 'stolen' })).toBe(0);
  expect(await value('rentabot_waiters_left_total', { outcome: 'busy' })).toBe(1);
  expect(await value('rentabot_commands_finished_total', { result: 'failed' })).toBe(1);
  expect(await value('rentabot_commands_finished_total', { result: 'succeeded' })).toBe(1);
});

describe('refusals count by their code', () => {
  const refusals = (code: string) => value('rentabot_refusals_total', { code });

  test('whichever way they were answered, and none before there was one', async () => {
    await start();
    for (const code of Object.keys(ERRORS)) expect(await refusals(code), code).toBe(0);
    const holder = daemon.lease();
    await holder.hold('board-1');
    // The fast lane, the framework, a wrong address, a body that is none.
    expect((await daemon.lease().put('board-1', { wait: 0 })).status).toBe(409);
    await daemon.http.get('/api/v2/resources/board-9');
    await daemon.http.get('/nowhere');
    await daemon.http.ask('PATCH', '/api/v2/queue');
    await daemon.http.put(daemon.lease().path, { want: 7 });
    expect(await refusals('busy')).toBe(1);
    expect(await refusals('not-found')).toBe(2);
    expect(await refusals('method-not-allowed')).toBe(1);
    expect(await refusals('usage')).toBe(1);
  });

  test('also at the end of a stream', async () => {
    await start();
    const [holder, waiter] = [daemon.lease(), daemon.lease()];
    await holder.hold('board-1');
    const stream = await waiter.stream('board-1');
    await stream.nextOf('waiting');
    await daemon.http.delete(waiter.path);
    await stream.nextOf('problem');
    await eventually('it is counted', () => daemon.daemon.meters.refusals.counts.get('lost') === 1);
  });

  test('of the engine as well as of the door', async () => {
    await start({ limits: { waiters: 1 } });
    await daemon.engine.submit(acquire('holder', 'name:board-1'), () => null);
    await daemon.lease().wait('board-1');
    const other = daemon.lease();
    expect((await daemon.http.put(other.path, acquireJson(other.id, 'board-1'))).status).toBe(429);
    expect(await refusals('limit')).toBe(1);
  });
});
