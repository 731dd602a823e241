import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAtLeast, ROLES } from '../../src/core/access.ts';
import type { Role } from '../../src/core/model.ts';
import { allRoutes } from '../../src/daemon/app.ts';
import type { ApiRoute } from '../../src/daemon/routes/route.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { Http, jsonOf, problemOf } from '../support/http.ts';

/** Every route, asked by every role; what it is asked for does not matter, only whether it is let in. */
let daemon: TestDaemon;
let role: Role = 'admin';

beforeAll(async () => {
  daemon = await startDaemon({
    // The walk over the routes, as an admin, removes the one that it names.
    resources: ['board-1', 'board-2'],
    identify: () => ({ name: role === 'nobody' ? '' : 'ann', role }),
  });
});
afterAll(() => daemon.close());

/** The status and the code of a refusal, without waiting for the end of a stream. */
async function asked({ method, path }: ApiRoute, headers: Record<string, string> = {}): Promise<string> {
  const filled = path.replace(':id', '01JD3X6T8Q5W0Z9Y7R2M4K1N3B').replace(/:\w+/g, 'board-1');
  const { host, port } = daemon.http.where as { host: string; port: number };
  const gone = new AbortController();
  const response = await fetch(`http://${host}:${port}${filled}`, {
    method: method.toUpperCase(),
    headers: { ...headers, ...(method === 'get' ? {} : { 'content-type': 'application/json' }) },
    ...(method === 'get' ? {} : { body: '{}' }),
    redirect: 'manual',
    signal: gone.signal,
  });
  const isJson = response.headers.get('content-type')?.includes('json') && response.status >= 400;
  // Protocols of other tools say it in their own words.
  const { code, detail, message } = isJson ? ((await response.json()) as Partial<Record<string, string>>) : {};
  gone.abort();
  const isRefused = code === 'unauthorized' || (code === undefined && response.status === 401);
  const isDenied = /^this needs the role/.test(detail ?? message ?? '');
  return isRefused || isDenied ? `${response.status} ${isDenied ? 'denied' : 'unauthorized'}` : 'let in';
}

function expected(needs: Role, has: Role): string {
  if (isAtLeast(has, needs)) return 'let in';
  return has === 'nobody' ? '401 unauthorized' : '403 denied';
}

describe.each(ROLES)('as %s', (has) => {
  test('every route lets in who has the role that it needs, and nobody else', async () => {
    role = has;
    const routes = allRoutes(daemon.daemon);
    expect(routes.length).toBeGreaterThan(15);
    for (const route of routes) {
      expect(await asked(route), `${has}: ${route.method} ${route.path}`).toBe(expected(route.needs, has));
    }
  });
});

test('a secret of a lease stands in for a role where a route says so, and nowhere else', async () => {
  role = 'nobody';
  const secret = { authorization: `Lease ${'x'.repeat(22)}` };
  for (const route of allRoutes(daemon.daemon)) {
    const expected = route.orSecret || route.needs === 'nobody' ? 'let in' : '401 unauthorized';
    expect(await asked(route, secret), `${route.method} ${route.path}`).toBe(expected);
  }
});

test('the right secret keeps and gives back its own lease, and opens no other', async () => {
  role = 'user';
  const [own, other] = [daemon.lease(), daemon.lease()];
  await own.hold('board-2');
  await other.wait('board-2');
  role = 'nobody';
  const { authorization } = own.authorization as { authorization: string };
  const renew = (id: string) => daemon.http.post(`/api/v2/leases/${id}/renew`, {}, { headers: { authorization } });
  expect((await renew(own.id)).status).toBe(200);
  expect(problemOf(await renew(other.id)).code).toBe('denied');
  const list = await daemon.http.get('/api/v2/leases', { headers: { authorization } });
  expect(problemOf(list).code).toBe('unauthorized');
  const release = (id: string) => daemon.http.delete(`/api/v2/leases/${id}`, { headers: { authorization } });
  expect(problemOf(await release(other.id)).code).toBe('denied');
  expect((await release(own.id)).status).toBe(204);
});

test('a path that does not exist is not there for anybody', async () => {
  role = 'admin';
  const strange = new Http(daemon.http.where);
  expect(jsonOf(await strange.get('/api/v2/passwords')).code).toBe('not-found');
  strange.close();
});
