import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, test } from 'vitest';
import { Account, makeFolder, type Served } from '../support/cli.ts';
import { hasScript, Terminal, terminalEnv } from '../support/terminal.ts';

/** `rentabot import` and `export` as people run them: the file, the difference, the daemon. */
let account: Account;
beforeAll(async () => {
  account = await Account.make();
});

let daemons = 0;
/** A daemon with nothing in it, and the environment that leads there. */
async function emptyDaemon(yaml = '{}'): Promise<Served & { readonly env: Record<string, string> }> {
  daemons += 1;
  const served = await account.serve({ yaml, data: join(account.base, `data-${daemons}`) });
  return { ...served, env: { RENTABOT_URL: served.url } };
}

const MANAGER = 'org.jenkins.plugins.lockableresources.LockableResourcesManager';

/** Written by the tests in the folder that commands run in; a folder is named by what it has in it. */
const FILES: Readonly<Record<string, string>> = {
  'lab.yaml': 'board-1: {tags: [a, b], slots: 2, env: {TOKEN: hunter2}}\n',
  'jenkins.yaml':
    'unclassified: {lockableResourcesManager: {declaredResources: [{name: board-1, labels: "a b", reservedBy: ann}]}}\n',
  [`${MANAGER}.xml`]: `<?xml version='1.1' encoding='UTF-8'?>\n<${MANAGER}><resources><r><name>board-1</name><labels>a b</labels></r></resources></${MANAGER}>\n`,
  'boskos.yaml': 'resources: [{type: a, state: free, names: [board-1]}, {type: token, min-count: 1, max-count: 3}]\n',
  'places.yaml': 'board-1: {comment: c, matches: [], tags: {soc: imx6}, acquired: h/ann, password: hunter2}\n',
  'exporter.yaml': 'board-1: {NetworkService: {address: 10.0.0.7, username: root, password: hunter2}}\n',
  'resources.json': '[{"id": "board-1", "online": false, "hostname": "h", "token": "hunter2"}]\n',
  'locks/aws/claimed/board-1': 'hunter2',
  'locks/aws/unclaimed/board-2': '',
  'machines.json': '[{"datacenter": "mdc1", "machine": "board-1", "lastseen": "2018-11-08T08:47:50"}]\n',
  'rent-a-bot.json':
    '{"resources": [{"id": 1, "name": "board-1", "tags": "a b", "lock-token": "hunter2", "lock-details": "Resource locked"}]}\n',
  'lab.csv': 'name,tags,mem,password\nboard-1,a b,16,hunter2\n',
};

beforeAll(() => {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(account.work, path)), { recursive: true });
    writeFileSync(join(account.work, path), text);
  }
  const db = new Database(join(account.work, 'app.db'));
  db.exec(`CREATE TABLE nodes(node_id INT, ip_address TEXT, node_name TEXT, node_description TEXT);
    CREATE TABLE subsystems(subsystem_id INT, subsystem_name TEXT, node_id INT, kind TEXT, subsystem_description TEXT, is_busy INT);
    CREATE TABLE api_auth(id INT, owner TEXT, token TEXT); INSERT INTO api_auth VALUES (0, 'ci', 'hunter2');
    INSERT INTO nodes VALUES (0, '10.0.0.7', 'ci-1', NULL); INSERT INTO subsystems VALUES (0, 'board-1', 0, 'a', NULL, 1)`);
  db.close();
});

