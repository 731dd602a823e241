import { machineProblem, parseSeen, partsOf, type Seen, seenIso, seenText } from '../../core/machine.ts';
import type { Millis, Principal } from '../../core/model.ts';
import type { State } from '../../core/state.ts';
import type { MachineEntryJson, MachineJson } from '../../core/wire-machines.ts';
import { type Answer, json, problem, type Reply } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import { type Ask, body, malformed } from '../requests.ts';
import { machineListSchema } from './openapi-machines.ts';
import { pageHasGone, pageOf } from './parameters.ts';
import type { ApiRoute } from './route.ts';

/** Bytes of a list of machines: a hundred thousand of them. */
const LARGEST_LIST = 16 * 1024 * 1024;

/** When machines were last heard of. */
export function machineRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/api/v2/machines', needs: 'viewer', answer: (ask) => list(daemon, ask) },
    { method: 'post', path: '/api/v2/machines', needs: 'admin', answer: (ask) => preload(daemon, ask) },
    { method: 'post', path: '/api/v2/machines/:machine/seen', needs: 'user', answer: (ask) => beat(daemon, ask) },
  ];
}

/** A sign of life, from whoever hears of it. Never goes backwards. */
export function seen<T>(
  { engine }: Daemon,
  sightings: readonly Seen[],
  principal: Principal,
  answer: (sight: Sight) => T,
): Promise<T> {
  return engine.submit({ type: 'see', seen: sightings, principal }, answer);
}

/** That it was seen at this moment. */
export function seenAt(machine: string, at: Millis): Seen {
  return { machine, text: seenText(at), at };
}

async function beat(daemon: Daemon, ask: Ask): Promise<Answer> {
  const machine = ask.req.param('machine') ?? '';
  const wrong = machineProblem(machine);
  if (wrong !== null) malformed(`${JSON.stringify(machine.slice(0, 100))}: ${wrong}`, 'as mdc1:host-7', 422);
  const principal = daemon.identify(ask);
  return seen(daemon, [seenAt(machine, daemon.engine.now())], principal, ({ state, refusal }): Reply => {
    const known = state.machines.get(machine);
    return refusal || !known ? problem(refusal ?? pageHasGone(machine)) : json(toJson(known, onMachines(state)));
  });
}

/** All of the list, or nothing of it. */
async function preload(daemon: Daemon, ask: Ask): Promise<Answer> {
  const entries = await body(ask, machineListSchema, LARGEST_LIST);
  const sightings = entries.map(sightingOf);
  return seen(daemon, sightings, daemon.identify(ask), ({ state, refusal }): Reply => {
    if (refusal) return problem(refusal);
    // The very one that was given: what is known now, if nothing later was known.
    const taken = sightings.filter((one) => state.machines.get(one.machine) === one).length;
    return json({ taken, older: sightings.length - taken });
  });
}

/** Throws a refusal that names what is wrong. */
function sightingOf({ datacenter, machine, lastseen }: MachineEntryJson, i: number): Seen {
  const id = `${datacenter}:${machine}`;
  const at = parseSeen(lastseen);
  const wrong =
    machineProblem(id) ??
    (datacenter.includes(':') ? 'a datacenter has no colon' : null) ??
    (at === null
      ? `${JSON.stringify(lastseen.slice(0, 40))} is no time such as 2018-11-08T08:47:50.939514 (UTC)`
      : null);
  if (wrong !== null || at === null) {
    return malformed(`entry ${i + 1}, ${id.slice(0, 200)}: ${wrong}`, 'nothing of the list was taken', 422);
  }
  return { machine: id, text: lastseen, at };
}

async function list(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { limit, after } = pageOf(ask);
  return daemon.engine.read(({ state }) => {
    const machines = inOrder(state);
    const first = after === null ? 0 : machines.findIndex(({ machine }) => machine === after) + 1;
    if (after !== null && first === 0) return problem(pageHasGone(after));
    const on = onMachines(state);
    return json({ machines: machines.slice(first, first + limit).map((one) => toJson(one, on)) });
  });
}

/** As a list of releng-hardware has it. */
export function toEntry({ machine, text }: Seen): MachineEntryJson {
  const { datacenter, host } = partsOf(machine);
  return { datacenter, machine: host, lastseen: text };
}

export function inOrder({ machines }: State): Seen[] {
  return [...machines.values()].sort((a, b) => (a.machine < b.machine ? -1 : 1));
}

function toJson(one: Seen, on: ReadonlyMap<string, string[]>): MachineJson {
  return { machine: one.machine, lastSeen: seenIso(one), resources: on.get(one.machine) ?? [] };
}

function onMachines({ catalogue }: State): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { resource } of catalogue.byId.values()) {
    if (resource.machine === undefined) continue;
    found.set(resource.machine, [...(found.get(resource.machine) ?? []), resource.name]);
  }
  return found;
}
