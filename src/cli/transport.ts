import http from 'node:http';
import { type Refusal, refuse } from '../core/error.ts';
import { DEFAULT_PORT } from '../core/wire.ts';

/** Where a daemon answers. */
export interface Endpoint {
  /** As RENTABOT_URL spells it: `http://host:port`, `https://…` or `unix:/path`. */
  readonly url: string;
  readonly secure: boolean;
  readonly socketPath: string | null;
  readonly host: string;
  readonly port: number;
  /** Of a daemon behind a proxy that serves other things as well; empty or `/so/mething`. */
  readonly prefix: string;
}

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Longest wait for the first byte of an answer, milliseconds. */
  readonly answerWithin: number;
  /** Longest silence within an answer; a stream has heartbeats, so silence means the connection is dead. */
  readonly silence?: number;
  /** Goes over a connection of its own kind, which the daemon answers at the least cost as long as no streams come over it. */
  readonly apart?: boolean;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Hands over the body as it comes; resolves at its end, rejects with `Unanswered` where it breaks off. */
  read(onText: (text: string) => void): Promise<void>;
}

/** One request, one answer. Tests put one in that loses, delays and repeats. */
export type Transport = (endpoint: Endpoint, ask: Ask) => Promise<Answer>;

/** Nobody knows whether the daemon heard it: everything asked may be asked again. */
export class Unanswered extends Error {
  readonly code: string;
  /** Asking again cannot help: a certificate that is not trusted. */
  readonly final: boolean;

  constructor(code: string, message: string, options: ErrorOptions & { final?: boolean } = {}) {
    super(message, options);
    this.name = 'Unanswered';
    this.code = code;
    this.final = options.final ?? false;
  }
}

const LONGEST_SOCKET_PATH = 107;

export function parseEndpoint(text: string, said: string): Endpoint | Refusal {
  const wrong = (problem: string): Refusal =>
    refuse('usage', `${said}: ${problem}`, {
      hint: 'it looks like http://host:5000, https://host or unix:/run/rentabot/rentabot.sock',
    });
  const socket = /^unix:(?:\/\/)?(\/.*)$/.exec(text);
  if (socket?.[1])
    return socketEndpoint(socket[1]) ?? wrong(`the path of a socket has at most ${LONGEST_SOCKET_PATH} bytes`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return wrong(`${JSON.stringify(text)} is not the url of a daemon`);
  if (url.username || url.password)
    return wrong('a url carries no password; give a token with --token or RENTABOT_TOKEN');
  if (url.search || url.hash) return wrong(`${JSON.stringify(text)} ends in a query, which a daemon's url has not`);
  const secure = url.protocol === 'https:';
  const prefix = url.pathname.replace(/\/+$/, '');
  const port = Number(url.port) || (secure ? 443 : 80);
  return {
    url: `${url.protocol}//${url.hostname}${secure && port === 443 ? '' : `:${port}`}${prefix}`,
    secure,
    socketPath: null,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    prefix,
  };
}

export function socketEndpoint(path: string): Endpoint | null {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) return null;
  return { url: `unix:${path}`, secure: false, socketPath: path, host: 'localhost', port: DEFAULT_PORT, prefix: '' };
}

/** HTTP over node:http, with connections kept for the next request. No undici: it doubles the start-up time. */
export function httpTransport(): Transport {
  const plain = agentsOf(http);
  let secure: Promise<Agents> | null = null;
  return async (endpoint, ask) => {
    if (endpoint.secure) secure ??= import('node:https').then(agentsOf);
    const { request, together, apart } = (endpoint.secure && (await secure)) || plain;
    return exchange(request, ask.apart ? apart() : together, endpoint, ask);
  };
}

interface Agents {
  readonly request: typeof http.request;
  readonly together: http.Agent;
  readonly apart: () => http.Agent;
}

