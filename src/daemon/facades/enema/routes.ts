import * as z from 'zod';
import { type Entry, hasRoom } from '../../../core/catalogue.ts';
import type { Acquire } from '../../../core/command.ts';
import { type Refusal, RentabotError, statusOf } from '../../../core/error.ts';
import type { Lease, Millis, Principal } from '../../../core/model.ts';
import { owns } from '../../../core/ownership.ts';
import type { State } from '../../../core/state.ts';
import { makeWant } from '../../../core/want.ts';
import { DEFAULT_TTL_S } from '../../../core/wire.ts';
import { type Answer, json, type Reply } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Sight } from '../../engine.ts';
import { type Ask, body, hashSecret } from '../../requests.ts';
import type { ApiRoute } from '../../routes/route.ts';
import type { Facades } from '../settings.ts';
import { type Node, nodeOf, textOf } from './nodes.ts';

const statusSchema = z.object({ status: z.literal([0, 1]) });
const FACADE = 'enema';
const BAD_REQUEST =
  'bad request, make sure you send JSON data like {"status": 1} and that the Content-Type: application/json header is set';

/** Enema's REST: busy and free, for subsystems of nodes. */
export function enemaRoutes(daemon: Daemon): readonly ApiRoute[] {
  const path = '/subsystem/status/:id';
  const set = (ask: Ask): Promise<Answer> => setStatus(daemon, ask);
  return [
    { method: 'get', path: '/status', needs: 'viewer', refused, answer: () => listStatus(daemon) },
    { method: 'get', path: '/nodes', needs: 'viewer', refused, answer: () => listNodes(daemon) },
    { method: 'get', path, needs: 'viewer', refused, answer: (ask) => showStatus(daemon, ask) },
    { method: 'post', path, needs: 'user', refused, answer: set },
    { method: 'put', path, needs: 'user', refused, answer: set },
  ];
}

function message(text: string, status: number): Reply {
  return json({ message: text }, status);
}

function refused(refusal: Refusal): Reply {
  return refusal.code === 'unauthorized' ? message('unauthorized!', 401) : message(refusal.detail, statusOf(refusal));
}

async function listStatus(daemon: Daemon): Promise<Answer> {
  return daemon.engine.read(({ state }) => {
    const entries = byId(state);
    const nodes = new Map(daemon.nodes.of(entries).map((node) => [node.node_name, node]));
    return json(entries.map((entry) => rowOf(entry, nodes)));
  });
}

function rowOf(entry: Entry, nodes: ReadonlyMap<string, Node>) {
  const { resource } = entry;
  const node = nodes.get(nodeOf(resource) ?? '');
  return {
    subsystem_id: resource.id,
    subsystem_name: resource.name,
    node_id: node?.node_id ?? null,
    kind: textOf(resource, 'kind'),
    subsystem_description: resource.description,
    is_busy: busy(entry),
    ip_address: node?.ip_address ?? null,
    node_name: node?.node_name ?? null,
    node_description: node?.node_description ?? null,
  };
}

async function listNodes(daemon: Daemon): Promise<Answer> {
  return daemon.engine.read(({ state }) => json(daemon.nodes.of(byId(state))));
}

async function showStatus(daemon: Daemon, ask: Ask): Promise<Answer> {
  return daemon.engine.read(({ state }) => {
    const entry = subsystem(state, ask);
    return entry ? json(busy(entry)) : unknown(ask);
  });
}

async function setStatus(daemon: Daemon, ask: Ask): Promise<Answer> {
  const status = await statusIn(ask, daemon.http.body);
  if (status === null) return message(BAD_REQUEST, 400);
  return status === 1 ? claim(daemon, ask) : release(daemon, ask);
}

