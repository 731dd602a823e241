import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { Transport } from '../../src/cli/transport.ts';
import type { HistoryJson } from '../../src/core/wire.ts';
import { description } from '../support/builders.ts';
import type { LeaseClient } from '../support/builders-daemon.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { losesFirstReplies, repeats } from './support/bad-line.ts';
import { testShell } from './support/world.ts';

/** `rentabot release` against a real daemon. The caller is ann. */
let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startDaemon({ resources: ['a', 'b', 'c', description('many', { slots: 3 }), 'sp ace/é'] });
});
afterEach(() => daemon.close());

const url = (): string => {
  const { where } = daemon.http;
  return 'port' in where ? `http://${where.host}:${where.port}` : `unix:${where.socketPath}`;
};

async function release(line: readonly string[], more: { env?: Record<string, string>; transport?: Transport } = {}) {
  const shell = { ...testShell({ RENTABOT_URL: url(), ...more.env }), ...more };
  const out: string[] = [];
  const code = await run(['release', ...line], { ...shell, print: async (text) => void out.push(text) });
  return { code, out: out.join(''), said: shell.ear.text };
}

async function hold(wants: string | readonly string[], name = 'ann', more = {}): Promise<LeaseClient> {
  const lease = daemon.lease();
  await lease.hold(wants, { holder: { name, host: 'ws' }, note: 'nightly', ...more });
  return lease;
}

async function isHeld(lease: LeaseClient): Promise<boolean> {
  return (await lease.show()).status === 200;
}

describe('what is given back', () => {
  test('is a claim of the caller, and somebody else has it next', async () => {
    const claim = await hold('a');
    expect(await release(['a'])).toEqual({ code: 0, out: '', said: 'rentabot: gave back a\n' });
    expect(await isHeld(claim)).toBe(false);
    await hold('a', 'bob');
  });

  test('was made of a lease with a command by keeping it', async () => {
    const lease = await hold('a', 'ann', { guarded: true });
    const path = `/api/v2/leases/${lease.id}/extend`;
    await daemon.http.post(path, { for: 600, guarded: false }, { headers: lease.authorization });
    expect((await release(['a'])).code).toBe(0);
    expect(await isHeld(lease)).toBe(false);
  });

  test('goes together if it was got together, and is said once', async () => {
    const claim = await hold(['a', 'b']);
    expect(await release(['b', 'a', 'b'])).toMatchObject({ code: 0, said: 'rentabot: gave back a, b\n' });
    expect(await isHeld(claim)).toBe(false);
  });

  test('is all that the caller holds of it, and nothing of what others do', async () => {
    const own = [await hold('many'), await hold('many')];
    const other = await hold('many', 'bob');
    expect((await release(['many'])).code).toBe(0);
    expect(await Promise.all([...own, other].map(isHeld))).toEqual([false, false, true]);
  });

  test('is told to programs', async () => {
    const claims = [await hold(['a', 'b']), await hold('c')];
    const { code, out, said } = await release(['a', 'c', '--json']);
    expect([code, said]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      released: [
        { id: claims[0]?.id, resources: ['a', 'b'], state: 'released' },
        { id: claims[1]?.id, resources: ['c'], state: 'released' },
      ],
    });
  });

  test('is not talked about with -q', async () => {
    await hold('a');
    expect(await release(['a', '-q'])).toEqual({ code: 0, out: '', said: '' });
  });

  test('may have any name', async () => {
    await hold('name="sp ace/é"');
    expect(await release(['sp ace/é'])).toMatchObject({ code: 0, said: 'rentabot: gave back sp ace/é\n' });
  });

  test('is what the CI job holds, where there is one', async () => {
    const claim = await hold('a', 'octocat');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_ACTOR: 'octocat' };
    expect((await release(['a'])).code).toBe(77);
    expect((await release(['a'], { env })).code).toBe(0);
    expect(await isHeld(claim)).toBe(false);
  });
});

