import { SCRIPT, SCRIPT_NAME, STYLE, STYLE_NAME } from 'rentabot:board-assets';
import { refuse } from '../../core/error.ts';
import { type Answer, problem, type Reply, SENT, text } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import type { Ask } from '../requests.ts';
import type { ApiRoute } from '../routes/route.ts';
import { adminPage, isDeed, MOST_SHOWN } from './admin.ts';
import { dayIn, dayPage } from './day.ts';
import { Figures } from './figures.ts';
import { frontPage } from './front.ts';
import { keyTaken } from './key.ts';
import { Live } from './live.ts';
import { type Visit, visitOf } from './look.ts';
import { readLast, readPast } from './past.ts';
import { resourcePage, rowNamed, spanIn } from './resource.ts';
import { type Page, pageAnswer } from './shell.ts';
import { wallPage } from './wall.ts';

/** What the pages need beside the native API. None of it is promised to anybody but them. */
export function boardRoutes(daemon: Daemon): readonly ApiRoute[] {
  const live = new Live(daemon.engine, SCRIPT_NAME);
  const figures = new Figures(daemon);
  return [
    { method: 'get', path: '/board/events', needs: 'viewer', orKey: true, answer: (ask) => join(daemon, live, ask) },
    { method: 'get', path: '/resources/:name', needs: 'viewer', answer: (ask) => resource(daemon, figures, ask) },
    { method: 'get', path: '/day', needs: 'viewer', answer: (ask) => day(daemon, ask) },
    { method: 'get', path: '/admin', needs: 'viewer', answer: (ask) => admin(daemon, ask) },
    {
      method: 'get',
      path: '/wall',
      needs: 'viewer',
      orKey: true,
      answer: (ask) => keyTaken(daemon, ask) ?? drawn(daemon, ask, wallPage),
    },
    { method: 'get', path: '/assets/:name', needs: 'nobody', answer: asset },
  ];
}

/** The board, for a browser that asks for the root. */
export function boardPage(daemon: Daemon, ask: Ask): Promise<Answer> {
  return drawn(daemon, ask, frontPage);
}

type Draw = (sight: Sight, visit: Visit, query: URLSearchParams) => Page;

async function resource(daemon: Daemon, figures: Figures, ask: Ask): Promise<Answer> {
  const name = ask.req.param('name') ?? '';
  // Before anything is read of it: who is mistaken in the name is told the nearest.
  const row = await daemon.engine.read((sight) => rowNamed(sight, name));
  const [, length] = spanIn(queryOf(ask));
  const since = daemon.engine.now() - length;
  const past = await readPast(daemon.store, since, row.name);
  const { resources } = await figures.ofLast(length);
  const own = resources.find(({ id }) => id === row.id) ?? null;
  return drawn(daemon, ask, (sight, visit, query) => resourcePage(sight, visit, { name, query, past, figures: own }));
}

async function day(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { face } = visitOf(daemon, ask);
  await daemon.engine.read(() => null);
  const { from } = dayIn(queryOf(ask), daemon.engine.now(), face);
  const past = await readPast(daemon.store, from, null);
  return drawn(daemon, ask, (sight, visit, query) => dayPage(sight, visit, query, past));
}

async function admin(daemon: Daemon, ask: Ask): Promise<Answer> {
  await daemon.engine.read(() => null);
  const past = await readLast(daemon.store, isDeed, MOST_SHOWN);
  return drawn(daemon, ask, (sight, visit, query) => adminPage(daemon, sight, visit, query, past));
}

function queryOf(ask: Ask): URLSearchParams {
  return new URL(ask.req.url).searchParams;
}

async function drawn(daemon: Daemon, ask: Ask, draw: Draw): Promise<Answer> {
  const visit = visitOf(daemon, ask);
  const query = queryOf(ask);
  const { page, now } = await daemon.engine.read((sight) => ({ page: draw(sight, visit, query), now: sight.now }));
  const onTrouble = (error: unknown): void => daemon.log.error('a page broke off', { path: ask.req.path, error });
  return pageAnswer(page, visit, now, { outgoing: ask.env?.outgoing, onTrouble });
}

async function join(daemon: Daemon, live: Live, ask: Ask): Promise<Answer> {
  const outgoing = ask.env?.outgoing;
  if (!outgoing) return problem(refuse('unavailable', 'there is no connection to keep open'));
  const forget = daemon.stepsDown.listen(() => live.close());
  outgoing.once('close', forget);
  await live.join(outgoing);
  return SENT;
}

const YEAR_S = 365 * 86_400;

function asset(ask: Ask): Reply {
  const name = ask.req.param('name') ?? '';
  const headers = { 'cache-control': `public, max-age=${YEAR_S}, immutable` };
  if (name === SCRIPT_NAME) return text(SCRIPT, { ...headers, 'content-type': 'text/javascript; charset=utf-8' });
  if (name === STYLE_NAME) return text(STYLE, { ...headers, 'content-type': 'text/css; charset=utf-8' });
  return problem(refuse('not-found', 'there is no such asset', { hint: 'load the page again' }));
}
