import type { Millis } from '../../core/model.ts';
import { quote, type Remarks } from '../remarks.ts';
import { expected, readDuration, readKeys, readMap, readWord } from '../tree-readers.ts';
import type { Tree } from '../yaml.ts';

/** Switches and options of the protocols of other tools, by the names that the configuration has for them. All are on. */
export interface Facades {
  readonly 'rent-a-bot'?: false | RentABotOptions;
  readonly enema?: false | EnemaOptions;
  readonly 'releng-hardware'?: false | Record<never, never>;
}

export interface RentABotOptions {
  /** Answers show tokens to whoever may look, as the original does. */
  readonly exposeTokens?: boolean;
  /** How long a fulfilled reservation waits to be claimed. */
  readonly claimWindow?: Millis;
}

export interface EnemaOptions {
  /** How long a claim lasts; until it is given back if absent. */
  readonly ttl?: Millis;
}

/** Those of a facade that is on. */
export function rentABotOptions(facades: Facades): RentABotOptions {
  return facades['rent-a-bot'] || {};
}

type Reader = (value: Tree, about: string, remarks: Remarks) => Readonly<Record<string, unknown>> | null;

const OPTIONS: Readonly<Record<keyof Facades, Readonly<Record<string, Reader>>>> = {
  'rent-a-bot': {
    expose_tokens: (value, about, remarks) => option('exposeTokens', readSwitch(value, about, remarks)),
    claim_window: (value, about, remarks) => option('claimWindow', readDuration(value, about, remarks)),
  },
  enema: { ttl: (value, about, remarks) => option('ttl', readDuration(value, about, remarks)) },
  'releng-hardware': {},
};

/** `facades: {enema: false, rent-a-bot: {expose_tokens: true}}`. */
export function readFacades(tree: Tree, remarks: Remarks): Facades | null {
  const map = readMap(tree, 'facades', remarks);
  if (map === null) return null;
  const found: Record<string, false | Record<string, unknown>> = {};
  const readers = Object.entries(OPTIONS).map(([name, options]) => {
    const read = (value: Tree): void => {
      const facade = readFacade(value, name, options, remarks);
      if (facade !== null) found[name] = facade;
    };
    return [name, read] as const;
  });
  readKeys(map, Object.fromEntries(readers), (key, at, hint) => {
    remarks.problem(at, `facades has no ${quote(key)}${hint}`);
  });
  return found;
}

function readFacade(
  tree: Tree,
  name: string,
  options: Readonly<Record<string, Reader>>,
  remarks: Remarks,
): false | Record<string, unknown> | null {
  if (tree.type === 'text' && tree.value === true) return {};
  if (tree.type === 'text' && tree.value === false) return false;
  if (tree.type !== 'map') {
    return tree.type === 'empty'
      ? null
      : expected(tree, `${name} in facades`, 'true, false or a map of options', remarks);
  }
  const found = {};
  const readers = Object.entries(options).map(([key, read]) => {
    const about = `${key} of ${name} in facades`;
    return [key, (value: Tree) => void Object.assign(found, read(value, about, remarks))] as const;
  });
  readKeys(tree, Object.fromEntries(readers), (key, at, hint) => {
    remarks.problem(at, `${name} in facades has no option ${quote(key)}${hint}`);
  });
  return found;
}

function option<Value>(name: string, value: Value | null): Readonly<Record<string, Value>> | null {
  return value === null ? null : { [name]: value };
}

function readSwitch(tree: Tree, about: string, remarks: Remarks): boolean | null {
  const word = readWord(tree, about, ['true', 'false'], remarks);
  return word === null ? null : word === 'true';
}
