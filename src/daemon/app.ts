import { Hono } from 'hono';
import { refuseBelow } from '../core/access.ts';
import { type Refusal, RentabotError, refuse } from '../core/error.ts';
import { DESCRIPTOR_HEADER } from '../core/wire.ts';
import { type Answer, problem, type Reply, refusalFrom, SENT, toResponse } from './answer.ts';
import { keyCaller } from './board/key.ts';
import { boardRoutes } from './board/routes.ts';
import type { Daemon } from './daemon.ts';
import { facadeRoutes, lostInFacades } from './facades/routes.ts';
import { type Caller, CSRF_HEADER, refuseForgery } from './identity/identities.ts';
import { type LocalNames, refuseForeignPage } from './origin.ts';
import { type Ask, bringsSecret, malformed, onceClosed, type Wire } from './requests.ts';
import { descriptionRoutes } from './routes/descriptions.ts';
import { doctorRoutes } from './routes/doctor.ts';
import { documentationRoutes } from './routes/documentation.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { leaseRoutes } from './routes/leases.ts';
import { machineRoutes } from './routes/machines.ts';
import { notifyRoutes } from './routes/notify.ts';
import { LARGEST_HEADERS, LONGEST_URL } from './routes/parameters.ts';
import { resourceRoutes } from './routes/resources.ts';
import type { ApiRoute } from './routes/route.ts';
import { seeOther, sessionRoutes } from './routes/session.ts';
import { statsRoutes } from './routes/stats.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';

export { LARGEST_HEADERS, LONGEST_URL };

/** The HTTP side: routes, and one place where a thrown refusal becomes an answer. It does not listen. */
export function createApp(daemon: Daemon): Hono<{ Bindings: Wire }> {
  const app = new Hono<{ Bindings: Wire }>();
  const routes = allRoutes(daemon);
  for (const route of routes) {
    const answerOf = answererOf(daemon)(route);
    app.on(route.method.toUpperCase(), route.path, async (ask) => toResponse(await answerOf(ask)));
  }
  const lost = (ask: Ask): Answer => tooLong(ask) ?? lostOn(daemon, ask.req.path, ask.req.method, routes);
  app.notFound((ask) => toResponse(counted(daemon, lost(ask as Ask))));
  app.onError((error, ask) => toResponse(counted(daemon, failed(daemon, ask as Ask, error))));
  return app;
}

/** How a route is answered, whether the framework calls it or fast-lane.ts does. */
export function answererOf(daemon: Daemon): (route: ApiRoute) => (ask: Ask) => Promise<Answer> {
  return (route) => async (ask) => {
    try {
      return counted(daemon, await guarded(daemon, ask, route));
    } catch (error) {
      return counted(daemon, failed(daemon, ask, error as Error, route.refused));
    }
  };
}

function counted({ meters }: Daemon, answer: Answer): Answer {
  if ('code' in answer && answer.code !== undefined) meters.refusals.add(answer.code);
  return answer;
}

export function allRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [...apiRoutes(daemon), ...boardRoutes(daemon), ...facadeRoutes(daemon)];
}

/** All that is described in /openapi.json; the pages of the board have more, for themselves, and facades have theirs. */
export function apiRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    ...leaseRoutes(daemon),
    ...resourceRoutes(daemon),
    ...descriptionRoutes(daemon),
    ...machineRoutes(daemon),
    ...eventRoutes(daemon),
    ...statsRoutes(daemon),
    ...notifyRoutes(daemon),
    ...sessionRoutes(daemon),
    ...userRoutes(daemon),
    ...tokenRoutes(daemon),
    ...doctorRoutes(daemon),
    ...healthRoutes(daemon),
    ...documentationRoutes(daemon),
  ];
}

/** What is true of every request, before its route sees it. */
function guarded(daemon: Daemon, ask: Ask, route: ApiRoute): Answer | Promise<Answer> {
  const refused = tooLong(ask);
  if (refused) return refused;
  const foreign = refuseForeign(daemon, ask);
  const no = route.refused ?? problem;
  if (foreign) return no(foreign);
  const caller = isForAll(ask, route) ? null : callerFor(daemon, ask, route);
  const stranger = caller && refuseStranger(caller, ask, route);
  if (stranger) return stranger.code === 'unauthorized' && showsPages(ask) ? toLogin(ask) : no(stranger);
  if (daemon.stepsDown.begun) return no(refuse('unavailable', 'the daemon is stepping down', { retryAfter: 1 }));
  const answer = daemon.describe === null ? route.answer(ask) : described(daemon.describe, ask, route.answer);
  return caller?.credential ? untilRevoked(daemon, caller, ask, answer) : answer;
}

