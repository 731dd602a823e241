import { type Command, Option } from 'commander';
import { parseDuration } from '../core/duration.ts';
import { type Refusal, refuse } from '../core/error.ts';
import type { DaemonChoice } from './find-daemon.ts';
import type { Manner } from './talk.ts';
import type { TypedWant } from './wants.ts';

/** Options that several commands have in common. Texts are read here, after parsing, so that all mistakes look alike. */
export interface CommonOptions {
  readonly url?: string;
  readonly token?: string;
  readonly connectTimeout?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

export const CONNECT_TIMEOUT = '30s';

/** An option whose help says its default as it is typed. */
export function withDefault(flags: string, text: string, value: string): Option {
  return new Option(flags, text).default(value, value);
}

export function addDaemonOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'which daemon: http://host:5000, https://… or unix:/path (default: RENTABOT_URL, then this host)',
    )
    .option('--token <token>', 'who you are, where the daemon asks; RENTABOT_TOKEN keeps it out of process lists')
    .addOption(
      withDefault('--connect-timeout <dur>', 'how long a daemon that never answers is tried', CONNECT_TIMEOUT),
    );
}

export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'JSON for programs, in place of sentences for people')
    .option('--no-color', 'no colours; NO_COLOR and a pipe do the same');
}

/** Adds what says which resources; the returned list fills, in the order of typing, when the command is parsed. */
export function addWantOptions(command: Command): TypedWant[] {
  const typed: TypedWant[] = [];
  const collect = (option: TypedWant['option']) => (text: string, before: readonly string[] | undefined) => {
    typed.push({ option, text });
    return [...(before ?? []), text];
  };
  command
    .addOption(new Option('-n, --name <name>', 'a resource by name; repeated: all of them').argParser(collect('name')))
    .addOption(new Option('--id <n>', 'a resource by number').argParser(collect('id')))
    .addOption(
      new Option('-t, --tag <tag>', 'repeated: one resource that has all these tags').argParser(collect('tag')),
    )
    .addOption(
      new Option('-w, --want <expr>', "an expression, one more thing to hold: 'gpu && mem>=24', '2*gpu'").argParser(
        collect('want'),
      ),
    );
  return typed;
}

export function readDaemonChoice({ url, token, connectTimeout }: CommonOptions): DaemonChoice | Refusal {
  const timeout = readDuration('--connect-timeout', connectTimeout ?? CONNECT_TIMEOUT);
  if (typeof timeout !== 'number') return timeout;
  return { url: url ?? null, token: token ?? null, connectTimeout: timeout };
}

export function readManner(options: CommonOptions, env: Readonly<Record<string, string | undefined>>): Manner {
  return {
    level: options.quiet ? 'quiet' : options.verbose ? 'verbose' : 'normal',
    json: options.json ?? false,
    color: (options.color ?? true) && !env.NO_COLOR && env.TERM !== 'dumb',
  };
}

/** Milliseconds, or a refusal that names the option. */
export function readDuration(option: string, text: string): number | Refusal {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  return refuse('usage', `${option}: ${JSON.stringify(text)} is no duration`, {
    hint: 'durations are 90, 90s, 5m, 1h30m or 2d',
  });
}
