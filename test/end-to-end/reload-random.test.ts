import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { EventJson, HistoryJson, ResourcesJson } from '../../src/core/wire.ts';
import { Chance } from '../simulation/random.ts';
import { Account, type Result, type Served, until } from '../support/cli.ts';
import { Http, jsonOf, whereOf } from '../support/http.ts';

/**
 * A seeded sequence of edits of the descriptor, a `kill -9` among them, while real commands come and go. What has to be true is
 * read from what the commands wrote themselves, and from the daemon's history. A run can be had again, as far as clocks and
 * processes allow, with RELOAD_SEED.
 */
const SEED = Number(process.env.RELOAD_SEED ?? Math.floor(Math.random() * 1e9));
const EDITS = 24;
const WORKERS = 5;
const TAGS = ['arm', 'x86', 'fast'];
/** `anchor` is always there, and has every tag: so that all that is asked for is possible, now and then. */
const NAMES = ['b', 'c', 'd', 'e', 'f'];
const WANTS = [
  ...NAMES.map((name) => ['-n', name]),
  ...TAGS.map((tag) => ['-t', tag]),
  ['-n', 'anchor'],
  ['-w', '2*(arm || fast)'],
  ['-n', 'licence', '-t', 'arm'],
  ['-n', 'licence'],
];
const IMPOSSIBLE = 65;

interface Lab {
  readonly tags: Map<string, readonly string[]>;
  slots: number;
}

/** How many slots the licence may have had while events up to this one were recorded. */
interface Bound {
  readonly event: number;
  readonly slots: number;
}

let account: Account;
let served: Served;
let http: Http;
afterEach(() => {
  http.close();
  served.run.kill('SIGTERM');
});

test(`whatever is edited, never two hold the same, nobody is freed, and no id is given again (seed ${SEED})`, async () => {
  const chance = new Chance(SEED);
  account = await Account.make();
  const lab: Lab = { tags: new Map(NAMES.map((name) => [name, ['arm']])), slots: 2 };
  const seen = new Map<number, string>();
  const bounds: Bound[] = [];
  await serve(lab, 0);
  await applied(lab, 0, seen);

  const load = Array.from({ length: WORKERS }, (_, i) => work(new Chance(SEED + 1 + i)));
  for (let edit = 1; edit <= EDITS; edit += 1) {
    const before = lab.slots;
    change(lab, chance);
    const slots = Math.max(before, lab.slots);
    if (edit === EDITS / 2) await replace(lab, edit);
    else write(yamlOf(lab, edit), chance);
    await applied(lab, edit, seen);
    bounds.push({ event: (await events(1))[0]?.id ?? 0, slots });
  }
  busy = false;
  const results = (await Promise.all(load)).flat();

  const wrong = results.filter(({ code }) => code !== 0 && code !== IMPOSSIBLE);
  expect(wrong).toEqual([]);
  const lines = account.read('log').trim().split('\n');
  expect(lines.filter((line) => line.startsWith('+'))).toHaveLength(results.filter(({ code }) => code === 0).length);
  checkLog(lines);
  checkHistory(await events(), [...bounds, { event: Number.POSITIVE_INFINITY, slots: lab.slots }]);
});

let busy = true;

/** Asks for this and that for as long as there are edits; says how each call ended. */
async function work(chance: Chance): Promise<Result[]> {
  // One write for each line, which is how lines of several writers stay whole.
  const script = `echo "+ $RENTABOT_RESOURCES" >>log; sleep 0.$0; echo "- $RENTABOT_RESOURCES" >>log`;
  const results: Result[] = [];
  while (busy) {
    const args = ['lock', '--url', served.url, '-q', ...chance.pick(WANTS), '--', 'sh', '-c', script];
    results.push(await account.run([...args, `${chance.between(0, 3)}`]));
  }
  return results;
}

function change(lab: Lab, chance: Chance): void {
  const name = chance.pick(NAMES);
  if (chance.maybe(0.2)) lab.slots = chance.between(1, 4);
  else if (chance.maybe(0.4)) lab.tags.delete(name);
  else lab.tags.set(name, chance.some(TAGS, 0.5));
}

