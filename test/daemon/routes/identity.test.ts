import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryJson } from '../../../src/core/wire.ts';
import type {
  LoggedInJson,
  MadeTokenJson,
  TokensJson,
  UsersJson,
  WhoamiJson,
} from '../../../src/core/wire-identity.ts';
import { acquireJson } from '../../support/builders-daemon.ts';
import { FakeClock } from '../../support/clock.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { type Answer, jsonOf, problemOf } from '../../support/http.ts';

const PASSWORD = 'correct horse';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let clock: FakeClock;
let daemon: TestDaemon;
beforeEach(async () => {
  clock = new FakeClock();
  daemon = await startDaemon({ resources: ['board-1', 'board-2'], clock });
});
afterEach(() => daemon.close());

type Headers = Readonly<Record<string, string>>;

const bearer = (token: string | null): Headers => ({ authorization: `Bearer ${token}` });

/** Adds a user and logs them in. */
async function user(name: string, role: string, as: Headers = {}): Promise<Headers> {
  const added = await daemon.http.post('/api/v2/users', { name, role, password: PASSWORD }, { headers: as });
  expect(added.status, added.text).toBe(200);
  return bearer((await login(name)).token);
}

async function login(name: string, password = PASSWORD): Promise<LoggedInJson> {
  const answer = await daemon.http.post('/api/v2/session', { name, password, for: 'cli' });
  expect(answer.status, answer.text).toBe(200);
  return jsonOf<LoggedInJson>(answer);
}

/** Logs a browser in: what it sends with everything, and what its pages know. */
async function browser(
  name: string,
): Promise<{ readonly cookie: Headers; readonly csrf: Headers; readonly set: string }> {
  const answer = await daemon.http.post('/api/v2/session', { name, password: PASSWORD });
  const set = String(answer.headers['set-cookie']);
  const csrf = { 'x-rentabot-csrf': jsonOf<LoggedInJson>(answer).csrf ?? '' };
  return { cookie: { cookie: set.split(';')[0] ?? '' }, csrf, set };
}

async function whoami(headers: Headers = {}): Promise<WhoamiJson> {
  return jsonOf<WhoamiJson>(await daemon.http.get('/api/v2/whoami', { headers }));
}

async function token(name: string, as: Headers, more: object = {}): Promise<MadeTokenJson> {
  const answer = await daemon.http.post('/api/v2/tokens', { name, role: 'user', ...more }, { headers: as });
  expect(answer.status, answer.text).toBe(200);
  return jsonOf<MadeTokenJson>(answer);
}

const codeOf = (answer: Answer): string => problemOf(answer).code;

describe('a daemon that knows nobody', () => {
  test("is everybody's, and says so", async () => {
    expect(await whoami()).toEqual({ name: '', role: 'admin', identities: false, csrf: null });
    expect((await daemon.http.get('/api/v2/users')).status).toBe(200);
    expect(await whoami(bearer('whatever a proxy wants'))).toMatchObject({ role: 'admin' });
    const refused = problemOf(await daemon.http.post('/api/v2/session', { name: 'alice', password: PASSWORD }));
    expect(refused.detail).toContain('knows nobody');
  });

  test('takes an admin as the first, and nobody else', async () => {
    for (const [path, body] of [
      ['/api/v2/users', { name: 'bob', role: 'user', password: PASSWORD }],
      ['/api/v2/tokens', { name: 'ci', role: 'user' }],
    ] as const) {
      expect(problemOf(await daemon.http.post(path, body)).detail).toContain('the first');
    }
    expect(await whoami()).toMatchObject({ identities: false });
    await user('alice', 'admin');
    expect(await whoami()).toEqual({ name: '', role: 'nobody', identities: true, csrf: null });
    expect(codeOf(await daemon.http.get('/api/v2/resources'))).toBe('unauthorized');
  });

  test('that is private stays so', async () => {
    const own = await startDaemon({ describe: async () => {} });
    for (const path of ['/api/v2/users', '/api/v2/tokens']) {
      const refused = problemOf(await own.http.post(path, { name: 'alice', role: 'admin', password: PASSWORD }));
      expect(refused.detail).toContain('a private daemon has one user');
    }
    await own.close();
  });
});