function refuseForeign(daemon: Daemon, { env }: Ask): Refusal | null {
  const incoming = env?.incoming;
  if (!incoming) return null;
  // Programs say nothing of an origin, and are spared the question who sent them.
  const host = incoming.headers.origin === undefined ? incoming.headers.host : daemon.proxies.peerOf(incoming).host;
  return refuseForeignPage(incoming, namesOf(daemon), host);
}

/** A page that was made to look like ours has no session here: a daemon that asks who one is answers to every name. */
function namesOf({ identities, localNames }: Daemon): LocalNames {
  return identities.isOpen ? localNames : 'any';
}

function isForAll(ask: Ask, { needs, orSecret }: ApiRoute): boolean {
  return needs === 'nobody' || (orSecret === true && bringsSecret(ask));
}

function callerFor(daemon: Daemon, ask: Ask, { orKey }: ApiRoute): Caller {
  const caller = daemon.callerOf(ask);
  return (orKey && caller.principal.role === 'nobody' && keyCaller(daemon, ask)) || caller;
}

/** Closed by default: who has not the role that a route needs comes no further. */
function refuseStranger(caller: Caller, ask: Ask, { needs, method }: ApiRoute): Refusal | null {
  const below = refuseBelow(needs, caller.principal);
  return below ?? (method === 'get' ? null : refuseForgery(caller, ask.req.header(CSRF_HEADER)));
}

/** A stream ends with what it was opened with. */
async function untilRevoked(
  daemon: Daemon,
  caller: Caller,
  ask: Ask,
  answering: Answer | Promise<Answer>,
): Promise<Answer> {
  const answer = await answering;
  const outgoing = ask.env?.outgoing;
  if ((answer === SENT || answer instanceof Response) && outgoing)
    onceClosed(
      ask,
      daemon.identities.onRevoked(caller, () => outgoing.destroy()),
    );
  return answer;
}

/** Whether it is a browser that wants something to show. */
function showsPages(ask: Ask): boolean {
  return ask.req.method === 'GET' && (ask.req.header('accept')?.includes('text/html') ?? false);
}

function toLogin(ask: Ask): Reply {
  return seeOther(`/login?next=${encodeURIComponent(ask.env?.incoming?.url ?? ask.req.path)}`);
}

/** What is too large to be read, wherever it was sent. */
function tooLong({ env }: Ask): Reply | null {
  const incoming = env?.incoming;
  if (!incoming) return null;
  if ((incoming.url?.length ?? 0) > LONGEST_URL)
    return problem(refuse('uri-too-long', `the address is longer than ${LONGEST_URL} characters`));
  let size = 0;
  for (const text of incoming.rawHeaders) size += text.length;
  if (size > LARGEST_HEADERS)
    return problem(refuse('headers-too-large', `the headers are larger than ${LARGEST_HEADERS} characters`));
  return null;
}

async function described(
  describe: NonNullable<Daemon['describe']>,
  ask: Ask,
  answer: ApiRoute['answer'],
): Promise<Answer> {
  const path = ask.req.header(DESCRIPTOR_HEADER);
  if (path !== undefined) {
    if (!path.startsWith('/')) malformed(`${DESCRIPTOR_HEADER} has to be an absolute path`);
    await describe(decoded(path));
  }
  return answer(ask);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return malformed(`${DESCRIPTOR_HEADER} is not percent-encoded UTF-8`);
  }
}

/** Tells a wrong path from a wrong method, in the words of whose path it is. */
function lostOn(daemon: Daemon, path: string, method: string, routes: readonly ApiRoute[]): Reply {
  const known = routes.filter((route) => matchesPath(route.path, path)).map((route) => route.method.toUpperCase());
  const allow = [...new Set(known)].join(', ');
  const theirs = lostInFacades(daemon, path, allow);
  if (theirs) return theirs;
  if (allow === '') return problem(refuse('not-found', `there is no ${path.slice(0, 200)}`));
  const detail = `${path.slice(0, 200)} takes ${allow}, not ${method.slice(0, 20)}`;
  return problem(refuse('method-not-allowed', detail), { allow });
}

function matchesPath(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return false;
  return wanted.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]));
}

function failed(daemon: Daemon, ask: Ask, error: Error, no: ApiRoute['refused'] = problem): Reply {
  const refusal = refusalFrom(error);
  if (!(error instanceof RentabotError))
    daemon.log.error('a request failed', { method: ask.req.method, path: ask.req.path, error });
  return no(refusal);
}