/** All of it, at once or not at all; whoever holds it already is told that it is busy, too: runners share tokens. */
async function claim(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = await daemon.engine.read(({ state }) => subsystem(state, ask)?.resource.id ?? null);
  if (id === null) return unknown(ask);
  const principal = daemon.identify(ask);
  const command: Acquire = {
    type: 'acquire',
    id: daemon.ids.id(daemon.engine.now()),
    secretHash: hashSecret(daemon.ids.secret()),
    wants: [makeWant({ type: 'id', id }, 1, 'whole')],
    ttl: DEFAULT_TTL_S * 1000,
    wait: 0,
    hold: null,
    priority: 0,
    note: "through Enema's API",
    holder: { name: principal.name || FACADE, host: '', link: null },
    guarded: false,
    claim: { for: ttlOf(daemon.facades), accept: null },
    steals: null,
    principal,
    via: { facade: FACADE, as: 'status' },
  };
  return daemon.engine.submit(command, ({ state, refusal }) => {
    if (state.leases.has(command.id)) return done(1, id);
    if (refusal && refusal.code !== 'impossible') return refused(refusal);
    const entry = state.catalogue.byId.get(id);
    return entry ? message(busySentence(state, entry), 409) : unknown(ask);
  });
}

function busySentence(state: State, { resource, leases }: Entry): string {
  const [lease] = [...leases.keys()].map((id) => state.leases.get(id)?.lease);
  if (lease === undefined) return `subsystem ${resource.id} is busy`;
  const { name, host } = lease.request.holder;
  return `subsystem ${resource.id} is busy: ${name}${host === '' ? '' : `@${host}`} has it since ${new Date(lease.grantedAt).toISOString()}`;
}

/** Everything that is held of it, if all of it is the caller's to give back; what is free is free already. */
async function release(daemon: Daemon, ask: Ask): Promise<Answer> {
  const principal = daemon.identify(ask);
  const found = await daemon.engine.read(({ state }) => {
    const entry = subsystem(state, ask);
    return entry && { id: entry.resource.id, leases: leasesOn(state, entry) };
  });
  if (!found) return unknown(ask);
  const { id, leases } = found;
  const foreign = leases.find((lease) => !mayEnd(principal, lease));
  if (foreign) return message(`subsystem ${id} is held by ${foreign.request.holder.name}`, 403);
  for (const { request } of leases) {
    const command = { type: 'release', id: request.id, secretHash: null, ended: false, exit: null, principal } as const;
    const { refusal, ending } = await daemon.engine.submit(command, (sight: Sight) => {
      return { refusal: sight.refusal, ending: sight.state.leases.has(request.id) };
    });
    if (refusal) return refused(refusal);
    if (ending) return message(`subsystem ${id} is free when the command that uses it has ended`, 409);
  }
  return done(0, id);
}

function leasesOn(state: State, entry: Entry): Lease[] {
  return [...entry.leases.keys()].flatMap((id) => state.leases.get(id)?.lease ?? []);
}

function mayEnd(principal: Principal, { request, shares }: Lease): boolean {
  return principal.role === 'admin' || owns(principal, request, shares);
}

function done(status: 0 | 1, id: number): Reply {
  return message(`status successfully set to ${status} for subsystem ${id}`, 200);
}

/** 0 or 1; null for everything else. */
async function statusIn(ask: Ask, limit: number): Promise<0 | 1 | null> {
  const given = await body(ask, statusSchema, limit).catch((error: unknown) => {
    if (error instanceof RentabotError && error.refusal.code === 'usage') return null;
    throw error;
  });
  return given === null ? null : given.status;
}

/** What is out of service is busy: it cannot be claimed. */
function busy(entry: Entry): 0 | 1 {
  return hasRoom(entry, 'whole') ? 0 : 1;
}

function subsystem({ catalogue }: State, ask: Ask): Entry | undefined {
  const id = ask.req.param('id') ?? '';
  return /^\d{1,15}$/.test(id) ? catalogue.byId.get(Number(id)) : undefined;
}

function unknown(ask: Ask): Reply {
  return message(`no subsystem with ID ${(ask.req.param('id') ?? '').slice(0, 100)} seems to exist`, 400);
}

function byId({ catalogue }: State): Entry[] {
  return [...catalogue.byId.values()].sort((a, b) => a.resource.id - b.resource.id);
}

/** How long a claim lasts; null for until it is given back. */
function ttlOf({ enema }: Facades): Millis | null {
  return enema ? (enema.ttl ?? null) : null;
}