describe('a lease', () => {
  test('is asked for by a user, and kept and given back by its secret alone', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'user', alice);
    const lease = daemon.lease();
    expect(codeOf(await lease.put('board-1'))).toBe('unauthorized');
    const held = await daemon.http.put(lease.path, acquireJson(lease.id, 'board-1'), { headers: bob });
    expect(held.status).toBe(200);
    expect((await lease.renew()).status).toBe(200);
    expect((await lease.extend(60)).status).toBe(200);
    expect((await daemon.http.get(lease.path, { headers: lease.authorization })).status).toBe(200);
    expect(codeOf(await lease.show())).toBe('unauthorized');
    expect((await lease.release()).status).toBe(204);
  });

  test("is its owner's also without the secret, an admin's, and nobody else's", async () => {
    const alice = await user('alice', 'admin');
    const [bob, carol] = [await user('bob', 'user', alice), await user('carol', 'user', alice)];
    const hold = async (name: string) => {
      const lease = daemon.lease();
      await daemon.http.put(lease.path, acquireJson(lease.id, name), { headers: bob });
      return lease;
    };
    const [one, two] = [await hold('board-1'), await hold('board-2')];
    expect(codeOf(await daemon.http.delete(one.path, { headers: carol }))).toBe('denied');
    expect((await daemon.http.delete(one.path, { headers: bob })).status).toBe(204);
    expect((await daemon.http.delete(two.path, { headers: alice })).status).toBe(204);
  });

  test('that nobody asked for is not remembered for a stranger, only for somebody known', async () => {
    const alice = await user('alice', 'admin');
    const [made, sent] = [daemon.lease(), daemon.lease()];
    expect(codeOf(await made.release())).toBe('unauthorized');
    const key = { 'x-api-key': (alice.authorization ?? '').slice('Bearer '.length) };
    const release = await daemon.http.delete(sent.path, { headers: { ...sent.authorization, ...key } });
    expect(release.status).toBe(204);
    const late = await daemon.http.put(sent.path, acquireJson(sent.id, 'board-1'), { headers: alice });
    expect(codeOf(late)).toBe('lost');
  });

  test('is kept and given back by its secret although the token beside it is no longer good', async () => {
    const alice = await user('alice', 'admin');
    const { secret } = await token('ci', alice);
    const lease = daemon.lease();
    await daemon.http.put(lease.path, acquireJson(lease.id, 'board-1'), { headers: bearer(secret) });
    await daemon.http.delete('/api/v2/tokens/ci', { headers: alice });
    const headers = { ...lease.authorization, 'x-api-key': secret };
    expect((await daemon.http.post(`${lease.path}/renew`, {}, { headers })).status).toBe(200);
    expect((await daemon.http.delete(lease.path, { headers })).status).toBe(204);
  });
});

