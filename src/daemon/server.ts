import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { ERRORS, type Refusal, RentabotError, refuse, statusOf } from '../core/error.ts';
import type { Millis } from '../core/model.ts';
import { problem, problemOf, STANDING_HEADERS, toResponse } from './answer.ts';
import { answererOf, apiRoutes, createApp } from './app.ts';
import type { SocketChoice } from './config.ts';
import type { Daemon } from './daemon.ts';
import { FastLane, KEEP_ALIVE_MS } from './fast-lane.ts';
import type { Listen } from './listen.ts';
import type { Log } from './log.ts';

/** Beyond the app's own limits, so that it is the app that answers, in its own words. */
const PARSER_HEADER_BYTES = 65_536;
/** So many connections beyond the limit are told about it; those beyond are closed without a word. */
const ANSWERED_SURPLUS = 100;
/** How long answers under way may take once the daemon steps down. */
export const DRAIN_MS: Millis = 2000;
/** A stream that ends leaves a connection kept for the next request, which nobody will answer. */
const IDLE_LOOK_MS: Millis = 10;
const OWNER_MODE = 0o600;
/** Longest path of a unix socket, with its end, on Linux. */
const LONGEST_SOCKET_PATH = 107;

/** How the requests to a daemon are answered, by whichever server they come. */
export interface Front {
  readonly listener: RequestListener;
  readonly lane: FastLane;
}

/** Makes what all servers of one daemon answer with. `asked` is called with every request. */
export function frontOf(daemon: Daemon, asked: () => void): Front {
  const answer = getRequestListener(createApp(daemon).fetch, {
    // For what has no Host header and, as HTTP/1.0, needs none.
    hostname: 'localhost',
    errorHandler: (error) =>
      toResponse(problem(refuse('usage', `the request cannot be read: ${(error as Error).message}`))),
  });
  const listener: RequestListener = (request, response) => {
    asked();
    void answer(request, response);
  };
  const lane = new FastLane({
    routes: apiRoutes(daemon),
    answerOf: answererOf(daemon),
    asked,
    now: () => daemon.engine.now(),
    nextDeadline: () => daemon.engine.nextDeadline(),
  });
  return { listener, lane };
}

/** A certificate and its key, in PEM. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Throws a RentabotError that names the file if they cannot be had, or are none. */
export function readTls({ cert, key }: { readonly cert: string; readonly key: string }): Tls {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new RentabotError(refuse('config', `cannot read ${path}: ${(error as Error).message}`), { cause: error });
    }
  };
  const tls = { cert: read(cert), key: read(key) };
  try {
    createSecureContext(tls);
    return tls;
  } catch (error) {
    const detail = `${cert} and ${key} are no certificate and its key: ${(error as Error).message}`;
    throw new RentabotError(refuse('config', detail, { hint: 'both are PEM, and belong together' }), { cause: error });
  }
}

/** New connections get what the files have now; where they are wrong, what they had before. */
export function rereadTls(server: Server, files: Parameters<typeof readTls>[0], log: Log): void {
  try {
    (server as unknown as SecureServer).setSecureContext(readTls(files));
    log.info('read the certificate again', { file: files.cert });
  } catch (error) {
    log.error('the certificate stays as it was', { error });
  }
}

interface ServerOptions {
  readonly tls?: Tls | null;
  /** Where a connection begins; without one Node's own server has it from the start. */
  readonly lane?: FastLane | null;
}