describe.each([
  ['lab.yaml', 'descriptor', '+ board-1: slots 2; tags a, b; env TOKEN', 1],
  ['jenkins.yaml', 'jenkins', '+ board-1: tags a, b', 1],
  [`${MANAGER}.xml`, 'jenkins', '+ board-1: tags a, b', 1],
  ['boskos.yaml', 'boskos', '+ board-1: tag a\n+ token: slots 3; tag token', 2],
  ['places.yaml', 'labgrid', '+ board-1: description c; property soc imx6', 1],
  ['exporter.yaml', 'labgrid', '+ board-1: endpoint 10.0.0.7; tag NetworkService', 1],
  ['resources.json', 'py-lockable', '+ board-1: property hostname h; offline: online is false in resources.json', 1],
  ['locks', 'pool-resource', '+ board-2: tag aws\n+ board-1: tag aws', 2],
  ['machines.json', 'releng-hardware', '+ board-1: machine mdc1:board-1; tag mdc1', 1],
  ['rent-a-bot.json', 'rent-a-bot', '+ board-1: tags a, b', 1],
  [
    ...['app.db', 'enema'],
    ...['+ board-1: endpoint 10.0.0.7; tag a; property node ci-1; property kind a; property ip_address 10.0.0.7', 1],
  ],
  ['lab.csv', 'csv', '+ board-1: tags a, b; property mem 16', 1],
] as [string, string, string, number][])('%s', (file, format, lines, count) => {
  test('is shown, then applied, and says nothing to do the second time', async () => {
    const { env, data } = await emptyDaemon();
    const before = readdirSync(account.work).sort();
    const looked = await account.run(['import', file, '--dry-run'], { env });
    expect(looked).toMatchObject({ code: 0, out: `${lines}\n0 unchanged\n` });
    expect((await account.status(env)).resources).toEqual([]);
    const done = await account.run(['import', file, '--yes'], { env });
    expect(done).toMatchObject({ code: 0, out: looked.out, err: expect.stringContaining(`${count} applied`) });
    const again = await account.run(['import', file, '--yes', '--json', '--format', format], { env });
    expect(JSON.parse(again.out)).toEqual({
      ...{ format, added: [], changed: [], removed: [], retiring: [], unchanged: count, applied: false },
    });
    expect((await account.status(env)).resources.map(({ name }) => name)).toContain('board-1');
    expect(readdirSync(account.work).sort()).toEqual(before);
    // A variable is for its holder, and only our own file can say one.
    expect(looked.out + looked.err + done.err + again.err).not.toContain('hunter2');
    const kept = readdirSync(data).map((name) =>
      name.endsWith('.sock') ? '' : readFileSync(join(data, name), 'latin1'),
    );
    expect(kept.join('').includes('hunter2')).toBe(file === 'lab.yaml');
  });
});

describe('an address', () => {
  test.each([
    ['/machines', 'releng-hardware'],
    ['/status', 'enema'],
    ['/nodes', 'enema'],
    ['/api/v1/resources', 'rent-a-bot'],
    ['/rentabot/api/v1.0/resources', 'rent-a-bot'],
    ['/api/v2/resources', 'rentabot'],
    ['/api/v2/descriptor', 'rentabot'],
  ])('%s is read as what it is, and changes nothing where that is so already', async (path, format) => {
    const from = await emptyDaemon('{board-1: {tags: a, machine: "m:board-1", properties: {node: ci-1, kind: a}}}');
    await account.run(['beat', 'm:board-1'], { env: from.env });
    const { env } = await emptyDaemon();
    const run = async (): Promise<object> =>
      JSON.parse((await account.run(['import', from.url + path, '--yes', '--json'], { env })).out);
    expect(await run()).toMatchObject({ format, changed: [], unchanged: 0, applied: true });
    expect(await run()).toMatchObject({ format, added: [], changed: [], unchanged: 1, applied: false });
  });

  test('where nobody listens, or asks who is there, ends with a code of its own', async () => {
    const { env } = await emptyDaemon();
    const run = (url: string) => account.run(['import', url], { env });
    expect(await run('http://127.0.0.1:9/machines')).toMatchObject({
      ...{ code: 69, out: '', err: 'rentabot: unreachable: nobody listens at http://127.0.0.1:9/machines\n' },
    });
    expect(await run(`${env.RENTABOT_URL}/nothing`)).toMatchObject({ code: 64 });
    const { env: known, url } = await emptyDaemon();
    await account.run(['user', 'add', 'ann', '--role', 'admin'], { env: known, input: 'a long password\n' });
    expect(await run(`${url}/api/v2/resources`)).toMatchObject({
      code: 77,
      err: expect.stringContaining('curl … | rentabot import -'),
    });
  });
});

test('what is exported, as YAML or as JSON, says at the same daemon that nothing changes', async () => {
  const yaml = `"a b": {description: "x: #y", endpoint: "ssh://u:p@h", tags: [t, "8"], slots: 3, max_hold: 90m, machine: "m:n",
    stale_after: 5m, properties: {n: 7, t: "7", f: 0.1, b: true, s: "no"}, env: {A: "1\\n 2", B: ""}, offline: {reason: "no", until: 2100-01-01}}`;
  const { env } = await emptyDaemon(yaml);
  for (const more of [[], ['--json']]) {
    const { out } = await account.run(['export', ...more], { env });
    const back = await account.run(['import', '-', '--prune', '--yes', '-q'], { env, input: out });
    expect(back).toEqual({ code: 0, signal: null, out: '1 unchanged\n', err: '' });
  }
});

