import type { Refusal } from '../core/error.ts';
import { Client, persist, type Reply, unreachable } from './client.ts';
import { EXIT_CODES, exitNameOf, sentenceOf } from './exit.ts';
import { findDaemon } from './find-daemon.ts';
import { type CommonOptions, readDaemonChoice, readManner } from './options.ts';
import type { Shell } from './shell.ts';
import { Talk } from './talk.ts';
import { mono } from './time.ts';
import { Unanswered } from './transport.ts';

/** For those who look: one lost reply is no reason to fail, a daemon that is not there is one at once. */
const RETRY_FOR_MS = 1000;
/** For those who change something, it is better to be late than in doubt; `--connect-timeout` bounds it. */
export const INSIST_MS = Number.POSITIVE_INFINITY;

/** `none`: there is no daemon, and nothing that one would be started for. */
export type Asked<T> =
  | { readonly type: 'answer'; readonly body: T }
  | { readonly type: 'none' }
  | { readonly type: 'failed'; readonly exit: number };

interface Asking {
  /** How long an answer that does not come is asked for again. */
  readonly retryFor?: number;
  readonly ifNone?: 'start' | 'start-if-known';
  /** Where the daemon's own socket for admins may be used, by who may open it. */
  readonly asAdmin?: boolean;
}

/** Finds the daemon and asks it; a refusal has been said when this resolves. */
export async function askDaemon<T>(
  shell: Shell,
  options: CommonOptions,
  ask: (client: Client, within: number) => Promise<Reply<T>>,
  { retryFor = RETRY_FOR_MS, ifNone = 'start-if-known', asAdmin = false }: Asking = {},
): Promise<Asked<T>> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const choice = readDaemonChoice(options);
  if ('code' in choice) return failed(choice, talk);
  const access = await findDaemon(shell.machine, choice, talk, { ifNone, asAdmin });
  if (access === null) return { type: 'none' };
  if ('code' in access) return failed(access, talk);
  const client = new Client(access, shell.transport);
  try {
    const until = mono() + Math.min(retryFor, choice.connectTimeout);
    const reply = await persist(client, () => ask(client, choice.connectTimeout), { until });
    return reply.type === 'ok' ? { type: 'answer', body: reply.body } : failed(reply.refusal, talk);
  } catch (error) {
    if (error instanceof Unanswered) return failed(unreachable(error), talk);
    throw error;
  }
}

/** Says why not; the exit code follows from it. */
export function failed(refusal: Refusal, talk: Talk): { readonly type: 'failed'; readonly exit: number } {
  const name = exitNameOf(refusal.code);
  talk.fail(name, sentenceOf(refusal), { code: refusal.code, hint: refusal.hint });
  return { type: 'failed', exit: EXIT_CODES[name] };
}

/** A call that was wrong before anybody was asked. */
export function refuseUsage(refusal: Refusal, shell: Shell, options: CommonOptions): number {
  return failed(refusal, new Talk(shell.voice, readManner(options, shell.machine.env))).exit;
}
