import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MadeTokenJson } from '../../../src/core/wire-identity.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf, problemOf } from '../../support/http.ts';

const PASSWORD = 'correct horse';

let daemon: TestDaemon;
let key: string;
beforeEach(async () => {
  daemon = await startDaemon({ resources: ['board-1'] });
  await daemon.daemon.identities.people.add({ name: 'root', role: 'admin', password: PASSWORD, mail: null });
  const { secret } = daemon.daemon.identities.credentials.openLogin(daemon.daemon.identities.people.list()[0]!);
  const headers = { authorization: `Bearer ${secret}` };
  const made = await daemon.http.post('/api/v2/tokens', { name: 'wall', role: 'admin' }, { headers });
  key = jsonOf<MadeTokenJson>(made).secret;
});
afterEach(() => daemon.close());

test('a link to a wall leaves its key in a cookie, and not in the address', async () => {
  const answer = await daemon.http.get(`/wall?key=${key}&tag=imx8`);
  expect([answer.status, answer.headers.location]).toEqual([303, '/wall?tag=imx8']);
  expect(String(answer.headers['set-cookie'])).toMatch(
    /^rentabot-wall=[\w-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
  );
});

test('the key opens the wall and its stream, and nothing else, even where its token may do everything', async () => {
  const headers = { cookie: `rentabot-wall=${key}` };
  expect((await daemon.http.get('/wall', { headers })).status).toBe(200);
  const stream = await daemon.http.stream('GET', '/board/events', { headers });
  expect((await stream.next()).event).toBe('whole');
  for (const path of ['/', '/admin', '/day', '/resources/board-1', '/api/v2/resources', '/api/v2/users', '/metrics']) {
    expect(problemOf(await daemon.http.get(path, { headers })).code, path).toBe('unauthorized');
  }
  const offline = await daemon.http.post('/api/v2/resources/board-1/offline', { reason: 'x' }, { headers });
  expect(problemOf(offline).code).toBe('unauthorized');
  for (const token of daemon.daemon.identities.credentials.list({ name: 'root', role: 'admin' }))
    if (token.name === 'wall') daemon.daemon.identities.credentials.revoke({ name: 'root', role: 'admin' }, token.id);
  await stream.end();
  expect(problemOf(await daemon.http.get('/wall', { headers })).code).toBe('unauthorized');
});

test('a key that is none, or is more than one, opens nothing and sets nothing', async () => {
  for (const bad of ['rb_nonsense', 'a%0d%0ab', 'a;b', '']) {
    const answer = await daemon.http.get(`/wall?key=${bad}`);
    expect(problemOf(answer).code, bad).toBe('unauthorized');
    expect(answer.headers['set-cookie']).toBeUndefined();
  }
});