describe('nothing is given back', () => {
  test('where nobody holds anything: 0, and it is said', async () => {
    expect(await release(['a'])).toEqual({ code: 0, out: '', said: 'rentabot: a is held by nobody\n' });
    expect(await release(['a', 'b'])).toMatchObject({ code: 0, said: 'rentabot: a, b are held by nobody\n' });
    expect((await release(['a', 'a'])).said).toBe('rentabot: a is held by nobody\n');
    expect(JSON.parse((await release(['a', '--json'])).out)).toEqual({ released: [] });
  });

  test('where there is no such resource: 65, with the nearest name, and not the others either', async () => {
    const claim = await hold('a');
    const { code, said } = await release(['a', 'manny']);
    expect(code).toBe(65);
    expect(said).toMatch(/^rentabot: impossible: no resource is named "manny"; did you mean many\?/);
    expect(await isHeld(claim)).toBe(true);
  });

  test.each([
    [
      'somebody else has a claim',
      'bob',
      {},
      /b is held by bob@ws since .* \(nightly\); --force takes it away from them$/,
    ],
    ['somebody else has a claim that ends', 'bob', { hold: 600 }, /\(nightly\), until .*; --force takes/],
    [
      "somebody else's command uses it",
      'bob',
      { guarded: true },
      /b is held by bob@ws since .* \(nightly\), whose command is using it; .* --force tells it to$/,
    ],
    [
      "the caller's own command uses it",
      'ann',
      { guarded: true },
      /b is in use by a command of yours on ws since .* \(nightly\); it is given back when that command ends; --force/,
    ],
  ])('where %s: 77 and who has it, and not the others either', async (_, name, more, sentence) => {
    const [claim, other] = [await hold('a'), await hold('b', name, more)];
    const { code, said } = await release(['a', 'b']);
    expect([code, said.startsWith('rentabot: denied: b is ')]).toEqual([77, true]);
    expect(said.trim()).toMatch(sentence);
    expect([await isHeld(claim), await isHeld(other)]).toEqual([true, true]);
    const { lease } = jsonOf<{ lease: { ending: unknown } }>(await other.show());
    expect(lease.ending).toBeNull();
  });

  test('where no name is given: 64', async () => {
    expect((await release([])).code).toBe(64);
  });
});

describe('with --force', () => {
  test("somebody else's claim is ended", async () => {
    const other = await hold('a', 'bob');
    expect(await release(['a', '--force'])).toMatchObject({ code: 0, said: 'rentabot: gave back a\n' });
    expect(await isHeld(other)).toBe(false);
  });

  test('a command is told to end, and keeps what it has until it has', async () => {
    const other = await hold('a', 'bob', { guarded: true });
    const { code, said, out } = await release(['a', '--force']);
    expect([code, out, said]).toEqual([0, '', 'rentabot: told the command of bob@ws to end; a is free when it has\n']);
    const { lease } = jsonOf<{ lease: { ending: unknown } }>(await other.show());
    expect(lease.ending).toMatchObject({ reason: 'revoked' });
    const again = await release(['a', '--force', '--json']);
    expect(JSON.parse(again.out)).toEqual({ released: [{ id: other.id, resources: ['a'], state: 'ending' }] });
  });
});

test.each([
  ['loses the first reply of each kind', losesFirstReplies],
  ['brings everything twice', repeats],
])('over a line that %s it is given back once, and said so', async (_, line) => {
  await hold(['a', 'b']);
  await hold('c');
  const found = await release(['a', 'c'], { transport: line() });
  expect(found).toEqual({ code: 0, out: '', said: 'rentabot: gave back a, b\nrentabot: gave back c\n' });
  const { events } = jsonOf<HistoryJson>(await daemon.http.get('/api/v2/history'));
  expect(events.filter(({ type }) => type === 'lease-ended')).toHaveLength(2);
});
