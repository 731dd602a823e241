import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ResourcesJson } from '../../src/core/wire.ts';
import { Account, program, type Run, type Served, until } from '../support/cli.ts';
import { Http, jsonOf, whereOf } from '../support/http.ts';

/** The descriptor changes while real commands run under a real daemon. */
let account: Account;
let served: Served;
let http: Http;
beforeAll(() => program());
afterEach(async () => {
  http.close();
  served.run.kill('SIGTERM');
  await served.run.ended;
});

async function start(yaml: string): Promise<void> {
  account = await Account.make();
  served = await account.serve({ yaml });
  http = new Http(whereOf(served.url));
}

const descriptor = (): string => `${served.data}.yaml`;
const lock = (...args: readonly string[]): Run => account.start(['lock', '--url', served.url, ...args]);

/** A command that runs until it is let go; it ends with 0 then. */
async function hold(...wants: readonly string[]): Promise<{ run: Run; letGo: () => Promise<number | null> }> {
  const script = 'trap "exit 0" TERM; echo "held $RENTABOT_RESOURCES"; while :; do sleep 0.05; done';
  const run = lock(...wants, '--', 'sh', '-c', script);
  await run.said('held');
  const letGo = async (): Promise<number | null> => {
    run.kill('SIGTERM');
    return (await run.ended).code;
  };
  return { run, letGo };
}

async function resources(): Promise<ResourcesJson['resources']> {
  return jsonOf<ResourcesJson>(await http.get('/api/v2/resources')).resources;
}

async function table(): Promise<string> {
  return (await resources()).map(({ id, name, state }) => `${id} ${name} ${state}`).join(', ');
}

const shows = (wanted: string): Promise<void> => until(wanted, async () => (await table()) === wanted);

async function waits(name: string): Promise<void> {
  await until(`somebody waits for ${name}`, async () =>
    (await resources()).some((one) => one.name === name && one.waiting > 0),
  );
}

describe('a reload while commands run', () => {
  test('retires what it takes away: the holder ends in peace, who waits is told, and the name comes back as another', async () => {
    await start('a: {}\nb: {}\n');
    const holder = await hold('-n', 'a');
    const waiter = lock('-n', 'a', '--', 'true');
    await waits('a');
    writeFileSync(descriptor(), 'b: {}\n');
    expect(await waiter.ended).toMatchObject({ code: 65, out: '' });
    await shows('1 a retiring, 2 b free');
    expect(await lock('-n', 'a', '--no-wait', '--', 'true').ended).toMatchObject({ code: 65 });
    expect(await holder.letGo()).toBe(0);
    await shows('2 b free');
    writeFileSync(descriptor(), 'a: {}\nb: {}\n');
    await shows('2 b free, 3 a free');
  });

  test('that brings back what is held still makes it the same as before', async () => {
    await start('a: {}\nb: {}\n');
    const holder = await hold('-n', 'a');
    writeFileSync(descriptor(), 'b: {}\n');
    await shows('1 a retiring, 2 b free');
    writeFileSync(descriptor(), 'b: {}\na: {tags: [back]}\n');
    await shows('1 a held, 2 b free');
    const waiter = await waiting(['-t', 'back'], 'a');
    expect(await holder.letGo()).toBe(0);
    expect(await waiter.ended).toMatchObject({ code: 0, out: 'a\n' });
    await shows('1 a free, 2 b free');
  });

  test('that gives a tag, or a property, wakes who waits for it', async () => {
    await start('a: {tags: [arm], properties: {mem: 8}}\nb: {}\nc: {}\n');
    const holder = await hold('-n', 'a');
    const tagged = await waiting(['-t', 'arm'], 'a');
    const measured = await waiting(['-w', 'mem>=8'], 'a');
    writeFileSync(
      descriptor(),
      'a: {tags: [arm], properties: {mem: 8}}\nb: {tags: [arm]}\nc: {properties: {mem: 16}}\n',
    );
    expect(await tagged.ended).toMatchObject({ code: 0, out: 'b\n' });
    expect(await measured.ended).toMatchObject({ code: 0, out: 'c\n' });
    expect(await holder.letGo()).toBe(0);
  });

  test('that takes a tag away leaves it with who got it by that tag', async () => {
    await start('a: {tags: [arm]}\nb: {tags: [arm]}\n');
    const holder = await hold('-t', 'arm');
    writeFileSync(descriptor(), 'a: {}\nb: {tags: [arm]}\nc: {}\n');
    await shows('1 a held, 2 b free, 3 c free');
    expect(await lock('-t', 'arm', '--', 'sh', '-c', 'echo $RENTABOT_RESOURCE').ended).toMatchObject({ out: 'b\n' });
    expect(await holder.letGo()).toBe(0);
  });

  test('that raises slots wakes the next; one that lowers them frees nobody, and waits until fewer hold it', async () => {
    await start('licence: {slots: 2}\n');
    const first = [await hold('-n', 'licence'), await hold('-n', 'licence')];
    const third = lock(
      '-n',
      'licence',
      '--',
      'sh',
      '-c',
      'trap "exit 0" TERM; echo held; while :; do sleep 0.05; done',
    );
    await waits('licence');
    writeFileSync(descriptor(), 'licence: {slots: 3}\n');
    await third.said('held');
    writeFileSync(descriptor(), 'licence: {slots: 1}\nx: {}\n');
    await until('it is applied', async () => (await table()).includes('x'));
    const late = await waiting(['-n', 'licence'], 'licence');
    for (const { letGo } of first) expect(await letGo()).toBe(0);
    expect((await resources())[0]).toMatchObject({ waiting: 1, leases: [{}] });
    expect(late.out).toBe('');
    third.kill('SIGTERM');
    expect(await third.ended).toMatchObject({ code: 0 });
    expect(await late.ended).toMatchObject({ code: 0, out: 'licence\n' });
  });

  test('that comes while the daemon is down, after kill -9, frees nobody either', async () => {
    const socket = join((await Account.make()).base, 's');
    account = await Account.make();
    served = await account.serve({ yaml: 'a: {}\nb: {}\n', listen: 'none', socket });
    http = new Http(whereOf(served.url));
    const holder = await hold('-n', 'b');
    served.run.kill('SIGKILL');
    await served.run.ended;
    served = await account.serve({ yaml: 'c: {}\na: {}\n', listen: 'none', socket });
    await shows('1 a free, 2 b retiring, 3 c free');
    expect(await holder.letGo()).toBe(0);
    await shows('1 a free, 3 c free');
  });

  async function waiting(wants: readonly string[], blocked: string): Promise<Run> {
    const before = (await resources()).find(({ name }) => name === blocked)?.waiting ?? 0;
    const run = lock(...wants, '--', 'sh', '-c', 'echo $RENTABOT_RESOURCE');
    await until('it waits', async () =>
      (await resources()).some(({ name, waiting: now }) => name === blocked && now > before),
    );
    return run;
  }
});

