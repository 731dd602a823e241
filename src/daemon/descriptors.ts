import { statSync } from 'node:fs';
import { RentabotError } from '../core/error.ts';
import type { Description } from '../core/model.ts';
import { type Descriptor, readDescriptor } from './descriptor.ts';
import { type FileText, readTextFile } from './descriptor-file.ts';
import type { Engine } from './engine.ts';
import type { Log } from './log.ts';
import { formatRemark, type Problem, refuseProblems, type Warning } from './remarks.ts';
import { type Watcher, watchFiles } from './watch.ts';

/** What a file said last: described, or wrong. */
interface Known {
  stamp: string | null;
  problems: readonly Problem[];
}

/**
 * The descriptor files of a running daemon: read, watched, and applied by difference. A file with a mistake changes
 * nothing; the resources stay as they were.
 */
export class Descriptors {
  private readonly known = new Map<string, Known>();
  /** The settings each file had last, as JSON. */
  private readonly settings = new Map<string, string>();
  private readonly watcher: Watcher;

  constructor(
    private readonly engine: Engine,
    private readonly log: Log,
    /** `home` is where `~` in a path leads; `additive` sources only ever add to what the daemon knows. */
    private readonly options: { readonly home: string; readonly additive: boolean },
  ) {
    this.watcher = watchFiles((path, file) => void this.apply(path, file).catch((error) => this.trouble(path, error)));
  }

  /** Declares what was read of a file already, and watches it from here on. */
  async add(path: string, descriptor: Descriptor): Promise<void> {
    this.known.set(path, { stamp: stampOf(path), problems: [] });
    this.settings.set(path, JSON.stringify(descriptor.settings));
    await this.declare(path, descriptor.resources, []);
    // It may have changed since it was read: to the watcher nothing is known of it, so it looks once more, in its own time.
    this.watch(path, { type: 'missing' });
  }

  /**
   * Retires what other files described to earlier runs: this daemon has one descriptor, and it may have been renamed.
   * To be called after that one is applied, which takes over the names it has too.
   */
  async dropOthers(path: string): Promise<void> {
    const sources = await this.engine.read(({ state }) => {
      const present = [...state.catalogue.byId.values()].map(({ resource }) => resource);
      return new Set([...present, ...state.removed.values()].map(({ source }) => source));
    });
    for (const source of sources) {
      if (!source.startsWith('file:') || source === `file:${path}`) continue;
      this.log.warn('resources of another descriptor are retired', { file: source.slice(5) });
      await this.engine.submit({ type: 'declare', source, resources: [], additive: false }, () => null);
    }
  }

  /** Makes sure that what the file says now is declared. Throws its mistakes, with line and column. */
  async ensure(path: string): Promise<void> {
    const stamp = stampOf(path);
    const known = this.known.get(path);
    if (!known || known.stamp !== stamp) {
      const file = readTextFile(path);
      if (!known) this.watch(path, file);
      // A file that has vanished takes nothing away.
      if (file.type !== 'missing') await this.apply(path, file);
    }
    const problems = this.known.get(path)?.problems ?? [];
    if (problems.length > 0) throw new RentabotError(refuseProblems(problems));
  }

  /** Reads all files again now, as SIGHUP asks for. */
  async reload(): Promise<void> {
    for (const path of this.known.keys()) {
      await this.apply(path, readTextFile(path)).catch((error) => this.trouble(path, error));
    }
  }

  close(): void {
    this.watcher.close();
  }

  private watch(path: string, file: FileText): void {
    if (!this.watcher.add(path, file)) this.log.warn('too many descriptors to watch this one', { file: path });
  }

  private async apply(path: string, file: FileText): Promise<void> {
    const known = this.known.get(path) ?? { stamp: null, problems: [] };
    this.known.set(path, known);
    known.stamp = stampOf(path);
    const result = file.type === 'text' ? readDescriptor(file.text, path, this.options.home) : unusable(path, file);
    known.problems = result.ok ? [] : result.problems;
    if (result.ok) {
      this.warnOfSettings(path, result.value);
      await this.declare(path, result.value.resources, result.warnings);
    } else for (const problem of result.problems) this.log.error(`descriptor not applied: ${formatRemark(problem)}`);
  }

  private async declare(path: string, resources: readonly Description[], warnings: readonly Warning[]): Promise<void> {
    for (const warning of warnings) this.log.warn(formatRemark(warning));
    const source = `file:${path}`;
    if (this.options.additive) await this.warnOfTwins(path, source, resources);
    const command = { type: 'declare', source, resources, additive: this.options.additive } as const;
    const before = this.engine.figures.commits;
    const refusal = await this.engine.submit(command, (sight) => sight.refusal);
    if (refusal) throw new RentabotError(refusal);
    const level = this.engine.figures.commits === before ? 'debug' : 'info';
    this.log[level]('descriptor applied', { file: path, count: resources.length });
  }

  /** Settings count when a daemon starts: a change of them that does nothing is worth a line. */
  private warnOfSettings(path: string, { settings }: Descriptor): void {
    const known = this.settings.get(path);
    const now = JSON.stringify(settings);
    this.settings.set(path, now);
    if (known !== undefined && known !== now)
      this.log.warn('changed settings count after a restart; only the resources were reloaded', { file: path });
  }

  /** Two projects may mean the same board by a name, or not: worth a line. */
  private async warnOfTwins(path: string, source: string, resources: readonly Description[]): Promise<void> {
    const twins = await this.engine.read(({ state }) =>
      resources.flatMap((description) => {
        const other = state.catalogue.byName.get(description.name)?.resource;
        if (!other?.source.startsWith('file:') || other.source === source) return [];
        return other.declared === JSON.stringify(description) ? [] : [`${description.name} (${other.source.slice(5)})`];
      }),
    );
    if (twins.length > 0)
      this.log.warn('described differently by two files; the newer one counts', { file: path, resources: twins });
  }

  private trouble(path: string, error: unknown): void {
    this.log.error('descriptor not applied', { file: path, error });
  }
}

function unusable(
  path: string,
  file: Exclude<FileText, { type: 'text' }>,
): { readonly ok: false; readonly problems: readonly Problem[] } {
  const message = file.type === 'missing' ? 'there is no such file' : `cannot be used: ${file.why}`;
  return { ok: false, problems: [{ where: path, line: null, column: null, message }] };
}

/** Changes whenever the file may have. */
function stampOf(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : null;
}
