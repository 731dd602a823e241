import { SCRIPT, SCRIPT_NAME, STYLE, STYLE_NAME } from 'rentabot:board-assets';
import { refuse } from '../../core/error.ts';
import { type Answer, problem, type Reply, SENT, text } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import type { Ask } from '../requests.ts';
import type { ApiRoute } from '../routes/route.ts';
import { frontPage } from './front.ts';
import { Live } from './live.ts';
import { type Visit, visitOf } from './look.ts';
import { type Page, pageReply } from './shell.ts';

/** What the pages need beside the native API. None of it is promised to anybody but them. */
export function boardRoutes(daemon: Daemon): readonly ApiRoute[] {
  const live = new Live(daemon.engine, SCRIPT_NAME);
  return [
    { method: 'get', path: '/board/events', needs: 'viewer', answer: (ask) => join(daemon, live, ask) },
    { method: 'get', path: '/assets/:name', needs: 'nobody', answer: asset },
  ];
}

/** The board, for a browser that asks for the root. */
export function boardPage(daemon: Daemon, ask: Ask): Promise<Answer> {
  return drawn(daemon, ask, (sight, visit, query) => frontPage(sight, visit, query));
}

type Draw = (sight: Sight, visit: Visit, query: URLSearchParams) => Page;

async function drawn(daemon: Daemon, ask: Ask, draw: Draw): Promise<Answer> {
  const visit = visitOf(ask, daemon.identify(ask));
  const query = new URL(ask.req.url).searchParams;
  return daemon.engine.read((sight) => pageReply(draw(sight, visit, query), visit, sight.now));
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