const OLD = 'a: {}\nb: {}\n';
const NEW = 'a: {}\nc: {}\n';

/** How a new text gets into the file. Each leaves something there in between that must not count. */
const WRITERS: Readonly<Record<string, (file: string, text: string) => void>> = {
  'a shell, which empties it and writes in pieces': (file, text) => {
    const open = openSync(file, 'w');
    for (const piece of text.match(/[\s\S]{1,3}/g) ?? []) writeSync(open, piece);
    closeSync(open);
  },
  'vim, which moves it away and writes another': (file, text) => {
    renameSync(file, `${file}~`);
    writeFileSync(file, text);
    unlinkSync(`${file}~`);
  },
  'emacs, which has a lock and a copy beside it': (file, text) => {
    const [lockLink, autosave] = [join(dirname(file), '.#data.yaml'), join(dirname(file), '#data.yaml#')];
    symlinkSync('alice@host.1:2', lockLink);
    writeFileSync(autosave, text.slice(0, 7));
    renameSync(file, `${file}~`);
    writeFileSync(file, text);
    unlinkSync(autosave);
    unlinkSync(lockLink);
  },
  'sed -i and most programs, which put a new file in its place': (file, text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  },
  'who cuts it off, and then puts a new file in its place': (file, text) => {
    writeFileSync(file, 'a: {}\nb: {tags: [');
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  },
  'a volume of Kubernetes, which turns a link': (file, text) => {
    const volume = (name: string, content: string): void => {
      mkdirSync(join(dirname(file), name));
      writeFileSync(join(dirname(file), name, 'data.yaml'), content);
      symlinkSync(name, join(dirname(file), '..tmp'));
      renameSync(join(dirname(file), '..tmp'), join(dirname(file), '..data'));
    };
    volume('..1', OLD);
    rmSync(file);
    symlinkSync('..data/data.yaml', file);
    volume('..2', text);
  },
};

describe('a descriptor that is written by', () => {
  test.each(Object.entries(WRITERS))('%s', async (_, write) => {
    await start(OLD);
    const holder = await hold('-n', 'a');
    write(descriptor(), NEW);
    await shows('1 a held, 3 c free');
    expect(await holder.letGo()).toBe(0);
  });

  test('somebody who was interrupted changes nothing until it is whole', async () => {
    await start(OLD);
    const holder = await hold('-n', 'b');
    const waiter = lock('-n', 'b', '--', 'true');
    await waits('b');
    const half = 'a: {}\nc: {tags: [arm, ';
    writeFileSync(descriptor(), half);
    await served.run.said('descriptor not applied', 'err');
    expect(await table()).toBe('1 a free, 2 b held');
    appendFileSync(descriptor(), 'x86]}\nb: {}\n');
    await shows('1 a free, 2 b held, 3 c free');
    expect(readFileSync(descriptor(), 'utf8')).toContain(half);
    expect(await holder.letGo()).toBe(0);
    expect(await waiter.ended).toMatchObject({ code: 0 });
  });
});
