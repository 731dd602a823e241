import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { DescribedJson, DescribeJson, EditJson } from '../core/wire.ts';
import { descriptorYaml } from './descriptor-yaml.ts';
import { planImport } from './import-plan.ts';
import { readImport } from './import-reader.ts';
import { printable } from './text.ts';

/** What somebody made of the file. */
export type Judged =
  | { readonly type: 'same' }
  /** One mistake a line, with its place where the file is to be mended. */
  | { readonly type: 'wrong'; readonly problems: readonly string[] }
  | { readonly type: 'changed'; readonly revision: Revision };

/** What is to be done so that a resource is as it was written. */
export interface Revision {
  readonly changes: EditJson;
  /** What puts it out of service, or, where it says nothing any more, brings it back; undefined where that stays. */
  readonly offline: NonNullable<DescribeJson['offline']> | null | undefined;
  /** For people: `slots 1 → 2`. */
  readonly lines: readonly string[];
}

/** A file that only its owner can read: in what a variable is set to there may be a secret. */
export class DraftFile {
  readonly path: string;

  constructor(resource: string) {
    const name = resource.replace(/[^\w.-]/g, '_').slice(0, 60);
    this.path = join(mkdtempSync(join(tmpdir(), 'rentabot-edit-')), `${name}.yaml`);
  }

  write(text: string): void {
    writeFileSync(this.path, text, { mode: 0o600 });
  }

  /** Empty where it is gone: there is nothing in it. */
  read(): string {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  remove(): void {
    rmSync(dirname(this.path), { recursive: true, force: true });
  }
}

const KEYS = 'description, endpoint, tags, slots, properties, env, max_hold, machine, stale_after, offline';

/** What stands above the description; the mistakes come last, next to what is to be mended. */
function headOf(name: string, problems: readonly string[]): string {
  const lines = [
    `This is ${name}. Change it, save it and leave the editor, and it counts at once.`,
    'Left as it is, or empty, it changes nothing. Lines that begin with # are comments.',
    `Keys: ${KEYS}.`,
  ];
  if (problems.length > 0)
    lines.push('', 'Nothing was changed yet. Mend this, or leave it as it is to give up:', ...problems);
  return lines.map((line) => `# ${printable(line)}`.trimEnd()).join('\n');
}

/** The file as it is given to an editor. */
export function draftOf(name: string, body: string, problems: readonly string[] = []): string {
  return `${headOf(name, problems)}\n\n${body}`;
}

export function bodyOf(resource: DescribedJson): string {
  return descriptorYaml([resource]);
}

/** Without the comments on top, which are ours. */
export function bodyIn(text: string): string {
  return text.replace(/^(?:\ufeff)?(?:[ \t\r]*(?:#[^\n]*)?(?:\n|$))+/, '');
}

/** What a saved file says, beside what there is. `file` is its path, `now` the wall clock: what has ended by then is over. */
export function judge(before: DescribedJson, text: string, file: string, now: number): Judged {
  const body = bodyIn(text);
  if (body.trim() === '' || body === bodyOf(before)) return { type: 'same' };
  const found = problemsIn(before.name, body, file);
  // They move the lines down that they speak of.
  const shown = found.map(() => '');
  const problems = found.length === 0 ? [] : problemsIn(before.name, draftOf(before.name, body, shown), file);
  if (problems.length > 0) return { type: 'wrong', problems };
  const read = readDraft(body, file);
  const after = 'resources' in read ? read.resources[0] : undefined;
  return after === undefined ? { type: 'same' } : compared(before, after, now);
}

/** A warning is one too: somebody is there to look at it, and what is ignored would be lost. */
function problemsIn(name: string, text: string, file: string): readonly string[] {
  const read = readDraft(text, basename(file));
  if ('problems' in read) return read.problems;
  if (read.warnings.length > 0) return read.warnings;
  const names = read.resources.map((one) => one.name);
  if (names.length === 1 && names[0] === name) return [];
  if (names.length === 0) return [`nothing is left of ${name}; \`rentabot remove\` takes it away`];
  return [`this is about ${name} alone, whose name stays, found ${names.join(', ')}`];
}

/** As what it was written as, whatever else it may look like now. */
function readDraft(text: string, where: string) {
  return readImport({ type: 'bytes', where, bytes: new TextEncoder().encode(text), path: null }, 'descriptor');
}

function compared(before: DescribedJson, after: DescribeJson, now: number): Judged {
  const plan = planImport([before], [after], { now, prune: null })[0];
  const { changes = {}, offline = null, lines = [] } = plan?.type === 'change' ? plan : {};
  const isBack = before.offline !== null && !after.offline;
  if (lines.length === 0 && !isBack) return { type: 'same' };
  if (isBack) return { type: 'changed', revision: { changes, offline: null, lines: [...lines, 'in service'] } };
  return { type: 'changed', revision: { changes, offline: offline ?? undefined, lines } };
}
