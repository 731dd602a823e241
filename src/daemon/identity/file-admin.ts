import { statSync } from 'node:fs';
import { RentabotError, refuse } from '../../core/error.ts';
import { audit } from '../audit.ts';
import type { Daemon } from '../daemon.ts';
import { type ReadFile, readTextFile } from '../descriptor-file.ts';
import { type Credentials, FILE_ADMIN } from './credentials.ts';
import { HOST_ADMIN } from './people.ts';

/** Of a token that somebody else made up: 32 hexadecimal digits are 128 bits. */
const SHORTEST_TOKEN = 32;
const LONGEST_TOKEN = 512;
/** With fewer it is a word that was typed again and again. Of 32 random hexadecimal digits so few differ once in 20 million times. */
const FEWEST_CHARACTERS = 8;
/** What stands behind `Bearer` in a request (RFC 6750, 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

export interface FileAdminOptions {
  readonly file: string;
  readonly credentials: Credentials;
  readonly tools: Pick<Daemon, 'engine' | 'log'>;
  /** Nobody else is here, as where this is the first process of a container: then it does not matter who may read the file. */
  readonly isAlone: boolean;
  readonly readFile?: ReadFile;
}

/**
 * Makes the token in this file an admin's, in the place of the one that it had before. What happened stands in the history
 * as if the owner of the data had done it. Throws a RentabotError (`config`) where the file has no good token.
 */
export async function adoptAdminToken(options: FileAdminOptions): Promise<void> {
  const { file, credentials, tools, isAlone } = options;
  const secret = readAdminToken(options);
  if (!isAlone) warnOfOthers(file, tools.log);
  const outcome = credentials.adopt(secret);
  if (typeof outcome !== 'string') throw new RentabotError({ ...outcome, detail: `${file}: ${outcome.detail}` });
  if (outcome === 'kept') return;
  const deed = { by: HOST_ADMIN, about: FILE_ADMIN };
  if (outcome === 'replaced') await audit(tools, { ...deed, action: 'token-revoked' });
  await audit(tools, { ...deed, action: 'token-created', note: 'admin' });
}

/** As the file is now; where it is wrong, the token stays as it was. */
export async function readoptAdminToken(options: FileAdminOptions): Promise<void> {
  try {
    await adoptAdminToken(options);
  } catch (error) {
    options.tools.log.error('the admin token stays as it was', { error });
  }
}

/** What is wrong with the text of a token; null if nothing is. It does not repeat the text. */
export function tokenProblem(text: string): string | null {
  if (text === '') return 'it is empty';
  if (/\s/.test(text)) return 'expected one line with nothing but the token';
  if (!TOKEN.test(text)) return 'a token has letters, digits and . _ ~ + / -, and = at its end';
  if (text.length < SHORTEST_TOKEN) return `a token has at least ${SHORTEST_TOKEN} characters, this one ${text.length}`;
  if (text.length > LONGEST_TOKEN) return `a token has at most ${LONGEST_TOKEN} characters`;
  return new Set(text).size < FEWEST_CHARACTERS ? 'it is no random text, and somebody could guess it' : null;
}

function readAdminToken({ file, readFile = readTextFile }: FileAdminOptions): string {
  const found = readFile(file);
  const text = found.type === 'text' ? found.text.trim() : '';
  const problem = found.type === 'text' ? tokenProblem(text) : found.type === 'missing' ? 'it is not there' : found.why;
  if (problem === null) return text;
  const hint = '`openssl rand -hex 32` makes one';
  throw new RentabotError(refuse('config', `the admin token cannot be had from ${file}: ${problem}`, { hint }));
}

function warnOfOthers(file: string, log: Daemon['log']): void {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o007) === 0) return;
  const rights = (mode & 0o777).toString(8);
  log.warn(`others than its owner and its group may use the file with the admin token (mode ${rights})`, { file });
}
