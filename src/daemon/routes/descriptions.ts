import type { z } from 'zod';
import { type Changes, excess, type Traits, watchOf } from '../../core/description.ts';
import { refuse } from '../../core/error.ts';
import type { Description, Resource } from '../../core/model.ts';
import { oneSpaced } from '../../core/name.ts';
import { isoOrNull, resourceToJson, seconds } from '../../core/view.ts';
import type { DescribedJson } from '../../core/wire.ts';
import { type Answer, json, noContent, problem } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import { type Ask, body, malformed } from '../requests.ts';
import { describeSchema, editSchema } from './description-schemas.ts';
import { nameOf, oneOf, reasonOf } from './resources.ts';
import type { ApiRoute } from './route.ts';

/** What resources there are, said while the daemon runs. */
export function descriptionRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'post', path: '/api/v2/resources', needs: 'admin', answer: (ask) => add(daemon, ask) },
    { method: 'patch', path: '/api/v2/resources/:name', needs: 'admin', answer: (ask) => edit(daemon, ask) },
    { method: 'delete', path: '/api/v2/resources/:name', needs: 'admin', answer: (ask) => remove(daemon, ask) },
    { method: 'get', path: '/api/v2/descriptor', needs: 'admin', answer: () => descriptor(daemon) },
  ];
}

async function add(daemon: Daemon, ask: Ask): Promise<Answer> {
  const description = descriptionFrom(await body(ask, describeSchema, daemon.http.body));
  const tooMuch = excess(description);
  if (tooMuch !== null) malformed(`${description.name} would have ${tooMuch}`, undefined, 422);
  const command = { type: 'describe', description, principal: daemon.identify(ask) } as const;
  return daemon.engine.submit(command, ({ state, refusal }) => {
    if (refusal) return problem(refusal);
    const entry = state.catalogue.byName.get(description.name);
    return entry ? json({ resource: resourceToJson(state, entry) }, 201) : problem(gone(description.name));
  });
}

async function edit(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { was, ...given } = await body(ask, editSchema, daemon.http.body);
  const name = nameOf(ask);
  const looked = was ? { was: traitsFrom(was) } : {};
  const command = {
    type: 'edit',
    name,
    changes: changesFrom(given),
    ...looked,
    principal: daemon.identify(ask),
  } as const;
  return daemon.engine.submit(command, (sight) =>
    sight.refusal?.code === 'conflict' ? problem(sight.refusal) : oneOf(sight, name),
  );
}

/** 202 where its holder has it still. */
async function remove(daemon: Daemon, ask: Ask): Promise<Answer> {
  const name = nameOf(ask);
  return daemon.engine.submit({ type: 'remove', name, principal: daemon.identify(ask) }, ({ state, refusal }) => {
    if (refusal) return problem(refuse('not-found', refusal.detail, { hint: refusal.hint }));
    const entry = state.catalogue.byName.get(name);
    return entry ? json({ resource: resourceToJson(state, entry) }, 202) : noContent();
  });
}

/** With what is for holders alone: who may change it all may know it all. */
async function descriptor(daemon: Daemon): Promise<Answer> {
  return daemon.engine.read(({ state }) => {
    const entries = [...state.catalogue.byId.values()].filter(({ resource }) => !resource.retiring);
    const resources = entries.map(({ resource }) => resource).sort((a, b) => a.id - b.id);
    return json({ resources: resources.map(describedJson) });
  });
}

function describedJson({ maxHold, offline, machine, staleAfter, ...resource }: Resource): DescribedJson {
  const { name, description, endpoint, tags, properties, env, slots, source } = resource;
  return {
    name,
    description,
    endpoint,
    tags: [...tags],
    properties,
    env,
    slots,
    maxHold: maxHold === null ? null : seconds(maxHold),
    offline: offline && { reason: offline.reason, until: isoOrNull(offline.until) },
    machine: machine ?? null,
    staleAfter: staleAfter === undefined ? null : seconds(staleAfter),
    source,
  };
}

const NOTHING: Traits = {
  description: '',
  endpoint: '',
  tags: [],
  properties: {},
  env: {},
  slots: 1,
  maxHold: null,
};

function descriptionFrom({ name, offline, ...rest }: z.infer<typeof describeSchema>): Description {
  if (rest.staleAfter != null && rest.machine == null)
    malformed('staleAfter is about a machine', 'give its machine too', 422);
  return {
    name,
    ...traitsFrom(rest),
    offline: offline
      ? { reason: reasonOf(offline.reason), until: offline.until ? Date.parse(offline.until) : null }
      : null,
  };
}

function traitsFrom(given: Omit<z.infer<typeof describeSchema>, 'name' | 'offline'>): Traits {
  const { description, endpoint, tags, properties, env, slots, maxHold, machine, staleAfter } = given;
  return {
    description: oneSpaced(description ?? ''),
    endpoint: oneSpaced(endpoint ?? ''),
    tags: [...new Set(tags ?? [])],
    properties: properties ?? {},
    env: env ?? {},
    slots: slots ?? NOTHING.slots,
    maxHold: maxHold == null ? null : maxHold * 1000,
    ...watchOf({ machine, staleAfter: staleAfter == null ? null : staleAfter * 1000 }),
  };
}

function changesFrom(given: Omit<z.infer<typeof editSchema>, 'was'>): Changes {
  const { description, endpoint, tags, addTags, removeTags, properties, env, slots, maxHold, machine, staleAfter } =
    given;
  return {
    ...(description === undefined ? {} : { description: oneSpaced(description ?? '') }),
    ...(endpoint === undefined ? {} : { endpoint: oneSpaced(endpoint ?? '') }),
    ...(tags === undefined ? {} : { tags: tags ?? [] }),
    ...(addTags ? { addTags } : {}),
    ...(removeTags ? { removeTags } : {}),
    ...(properties === undefined ? {} : { properties }),
    ...(env === undefined ? {} : { env }),
    ...(slots === undefined ? {} : { slots: slots ?? NOTHING.slots }),
    ...(maxHold === undefined ? {} : { maxHold: maxHold === null ? null : maxHold * 1000 }),
    ...(machine === undefined ? {} : { machine }),
    ...(staleAfter === undefined ? {} : { staleAfter: staleAfter === null ? null : staleAfter * 1000 }),
  };
}

function gone(name: string) {
  return refuse('conflict', `${name} was removed in the same moment`, { hint: 'add it again' });
}
