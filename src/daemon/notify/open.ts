import { RentabotError } from '../../core/error.ts';
import { type ReadFile, readTextFile } from '../descriptor-file.ts';
import { type Problem, refuseProblems } from '../remarks.ts';
import { mail } from './mail.ts';
import type { People, SecretSource, TargetSettings } from './settings.ts';
import { isAddress, urlProblem } from './settings.ts';
import type { Target } from './target.ts';
import { webhook } from './webhook.ts';
import type { Reader } from './words.ts';

/** A secret of some lines is a file of another kind. */
const LONGEST_SECRET = 10_000;

export interface OpenOptions {
  readonly notify: readonly TargetSettings[];
  readonly people: People;
  /** What users have said themselves; the configuration comes first. */
  readonly mailOf?: (person: string) => string | null;
  /** The file that has the settings, for messages. */
  readonly file: string | null;
  /** In which times are written; that of the daemon's host, unless it is given. */
  readonly zone?: string;
  /** Where people find the board; null where nobody has said. */
  readonly publicUrl?: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile;
}

/** Makes targets of what the file says, with their secrets. Throws a RentabotError (`config`) with all that is missing. */
export function openTargets(options: OpenOptions): Target[] {
  const problems: Problem[] = [];
  const targets = options.notify.map((settings) => openTarget(settings, options, problems));
  if (problems.length > 0) throw new RentabotError(refuseProblems(problems));
  return targets.filter((target) => target !== null);
}

function openTarget(settings: TargetSettings, options: OpenOptions, problems: Problem[]): Target | null {
  const { name, way, events, where, waitingAfter } = settings;
  const read = (source: SecretSource | null, check?: (text: string) => string | null): string | null =>
    source === null ? null : readSecret(source, options, problems, check);
  const { zone = Intl.DateTimeFormat().resolvedOptions().timeZone } = options;
  const reader: Reader = { zone, board: options.publicUrl ?? null };
  const before = problems.length;
  const target = { name, events: new Set(events), where, waitingAfter };
  if (way.type === 'mail') {
    const { server, user, from, to } = way;
    const password = read(way.password);
    const addressOf = (person: string): string | null => addressIn(options, person);
    return { ...target, sender: mail({ server, user, password, from, to, addressOf, reader }) };
  }
  const url = read(way.url, urlProblem);
  const secret = read(way.secret);
  if (url === null || problems.length > before) return null;
  return { ...target, sender: webhook({ url, format: way.format, secret, reader }) };
}

function addressIn({ people, mailOf }: OpenOptions, person: string): string | null {
  const mail = Object.hasOwn(people, person) ? people[person]?.mail : mailOf?.(person);
  return mail && isAddress(mail) ? mail : null;
}

/** The text of a file, or of a variable, without the line end that editors add. No message repeats it. */
function readSecret(
  source: SecretSource,
  { file, env, readFile = readTextFile }: OpenOptions,
  problems: Problem[],
  check: (text: string) => string | null = () => null,
): string | null {
  if (source.type === 'text') return source.text;
  const where = source.type === 'file' ? source.path : `the variable ${source.name}`;
  const found = source.type === 'file' ? readFile(source.path) : fromEnv(env[source.name]);
  const text = found.type === 'text' ? found.text.trim() : '';
  const problem =
    found.type === 'text' ? (problemOf(text) ?? check(text)) : found.type === 'missing' ? 'it is not there' : found.why;
  if (problem === null) return text;
  const { line, column } = source.at;
  problems.push({
    where: file ?? 'notify',
    line,
    column,
    message: `a secret of notify cannot be read from ${where}: ${problem}`,
  });
  return null;
}

function fromEnv(value: string | undefined): ReturnType<ReadFile> {
  return value === undefined ? { type: 'missing' } : { type: 'text', text: value };
}

function problemOf(text: string): string | null {
  if (text === '') return 'it is empty';
  return text.length > LONGEST_SECRET || /[\r\n]/.test(text) ? 'expected one line' : null;
}
