import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FileText, readTextFile } from '../../src/daemon/descriptor-file.ts';
import { MOST_WATCHED, POLL_MS, SETTLE_GONE_MS, SETTLE_MS, type Watcher, watchFiles } from '../../src/daemon/watch.ts';
import { FakeClock } from '../support/clock.ts';

const text = (content: string): FileText => ({ type: 'text', text: content });
const MISSING: FileText = { type: 'missing' };

/** Files in memory, time by hand, and a system that tells of changes only if the test lets it. */
class Disk {
  readonly clock = new FakeClock(0);
  readonly files = new Map<string, string>();
  readonly folders = new Map<string, number>([['/lab', 1]]);
  readonly told: [string, string | null][] = [];
  readonly listeners = new Map<string, Set<() => void>>();
  reads = 0;
  tells = true;
  private version = 0;
  private readonly stamps = new Map<string, number>();

  readonly watcher: Watcher = watchFiles(
    (path, file) => void this.told.push([path, file.type === 'text' ? file.text : null]),
    {
      readFile: (path) => {
        this.reads += 1;
        const content = this.files.get(path);
        return content === undefined ? MISSING : text(content);
      },
      stamp: (path) => {
        const folder = this.folders.get(path);
        if (folder !== undefined) return `${folder} x`;
        return this.files.has(path) ? `${path} ${this.stamps.get(path)}` : null;
      },
      watchFolder: (folder, changed) => {
        if (!this.folders.has(folder) || !this.tells) return null;
        const listeners = this.listeners.get(folder) ?? new Set();
        this.listeners.set(folder, listeners.add(changed));
        return { close: () => void listeners.delete(changed) };
      },
      after: (span, then) => this.clock.wakeAt(this.clock.now() + span, then),
    },
  );

  write(path: string, content: string | null): void {
    this.version += 1;
    this.stamps.set(path, this.version);
    if (content === null) this.files.delete(path);
    else this.files.set(path, content);
    if (this.tells) for (const changed of this.listeners.get('/lab') ?? []) changed();
  }
}

