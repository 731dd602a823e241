import { impossible, unknownName } from '../../core/advice.ts';
import { availableNow, everPossible } from '../../core/assign.ts';
import { refuse } from '../../core/error.ts';
import { oneSpaced } from '../../core/name.ts';
import { obstaclesTo, queueToJson } from '../../core/queue-view.ts';
import type { State } from '../../core/state.ts';
import { resourceToJson } from '../../core/view.ts';
import { describeWants } from '../../core/want.ts';
import type { ResourceJson } from '../../core/wire.ts';
import { type Answer, json, problem, type Reply } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import { type Ask, body, malformed } from '../requests.ts';
import { readWant } from './leases.ts';
import { pageHasGone, pageOf } from './parameters.ts';
import type { ApiRoute } from './route.ts';
import { askSchema, offlineSchema, whySchema } from './schemas.ts';

export function resourceRoutes(daemon: Daemon): readonly ApiRoute[] {
  const service = daemon.rules.offline ?? 'admin';
  return [
    { method: 'get', path: '/api/v2/resources', needs: 'viewer', answer: (ask) => list(daemon, ask) },
    { method: 'get', path: '/api/v2/resources/:name', needs: 'viewer', answer: (ask) => show(daemon, ask) },
    { method: 'post', path: '/api/v2/resources/:name/offline', needs: service, answer: (ask) => offline(daemon, ask) },
    { method: 'post', path: '/api/v2/resources/:name/online', needs: service, answer: (ask) => online(daemon, ask) },
    { method: 'post', path: '/api/v2/resources/:name/ask', needs: 'user', answer: (ask) => askHolders(daemon, ask) },
    { method: 'get', path: '/api/v2/queue', needs: 'viewer', answer: (ask) => queue(daemon, ask) },
    { method: 'post', path: '/api/v2/why', needs: 'viewer', answer: (ask) => why(daemon, ask) },
  ];
}

async function list(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { limit, after } = pageOf(ask);
  return daemon.engine.read(({ state }) => {
    const resources: ResourceJson[] = [];
    let skipping = after !== null;
    if (after !== null && !state.catalogue.byName.has(after)) return problem(pageHasGone(after));
    for (const entry of [...state.catalogue.byId.values()].sort((a, b) => a.resource.id - b.resource.id)) {
      if (resources.length >= limit) break;
      if (!skipping) resources.push(resourceToJson(state, entry));
      if (entry.resource.name === after) skipping = false;
    }
    return json({ resources });
  });
}

async function show(daemon: Daemon, ask: Ask): Promise<Answer> {
  return daemon.engine.read((sight) => oneOf(sight, nameOf(ask)));
}

export function nameOf(ask: Ask): string {
  return ask.req.param('name') ?? '';
}

export function oneOf({ state, refusal }: Sight, name: string): Reply {
  if (refusal?.code === 'usage') return problem(refusal);
  const entry = state.catalogue.byName.get(name);
  if (entry) return json({ resource: resourceToJson(state, entry) });
  return unknown(state, name);
}

function unknown(state: State, name: string): Reply {
  const { detail, hint } = unknownName(state, name);
  return problem(refuse('not-found', detail, { hint }));
}

async function offline(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { reason: said, until, by } = await body(ask, offlineSchema, daemon.http.body);
  const reason = reasonOf(said);
  const name = nameOf(ask);
  const known = daemon.identify(ask);
  const principal = known.name === '' && by ? { ...known, name: by } : known;
  const command = { type: 'offline', name, reason, until: until ? Date.parse(until) : null, principal } as const;
  return daemon.engine.submit(command, (sight) => oneOf(sight, name));
}

/** Spaces alone are no reason. Spaced as a descriptor is read, so that what is exported and imported again is the same. */
export function reasonOf(text: string): string {
  return oneSpaced(text) || malformed('reason: has at least one character that is seen', undefined, 422);
}

async function online(daemon: Daemon, ask: Ask): Promise<Answer> {
  const name = nameOf(ask);
  return daemon.engine.submit({ type: 'online', name, principal: daemon.identify(ask) }, (sight) => oneOf(sight, name));
}

/** Tells whoever holds it that somebody would like to have it. */
async function askHolders(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { note, by } = await body(ask, askSchema, daemon.http.body);
  const name = nameOf(ask);
  const command = { type: 'ask', name, note: note ?? '', by: by ?? '', principal: daemon.identify(ask) } as const;
  return daemon.engine.submit(command, ({ state, refusal }) =>
    refusal ? unknown(state, name) : json({ asked: state.catalogue.byName.get(name)?.leases.size ?? 0 }),
  );
}

async function queue(daemon: Daemon, ask: Ask): Promise<Answer> {
  const page = pageOf(ask);
  return daemon.engine.read(({ state, now }) => {
    if (page.after !== null && !state.queue.byId.has(page.after)) return problem(pageHasGone(page.after));
    return json({ waiting: queueToJson(state, now, page) });
  });
}

/** What would happen to somebody who asked for this now, without asking for it. */
async function why(daemon: Daemon, ask: Ask): Promise<Answer> {
  const asked = await body(ask, whySchema, daemon.http.body);
  const { wants: limit } = daemon.rules.limits;
  if (asked.want.length > limit)
    malformed(
      `${asked.want.length} wants in one request, and the limit (wants) is ${limit}`,
      'ask for less at once',
      422,
    );
  const wants = asked.want.map(readWant);
  return daemon.engine.read(({ state, now }) => {
    if (!everPossible(state, wants)) {
      const { detail, hint } = impossible(state, wants);
      return json({ state: 'impossible', detail, hint, blockers: [] });
    }
    if (availableNow(state, wants))
      return json({
        state: 'free',
        detail: `${describeWants(wants)} would be granted at once`,
        hint: '',
        blockers: [],
      });
    const blockers = obstaclesTo(state, wants, null, now);
    return json({
      state: 'waiting',
      detail: `${describeWants(wants)} would have to be waited for`,
      hint: '',
      blockers,
    });
  });
}