describe('users', () => {
  test('are listed without a trace of their passwords', async () => {
    const alice = await user('alice', 'admin');
    const answer = await daemon.http.get('/api/v2/users', { headers: alice });
    expect(jsonOf<UsersJson>(answer).users).toMatchObject([{ name: 'alice', role: 'admin', mail: null }]);
    expect(answer.text).not.toMatch(/scrypt|hash|password/i);
  });

  test.each(['', 'a b', 'a/b', 'nobody', 'Anonymous', '.alice', 'a'.repeat(65), 'a\u202eb'])(
    'have no name like %j',
    async (name) => {
      const answer = await daemon.http.post('/api/v2/users', { name, role: 'admin', password: PASSWORD });
      expect(answer.status).toBe(422);
    },
  );

  test('whose names look the same are one', async () => {
    const alice = await user('alice', 'admin');
    for (const name of ['Alice', 'ALICE', '\uff41lice']) {
      const answer = await daemon.http.post(
        '/api/v2/users',
        { name, role: 'user', password: PASSWORD },
        { headers: alice },
      );
      expect(codeOf(answer)).toBe('conflict');
    }
    expect((await login('ALICE')).name).toBe('alice');
  });

  test('are added once, however often the same is said', async () => {
    const alice = await user('alice', 'admin');
    const bob = { name: 'bob', role: 'user', password: PASSWORD };
    const add = (body: object) => daemon.http.post('/api/v2/users', body, { headers: alice });
    expect((await add(bob)).text).toBe((await add(bob)).text);
    expect(codeOf(await add({ ...bob, password: 'another horse' }))).toBe('conflict');
    expect(codeOf(await add({ ...bob, role: 'admin' }))).toBe('conflict');
    await login('bob');
  });

  test('change their own password with the old one, which ends every other login', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'user', alice);
    const other = await user('bob2', 'user', alice);
    const open = await browser('bob');
    const patch = (name: string, body: object, headers: Headers) =>
      daemon.http.ask('PATCH', `/api/v2/users/${name}`, { body, headers });
    const password = 'battery staple';
    expect(codeOf(await patch('bob', { password }, bob))).toBe('usage');
    expect(codeOf(await patch('bob', { password, current: 'wrong' }, bob))).toBe('denied');
    expect(codeOf(await patch('bob', { role: 'admin' }, bob))).toBe('denied');
    expect(codeOf(await patch('bob', { password, current: PASSWORD }, other))).toBe('denied');
    expect((await patch('bob', { password, current: PASSWORD }, bob)).status).toBe(200);
    expect(await whoami(bob)).toMatchObject({ name: 'bob' });
    expect(await whoami(open.cookie)).toMatchObject({ role: 'nobody' });
    expect(codeOf(await daemon.http.post('/api/v2/session', { name: 'bob', password: PASSWORD }))).toBe('unauthorized');
    await login('bob', password);
    expect((await patch('bob', { password: PASSWORD }, alice)).status).toBe(200);
    expect(codeOf(await daemon.http.get('/api/v2/resources', { headers: bob }))).toBe('unauthorized');
  });

  test('may do at once what their new role allows, and no more', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'user', alice);
    await daemon.http.ask('PATCH', '/api/v2/users/bob', { body: { role: 'viewer' }, headers: alice });
    expect(await whoami(bob)).toMatchObject({ role: 'viewer' });
    const lease = daemon.lease();
    expect(codeOf(await daemon.http.put(lease.path, acquireJson(lease.id, 'board-1'), { headers: bob }))).toBe(
      'denied',
    );
  });

  test('that are removed take their sessions and tokens with them, and streams end', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'user', alice);
    const own = await token('laptop', bob);
    const open = await browser('bob');
    const stream = await daemon.http.stream('GET', '/api/v2/events', { headers: bearer(own.secret) });
    const others = await daemon.http.stream('GET', '/api/v2/events', { headers: alice });
    expect((await daemon.http.delete('/api/v2/users/bob', { headers: alice })).status).toBe(204);
    await stream.end();
    expect(others.ended).toBe(false);
    others.close();
    for (const headers of [bob, bearer(own.secret)]) {
      expect(codeOf(await daemon.http.get('/api/v2/resources', { headers }))).toBe('unauthorized');
    }
    expect(await whoami(open.cookie)).toMatchObject({ role: 'nobody' });
  });

  test('keep an admin: the last one goes only with the last of all, on a daemon for this host alone', async () => {
    const alice = await user('alice', 'admin');
    await user('bob', 'user', alice);
    const patch = { body: { role: 'user' }, headers: alice };
    expect(codeOf(await daemon.http.ask('PATCH', '/api/v2/users/alice', patch))).toBe('conflict');
    expect(codeOf(await daemon.http.delete('/api/v2/users/alice', { headers: alice }))).toBe('conflict');
    await daemon.http.delete('/api/v2/users/bob', { headers: alice });
    expect((await daemon.http.delete('/api/v2/users/alice', { headers: alice })).status).toBe(204);
    expect(await whoami()).toMatchObject({ role: 'admin', identities: false });
  });

  test('keep an admin in any case where others than this host can connect', async () => {
    const exposed = await startDaemon({ exposed: true });
    const add = { name: 'alice', role: 'admin', password: PASSWORD };
    await exposed.http.post('/api/v2/users', add);
    const made = await exposed.http.post('/api/v2/session', { ...add, role: undefined, for: 'cli' });
    const headers = bearer(jsonOf<LoggedInJson>(made).token);
    expect(codeOf(await exposed.http.delete('/api/v2/users/alice', { headers }))).toBe('conflict');
    await exposed.close();
  });
});