function agentsOf({ request, Agent }: Pick<typeof http, 'request' | 'Agent'>): Agents {
  const options = { keepAlive: true };
  let apart: http.Agent | null = null;
  return {
    request,
    together: new Agent(options),
    apart: () => {
      apart ??= new Agent(options);
      return apart;
    },
  };
}

function exchange(request: typeof http.request, agent: http.Agent, endpoint: Endpoint, ask: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (ask.signal?.aborted) return reject(new Unanswered('ABORTED', 'given up'));
    const { socketPath, host, port, prefix } = endpoint;
    const headers: Record<string, string> = { ...ask.headers };
    if (ask.body !== undefined) headers['content-length'] = String(Buffer.byteLength(ask.body));
    const call = request({
      agent,
      ...(socketPath === null ? { host, port } : { socketPath, host }),
      // Else the agent looks whether the host is an IPv6 address, with an expression that takes 8 ms to compile.
      ...(endpoint.secure ? {} : { servername: '' }),
      method: ask.method,
      path: prefix + ask.path,
      headers,
      timeout: ask.answerWithin,
    });
    // Without an error of its own: the socket may just be going back to the agent, where nobody would catch it.
    let broken: Unanswered | null = null;
    const breakOff = (why: Unanswered): void => {
      broken ??= why;
      reject(broken);
      call.destroy();
    };
    const abort = (): void => breakOff(new Unanswered('ABORTED', 'given up'));
    ask.signal?.addEventListener('abort', abort, { once: true });
    call.once('close', () => ask.signal?.removeEventListener('abort', abort));
    call.on('timeout', () => breakOff(new Unanswered('ETIMEDOUT', `nothing heard from ${endpoint.url}`)));
    call.on('error', (error) => reject(broken ?? unanswered(error, endpoint)));
    call.on('response', (response) => {
      // Who reads hears of an error by `read`; an answer that nobody reads must not end the process.
      response.on('error', () => {});
      if (ask.silence !== undefined) response.socket.setTimeout(ask.silence);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        read: (onText) => readAll(response, onText, (error) => broken ?? unanswered(error, endpoint)),
      });
    });
    call.end(ask.body);
  });
}

function readAll(
  response: http.IncomingMessage,
  onText: (text: string) => void,
  toUnanswered: (error: Error) => Unanswered,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const broken = (error?: Error): void =>
      reject(toUnanswered(error ?? new Unanswered('ECONNRESET', 'the answer broke off')));
    if (response.destroyed) return broken();
    response.setEncoding('utf8');
    response.on('data', onText);
    response.once('end', resolve);
    response.once('error', broken);
    response.once('close', () => broken());
  });
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/;

/** The operating system's words, in ours. */
export function unanswered(
  error: Error & { code?: string; errors?: readonly (Error & { code?: string })[] },
  at: Pick<Endpoint, 'url'>,
): Unanswered {
  if (error instanceof Unanswered) return error;
  // One attempt per address of the name, each with an error of its own.
  const code = error.code ?? error.errors?.[0]?.code ?? 'UNKNOWN';
  if (UNTRUSTED.test(code)) {
    return new Unanswered(code, `${at.url}: ${error.message}`, { cause: error, final: true });
  }
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: `nobody listens at ${at.url}`,
    ENOENT: `nobody listens at ${at.url}`,
    ECONNRESET: `${at.url} broke off the connection`,
    EPIPE: `${at.url} broke off the connection`,
    ENOTFOUND: `the host name in ${at.url} is not known`,
    EAI_AGAIN: `the host name in ${at.url} could not be looked up`,
    ETIMEDOUT: `nothing heard from ${at.url}`,
    EHOSTUNREACH: `there is no way to ${at.url}`,
    ENETUNREACH: `there is no way to ${at.url}`,
    EACCES: `the socket ${at.url} does not let you in`,
  };
  return new Unanswered(code, known[code] ?? `${at.url}: ${error.message}`, { cause: error, final: code === 'EACCES' });
}