describe('--prune', () => {
  test('removes what the file does not have; what is held goes when its holder is done, and both are said first', async () => {
    const { env } = await emptyDaemon();
    account.file('all.yaml', 'a: {}\nb: {}\nc: {}\n');
    account.file('less.yaml', 'a: {}\n');
    await account.run(['import', 'all.yaml', '--yes'], { env });
    const claimed = await account.run(['claim', 'b', '--for', '1h'], { env });
    expect(claimed.code).toBe(0);
    const holder = /held by (\S+)/;
    const looked = await account.run(['import', 'less.yaml', '--prune', '--dry-run'], { env });
    expect(looked.out).toMatch(/^- b: held by \S+, and goes when that is done\n- c\n1 unchanged\n$/);
    expect((await account.status(env)).resources).toHaveLength(3);
    const asJson = await account.run(['import', 'less.yaml', '--prune', '--dry-run', '--json'], { env });
    expect(JSON.parse(asJson.out)).toMatchObject({ removed: ['c'], retiring: ['b'], unchanged: 1, applied: false });
    const done = await account.run(['import', 'less.yaml', '--prune', '--yes'], { env });
    const who = holder.exec(looked.out)?.[1]?.replace(',', '');
    expect(done).toMatchObject({ code: 0, err: `rentabot: b goes when ${who} is done\nrentabot: 2 applied\n` });
    expect((await account.status(env)).resources).toMatchObject([
      { name: 'a', state: 'free' },
      { name: 'b', state: 'retiring', leases: [{}] },
    ]);
    await account.run(['release', 'b'], { env });
    expect((await account.status(env)).resources).toMatchObject([{ name: 'a' }]);
  });

  test('without it nothing goes', async () => {
    const { env } = await emptyDaemon('{a: {}, b: {}}');
    account.file('one.yaml', 'a: {}\n');
    expect(await account.run(['import', 'one.yaml', '--yes'], { env })).toMatchObject({ out: '1 unchanged\n' });
    expect((await account.status(env)).resources).toHaveLength(2);
  });

  test('nobody is asked where nobody could answer, and nothing is changed then', async () => {
    const { env } = await emptyDaemon('{a: {}}');
    const { code, err } = await account.run(['import', '-', '--prune'], { env, input: 'b: {}\n' });
    expect({ code, err }).toEqual({
      code: 64,
      err: 'rentabot: usage: nothing was changed, as nobody is there to be asked; --yes applies it, --dry-run only looks\n',
    });
    expect((await account.status(env)).resources).toMatchObject([{ name: 'a' }]);
  });

  test.skipIf(!hasScript)('a person at a terminal is asked, and only a yes applies it', async () => {
    const { url, env } = await emptyDaemon('{a: {}}');
    account.file('other.yaml', 'b: {}\n');
    const terminal = await Terminal.open(account, terminalEnv(account, url));
    for (const [answer, names] of [
      ['n', ['a']],
      ['y', ['b']],
    ] as const) {
      const before = terminal.screen.length;
      terminal.type('$RB import other.yaml --prune\r');
      await terminal.run.saidOnce(() => terminal.screen.slice(before).includes('Apply? [y/N] '), 'the question');
      expect(terminal.screen.slice(before)).toMatch(/\+ b\r\n- a: stays away until /);
      await terminal.command(answer);
      expect((await account.status(env)).resources.map(({ name }) => name)).toEqual(names);
    }
    await terminal.exit();
  });
});

test('without the native parts a database says what is missing, and everything else is read', async () => {
  const { env } = await emptyDaemon();
  const folder = makeFolder();
  for (const name of ['bin', 'dist']) {
    cpSync(join(account.script, '..', '..', name), join(folder, name), { recursive: true });
  }
  const run = (file: string) =>
    account.run(['import', file, '--dry-run'], { env, script: join(folder, 'bin', 'rentabot.js') });
  const { code, err } = await run('app.db');
  expect(code).toBe(78);
  expect(err).toMatch(
    /^rentabot: config: app\.db: the SQLite binding cannot be loaded: .*; import what `GET \/status`.*\n/,
  );
  expect(err).not.toMatch(/\n\s+at /);
  for (const file of ['lab.csv', 'boskos.yaml', 'locks']) expect((await run(file)).code).toBe(0);
});

test('a pipe is read to its end, and what is larger than may be is refused', async () => {
  const { env } = await emptyDaemon();
  const piped = account.spawn(
    ['bash', '-c', `${process.execPath} ${account.script} import <(echo 'a: {}') --dry-run`],
    { env },
  );
  expect(await piped.ended).toMatchObject({ code: 0, out: '+ a\n0 unchanged\n' });
  const large = await account.run(['import', '-', '--dry-run'], { env, input: Buffer.alloc(33 * 1024 * 1024, 'x') });
  expect(large).toMatchObject({
    code: 64,
    err: 'rentabot: usage: stdin cannot be read: it has more than 33554432 bytes\n',
  });
});