describe('tokens', () => {
  test('that an admin makes stand for themselves; their secret is told once', async () => {
    const alice = await user('alice', 'admin');
    const made = await token('ci', alice);
    expect(made.secret).toMatch(/^rb_[\w-]{32}$/);
    expect(made.token).toMatchObject({ name: 'ci', role: 'user', owner: '', createdBy: 'alice', expires: null });
    expect(await whoami(bearer(made.secret))).toMatchObject({ name: 'ci', role: 'user' });
    expect(await whoami({ 'x-api-key': made.secret })).toMatchObject({ name: 'ci', role: 'user' });
    const list = await daemon.http.get('/api/v2/tokens', { headers: alice });
    expect(jsonOf<TokensJson>(list).tokens.map(({ name, login: made }) => [name, made])).toEqual([
      ['alice', true],
      ['ci', false],
    ]);
    expect(list.text).not.toContain(made.secret.slice(3));
    expect(list.text).not.toMatch(/hash/i);
  });

  test("that a user makes are the user's, can do no more, and are seen by the user and admins alone", async () => {
    const alice = await user('alice', 'admin');
    const [bob, carol] = [await user('bob', 'user', alice), await user('carol', 'user', alice)];
    const made = await token('laptop', bob, { role: 'viewer' });
    expect(await whoami(bearer(made.secret))).toMatchObject({ name: 'bob/laptop', role: 'viewer' });
    expect(codeOf(await daemon.http.post('/api/v2/tokens', { name: 'x', role: 'admin' }, { headers: bob }))).toBe(
      'denied',
    );
    const names = async (headers: Headers) =>
      jsonOf<TokensJson>(await daemon.http.get('/api/v2/tokens', { headers })).tokens.map(({ name }) => name);
    expect(await names(bob)).toEqual(['bob', 'bob/laptop']);
    expect(await names(carol)).toEqual(['carol']);
    expect(await names(alice)).toEqual(['alice', 'bob', 'bob/laptop', 'carol']);
    expect(codeOf(await daemon.http.delete(`/api/v2/tokens/${made.token.id}`, { headers: carol }))).toBe('not-found');
    expect((await daemon.http.delete('/api/v2/tokens/laptop', { headers: bob })).status).toBe(204);
    expect(codeOf(await daemon.http.get('/api/v2/queue', { headers: bearer(made.secret) }))).toBe('unauthorized');
  });

  test("make no other tokens, unless they are an admin's", async () => {
    const alice = await user('alice', 'admin');
    const { secret } = await token('ci', alice);
    const refused = await daemon.http.post('/api/v2/tokens', { name: 'x', role: 'user' }, { headers: bearer(secret) });
    expect(codeOf(refused)).toBe('denied');
    const robot = await token('robot', alice, { role: 'admin' });
    await token('y', bearer(robot.secret));
  });

  test('never have more rights than their owner has now', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'user', alice);
    const { secret } = await token('laptop', bob);
    await daemon.http.ask('PATCH', '/api/v2/users/bob', { body: { role: 'viewer' }, headers: alice });
    expect(await whoami(bearer(secret))).toMatchObject({ role: 'viewer' });
  });

  test('expire, and an expired one keeps the daemon closed all the same', async () => {
    const { secret } = await token('robot', {}, { role: 'admin', for: 60 });
    expect(await whoami(bearer(secret))).toMatchObject({ name: 'robot' });
    clock.advance(60_000);
    const refused = problemOf(await daemon.http.get('/api/v2/resources', { headers: bearer(secret) }));
    expect([refused.code, refused.detail]).toEqual([
      'unauthorized',
      expect.stringContaining('the token robot expired'),
    ]);
    expect(codeOf(await daemon.http.get('/api/v2/resources'))).toBe('unauthorized');
  });

  test('and users share their names', async () => {
    const alice = await user('alice', 'admin');
    await token('ci', alice);
    for (const [path, body] of [
      ['/api/v2/tokens', { name: 'ci', role: 'user' }],
      ['/api/v2/tokens', { name: 'alice', role: 'user' }],
      ['/api/v2/users', { name: 'ci', role: 'user', password: PASSWORD }],
    ] as const) {
      expect(codeOf(await daemon.http.post(path, body, { headers: alice }))).toBe('conflict');
    }
  });

  test('say when they were used last', async () => {
    const alice = await user('alice', 'admin');
    const { secret, token: made } = await token('ci', alice);
    expect(made.lastUsed).toBeNull();
    clock.advance(5000);
    await whoami(bearer(secret));
    const list = jsonOf<TokensJson>(await daemon.http.get('/api/v2/tokens', { headers: alice })).tokens;
    expect(list.find(({ name }) => name === 'ci')?.lastUsed).toBe(new Date(clock.now()).toISOString());
  });
});