/** Makes a server that answers even what is no HTTP, and what is one connection too many, with a reason. */
export function makeServer(
  listener: RequestListener,
  connections: number,
  { tls = null, lane = null }: ServerOptions = {},
): Server {
  const options = { maxHeaderSize: PARSER_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true };
  const answers = new Answers();
  const surplus = new WeakSet<Socket>();
  let open = 0;
  // Node's own answer to a missing Host header has no words.
  const answer: RequestListener = (request, response) => {
    const { socket, headers, httpVersion } = request;
    answers.add(socket, response);
    if (surplus.has(socket)) refuseOutright(response, tooManyConnections(connections));
    else if (headers.host === undefined && httpVersion !== '1.0')
      refuseOutright(response, refuse('usage', 'the request has no Host header', { hint: 'speak HTTP/1.1' }));
    else listener(request, response);
  };
  const all = { ...options, requireHostHeader: false };
  // The two have the same methods, and nothing else in common by type.
  const server =
    tls === null ? createServer(all, answer) : (createSecureServer({ ...all, ...tls }, answer) as unknown as Server);
  server.maxConnections = connections + ANSWERED_SURPLUS;
  const begins = tls === null ? 'connection' : 'secureConnection';
  const serve = handlerOf(server, begins);
  server.on(begins, (socket: Socket) => {
    open += 1;
    if (open > connections) surplus.add(socket);
    socket.once('close', () => {
      open -= 1;
    });
    if (lane === null || open > connections) serve(socket);
    else lane.admit(socket, serve);
  });
  server.on('clientError', (error, socket) => answerUnparsed(error, socket as Socket, answers));
  return server;
}

/** What Node's server does with a connection: the only thing that it listens to such a beginning for. */
function handlerOf(server: Server, begins: 'connection' | 'secureConnection'): (socket: Socket) => void {
  const [handler, ...others] = server.listeners(begins);
  if (handler === undefined || others.length > 0) throw new Error(`Node's server hears of a ${begins} in another way`);
  server.removeAllListeners(begins);
  return (socket) => handler.call(server, socket);
}

/** Resolves with the address once it listens. Throws a RentabotError if it cannot. */
export async function listenOnTcp(
  server: Server,
  { host, port }: Listen,
): Promise<{ readonly host: string; readonly port: number }> {
  try {
    await listening(server, () => server.listen(port, host));
  } catch (error) {
    throw cannotListen(`${host}:${port}`, error, 'choose another address with --listen, or 127.0.0.1:0 for a free one');
  }
  const { address, port: actual } = server.address() as AddressInfo;
  return { host: address, port: actual };
}

/**
 * Listens on the first of the paths that can be used, and answers which; null where none can and nobody insisted.
 * A socket that nobody answers on any more is replaced: only the owner of the data does this, one at a time.
 */
export async function listenOnSocket(
  server: Server,
  choice: SocketChoice,
  mode: number,
  warn: (text: string) => void,
): Promise<string | null> {
  for (const path of choice.paths) {
    const refusal = await tryPath(server, path, mode);
    if (refusal === null) return path;
    if (choice.explicit) throw new RentabotError(refusal);
    if (refusal.code === 'config') {
      warn(refusal.detail);
      return null;
    }
  }
  warn('no unix socket: none of the usual places can be used');
  return null;
}

/** Listens on a socket for the owner of its folder alone; null, with a warning, where that cannot be. */
export async function listenForOwner(
  server: Server,
  path: string,
  warn: (text: string) => void,
): Promise<string | null> {
  const refusal = await tryPath(server, path, OWNER_MODE, { checksFolder: false });
  if (refusal !== null) warn(`no socket for the admin of this host: ${refusal.detail}`);
  return refusal === null ? path : null;
}

/** Stops taking connections, lets answers under way finish, and then closes what is left. */
export async function drain(servers: readonly Server[], lane: FastLane | null = null): Promise<void> {
  const closed = servers.map(
    (server) => new Promise((resolve) => (server.listening ? server.close(resolve) : resolve(null))),
  );
  const closeIdle = (): void => {
    for (const server of servers) server.closeIdleConnections();
  };
  closeIdle();
  lane?.stepDown();
  const looks = setInterval(closeIdle, IDLE_LOOK_MS);
  const timer = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, DRAIN_MS);
  await Promise.all(closed);
  clearInterval(looks);
  clearTimeout(timer);
}

