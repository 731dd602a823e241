import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode } from '../../../src/core/error.ts';
import { ERRORS } from '../../../src/core/error.ts';
import type { AcquireJson, LeaseJson, WaitingJson, WantJson } from '../../../src/core/wire.ts';

/** One request, as it came in. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type Script = (asked: Asked, response: ServerResponse, stub: StubDaemon) => void;

const HEADERS = { 'rentabot-protocol': '2', 'rentabot-version': '0.0.0-test' };

/**
 * A daemon that does as it is told: each request is recorded, then answered by the script for its method and path, or
 * as a daemon with everything free would.
 */
export class StubDaemon {
  readonly asked: Asked[] = [];
  readonly scripts = new Map<string, Script>();
  readonly headers: Record<string, string> = { ...HEADERS };
  /** Leases by id, as far as they were granted here. */
  readonly leases = new Map<string, LeaseJson>();
  private server: Server | null = null;
  private where: { port: number } | { path: string } | null = null;
  private fence = 0;
  private readonly listeners = new Set<() => void>();

  /** Answers `PUT lease`, `POST renew`, `DELETE lease`, `GET lease`, `GET /api/v2/…` otherwise than usual. */
  on(what: string, script: Script): this {
    this.scripts.set(what, script);
    return this;
  }

  async start(path?: string): Promise<this> {
    const at = path ? { path } : (this.where ?? { port: 0 });
    const server = createServer((request, response) => void this.take(request, response));
    await new Promise<void>((resolve) =>
      server.listen({ ...at, ...('port' in at ? { host: '127.0.0.1' } : {}) }, resolve),
    );
    this.server = server;
    const address = server.address();
    this.where = typeof address === 'string' ? { path: address } : { port: (address as AddressInfo).port };
    return this;
  }

  /** Goes away as if killed: every connection breaks. It may be started again, at the same place. */
  async stop(): Promise<void> {
    const server = this.server;
    this.server = null;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  }

  get url(): string {
    if (this.where === null) throw new Error('not started');
    return 'port' in this.where ? `http://127.0.0.1:${this.where.port}` : `unix:${this.where.path}`;
  }

  /** How often something was asked, by `METHOD kind`. */
  count(what: string): number {
    return this.asked.filter((one) => kindOf(one) === what).length;
  }

  /** Resolves when something has been asked so often. */
  async until(what: string, times = 1): Promise<Asked> {
    while (this.count(what) < times) await new Promise<void>((resolve) => this.listeners.add(resolve));
    return this.asked.filter((one) => kindOf(one) === what)[times - 1] as Asked;
  }

  grant(asked: Asked, resources = namesIn((asked.body as AcquireJson).want)): LeaseJson {
    const id = idIn(asked.path);
    const known = this.leases.get(id);
    if (known) return known;
    this.fence += 1;
    const lease = leaseJson({ id, fence: this.fence, ttl: (asked.body as AcquireJson).ttl ?? 30 }, resources);
    this.leases.set(id, lease);
    return lease;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const asked: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text === '' ? null : JSON.parse(text),
    };
    this.asked.push(asked);
    for (const [key, value] of Object.entries(this.headers)) response.setHeader(key, value);
    (this.scripts.get(kindOf(asked)) ?? usual)(asked, response, this);
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }
}

const usual: Script = (asked, response, stub) => {
  const lease = stub.leases.get(idIn(asked.path));
  switch (kindOf(asked)) {
    case 'PUT lease':
      stream(response);
      send(response, 'held', { state: 'held', lease: stub.grant(asked) });
      return void response.end();
    case 'POST renew':
      return lease ? json(response, 200, { lease, messages: [] }) : problem(response, 'lost', 'this lease has ended');
    case 'DELETE lease':
      stub.leases.delete(idIn(asked.path));
      return void response.writeHead(204).end();
    case 'GET lease':
      if (String(asked.headers.accept).includes('event-stream')) return stream(response);
      return lease ? json(response, 200, { state: 'held', lease }) : problem(response, 'lost', 'this lease has ended');
    default:
      return problem(response, 'not-found', `${asked.path}: not here`);
  }
};

export function kindOf({ method, path }: Pick<Asked, 'method' | 'path'>): string {
  const bare = path.split('?')[0] ?? '';
  if (/^\/api\/v2\/leases\/[^/]+$/.test(bare)) return `${method} lease`;
  const verb = /^\/api\/v2\/leases\/[^/]+\/(renew|extend)$/.exec(bare)?.[1];
  if (verb !== undefined) return `${method} ${verb}`;
  return `${method} ${bare}`;
}

export function idIn(path: string): string {
  return /^\/api\/v2\/leases\/([^/?]+)/.exec(path)?.[1] ?? '';
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function problem(
  response: ServerResponse,
  code: ErrorCode,
  detail: string,
  more: Record<string, unknown> = {},
): void {
  const { headers = {}, ...fields } = more as { headers?: Record<string, string> };
  response.writeHead(ERRORS[code].status ?? 500, { 'content-type': 'application/problem+json', ...headers }).end(
    JSON.stringify({
      type: 'about:blank',
      title: code,
      status: ERRORS[code].status,
      code,
      detail,
      hint: '',
      ...fields,
    }),
  );
}

/** Begins an event stream. */
export function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

export function send(response: ServerResponse, event: string, body: unknown): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
}

export function namesIn(wants: readonly WantJson[]): string[] {
  return wants.map(({ name, tags, where, id }) => name ?? tags?.join('-') ?? where ?? `r${id}`);
}

export function leaseJson(
  { id, fence, ttl }: { id: string; fence: number; ttl: number },
  names: readonly string[] = ['gpu-0'],
): LeaseJson {
  const now = new Date().toISOString();
  return {
    id,
    fence,
    resources: names.map((name, i) => ({
      id: i + 1,
      name,
      endpoint: `ep-${name}`,
      properties: {},
      fence,
      mode: 'exclusive',
    })),
    want: names.join(' + '),
    holder: { name: 'ann', host: 'ws', link: null },
    note: '',
    priority: 0,
    ttl,
    hold: null,
    guarded: true,
    since: now,
    waited: 0,
    expiresAt: now,
    until: null,
    ending: null,
    claim: false,
    owner: '',
  };
}

export function waitingJson(id: string, position = 1, more: Partial<WaitingJson> = {}): WaitingJson {
  const since = new Date(Date.now() - 60_000).toISOString();
  const holder = { name: 'bob', host: 'ci-4', link: null };
  return {
    state: 'waiting',
    id,
    position,
    eta: null,
    blockers: [{ resource: 'gpu-0', cause: 'held', holder, note: 'nightly', since, until: null }],
    ...more,
  };
}
