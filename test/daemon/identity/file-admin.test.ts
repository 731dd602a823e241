import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HistoryJson } from '../../../src/core/wire.ts';
import type { TokensJson, WhoamiJson } from '../../../src/core/wire-identity.ts';
import type { FileText } from '../../../src/daemon/descriptor-file.ts';
import { adoptAdminToken, readoptAdminToken, tokenProblem } from '../../../src/daemon/identity/file-admin.ts';
import { MemoryIdentities } from '../../../src/daemon/store/identity-memory.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { jsonOf } from '../../support/http.ts';

const FIRST = 'first-0123456789abcdefghijklmnopqrstuvwxyz';
const SECOND = 'second-0123456789abcdefghijklmnopqrstuvwxyz';

let identities: MemoryIdentities;
let daemon: TestDaemon;
let file: FileText;
beforeEach(async () => {
  identities = new MemoryIdentities();
  daemon = await startDaemon({ identities, exposed: true, resources: ['board-1'] });
});
afterEach(() => daemon.close());

function options() {
  const { engine, log, identities: known } = daemon.daemon;
  const { credentials } = known;
  return { file: '/run/token', credentials, tools: { engine, log }, isAlone: true, readFile: () => file };
}

async function adopt(text: string): Promise<void> {
  file = { type: 'text', text };
  await adoptAdminToken(options());
}

const headers = (token: string) => ({ authorization: `Bearer ${token}` });

async function roleOf(token: string): Promise<string> {
  const answer = await daemon.http.get('/api/v2/whoami', { headers: headers(token) });
  return answer.status === 200 ? jsonOf<WhoamiJson>(answer).role : String(answer.status);
}

async function tokens(as: string): Promise<TokensJson['tokens']> {
  return jsonOf<TokensJson>(await daemon.http.get('/api/v2/tokens', { headers: headers(as) })).tokens;
}

/** What the history says of tokens, from the oldest on. */
async function deeds(as: string): Promise<string[]> {
  const { events } = jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history', { headers: headers(as) }));
  return events
    .filter(({ type }) => type.startsWith('token-'))
    .map((event) => {
      const { type, by, about } = event as unknown as Record<'type' | 'by' | 'about', string>;
      return `${type} ${about} by ${by}`;
    })
    .reverse();
}

describe('the token in the file', () => {
  test("is an admin's, listed and in the history as any other, and only its hash is kept", async () => {
    await adopt(`${FIRST}\n`);
    expect(await roleOf(FIRST)).toBe('admin');
    expect(await tokens(FIRST)).toMatchObject([
      { name: 'file admin', role: 'admin', owner: '', createdBy: 'host admin', expires: null },
    ]);
    expect(await deeds(FIRST)).toEqual(['token-created file admin by host admin']);
    expect(JSON.stringify([identities.load(), daemon.lines])).not.toContain(FIRST);
  });

  test('is the same token when it is read once more', async () => {
    await adopt(FIRST);
    const [made] = await tokens(FIRST);
    await adopt(`  ${FIRST}\r\n`);
    expect((await tokens(FIRST)).map(({ id }) => id)).toEqual([made?.id]);
    expect(await deeds(FIRST)).toHaveLength(1);
  });

  test('takes the place of the one that the file had before, whose streams end', async () => {
    await adopt(FIRST);
    const caller = daemon.daemon.identities.credentials.byToken(FIRST);
    let ended = 0;
    const credential = 'id' in caller ? caller.id : null;
    daemon.daemon.identities.onRevoked({ credential, principal: { name: '', role: 'admin' }, csrf: null }, () => {
      ended += 1;
    });
    await adopt(SECOND);
    expect([await roleOf(FIRST), await roleOf(SECOND), ended]).toEqual(['401', 'admin', 1]);
    expect(await tokens(SECOND)).toHaveLength(1);
    expect(await deeds(SECOND)).toEqual([
      'token-created file admin by host admin',
      'token-revoked file admin by host admin',
      'token-created file admin by host admin',
    ]);
  });

  test('stays revoked, until the file has another; revoked once more, it is forgotten', async () => {
    await adopt(FIRST);
    const made = await daemon.http.post('/api/v2/tokens', { name: 'ops', role: 'admin' }, { headers: headers(FIRST) });
    const ops = jsonOf<{ secret: string }>(made).secret;
    const revoke = () => daemon.http.delete('/api/v2/tokens/file%20admin', { headers: headers(ops) });
    expect((await revoke()).status).toBe(204);
    await adopt(FIRST);
    expect(await roleOf(FIRST)).toBe('401');
    expect((await tokens(ops)).map(({ name, expires }) => [name, expires === null])).toEqual([
      ['file admin', false],
      ['ops', true],
    ]);
    await adopt(SECOND);
    expect([await roleOf(FIRST), await roleOf(SECOND)]).toEqual(['401', 'admin']);
    expect([(await revoke()).status, (await revoke()).status, (await revoke()).status]).toEqual([204, 204, 404]);
    expect((await tokens(ops)).map(({ name }) => name)).toEqual(['ops']);
  });

  test('may not be one that somebody has been given already', async () => {
    await adopt(FIRST);
    const made = await daemon.http.post('/api/v2/tokens', { name: 'ci', role: 'user' }, { headers: headers(FIRST) });
    const { secret } = jsonOf<{ secret: string }>(made);
    await expect(adopt(secret)).rejects.toThrow('/run/token: this is the token ci');
    expect([await roleOf(FIRST), await roleOf(secret)]).toEqual(['admin', 'user']);
  });

  test('has a name that nobody else can be given', async () => {
    await adopt(FIRST);
    const token = { name: 'file admin', role: 'user' };
    expect((await daemon.http.post('/api/v2/tokens', token, { headers: headers(FIRST) })).status).toBe(422);
    const user = { ...token, password: 'correct horse' };
    expect((await daemon.http.post('/api/v2/users', user, { headers: headers(FIRST) })).status).toBe(422);
  });
});

