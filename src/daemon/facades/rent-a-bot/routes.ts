import { refuse } from '../../../core/error.ts';
import { type Answer, json, problem, type Reply, STANDING_HEADERS } from '../../answer.ts';
import type { Daemon } from '../../daemon.ts';
import type { Ask } from '../../requests.ts';
import type { ApiRoute } from '../../routes/route.ts';
import type { Dialect } from './dialect.ts';
import { extend, lockByCriteria, lockById, unlock } from './locks.ts';
import { cancel, claim, listReservations, reserve, showReservation } from './reservations.ts';
import { listResources, showResource } from './resources.ts';

const OF_2017 = '/rentabot/api/v1.0';
const OF_1_0_0 = '/api/v1';

/** The two APIs of rent-a-bot: what is locked there is a lease that lasts without renewals, and a reservation waits as a claim. */
export function rentABotRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    ...lockRoutes(daemon, OF_2017, '2017'),
    ...lockRoutes(daemon, OF_1_0_0, '1.0.0'),
    {
      method: 'post',
      path: `${OF_1_0_0}/resources/:id/extend`,
      needs: 'user',
      answer: (ask) => extend(daemon, ask),
    },
    ...reservationRoutes(daemon, `${OF_1_0_0}/reservations`),
    ...['resources', 'reservations'].map((list) => slashRoute(`${OF_1_0_0}/${list}`)),
    { method: 'get', path: '/health', needs: 'nobody', answer: () => json({ status: 'ok' }) },
    { method: 'get', path: '/readiness', needs: 'nobody', answer: () => readiness(daemon) },
  ];
}

function lockRoutes(daemon: Daemon, prefix: string, dialect: Dialect): readonly ApiRoute[] {
  const path = `${prefix}/resources`;
  return [
    { method: 'get', path, needs: 'viewer', answer: () => listResources(daemon, dialect) },
    { method: 'get', path: `${path}/:id`, needs: 'viewer', answer: (ask) => showResource(daemon, ask, dialect) },
    { method: 'post', path: `${path}/lock`, needs: 'user', answer: (ask) => lockByCriteria(daemon, ask, dialect) },
    { method: 'post', path: `${path}/:id/lock`, needs: 'user', answer: (ask) => lockById(daemon, ask, dialect) },
    { method: 'post', path: `${path}/:id/unlock`, needs: 'user', answer: (ask) => unlock(daemon, ask, dialect) },
  ];
}

function reservationRoutes(daemon: Daemon, path: string): readonly ApiRoute[] {
  return [
    { method: 'post', path, needs: 'user', answer: (ask) => reserve(daemon, ask) },
    { method: 'get', path, needs: 'viewer', answer: () => listReservations(daemon) },
    { method: 'get', path: `${path}/:id`, needs: 'viewer', answer: (ask) => showReservation(daemon, ask) },
    { method: 'post', path: `${path}/:id/claim`, needs: 'user', answer: (ask) => claim(daemon, ask) },
    { method: 'delete', path: `${path}/:id`, needs: 'user', answer: (ask) => cancel(daemon, ask) },
  ];
}

/** The original's framework sends whoever writes a slash at the end to where there is none. */
function slashRoute(path: string): ApiRoute {
  const answer = (ask: Ask): Reply => {
    const query = /\?.*$/.exec(ask.env?.incoming?.url ?? '')?.[0] ?? '';
    return { status: 307, headers: { ...STANDING_HEADERS, location: `${path}${query}` }, text: null };
  };
  return { method: 'get', path: `${path}/`, needs: 'viewer', answer };
}

async function readiness(daemon: Daemon): Promise<Answer> {
  if (!daemon.engine.isOpen) return problem(refuse('unavailable', 'the store cannot be written', { retryAfter: 1 }));
  return daemon.engine.read(() => json({ status: 'ready' }));
}

/** What the original's framework says of a path or a method that it does not have. */
export function lostInRentABot(path: string, allow: string): Reply | null {
  if (!path.startsWith(`${OF_1_0_0}/`) && !path.startsWith(`${OF_2017}/`)) return null;
  if (allow === '') return json({ detail: 'Not Found' }, 404);
  const { headers, ...reply } = json({ detail: 'Method Not Allowed' }, 405);
  return { ...reply, headers: { ...headers, allow } };
}