/** `edit-N` shows that the edit has been applied. */
function yamlOf({ tags, slots }: Lab, edit: number): string {
  const named = [...tags].map(([name, list]) => `  ${name}: {tags: [${list.join(', ')}]}`);
  return [
    'resources:',
    ...named,
    `  anchor: {tags: [${TAGS}]}`,
    `  licence: {slots: ${slots}}`,
    `  edit-${edit}:\n`,
  ].join('\n');
}

function write(text: string, chance: Chance): void {
  const file = `${served.data}.yaml`;
  const ways = [
    () => writeFileSync(file, text),
    () => {
      // Half of it, which is no YAML, and then the whole in its place.
      writeFileSync(file, `${text.slice(0, text.lastIndexOf('}'))}`);
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    },
    () => {
      renameSync(file, `${file}~`);
      writeFileSync(file, text);
      unlinkSync(`${file}~`);
    },
  ];
  chance.pick(ways)();
  if (chance.maybe(0.5)) served.run.kill('SIGHUP');
}

async function serve(lab: Lab, edit: number): Promise<void> {
  served = await account.serve({ yaml: yamlOf(lab, edit), listen: 'none', socket: join(account.base, 's') });
  http = new Http(whereOf(served.url));
}

/** Kills the daemon, edits, and starts another one in its place. */
async function replace(lab: Lab, edit: number): Promise<void> {
  served.run.kill('SIGKILL');
  await served.run.ended;
  http.close();
  await serve(lab, edit);
}

/** Resolves once the edit counts, with what is there as it should be; ids are compared with all that were seen before. */
async function applied(lab: Lab, edit: number, seen: Map<number, string>): Promise<void> {
  let now: ResourcesJson['resources'] = [];
  await until(`edit ${edit} is applied`, async () => {
    now = jsonOf<ResourcesJson>(await http.get('/api/v2/resources')).resources;
    return now.some(({ name }) => name === `edit-${edit}`);
  });
  const highest = Math.max(0, ...seen.keys());
  const fresh = now.filter(({ id }) => !seen.has(id));
  expect(fresh.filter(({ id }) => id <= highest)).toEqual([]);
  for (const { id, name } of now) expect([id, seen.get(id) ?? name]).toEqual([id, name]);
  for (const { id, name } of fresh) seen.set(id, name);
  const staying = now.filter(({ state }) => state !== 'retiring').map(({ name }) => name);
  expect(staying.sort()).toEqual([...lab.tags.keys(), 'anchor', `edit-${edit}`, 'licence'].sort());
}

/** The newest first. */
async function events(limit?: number): Promise<EventJson[]> {
  const all: EventJson[] = [];
  for (let next: number | null = Number.MAX_SAFE_INTEGER; next !== null; ) {
    const page: HistoryJson = jsonOf(await http.get(`/api/v2/history?limit=${limit ?? 1000}&before=${next}`));
    all.push(...page.events);
    next = limit === undefined ? page.next : null;
  }
  return all;
}

/** As the commands saw it. A line is written within the hold, so that two holds that overlap here did overlap. */
function checkLog(lines: readonly string[]): void {
  const held = new Set<string>();
  for (const [i, line] of lines.entries()) {
    const names = line.slice(2).split(',');
    for (const name of names.filter((one) => one !== 'licence')) {
      expect([i, line, held.has(name)]).toEqual([i, line, line.startsWith('-')]);
      if (line.startsWith('+')) held.add(name);
      else held.delete(name);
    }
  }
  expect([...held]).toEqual([]);
}

function checkHistory(newestFirst: readonly EventJson[], bounds: readonly Bound[]): void {
  const held = new Map<string, number>();
  const ended: EventJson[] = [];
  for (const event of [...newestFirst].reverse()) {
    for (const name of event.resources ?? []) {
      const count = held.get(name) ?? 0;
      const most = name === 'licence' ? (bounds.find(({ event: until }) => event.id <= until)?.slots ?? 0) : 1;
      if (event.type === 'lease-granted') expect([event, count < most]).toEqual([event, true]);
      if (event.type === 'lease-granted') held.set(name, count + 1);
      if (event.type === 'lease-ended') held.set(name, count - 1);
      if (event.type === 'resource-removed') expect([event, count]).toEqual([event, 0]);
    }
    if (event.type === 'lease-ended') ended.push(event);
  }
  expect(ended.filter(({ reason, exit }) => reason !== 'released' || exit !== 0)).toEqual([]);
}
