import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Answer, Reply } from './answer.ts';
import type { Ask } from './requests.ts';
import type { ApiRoute } from './routes/route.ts';

/**
 * What a holder does all day (ask, renew, give back) goes to its route without the framework: making a Request, a Context
 * and a Response costs a third of such a request (docs/performance.md). The routes are the same, and so are the answers;
 * whatever is out of the ordinary, streams included, takes the ordinary way.
 */
const HOT = /^\/api\/v2\/leases\/([0-9A-Za-z-]{26,36})(\/renew)?(?:\?([\w=&-]*))?$/;

type Answerer = (ask: Ask) => Promise<Answer>;

/** `answerOf` wraps a route as the app does: with what is true of every request, and refusals for what is thrown. */
export function fastLane(
  routes: readonly ApiRoute[],
  answerOf: (route: ApiRoute) => Answerer,
  ordinary: RequestListener,
): RequestListener {
  const lanes = new Map<string, Answerer>();
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

async function drive(lane: Answerer, ask: Ask, outgoing: ServerResponse): Promise<void> {
  const answer = await lane(ask);
  if (outgoing.destroyed || outgoing.headersSent) return;
  const { status, headers, text } = answer instanceof Response ? await whole(answer) : answer;
  if (text === null) outgoing.writeHead(status, headers).end();
  else outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}

async function whole(response: Response): Promise<Reply> {
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
}

/** As much of a Context as a route may look at. */
function askOf(incoming: IncomingMessage, outgoing: ServerResponse, id: string, search: string): Ask {
  return { env: { incoming, outgoing }, req: new HotRequest(incoming, id, search) } as unknown as Ask;
}

class HotRequest {
  private asked: URLSearchParams | null = null;

  constructor(
    private readonly incoming: IncomingMessage,
    private readonly id: string,
    private readonly search: string,
  ) {}

  get method(): string {
    return this.incoming.method ?? '';
  }

  get path(): string {
    return (this.incoming.url ?? '').replace(/\?.*$/s, '');
  }

  param(name: string): string | undefined {
    return name === 'id' ? this.id : undefined;
  }

  header(name: string): string | undefined {
    const value = this.incoming.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  query(name: string): string | undefined {
    if (this.search === '') return undefined;
    this.asked ??= new URLSearchParams(this.search);
    return this.asked.get(name) ?? undefined;
  }
}
