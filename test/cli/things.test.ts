import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseMoment } from '../../src/cli/moment.ts';
import { run } from '../../src/cli/program.ts';
import type { Transport } from '../../src/cli/transport.ts';
import type { DescribedJson, DescriptorJson, ResourceJson } from '../../src/core/wire.ts';
import { description } from '../support/builders.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { jsonOf } from '../support/http.ts';
import { losesFirstReplies } from './support/bad-line.ts';
import { testShell } from './support/world.ts';

/** What people do to resources at a terminal, against a real daemon. */
let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startDaemon({ resources: ['a', description('b', { tags: ['x', 'y'], env: { PORT: '1' } })] });
});
afterEach(() => daemon.close());

async function rentabot(line: readonly string[], transport?: Transport) {
  const { where } = daemon.http;
  const url = 'port' in where ? `http://${where.host}:${where.port}` : '';
  const shell = { ...testShell({ RENTABOT_URL: url }), ...(transport ? { transport } : {}) };
  const out: string[] = [];
  const code = await run(line, { ...shell, print: async (text) => void out.push(text) });
  return { code, out: out.join(''), said: shell.ear.text };
}

async function one(name: string): Promise<ResourceJson> {
  return jsonOf<{ resource: ResourceJson }>(await daemon.http.get(`/api/v2/resources/${name}`)).resource;
}

async function described(name: string): Promise<DescribedJson | undefined> {
  const { resources } = jsonOf<DescriptorJson>(await daemon.http.get('/api/v2/descriptor'));
  return resources.find((resource) => resource.name === name);
}

const lines: readonly [string, () => Transport | undefined][] = [
  ['a good line', () => undefined],
  ['a line that loses the first of its replies', () => losesFirstReplies()],
];

describe.each(lines)('over %s', (_, transport) => {
  test('offline says why, by whom and until when; the holder keeps it', async () => {
    await daemon.lease().hold('a', { holder: { name: 'bob', host: 'ci' } });
    const { code, said } = await rentabot(
      ['offline', 'a', 'b', '--reason', 'fan broken', '--until', '2100-01-01T00:00:00Z'],
      transport(),
    );
    expect({ code, said }).toEqual({
      code: 0,
      said: 'rentabot: a is offline until Jan 1 2100; bob@ci may keep it until done\nrentabot: b is offline until Jan 1 2100\n',
    });
    expect((await one('a')).offline).toMatchObject({ reason: 'fan broken', by: 'ann' });
    expect(await rentabot(['online', 'a', 'b'], transport())).toMatchObject({
      code: 0,
      said: 'rentabot: a is in service\nrentabot: b is in service\n',
    });
    expect((await one('a')).offline).toBeNull();
  });

  test('add, edit and remove', async () => {
    const traits = ['-t', 'gpu', '--tag', 'a100', '--endpoint', 'ssh://x', '--slots', '2', '--max-hold', '12h'];
    const more = ['--description', 'a card', '--property', 'mem=40', '--property', 'fw=1.10', '--env', 'CUDA=0,1'];
    expect(await rentabot(['add', 'gpu-0', ...traits, ...more], transport())).toMatchObject({
      code: 0,
      said: 'rentabot: gpu-0 is there, as number 3\n',
    });
    expect(await described('gpu-0')).toMatchObject({
      ...{ tags: ['gpu', 'a100'], endpoint: 'ssh://x', slots: 2, maxHold: 43_200, description: 'a card' },
      ...{ properties: { mem: 40, fw: '1.10' }, env: { CUDA: '0,1' } },
    });
    const changes = ['--add-tag', 'flaky', '--remove-tag', 'a100', '--remove-property', 'fw', '--max-hold', 'none'];
    expect((await rentabot(['edit', 'gpu-0', ...changes, '--remove-env', 'CUDA'], transport())).code).toBe(0);
    expect(await described('gpu-0')).toMatchObject({
      ...{ tags: ['gpu', 'flaky'], maxHold: null, properties: { mem: 40 }, env: {}, slots: 2 },
    });
    expect(await rentabot(['remove', 'gpu-0'], transport())).toMatchObject({
      code: 0,
      said: 'rentabot: gpu-0 is gone\n',
    });
    expect(await described('gpu-0')).toBeUndefined();
  });
});

