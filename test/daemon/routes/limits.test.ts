import { afterEach, expect, test } from 'vitest';
import { acquireJson, newId } from '../../support/builders-daemon.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { problemOf } from '../../support/http.ts';

/** Each limit by its name: reached, answered with that name, and there again when there is room. */
let daemon: TestDaemon;
afterEach(() => daemon.close());

test('waiters', async () => {
  daemon = await startDaemon({ resources: ['a', 'b'], limits: { waiters: 3 } });
  const holder = daemon.lease();
  await holder.hold('a');
  for (let i = 0; i < 3; i += 1) await daemon.lease().wait('a');
  const surplus = daemon.lease();
  const answer = await surplus.put('a');
  expect(problemOf(answer)).toMatchObject({ status: 429, code: 'limit' });
  expect(problemOf(answer).detail).toContain('(waiters)');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  await holder.release();
  expect((await surplus.put('a')).status).toBe(202);
});

test('leases', async () => {
  daemon = await startDaemon({ resources: ['a', 'b', 'c'], limits: { leases: 2 } });
  const first = daemon.lease();
  await first.hold('a');
  await daemon.lease().hold('b');
  const answer = await daemon.lease().put('c');
  expect(problemOf(answer)).toMatchObject({ status: 429, code: 'limit' });
  expect(problemOf(answer).detail).toContain('(leases)');
  expect(answer.headers['retry-after']).toBeDefined();
  await first.hold('a');
  await first.release();
  await daemon.lease().hold('c');
});

test('wants', async () => {
  daemon = await startDaemon({ resources: ['a'] });
  const many = Array.from({ length: 65 }, (_, i) => `r${i}`);
  const answer = await daemon.lease().put(many);
  expect(problemOf(answer)).toMatchObject({ status: 422, code: 'usage' });
  expect(problemOf(answer).detail).toContain('(wants) is 64');
  expect(problemOf(await daemon.lease().put(many.slice(1))).code).toBe('impossible');
});

test('wants, also where it was set higher', async () => {
  daemon = await startDaemon({ resources: ['a'], limits: { wants: 100 } });
  const many = Array.from({ length: 100 }, (_, i) => `r${i}`);
  expect(problemOf(await daemon.lease().put(many)).code).toBe('impossible');
  expect(
    problemOf(await daemon.http.post('/api/v2/why', { want: [...many, 'x'].map((name) => ({ name })) })).status,
  ).toBe(422);
  expect((await daemon.http.post('/api/v2/why', { want: many.map((name) => ({ name })) })).status).toBe(200);
});

test('units', async () => {
  daemon = await startDaemon({ resources: ['a'], limits: { units: 5 } });
  const answer = await daemon.lease().put(['3*tag:x', '3*tag:y']);
  expect(problemOf(answer)).toMatchObject({ status: 422, code: 'usage' });
  expect(problemOf(answer).detail).toContain('(units) is 5');
});

test('resources', async () => {
  daemon = await startDaemon({ resources: ['a'], limits: { resources: 3 } });
  await daemon.declare(['a', 'b', 'c']);
  await expect(daemon.declare(['a', 'b', 'c', 'd'])).rejects.toThrow('(resources) is 3');
});

test('undeclared: what is idle for longest makes place', async () => {
  daemon = await startDaemon({ undeclared: 'create', limits: { undeclared: 3 } });
  const kept = daemon.lease();
  await kept.hold('kept');
  for (let i = 0; i < 10; i += 1) {
    const client = daemon.lease();
    await client.hold(`n${i}`);
    await client.release();
  }
  const names = await daemon.engine.read(({ state }) => [...state.catalogue.byName.keys()]);
  expect(names.length).toBeLessThanOrEqual(4);
  expect(names).toContain('kept');
});

test('remembered', async () => {
  daemon = await startDaemon({ resources: ['a'], limits: { remembered: 1000 } });
  const ids = Array.from({ length: 2500 }, () => newId());
  for (let i = 0; i < ids.length; i += 50) {
    await Promise.all(ids.slice(i, i + 50).map((id) => daemon.http.delete(`/api/v2/leases/${id}`)));
  }
  const size = await daemon.engine.read(({ state }) => state.ended.size);
  expect(size).toBeGreaterThanOrEqual(1000);
  expect(size).toBeLessThanOrEqual(2000);
  expect((await daemon.http.get(`/api/v2/leases/${ids.at(-1)}`)).status).toBe(410);
  expect((await daemon.http.get(`/api/v2/leases/${ids[0]}`)).status).toBe(404);
});

test('body', async () => {
  daemon = await startDaemon({ resources: ['a'], http: { body: 1024 } });
  const id = newId();
  const text = JSON.stringify(acquireJson(id, 'a'));
  expect(problemOf(await daemon.http.put(`/api/v2/leases/${id}`, text.padEnd(1025)))).toMatchObject({ status: 413 });
  expect((await daemon.http.put(`/api/v2/leases/${id}`, text.padEnd(1024))).status).toBe(200);
});