describe('a browser', () => {
  test('gets a cookie that scripts do not see and other sites do not send', async () => {
    await user('alice', 'admin');
    const { set, cookie } = await browser('alice');
    expect(set).toMatch(/^rentabot-session=[\w-]{43}\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
    expect(await whoami(cookie)).toMatchObject({
      name: 'alice',
      role: 'admin',
      csrf: expect.stringMatching(/^.{43}$/),
    });
  });

  test('changes nothing without what only our own pages know', async () => {
    await user('alice', 'admin');
    const { cookie, csrf } = await browser('alice');
    const offline = (headers: Headers) =>
      daemon.http.post('/api/v2/resources/board-1/offline', { reason: 'fan' }, { headers });
    expect(codeOf(await offline(cookie))).toBe('denied');
    expect(codeOf(await offline({ ...cookie, 'x-rentabot-csrf': 'x'.repeat(43) }))).toBe('denied');
    const other = await browser('alice');
    expect(codeOf(await offline({ ...cookie, ...other.csrf }))).toBe('denied');
    expect((await offline({ ...cookie, ...csrf })).status).toBe(200);
    expect((await daemon.http.get('/api/v2/resources', { headers: cookie })).status).toBe(200);
  });

  test('with a cookie that was changed, forged or has expired is a stranger', async () => {
    await user('alice', 'admin');
    const { cookie } = await browser('alice');
    const value = cookie.cookie ?? '';
    const changed = value.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const forged of [
      changed,
      value.replace(/\..*/, ''),
      'rentabot-session=',
      `rentabot-session=${'x'.repeat(87)}`,
    ]) {
      expect(await whoami({ cookie: forged }), forged).toMatchObject({ role: 'nobody' });
    }
    expect(await whoami({ cookie: `a=b; ${value}; c=d` })).toMatchObject({ role: 'admin' });
    clock.advance(30 * 86_400_000);
    expect(await whoami(cookie)).toMatchObject({ role: 'nobody' });
  });

  test('logs in and out with plain forms, and comes to where it wanted to go', async () => {
    await user('alice', 'admin');
    const sent = await daemon.http.get('/docs', { headers: { accept: 'text/html' } });
    expect([sent.status, sent.headers.location]).toEqual([303, '/login?next=%2Fdocs']);
    const form = await daemon.http.get('/login?next=%2Fdocs');
    expect(form.text).toContain('<input type="hidden" name="next" value="/docs">');
    expect(form.headers['content-security-policy']).toContain("form-action 'self'");
    const post = (body: string) => daemon.http.ask('POST', '/api/v2/session', { headers: FORM, body });
    const wrong = await post('name=alice&password=wrong');
    expect([wrong.status, wrong.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(wrong.text).toContain('the name or the password is wrong');
    const opened = await post('name=alice&password=correct+horse&next=%2Fdocs');
    expect([opened.status, opened.headers.location]).toEqual([303, '/docs']);
    const cookie = { cookie: String(opened.headers['set-cookie']).split(';')[0] ?? '' };
    const page = await daemon.http.get('/logout', { headers: cookie });
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.text) ?? [];
    const leave = (body: string) => daemon.http.ask('POST', '/logout', { headers: { ...FORM, ...cookie }, body });
    expect(codeOf(await leave('csrf=wrong'))).toBe('denied');
    expect(await whoami(cookie)).toMatchObject({ name: 'alice' });
    const left = await leave(`csrf=${csrf}`);
    expect([left.status, left.headers.location]).toEqual([303, '/login']);
    expect(String(left.headers['set-cookie'])).toContain('Max-Age=0');
    expect(await whoami(cookie)).toMatchObject({ role: 'nobody' });
  });

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example', '/a\r\nb', 'javascript:alert(1)'])(
    'is not led to %j after the login',
    async (next) => {
      await user('alice', 'admin');
      const body = `name=alice&password=correct+horse&next=${encodeURIComponent(next)}`;
      const opened = await daemon.http.ask('POST', '/api/v2/session', { headers: FORM, body });
      expect(opened.headers.location).toBe('/');
    },
  );

  test('logs out by program only with what its pages know', async () => {
    await user('alice', 'admin');
    const { cookie, csrf } = await browser('alice');
    expect(codeOf(await daemon.http.delete('/api/v2/session', { headers: cookie }))).toBe('denied');
    expect((await daemon.http.delete('/api/v2/session', { headers: { ...cookie, ...csrf } })).status).toBe(204);
    expect(await whoami(cookie)).toMatchObject({ role: 'nobody' });
  });
});