test('a machine, and how long it may be silent, are said and unsaid', async () => {
  expect((await rentabot(['add', 'board', '--machine', 'mdc1:a', '--stale-after', '10m'])).code).toBe(0);
  expect(await described('board')).toMatchObject({ machine: 'mdc1:a', staleAfter: 600 });
  await rentabot(['edit', 'board', '--stale-after', 'none']);
  expect(await described('board')).toMatchObject({ machine: 'mdc1:a', staleAfter: null });
  await rentabot(['edit', 'board', '--machine', 'none']);
  expect(await described('board')).toMatchObject({ machine: null });
  expect(await rentabot(['edit', 'board', '--stale-after', '10m'])).toMatchObject({
    code: 64,
    said: expect.stringContaining('board has no machine whose silence could matter'),
  });
  expect((await rentabot(['add', 'c', '--stale-after', '10m'])).code).toBe(64);
  expect((await rentabot(['edit', 'board', '--machine', 'mdc1'])).said).toContain(
    '--machine: a machine is DATACENTER:HOST',
  );
});

test('what is removed while it is held goes when its holder is done', async () => {
  const lease = daemon.lease();
  await lease.hold('a', { holder: { name: 'bob', host: 'ci' } });
  const { code, said } = await rentabot(['remove', 'a']);
  expect({ code, said }).toEqual({ code: 0, said: 'rentabot: a goes when bob@ci is done\n' });
  await lease.release();
  expect(JSON.parse((await rentabot(['remove', 'b', '--json'])).out)).toEqual({ removed: ['b'], retiring: [] });
});

test.each([
  [['offline', 'a'], 64, '--reason is missing'],
  [['offline', 'a', '--reason', 'x', '--until', 'soon'], 64, '"soon" is no time'],
  [['offline', 'a', '--reason', 'x', '--until', '2000-01-01'], 64, 'is in the past'],
  [['offline', 'c', '--reason', 'x'], 65, 'no resource is named "c"'],
  [['online', 'c'], 65, 'no resource is named "c"'],
  [['add', 'a', '--slots', '2'], 64, 'there is a resource a already; `rentabot edit a` changes it'],
  [['add', 'c', '--slots', 'two'], 64, '--slots is a whole number'],
  [['add', 'c', '--property', 'mem'], 64, '--property is KEY=VALUE'],
  [['add', 'c', '--max-hold', 'long'], 64, '--max-hold: "long" is no duration'],
  [['add', 'c,d'], 64, 'has no comma'],
  [['edit', 'a'], 64, 'nothing to change'],
  [['edit', 'c', '--slots', '2'], 65, 'no resource is named "c"'],
  [['remove', 'c'], 65, 'no resource is named "c"'],
])('rentabot %j exits with %i: %s', async (line, exit, sentence) => {
  const { code, said } = await rentabot(line);
  expect({ code, said }).toEqual({ code: exit, said: expect.stringContaining(sentence) });
});

test('without a daemon there is nothing to change', async () => {
  const shell = testShell();
  expect(await run(['remove', 'a'], shell)).toBe(65);
  expect(shell.ear.text).toContain('no daemon is running here');
});

describe('a moment', () => {
  const now = new Date(2026, 0, 31, 12, 0).getTime();
  test.each([
    ['14:00', new Date(2026, 0, 31, 14, 0)],
    ['9:30', new Date(2026, 1, 1, 9, 30)],
    ['12:00', new Date(2026, 1, 1, 12, 0)],
    ['2026-03-01', new Date(2026, 2, 1)],
    ['2026-03-01 08:15', new Date(2026, 2, 1, 8, 15)],
    ['2026-03-01T08:15:30Z', new Date('2026-03-01T08:15:30Z')],
    ['2026-03-01 08:15+02:00', new Date('2026-03-01T08:15:00+02:00')],
    ['2h', new Date(now + 7_200_000)],
    ['90', new Date(now + 90_000)],
  ])('is read: %s', (text, expected) => expect(parseMoment(text, now)).toBe(expected.getTime()));

  test.each(['', 'soon', '25:00', '12:60', '2026-13-01', '14'.repeat(20), '-2h'])('is none: %j', (text) => {
    expect(parseMoment(text, now)).toBeNull();
  });
});