describe('a file', () => {
  const BAD: readonly (readonly [FileText, string])[] = [
    [{ type: 'missing' }, 'it is not there'],
    [{ type: 'unreadable', why: 'no permission to read it' }, 'no permission to read it'],
    [{ type: 'text', text: ' \n' }, 'it is empty'],
    [{ type: 'text', text: `${FIRST}\n${SECOND}\n` }, 'expected one line'],
    [{ type: 'text', text: `token ${FIRST}` }, 'expected one line'],
    [{ type: 'text', text: 'swordfish-0123' }, 'at least 32 characters, this one 14'],
    [{ type: 'text', text: 'password'.repeat(8) }, 'no random text'],
    [{ type: 'text', text: `${FIRST}-ü` }, 'letters, digits and'],
    [{ type: 'text', text: `"${FIRST}"` }, 'letters, digits and'],
    [{ type: 'text', text: FIRST.repeat(20) }, 'at most 512'],
  ];

  test.each(BAD)('like %j is refused, and its text not repeated', async (bad, why) => {
    file = bad;
    const failure = await adoptAdminToken(options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ refusal: { code: 'config', hint: expect.stringContaining('openssl rand') } });
    const said = String(failure);
    expect(said).toContain(`the admin token cannot be had from /run/token: `);
    expect(said).toContain(why);
    for (const part of [FIRST, SECOND, 'swordfish', 'password']) expect(said).not.toContain(part);
    expect(daemon.daemon.identities.isOpen).toBe(true);
  });

  test('that has become wrong changes nothing', async () => {
    await adopt(FIRST);
    file = { type: 'missing' };
    await readoptAdminToken(options());
    expect(await roleOf(FIRST)).toBe('admin');
    expect(daemon.lines.at(-1)).toContain('the admin token stays as it was');
    file = { type: 'text', text: SECOND };
    await readoptAdminToken(options());
    expect([await roleOf(FIRST), await roleOf(SECOND)]).toEqual(['401', 'admin']);
  });
});

test('no random text of the recommended kinds is refused', () => {
  // A generator of bytes makes few of the same; 50 different ones have at least 8 different digits.
  const random = fc.uniqueArray(fc.nat(255), { minLength: 50, maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(random, fc.constantFrom('hex', 'base64', 'base64url'), (bytes, encoding) => {
      expect(tokenProblem(bytes.toString(encoding as BufferEncoding))).toBe(null);
    }),
  );
});
