import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acquireJson, newId } from '../../support/builders-daemon.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { type Answer, problemOf } from '../../support/http.ts';

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const RUNS = Number(process.env.RENTABOT_RUNS ?? 1500);

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon({ resources: ['board-1', 'board-2'] });
  await daemon.lease().hold('board-1', { ttl: 3600 });
});
afterAll(() => daemon.close());

/** What a client's mistake must not change: all but the ids that it may burn. */
function world(): Promise<string> {
  return daemon.engine.read(({ state }) =>
    JSON.stringify([[...state.leases.keys()], [...state.queue.byId.keys()], state.catalogue.size, state.counters]),
  );
}

/** No answer to any client is a fault of ours; a refusal is a whole problem. */
function expectDecent(answer: Answer): void {
  if (answer.status >= 500) throw new Error(`${answer.status}: ${answer.text}`);
  if (answer.status >= 400) problemOf(answer);
}

const scalar = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    'board-1',
    'board-2',
    '__proto__',
    'constructor',
    'gpu && (a || b)',
    '!',
    '((((',
    'mem>=24',
    "'",
    '*',
    '\u0000',
  ),
);
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 4 }),
  ),
})).value;

const KEYS = ['secret', 'want', 'ttl', 'wait', 'hold', 'priority', 'note', 'holder', 'guarded', 'other', '__proto__'];
const WANT_KEYS = ['name', 'id', 'tags', 'where', 'count', 'mode', 'other'];
const wants = fc.array(fc.dictionary(fc.constantFrom(...WANT_KEYS), json, { maxKeys: 3 }), { maxLength: 4 });
const nearly = fc
  .record({ part: fc.dictionary(fc.constantFrom(...KEYS), json, { maxKeys: 4 }), wants: fc.option(wants) })
  .map(({ part, wants: given }) => ({
    ...acquireJson('x', 'board-2', { wait: 0 }),
    ...part,
    ...(given ? { want: given } : {}),
  }));

test(`no body of an acquire is a fault of the daemon, and a refused one changes nothing (RENTABOT_SEED=${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(json, nearly), async (body) => {
      const path = `/api/v2/leases/${newId()}`;
      const before = await world();
      const answer = await daemon.http.put(path, JSON.stringify(body) ?? 'undefined');
      expectDecent(answer);
      if (answer.status < 300) await daemon.http.delete(path);
      else if (answer.status === 400 || answer.status === 422) expect(await world()).toBe(before);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test(`no expression is one either (RENTABOT_SEED=${SEED})`, async () => {
  const token = fc.constantFrom(
    'gpu',
    '&&',
    '||',
    '!',
    '(',
    ')',
    'name=board-*',
    'mem>=24',
    "'a b'",
    '=',
    '<',
    '*',
    '?',
    '\\',
    '"',
    ' ',
    '🚀',
  );
  const where = fc.oneof(
    fc.array(token, { maxLength: 30 }).map((parts) => parts.join('')),
    fc.string({ maxLength: 60, unit: 'binary' }),
  );
  await fc.assert(
    fc.asyncProperty(where, async (text) => {
      const answer = await daemon.http.post('/api/v2/why', { want: [{ where: text }] });
      expectDecent(answer);
      expect([200, 422]).toContain(answer.status);
    }),
    { seed: SEED, numRuns: RUNS / 2 },
  );
  for (const text of [
    '('.repeat(2000),
    '!'.repeat(2000),
    `${'!('.repeat(600)}a${')'.repeat(600)}`,
    `${'a&&'.repeat(600)}a`,
    'name=*'.padEnd(300, '*a'),
  ]) {
    expectDecent(await daemon.http.post('/api/v2/why', { want: [{ where: text }] }));
    expectDecent(
      await daemon.http.put(`/api/v2/leases/${newId()}`, {
        ...acquireJson('x', 'a', { wait: 0 }),
        want: [{ where: text }],
      }),
    );
  }
});

test('a pattern of many stars is looked for in a bounded time', async () => {
  await daemon.declare(['board-1', 'board-2', 'a'.repeat(200)]);
  const where = `name=${'*a'.repeat(150)}*b`;
  const begun = performance.now();
  const answer = await daemon.http.put(`/api/v2/leases/${newId()}`, { ...acquireJson('x', 'a'), want: [{ where }] });
  expect(problemOf(answer).code).toBe('impossible');
  // Every way to place the stars would take longer than the universe.
  expect(performance.now() - begun).toBeLessThan(30_000);
});

test(`no address, method or header is one (RENTABOT_SEED=${SEED})`, async () => {
  const part = fc.oneof(
    fc.constantFrom(
      'api',
      'v2',
      'leases',
      'resources',
      'queue',
      'history',
      'events',
      'why',
      'stop',
      'offline',
      'online',
      'renew',
      'extend',
      'healthz',
      'metrics',
      'docs',
      'openapi.json',
      'board-1',
      '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      '..',
      '.',
      '',
      '%',
      '%00',
      '%2F',
      '%ff',
    ),
    fc.webSegment(),
  );
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
    fc.constantFrom(
      '?limit=1',
      '?limit=%',
      '?block=1e400',
      '?since=%00',
      '?resource=%ff',
      '?before=9e99',
      '?after=__proto__',
      '?ended=',
    ),
  );
  const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND');
  const headers = fc.dictionary(
    fc.constantFrom(
      'authorization',
      'accept',
      'content-type',
      'last-event-id',
      'rentabot-descriptor',
      'if-none-match',
      'content-encoding',
    ),
    fc.oneof(
      fc.constantFrom('Lease x', 'application/json', '*/*', '-1', '/etc/passwd', 'gzip', '%%%'),
      fc.string({ maxLength: 30 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
    ),
    { maxKeys: 3 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 6 }),
      query,
      method,
      headers,
      fc.option(json),
      async (parts, search, verb, given, body) => {
        const before = await world();
        const known = parts.join('/') === 'api/v2/events' || /text\/event-stream/.test(given.accept ?? '');
        if (known) return;
        const answer = await daemon.http.ask(verb, `/${parts.join('/')}${search}`, {
          headers: given,
          ...(body === null ? {} : { body: JSON.stringify(body) ?? '' }),
        });
        if (verb !== 'HEAD') expectDecent(answer);
        else expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) expect(await world()).toBe(before);
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
});

test('and nothing of it was worth an error in the log', () => {
  expect(daemon.lines.filter((line) => / error /i.test(line))).toEqual([]);
  expect(daemon.troubles).toEqual([]);
});
