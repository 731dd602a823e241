import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Ask } from './requests.ts';
import type { ApiRoute } from './routes/route.ts';

/**
 * What a holder does all day (ask, renew, give back) goes to its route without the framework: making a Request, a Context
 * and a Response costs a third of such a request (docs/performance.md). The routes are the same, and so are the answers;
 * whatever is out of the ordinary, streams included, takes the ordinary way.
 */
const HOT = /^\/api\/v2\/leases\/([0-9A-Za-z-]{26,36})(\/renew)?(?:\?([\w=&-]*))?$/;

type Answer = (ask: Ask) => Response | Promise<Response>;

/** A response that was made from a text remembers it. */
const texts = new WeakMap<Response, Text>();
interface Text {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | null;
}

/** Makes a response whose text the fast lane can write without reading it back. */
export function textResponse(text: string | null, status: number, headers: Readonly<Record<string, string>>): Response {
  const response = new Response(text, { status, headers });
  texts.set(response, { status, headers, text });
  return response;
}

/** `answerOf` wraps a route as the app does: with what is true of every request, and refusals for what is thrown. */
export function fastLane(
  routes: readonly ApiRoute[],
  answerOf: (route: ApiRoute) => Answer,
  ordinary: RequestListener,
): RequestListener {
  const lanes = new Map<string, Answer>();
  for (const route of routes) {
    if (route.path === '/api/v2/leases/:id' && (route.method === 'put' || route.method === 'delete')) {
      lanes.set(route.method.toUpperCase(), answerOf(route));
    }
    if (route.path === '/api/v2/leases/:id/renew') lanes.set('POST/renew', answerOf(route));
  }
  return (request, response) => {
    const hot = request.headers.host === undefined ? null : HOT.exec(request.url ?? '');
    const lane = hot === null ? undefined : lanes.get(`${request.method}${hot[2] ?? ''}`);
    if (!lane || request.headers.accept?.includes('text/event-stream')) return ordinary(request, response);
    void drive(lane, askOf(request, response, hot?.[1] ?? '', hot?.[3] ?? ''), response);
  };
}

async function drive(lane: Answer, ask: Ask, outgoing: ServerResponse): Promise<void> {
  const response = await lane(ask);
  if (outgoing.destroyed || outgoing.headersSent) return;
  const known = texts.get(response);
  const text = known ? known.text : await response.text();
  const headers = known ? known.headers : Object.fromEntries(response.headers);
  if (text === null) outgoing.writeHead(response.status, headers).end();
  else outgoing.writeHead(response.status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}

/** As much of a Context as a route may look at. */
function askOf(incoming: IncomingMessage, outgoing: ServerResponse, id: string, search: string): Ask {
  const req = {
    method: incoming.method ?? '',
    path: (incoming.url ?? '').replace(/\?.*$/s, ''),
    param: (name: string) => (name === 'id' ? id : undefined),
    header: (name: string) => headerOf(incoming, name),
    query: (name: string) => (search === '' ? undefined : (new URLSearchParams(search).get(name) ?? undefined)),
  };
  return { env: { incoming, outgoing }, req } as unknown as Ask;
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
