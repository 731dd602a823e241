import { type Command, Option } from 'commander';
import { type Refusal, refuse } from '../core/error.ts';
import { machineProblem } from '../core/machine.ts';
import type { Scalar } from '../core/model.ts';
import type { EditJson } from '../core/wire.ts';
import { readDuration } from './options.ts';

/** What a resource is, as options say it. */
export interface TraitOptions {
  readonly description?: string;
  readonly endpoint?: string;
  readonly tag?: readonly string[];
  readonly slots?: string;
  readonly maxHold?: string;
  readonly machine?: string;
  readonly staleAfter?: string;
  readonly property?: readonly string[];
  readonly env?: readonly string[];
}

/** `--max-hold` of one that has no longest life, and the like. */
const NONE = 'none';
const PAIR = /^([^=]+)=([\s\S]*)$/;

export function collecting(flags: string, text: string): Option {
  return new Option(flags, text).argParser((one: string, before: readonly string[] | undefined) => [
    ...(before ?? []),
    one,
  ]);
}

export function addTraitOptions(command: Command): Command {
  return command
    .addOption(collecting('-t, --tag <tag>', 'a word that it can be asked for by; repeated: all of them'))
    .option('--endpoint <text>', 'where it is; the command finds it in RENTABOT_ENDPOINT')
    .addOption(collecting('--property <key=value>', 'what expressions can ask for, as mem=40; repeatable'))
    .option('--slots <n>', 'how many plain leases fit at once')
    .option('--max-hold <dur>', 'longest life of a lease that includes it, or none')
    .option('--machine <dc:host>', 'the machine that it is, or is on, or none')
    .option('--stale-after <dur>', 'silence of its machine after which it is not handed out, or none')
    .option('--description <text>', 'for people, in one line')
    .addOption(collecting('--env <key=value>', 'a variable for the command of its holder; repeatable'));
}

/** Only what was said; a refusal names the option that cannot be read. */
export function readTraits(options: TraitOptions): Omit<EditJson, 'addTags' | 'removeTags'> | Refusal {
  const { description, endpoint, tag, slots, property = [], env = [] } = options;
  const properties = readPairs('--property', property, scalarOf);
  if ('code' in properties) return properties as Refusal;
  const variables = readPairs('--env', env, (text) => text);
  if ('code' in variables) return variables as Refusal;
  if (slots !== undefined && !/^[1-9]\d{0,6}$/.test(slots))
    return refuse('usage', `--slots is a whole number from 1 on, not ${JSON.stringify(slots)}`, { hint: '' });
  const maxHold = readSpan('--max-hold', options.maxHold);
  if (maxHold !== null && typeof maxHold === 'object') return maxHold;
  const staleAfter = readSpan('--stale-after', options.staleAfter);
  if (staleAfter !== null && typeof staleAfter === 'object') return staleAfter;
  const machine = options.machine === NONE ? null : options.machine;
  const wrong = machine == null ? null : machineProblem(machine);
  if (wrong !== null) return refuse('usage', `--machine: ${wrong}, not ${JSON.stringify(machine)}`, { hint: '' });
  return {
    ...(description === undefined ? {} : { description }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(slots === undefined ? {} : { slots: Number(slots) }),
    ...(maxHold === undefined ? {} : { maxHold }),
    ...(machine === undefined ? {} : { machine }),
    ...(staleAfter === undefined ? {} : { staleAfter }),
    ...(property.length === 0 ? {} : { properties: Object.fromEntries(properties.pairs) }),
    ...(env.length === 0 ? {} : { env: Object.fromEntries(variables.pairs) }),
  };
}

/** In seconds; null for none, undefined where nothing was said. */
function readSpan(option: string, text: string | undefined): number | null | undefined | Refusal {
  if (text === undefined) return undefined;
  const span = text === NONE ? null : readDuration(option, text);
  return typeof span === 'number' ? span / 1000 : span;
}

function readPairs<T>(
  option: string,
  texts: readonly string[],
  read: (text: string) => T,
): { readonly pairs: readonly (readonly [string, T])[] } | Refusal {
  const pairs: (readonly [string, T])[] = [];
  for (const text of texts) {
    const [, key, value] = PAIR.exec(text) ?? [];
    if (key === undefined || value === undefined)
      return refuse('usage', `${option} is KEY=VALUE, not ${JSON.stringify(text)}`, { hint: '' });
    pairs.push([key, read(value)]);
  }
  return { pairs };
}

/** As a descriptor has it: a number that would be written differently (007, 1.10) stays as it is written. */
function scalarOf(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text;
}