/** Null on success; `config` where a living daemon is there, `unavailable` where this place cannot be used. */
async function tryPath(
  server: Server,
  path: string,
  mode: number,
  { checksFolder = mode === OWNER_MODE } = {},
): Promise<Refusal | null> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    return refuse('config', `the socket path ${path} is longer than ${LONGEST_SOCKET_PATH} bytes`, {
      hint: 'choose a shorter one with --socket',
    });
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: mode === OWNER_MODE ? 0o700 : 0o755 });
    if (checksFolder) checkPrivate(dirname(path));
    if (await answers(path)) {
      return refuse('config', `another daemon answers on the socket ${path}`, {
        hint: 'choose another with --socket, or none',
      });
    }
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isSocket())
      return refuse('config', `${path} exists and is not a socket`, { hint: 'choose another with --socket' });
    rmSync(path, { force: true });
    await listening(server, () => server.listen(path));
    chmodSync(path, mode);
    return null;
  } catch (error) {
    if (error instanceof RentabotError) return error.refusal;
    return refuse('unavailable', `cannot listen on ${path}: ${(error as Error).message}`);
  }
}

/** A folder under the temp folder may have been made by somebody else first. */
function checkPrivate(folder: string): void {
  const { uid, mode } = statSync(folder);
  const own = process.getuid?.() ?? uid;
  if (uid !== own)
    throw new RentabotError(refuse('config', `${folder} belongs to another user`, { hint: 'set XDG_RUNTIME_DIR' }));
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but these, such as a full queue of connections, is said by somebody who is there.
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(code ?? '')),
    );
  });
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

function cannotListen(where: string, error: unknown, hint: string): RentabotError {
  const inUse = (error as { code?: unknown }).code === 'EADDRINUSE';
  const why = inUse ? 'somebody else listens there' : (error as Error).message;
  return new RentabotError(refuse('config', `cannot listen on ${where}: ${why}`, { hint }), { cause: error });
}

/** The answers that each connection still waits for. */
class Answers {
  private readonly bySocket = new WeakMap<Socket, Set<ServerResponse>>();

  add(socket: Socket, response: ServerResponse): void {
    let open = this.bySocket.get(socket);
    if (open === undefined) {
      open = new Set();
      this.bySocket.set(socket, open);
    }
    open.add(response);
    response.once('close', () => open.delete(response));
  }

  /** Whether somebody would take what is written now for the answer to an earlier request, or for a part of it. */
  isOwed(socket: Socket): boolean {
    for (const { req, headersSent } of this.bySocket.get(socket) ?? []) if (req.complete || headersSent) return true;
    return false;
  }
}

/** Node's parser refused it before there was a request. */
function answerUnparsed(error: NodeJS.ErrnoException, socket: Socket, answers: Answers): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answers.isOwed(socket)) {
    socket.destroy();
    return;
  }
  const refusal = unparsed(error.code ?? 'unreadable');
  const { head, body } = outright(refusal);
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${statusOf(refusal)} ${ERRORS[refusal.code].sentence}\r\n${lines.join('')}\r\n${body}`);
}

function unparsed(code: string): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW')
    return refuse('headers-too-large', `address and headers are larger than ${PARSER_HEADER_BYTES} bytes`);
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return refuse('usage', 'the request took too long to arrive', { status: 408, hint: 'send it in one go' });
  return refuse('usage', `this is not HTTP: ${code}`, { hint: 'speak HTTP/1.1' });
}

function tooManyConnections(connections: number): Refusal {
  return refuse('limit', `more are connected than may be: the limit (connections) is ${connections}`, {
    retryAfter: 1,
  });
}

function refuseOutright(response: ServerResponse, refusal: Refusal): void {
  const { head, body } = outright(refusal);
  response.writeHead(statusOf(refusal), head).end(body);
}

/** A problem where there is no app to answer it; the connection ends with it. */
function outright(refusal: Refusal): { readonly head: Record<string, string>; readonly body: string } {
  const body = JSON.stringify(problemOf(refusal));
  const head = {
    ...STANDING_HEADERS,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...(refusal.retryAfter === undefined ? {} : { 'retry-after': String(refusal.retryAfter) }),
  };
  return { head, body };
}
