import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HeldJson, QueueJson } from '../../src/core/wire.ts';
import { Chance } from '../simulation/random.ts';
import { buildProgram } from '../support/build.ts';
import { acquireJson, LeaseClient, newId } from '../support/builders-daemon.ts';
import { eventually, temporaryFolder } from '../support/daemon.ts';
import { type Answer, Http, jsonOf } from '../support/http.ts';
import { Serve } from '../support/serve.ts';

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const CLIENTS = 32;
const KILLS = 6;
const BOARDS = ['a', 'b', 'c', 'd', 'e', 'f'];

let program: string;
let remove: () => void;
let folder: ReturnType<typeof temporaryFolder>;
let serve: Serve;
let http: Http;
beforeAll(async () => {
  ({ program, remove } = await buildProgram());
});
afterAll(() => remove());
beforeEach(async () => {
  folder = temporaryFolder();
  const names = [...BOARDS, 'kept-0', 'kept-1', 'wanted'];
  // On a slow machine a round takes longer than the 30 s after which a waiter that is not heard of has left.
  writeFileSync(
    join(folder.path, 'rentabot.yaml'),
    `limits: {silence: 1h}\nresources:\n${names.map((name) => `  ${name}: {}\n`).join('')}`,
  );
  http = new Http({ socketPath: join(folder.path, 's') });
  await start();
});
afterEach(async () => {
  http.close();
  await serve.stop('SIGKILL');
  folder.remove();
});

async function start(): Promise<void> {
  const args = ['--listen', 'none', '--socket', join(folder.path, 's'), '--data', join(folder.path, 'data')];
  serve = await Serve.start({ program, args, cwd: folder.path });
  if (serve.url === '') throw new Error(`no daemon: ${serve.stderr}`);
}

/** Asks until there is an answer that is one: as the protocol says, always with the same id. */
async function insist(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null && answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Held {
  readonly id: string;
  readonly board: string;
  readonly fence: number;
  /** From when the answer was read to when the release was sent. */
  readonly from: number;
  readonly to: number;
}

/** One client that takes and gives back, whatever happens to the daemon. */
async function takeTurns(chance: Chance, isOver: () => boolean, held: Held[]): Promise<void> {
  while (!isOver()) {
    const client = new LeaseClient(http, newId());
    const wanted = chance.maybe(0.3) ? [chance.pick(BOARDS)] : chance.some(BOARDS, 0.3);
    if (wanted.length === 0) continue;
    let answer = await insist(() => client.put(wanted, { ttl: 3600 }, '?block=20'));
    while (answer.status === 202) answer = await insist(() => client.put(wanted, { ttl: 3600 }, '?block=20'));
    expect(answer.status, answer.text).toBe(200);
    const from = performance.now();
    const { fence, resources } = jsonOf<HeldJson>(answer).lease;
    const again = await insist(() => (chance.maybe(0.5) ? client.put(wanted, { ttl: 3600 }) : client.renew()));
    expect(again.status, again.text).toBe(200);
    expect(jsonOf<HeldJson>(again).lease.fence).toBe(fence);
    const to = performance.now();
    expect((await insist(() => client.release())).status).toBe(204);
    for (const { name } of resources) held.push({ id: client.id, board: name, fence, from, to });
  }
}

test(`kill -9 under load from ${CLIENTS} clients: no grant is lost, none is given twice, and who waits keeps the place (RENTABOT_SEED=${SEED})`, async () => {
  const chance = new Chance(SEED);
  const keepers = [0, 1].map((i) => ({ client: new LeaseClient(http), board: `kept-${i}`, fence: 0 }));
  for (const keeper of keepers) keeper.fence = (await keeper.client.hold(keeper.board, { ttl: 3600 })).fence;
  await new LeaseClient(http).hold('wanted', { ttl: 3600, note: 'in the way' });
  const waiters: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    const client = new LeaseClient(http);
    await client.wait('wanted', { priority: i % 3 });
    waiters.push(client.id);
  }
  const order = await queueFor('wanted');
  expect([...order].sort()).toEqual([...waiters].sort());

  let over = false;
  const held: Held[] = [];
  const clients = Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => takeTurns(new Chance(SEED + 1 + i), () => over, held)),
  );
  for (let i = 0; i < KILLS; i += 1) {
    const before = held.length;
    await eventually('there is work', () => held.length > before + chance.between(20, 300));
    await serve.stop('SIGKILL');
    await start();
    expect(await queueFor('wanted')).toEqual(order);
    for (const { client, board, fence } of keepers) {
      const lease = jsonOf<HeldJson>(await client.put(board, { ttl: 3600 })).lease;
      expect(lease.fence).toBe(fence);
    }
    for (const id of order)
      expect(
        (await http.put(`/api/v2/leases/${id}`, acquireJson(id, 'wanted', { priority: waiters.indexOf(id) % 3 })))
          .status,
      ).toBe(202);
  }
  over = true;
  await clients;

  expect(held.length).toBeGreaterThan(100);
  excludesOthers(held);
  const leases = jsonOf<{ leases: { id: string; note: string }[] }>(await http.get('/api/v2/leases')).leases;
  expect(leases.map(({ id }) => id).sort()).toEqual(
    [...keepers.map(({ client }) => client.id), ...leases.filter(({ note }) => note !== '').map(({ id }) => id)].sort(),
  );
  expect(serve.stderr).not.toMatch(/Warning| error /);
}, 400_000);

/** Nobody held a board while somebody else did, and every grant has a greater fence than the one before it. */
function excludesOthers(held: readonly Held[]): void {
  for (const board of BOARDS) {
    const turns = held.filter((one) => one.board === board).sort((a, b) => a.fence - b.fence);
    for (const [i, turn] of turns.entries()) {
      const next = turns[i + 1];
      if (!next) continue;
      expect(next.fence, `fences of ${board}`).toBeGreaterThan(turn.fence);
      expect(next.from, `${board} was held by ${turn.id} and ${next.id}`).toBeGreaterThan(turn.to);
    }
  }
}

/** Who waits for this, in order. */
async function queueFor(want: string): Promise<string[]> {
  const { waiting } = jsonOf<QueueJson>(await http.get('/api/v2/queue'));
  return waiting.filter((one) => one.want === want).map(({ id }) => id);
}
