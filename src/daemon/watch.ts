import { createHash } from 'node:crypto';
import { statSync, watch as watchFolder } from 'node:fs';
import { dirname } from 'node:path';
import type { Millis } from '../core/model.ts';
import { type FileText, type ReadFile, readTextFile } from './descriptor-file.ts';

/**
 * Watches files for changes of what is in them. Editors do not write a file but replace it, so its folder is watched; what the
 * system does not tell (other hosts' writes on a network disk, a folder that came later, a full table of watches) a slow
 * look at the file finds. Nothing is told about a file until it has been the same for a while: it may be half written.
 */
export interface Watcher {
  /** Starts to watch a file, which may not be there yet. `known` is what the caller has read of it. False if there are too many. */
  add(path: string, known: FileText): boolean;
  /** Stops to watch a file. */
  remove(path: string): void;
  /** Looks at all files now; whether the system told anything does not matter. */
  look(): void;
  close(): void;
}

/** What the watcher needs of the system. */
export interface WatchSources {
  readonly readFile: ReadFile;
  /** Something that changes when the file may have; null where there is no file. Cheap: it is called often. */
  readonly stamp: (path: string) => string | null;
  /** Tells of any change in a folder. Null where that cannot be had. */
  readonly watchFolder: (folder: string, changed: () => void) => { close(): void } | null;
  /** Calls once after a time; the answer cancels it. Does not keep the process alive. */
  readonly after: (span: Millis, then: () => void) => () => void;
}

/** A file counts as written when it has been the same for this long. */
export const SETTLE_MS = 200;
/** An empty or missing file may be one that is being replaced: it is believed after this long. */
export const SETTLE_GONE_MS = 2000;
/** How often each file is looked at, whatever the system tells. */
export const POLL_MS = 2000;
/** Each client of a private daemon may bring a file. */
export const MOST_WATCHED = 1000;

interface Watched {
  readonly path: string;
  /** What was told last, or known at the start. */
  told: string;
  /** The stamp of the last look. */
  stamp: string | null;
  /** Set while a change is under way. */
  settling: { cancel: () => void } | null;
}

interface Folder {
  readonly stamp: string | null;
  readonly watch: { close(): void } | null;
}

/** Starts a watcher. `changed` gets the path and what is in the file now. */
export function watchFiles(
  changed: (path: string, file: FileText) => void,
  sources: Partial<WatchSources> = {},
): Watcher {
  return new FileWatcher(changed, { ...SYSTEM, ...sources });
}

class FileWatcher implements Watcher {
  private readonly files = new Map<string, Watched>();
  private readonly folders = new Map<string, Folder>();
  private cancelPoll: (() => void) | null = null;

  constructor(
    private readonly changed: (path: string, file: FileText) => void,
    private readonly sources: WatchSources,
  ) {}

  add(path: string, known: FileText): boolean {
    if (this.files.has(path)) return true;
    if (this.files.size >= MOST_WATCHED) return false;
    const file: Watched = { path, told: digest(known), stamp: null, settling: null };
    this.files.set(path, file);
    this.watchFolderOf(path);
    // It may have changed between the caller's reading and the watch; this look finds out.
    this.settle(file);
    this.cancelPoll ??= this.sources.after(POLL_MS, () => this.poll());
    return true;
  }

  remove(path: string): void {
    this.files.get(path)?.settling?.cancel();
    this.files.delete(path);
    const folder = dirname(path);
    if ([...this.files.keys()].some((other) => dirname(other) === folder)) return;
    this.folders.get(folder)?.watch?.close();
    this.folders.delete(folder);
  }

  look(): void {
    for (const file of this.files.values()) this.settle(file);
  }

  close(): void {
    for (const path of [...this.files.keys()]) this.remove(path);
    this.cancelPoll?.();
    this.cancelPoll = null;
  }

  private poll(): void {
    for (const file of this.files.values()) {
      this.watchFolderOf(file.path);
      if (this.sources.stamp(file.path) !== file.stamp) this.settle(file);
    }
    this.cancelPoll = this.sources.after(POLL_MS, () => this.poll());
  }

  /** A folder that was made anew has another stamp; its old watch tells nothing any more. */
  private watchFolderOf(path: string): void {
    const folder = dirname(path);
    const stamp = folderStamp(this.sources.stamp(folder));
    const known = this.folders.get(folder);
    if (known && known.watch !== null && known.stamp === stamp) return;
    known?.watch?.close();
    const watch = stamp === null ? null : this.sources.watchFolder(folder, () => this.folderChanged(folder));
    this.folders.set(folder, { stamp, watch });
  }

  /** Not only the file that the system names: a link may lead through another name in the folder. */
  private folderChanged(folder: string): void {
    for (const file of this.files.values()) if (dirname(file.path) === folder) this.settle(file);
  }

  /** Reads until it has read the same for long enough, then tells, if it is not what was told before. */
  private settle(file: Watched): void {
    if (file.settling) return;
    let [seen, unchanged] = ['', 0];
    const read = () => {
      const stamp = this.sources.stamp(file.path);
      const content = this.sources.readFile(file.path);
      const now = `${stamp} ${digest(content)}`;
      unchanged = now === seen ? unchanged + SETTLE_MS : 0;
      seen = now;
      if (unchanged < (isGone(content) ? SETTLE_GONE_MS : SETTLE_MS)) {
        file.settling = { cancel: this.sources.after(SETTLE_MS, read) };
        return;
      }
      file.settling = null;
      file.stamp = stamp;
      this.tell(file, content);
    };
    read();
  }

  private tell(file: Watched, content: FileText): void {
    const now = digest(content);
    if (now === file.told) return;
    file.told = now;
    this.changed(file.path, content);
  }
}

function isGone(content: FileText): boolean {
  return content.type === 'missing' || (content.type === 'text' && content.text.trim() === '');
}

function digest(content: FileText): string {
  if (content.type !== 'text') return content.type;
  return createHash('sha256').update(content.text).digest('base64');
}

/** Of a folder only what says which one it is: what is in it changes all the time. */
function folderStamp(stamp: string | null): string | null {
  return stamp?.split(' ')[0] ?? null;
}

const SYSTEM: WatchSources = {
  readFile: readTextFile,
  stamp: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat ? `${stat.dev}:${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}` : null;
  },
  watchFolder: (folder, changed) => {
    try {
      const watch = watchFolder(folder, { persistent: false }, changed);
      // Without it the slow look goes on.
      watch.on('error', () => watch.close());
      return watch;
    } catch {
      return null;
    }
  },
  after: (span, then) => {
    const timer = setTimeout(then, span);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
