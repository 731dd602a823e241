import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import type { ResourcesJson } from '../../src/core/wire.ts';
import { description } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { losesFirstReplies, repeats } from './support/bad-line.ts';
import { testShell } from './support/world.ts';

/** `rentabot machines` and `rentabot beat` against a real daemon. */
const AT = '2026-01-31T12:00:00.250Z';
let clock: FakeClock;
let daemon: TestDaemon;
beforeEach(async () => {
  clock = new FakeClock(Date.parse(AT));
  daemon = await startDaemon({ resources: [description('board', { machine: 'mdc1:a', staleAfter: 60_000 })], clock });
});
afterEach(() => daemon.close());

async function rentabot(line: readonly string[], { stdin = '', ...more }: Record<string, unknown> = {}) {
  const { where } = daemon.http;
  const url = 'port' in where ? `http://${where.host}:${where.port}` : '';
  const shell = testShell({ RENTABOT_URL: url });
  const out: string[] = [];
  const print = async (text: string) => void out.push(text);
  const code = await run(line, { ...shell, ...more, print, stdin: async () => String(stdin) });
  return { code, out: out.join(''), said: shell.ear.text };
}

const entry = (machine: string, lastseen: string) => ({ datacenter: 'mdc1', machine, lastseen });

describe('rentabot beat', () => {
  test('says that a machine is alive, and what is on it is handed out', async () => {
    expect((await daemon.lease().put('board', { wait: 0 })).status).toBe(409);
    expect(await rentabot(['beat', 'mdc1:a'])).toEqual({ code: 0, out: '', said: 'rentabot: mdc1:a was seen\n' });
    expect((await daemon.lease().put('board', { wait: 0 })).status).toBe(200);
  });

  test('says nothing with -q, and all of it with --json', async () => {
    expect(await rentabot(['beat', '-q', 'mdc1:a'])).toEqual({ code: 0, out: '', said: '' });
    const { out, said } = await rentabot(['beat', 'mdc1:a', '--json']);
    expect([JSON.parse(out), said]).toEqual([
      { machine: 'mdc1:a', lastSeen: '2026-01-31T12:00:00.250000Z', resources: ['board'] },
      '',
    ]);
  });

  test.each(['a', 'mdc1:', ':a', 'mdc1:a b'])('refuses what is no machine, with 64: %s', async (id) => {
    const { code, said } = await rentabot(['beat', id]);
    expect([code, said]).toEqual([64, expect.stringContaining('a machine is DATACENTER:HOST')]);
    expect((await daemon.http.get('/machines')).text).toBe('[]');
  });

  test.each([
    ['loses the first reply of each kind', losesFirstReplies],
    ['brings everything twice', repeats],
  ])('over a line that %s it counts once', async (_, line) => {
    expect(await rentabot(['beat', 'mdc1:a'], { transport: line() })).toMatchObject({ code: 0 });
    expect((await daemon.http.get('/machines/mdc1:a')).text).toBe('"2026-01-31T12:00:00.250000"');
  });
});

describe('rentabot machines', () => {
  test('lists when each was last seen, and what is on it', async () => {
    await rentabot(['beat', 'mdc1:a']);
    await rentabot(['beat', 'mdc1:b']);
    const { code, out } = await rentabot(['machines']);
    const [head, first, second] = out.split('\n').map((line) => line.split(/ {2,}/));
    expect(code).toBe(0);
    expect(head).toEqual(['MACHINE', 'LAST SEEN', 'RESOURCES']);
    expect([first?.[0], first?.[2], second?.[0], second?.[2]]).toEqual(['mdc1:a', 'board', 'mdc1:b', '-']);
  });

  test('is JSON for programs', async () => {
    await rentabot(['beat', 'mdc1:a']);
    const { out } = await rentabot(['machines', '--json']);
    expect(JSON.parse(out)).toEqual({
      machines: [{ machine: 'mdc1:a', lastSeen: '2026-01-31T12:00:00.250000Z', resources: ['board'] }],
    });
  });

  test('says so where there is none', async () => {
    const { code, said } = await rentabot(['machines']);
    expect([code, said]).toEqual([0, 'rentabot: no machine was seen yet; `rentabot beat DC:HOST` says that one is\n']);
  });
});

describe('rentabot machines preload', () => {
  test('takes over a list, and never goes backwards', async () => {
    await rentabot(['beat', 'mdc1:a']);
    const stdin = JSON.stringify([entry('a', '2018-11-08T08:47:50'), entry('b', '2018-11-08T08:47:50.939514')]);
    expect(await rentabot(['machines', 'preload'], { stdin })).toEqual({
      code: 0,
      out: '',
      said: 'rentabot: took over 1 machine; of 1 something as late was known\n',
    });
    expect((await daemon.http.get('/machines/mdc1:a')).text).toBe('"2026-01-31T12:00:00.250000"');
    expect((await daemon.http.get('/machines/mdc1:b')).text).toBe('"2018-11-08T08:47:50.939514"');
  });

  test('says with --json what came of it', async () => {
    const stdin = JSON.stringify([entry('a', '2018-11-08T08:47:50')]);
    const { out, said } = await rentabot(['machines', 'preload', '--json'], { stdin });
    expect([JSON.parse(out), said]).toEqual([{ taken: 1, older: 0 }, '']);
  });

  test('refuses a list with one bad entry as a whole, and names it', async () => {
    const stdin = JSON.stringify([entry('a', '2018-11-08T08:47:50'), entry('b', 'never')]);
    const { code, said } = await rentabot(['machines', 'preload'], { stdin });
    expect([code, said]).toEqual([64, expect.stringContaining('entry 2, mdc1:b: "never" is no time')]);
    expect((await daemon.http.get('/machines')).text).toBe('[]');
  });

  test.each(['', 'no json', '{"machines":[]}', 'null'])('refuses what is no list, with 64: %j', async (stdin) => {
    const { code, said } = await rentabot(['machines', 'preload'], { stdin });
    expect([code, said]).toEqual([64, expect.stringContaining('stdin is no list of machines')]);
  });
});

test('status --json has when the machine of a resource was last seen', async () => {
  await rentabot(['beat', 'mdc1:a']);
  const { resources } = JSON.parse((await rentabot(['status', '--json'])).out) as ResourcesJson;
  expect(resources).toMatchObject([{ name: 'board', machine: 'mdc1:a', lastSeen: '2026-01-31T12:00:00.250000Z' }]);
  clock.advance(60_000);
  expect((await rentabot(['status'])).out).toMatch(
    /board {2}offline .* offline: machine mdc1:a has been silent since 2026-/,
  );
});