describe('logging in', () => {
  test('does not say whether it was the name or the password that was wrong', async () => {
    await user('alice', 'admin');
    const answers = [];
    for (const name of ['alice', 'eve']) {
      answers.push((await daemon.http.post('/api/v2/session', { name, password: 'not the one' })).text);
    }
    expect(answers[0]).toBe(answers[1]);
  });

  test('is slowed down after some wrong passwords, also for the right one', async () => {
    await user('alice', 'admin');
    const attempt = (password: string) => daemon.http.post('/api/v2/session', { name: 'alice', password });
    for (let i = 0; i < 10; i += 1) expect((await attempt('not the one')).status).toBe(401);
    const limited = await attempt(PASSWORD);
    expect([codeOf(limited), Number(limited.headers['retry-after'])]).toEqual(['limit', 900]);
    clock.advance(900_000);
    expect((await attempt(PASSWORD)).status).toBe(200);
  });

  test('leaves nothing secret in the log, nor in the history', async () => {
    const alice = await user('alice', 'admin');
    const { secret } = await token('ci', alice);
    await daemon.http.post('/api/v2/session', { name: 'alice', password: 'a wrong secret' });
    const { set, csrf } = await browser('alice');
    const history = await daemon.http.get('/api/v2/history', { headers: alice });
    const metrics = await daemon.http.get('/metrics', { headers: alice });
    const said = [...daemon.lines, history.text, metrics.text].join('\n');
    const value = /=([^;]+)/.exec(set)?.[1] ?? 'none';
    const secrets = [
      PASSWORD,
      'a wrong secret',
      secret,
      value,
      csrf['x-rentabot-csrf'] ?? '',
      alice.authorization ?? '',
    ];
    for (const one of secrets) expect(said).not.toContain(one.replace('Bearer ', ''));
  });
});

describe('the history', () => {
  const AUDIT = /^(user|token|password|log)/;

  async function audited(headers: Headers): Promise<string[]> {
    const answer = await daemon.http.get('/api/v2/history', { headers });
    return jsonOf<HistoryJson>(answer)
      .events.filter(({ type }) => AUDIT.test(type))
      .reverse()
      .map(({ type, by, about, note }) => `${by || '-'} ${type} ${about || '-'}${note ? ` (${note})` : ''}`);
  }

  test('says who did what to whom, and not what was typed by mistake', async () => {
    const alice = await user('alice', 'admin');
    await user('bob', 'user', alice);
    await token('ci', alice);
    await daemon.http.delete('/api/v2/tokens/ci', { headers: alice });
    for (const name of ['bob', 'my secret password'])
      await daemon.http.post('/api/v2/session', { name, password: 'not the one' });
    await daemon.http.ask('PATCH', '/api/v2/users/bob', {
      body: { role: 'viewer', password: 'battery staple' },
      headers: alice,
    });
    await daemon.http.delete('/api/v2/users/bob', { headers: alice });
    expect(await audited(alice)).toEqual([
      '- user-added alice (admin)',
      'alice logged-in alice (127.0.0.1)',
      'alice user-added bob (user)',
      'bob logged-in bob (127.0.0.1)',
      'alice token-created ci (user)',
      'alice token-revoked ci',
      '- login-failed bob (127.0.0.1)',
      '- login-failed - (127.0.0.1)',
      'alice password-changed bob',
      'alice user-changed bob (viewer)',
      'alice user-removed bob',
    ]);
    expect(daemon.lines.some((line) => line.includes('user-removed') && line.includes('about=bob'))).toBe(true);
  });

  test('shows that to admins alone, also as it happens', async () => {
    const alice = await user('alice', 'admin');
    const bob = await user('bob', 'viewer', alice);
    expect(await audited(bob)).toEqual([]);
    expect(await audited(alice)).toHaveLength(4);
    const open = (headers: Headers) =>
      daemon.http.stream('GET', '/api/v2/events', { headers: { ...headers, 'last-event-id': '0' } });
    const [seen, hidden] = [await open(alice), await open(bob)];
    await daemon.http.delete('/api/v2/session', { headers: await user('carol', 'user', alice) });
    await daemon.http.post('/api/v2/resources/board-1/offline', { reason: 'fan' }, { headers: alice });
    for (const stream of [seen, hidden]) await stream.nextOf('resource-offline');
    const types = (stream: typeof seen) => stream.seen.map(({ event }) => event).filter((type) => AUDIT.test(type));
    expect(types(hidden)).toEqual([]);
    expect(types(seen)).toEqual([
      ...['user-added', 'logged-in', 'user-added', 'logged-in'],
      ...['user-added', 'logged-in', 'logged-out'],
    ]);
    for (const stream of [seen, hidden]) stream.close();
  });
});