describe('a watched file', () => {
  let disk: Disk;
  beforeEach(() => {
    disk = new Disk();
    disk.write('/lab/a.yaml', 'one');
    disk.watcher.add('/lab/a.yaml', text('one'));
    disk.clock.advance(SETTLE_MS);
  });

  test('that has not changed is not told, and costs no reading', () => {
    const reads = disk.reads;
    disk.clock.advance(60 * POLL_MS);
    expect([disk.told, disk.reads]).toEqual([[], reads]);
  });

  test('is told once, when it has been the same for a while', () => {
    disk.write('/lab/a.yaml', 'two');
    disk.clock.advance(SETTLE_MS - 1);
    expect(disk.told).toEqual([]);
    disk.clock.advance(1);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
    disk.clock.advance(60 * POLL_MS);
    expect(disk.told).toHaveLength(1);
  });

  test('is not told half written', () => {
    for (const part of ['t', 'tw', 'two', 'two\n', 'two\nthree']) {
      disk.write('/lab/a.yaml', part);
      disk.clock.advance(SETTLE_MS / 2);
    }
    expect(disk.told).toEqual([]);
    disk.clock.advance(2 * SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two\nthree']]);
  });

  test('that was written again with the same content in between is not told early', () => {
    disk.write('/lab/a.yaml', 'half');
    disk.clock.advance(SETTLE_MS - 1);
    disk.write('/lab/a.yaml', 'half');
    disk.clock.advance(SETTLE_MS - 1);
    expect(disk.told).toEqual([]);
    disk.clock.advance(SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'half']]);
  });

  test.each([null, '', ' \n'])('that is %j for a moment is not told', (gone) => {
    disk.write('/lab/a.yaml', gone);
    disk.clock.advance(SETTLE_GONE_MS - SETTLE_MS);
    disk.write('/lab/a.yaml', 'one');
    disk.clock.advance(10 * POLL_MS);
    expect(disk.told).toEqual([]);
    disk.write('/lab/a.yaml', gone);
    disk.clock.advance(SETTLE_MS);
    disk.write('/lab/a.yaml', 'two');
    disk.clock.advance(2 * SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
  });

  test('that stays away is told as missing, once, and told again when it is back', () => {
    disk.write('/lab/a.yaml', null);
    disk.clock.advance(60 * POLL_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', null]]);
    disk.write('/lab/a.yaml', 'one');
    disk.clock.advance(2 * SETTLE_MS);
    expect(disk.told).toEqual([
      ['/lab/a.yaml', null],
      ['/lab/a.yaml', 'one'],
    ]);
  });

  test('is found by the slow look where the system tells nothing', () => {
    disk.tells = false;
    disk.write('/lab/a.yaml', 'two');
    disk.clock.advance(POLL_MS + SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
  });

  test('is told when only another name in its folder changed, as links do', () => {
    disk.files.set('/lab/a.yaml', 'two');
    for (const changed of disk.listeners.get('/lab') ?? []) changed();
    disk.clock.advance(SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
  });

  test('in a folder that was made anew is watched there', () => {
    disk.folders.set('/lab', 2);
    disk.clock.advance(POLL_MS);
    disk.write('/lab/a.yaml', 'two');
    disk.clock.advance(SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
    expect(disk.listeners.get('/lab')?.size).toBe(1);
  });

  test('is looked at when asked', () => {
    disk.files.set('/lab/a.yaml', 'two');
    disk.watcher.look();
    disk.clock.advance(SETTLE_MS);
    expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
  });

  test('is not told after it was removed, nor after the end', () => {
    disk.watcher.add('/lab/b.yaml', MISSING);
    disk.write('/lab/a.yaml', 'two');
    disk.watcher.remove('/lab/a.yaml');
    disk.write('/lab/b.yaml', 'two');
    disk.watcher.close();
    disk.clock.advance(60 * POLL_MS);
    expect(disk.told).toEqual([]);
    expect([disk.clock.pending, disk.listeners.get('/lab')?.size]).toEqual([0, 0]);
  });
});

test('a file that changed between the reading of the caller and the watch is told', () => {
  const disk = new Disk();
  disk.write('/lab/a.yaml', 'two');
  disk.watcher.add('/lab/a.yaml', text('one'));
  disk.clock.advance(SETTLE_MS);
  expect(disk.told).toEqual([['/lab/a.yaml', 'two']]);
});

test('a file in a folder that is not there yet is found', () => {
  const disk = new Disk();
  disk.folders.delete('/lab');
  disk.watcher.add('/lab/a.yaml', MISSING);
  disk.clock.advance(SETTLE_GONE_MS + POLL_MS);
  disk.folders.set('/lab', 5);
  disk.write('/lab/a.yaml', 'one');
  disk.clock.advance(POLL_MS + SETTLE_MS);
  expect(disk.told).toEqual([['/lab/a.yaml', 'one']]);
});

test('there is a limit to the files, and no file counts twice', () => {
  const disk = new Disk();
  for (let i = 0; i < MOST_WATCHED; i += 1) expect(disk.watcher.add(`/lab/${i}`, MISSING)).toBe(true);
  expect(disk.watcher.add('/lab/0', MISSING)).toBe(true);
  expect(disk.watcher.add('/lab/more', MISSING)).toBe(false);
  disk.watcher.close();
});

describe('on a real disk', () => {
  let folder: string;
  let path: string;
  let watcher: Watcher;
  const told: (string | null)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rentabot-watch-'));
    path = join(folder, 'rentabot.yaml');
    told.length = 0;
    watcher = watchFiles((_, file) => void told.push(file.type === 'text' ? file.text : null));
  });
  afterEach(() => {
    watcher.close();
    rmSync(folder, { recursive: true });
  });

  const start = (content: string | null) => {
    if (content !== null) writeFileSync(path, content);
    watcher.add(path, readTextFile(path));
  };
  const heard = (...expected: (string | null)[]) =>
    vi.waitFor(() => expect(told).toEqual(expected), { timeout: 90_000, interval: 20 });

  test('a file that is written, appended to, cut and replaced is told each time', async () => {
    start('one');
    writeFileSync(path, 'two');
    await heard('two');
    writeFileSync(path, '\nthree', { flag: 'a' });
    await heard('two', 'two\nthree');
    truncateSync(path, 3);
    await heard('two', 'two\nthree', 'two');
    writeFileSync(join(folder, 'new'), 'four');
    renameSync(join(folder, 'new'), path);
    await heard('two', 'two\nthree', 'two', 'four');
  });

  test('a file that comes, goes and comes back is told each time', async () => {
    start(null);
    writeFileSync(path, 'one');
    await heard('one');
    unlinkSync(path);
    await heard('one', null);
    writeFileSync(path, 'two');
    await heard('one', null, 'two');
  });

  test('a link that is turned to another file is told, as volumes of Kubernetes do it', async () => {
    for (const [name, content] of [
      ['v1', 'one'],
      ['v2', 'two'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'rentabot.yaml'), content);
    }
    symlinkSync('v1', join(folder, 'current'));
    symlinkSync('current/rentabot.yaml', path);
    watcher.add(path, readTextFile(path));
    symlinkSync('v2', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'current'));
    await heard('two');
  });

  test('a file in a folder that is made later, or made anew, is told', async () => {
    path = join(folder, 'later', 'rentabot.yaml');
    start(null);
    mkdirSync(join(folder, 'later'));
    writeFileSync(path, 'one');
    await heard('one');
    rmSync(join(folder, 'later'), { recursive: true });
    mkdirSync(join(folder, 'later'));
    writeFileSync(path, 'two');
    await heard('one', 'two');
  });
});
