import type { Acquire, Ask, Command, Declare, Share } from '../../src/core/command.ts';
import type { Changes } from '../../src/core/description.ts';
import {
  DEFAULT_DRAIN,
  DEFAULT_LIMITS,
  type Description,
  type Limits,
  type Principal,
  type Rules,
  type Want,
} from '../../src/core/model.ts';
import { makeWant, parseWant, parseWantText } from '../../src/core/want.ts';
import type { WantJson } from '../../src/core/wire.ts';

export const ADMIN: Principal = { name: 'root', role: 'admin' };
export const ALICE: Principal = { name: 'alice', role: 'user' };
export const BOB: Principal = { name: 'bob', role: 'user' };

/** Seconds as the core counts them. */
export const SECOND = 1000;

export function rules(
  limits: Partial<Limits> = {},
  undeclared: Rules['undeclared'] = 'refuse',
  drain = DEFAULT_DRAIN,
): Rules {
  return { limits: { ...DEFAULT_LIMITS, ...limits }, undeclared, drain };
}

export function description(name: string, more: Partial<Description> = {}): Description {
  return {
    name,
    description: '',
    endpoint: '',
    tags: [],
    properties: {},
    env: {},
    slots: 1,
    maxHold: null,
    offline: null,
    ...more,
  };
}

/** `name:board-1`, `#3`, or what `--want` takes: `2*gpu && mem>=24`. */
export function want(text: string, mode?: WantJson['mode']): Want {
  if (text.startsWith('name:')) return modal(makeWant({ type: 'name', name: text.slice(5) }), mode);
  if (text.startsWith('#')) return modal(makeWant({ type: 'id', id: Number(text.slice(1)) }), mode);
  const json = parseWantText(text, mode ?? null);
  if ('problem' in json) throw new Error(`${text}: ${json.problem}`);
  const parsed = parseWant(json);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem}`);
  return parsed;
}

/** One resource, or `count`, with all of these tags. */
export function tagged(tags: readonly string[], count = 1, mode?: WantJson['mode']): Want {
  return { ...modal(makeWant({ type: 'tags', tags }), mode), count };
}

function modal(made: Want, mode: WantJson['mode']): Want {
  return { ...made, mode: mode === 'exclusive' ? 'whole' : (mode ?? 'slot') };
}

export function acquire(id: string, wants: string | readonly (string | Want)[], more: Partial<Acquire> = {}): Acquire {
  const list = typeof wants === 'string' ? [wants] : wants;
  return {
    type: 'acquire',
    id,
    secretHash: `hash of ${id}`,
    wants: list.map((one) => (typeof one === 'string' ? want(one) : one)),
    ttl: 30 * SECOND,
    wait: null,
    hold: null,
    priority: 0,
    note: '',
    holder: { name: id, host: 'runner', link: null },
    guarded: false,
    claim: null,
    steals: null,
    principal: ALICE,
    ...more,
  };
}

export function release(id: string, more: Partial<Extract<Command, { type: 'release' }>> = {}): Command {
  return { type: 'release', id, secretHash: `hash of ${id}`, ended: false, exit: null, principal: ALICE, ...more };
}

export function renew(id: string, more: Partial<Extract<Command, { type: 'renew' }>> = {}): Command {
  return { type: 'renew', id, secretHash: `hash of ${id}`, principal: ALICE, ...more };
}

export function extend(id: string, span: number, more: Partial<Extract<Command, { type: 'extend' }>> = {}): Command {
  return {
    type: 'extend',
    id,
    secretHash: `hash of ${id}`,
    for: span,
    guarded: null,
    note: null,
    exit: null,
    principal: ALICE,
    ...more,
  };
}

export function accept(id: string, more: Partial<Extract<Command, { type: 'accept' }>> = {}): Command {
  return { type: 'accept', id, secretHash: `hash of ${id}`, principal: ALICE, ...more };
}

export function share(id: string, name: string, more: Partial<Share> = {}): Share {
  return { type: 'share', id, secretHash: `hash of ${id}`, with: name, shared: true, principal: ALICE, ...more };
}

export function askFor(name: string, more: Partial<Ask> = {}): Ask {
  return { type: 'ask', name, by: 'carol', note: 'please', principal: BOB, ...more };
}

export function listen(id: string, change: 1 | -1 = 1): Command {
  return { type: 'listen', id, change };
}

export function offline(name: string, more: Partial<Extract<Command, { type: 'offline' }>> = {}): Command {
  return { type: 'offline', name, reason: 'fan broken', until: null, principal: BOB, ...more };
}

export function online(name: string): Command {
  return { type: 'online', name, principal: BOB };
}

export function add(given: Description): Command {
  return { type: 'describe', description: given, principal: ADMIN };
}

export function edit(name: string, changes: Changes): Command {
  return { type: 'edit', name, changes, principal: ADMIN };
}

export function remove(name: string): Command {
  return { type: 'remove', name, principal: ADMIN };
}

export function declare(resources: readonly Description[], more: Partial<Declare> = {}): Declare {
  return { type: 'declare', source: 'file:a', resources, additive: false, ...more };
}
