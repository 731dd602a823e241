import { existsSync, lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { type Refusal, refuse } from '../core/error.ts';
import type { Access } from './client.ts';
import { nearestDescriptor } from './descriptor.ts';
import { loginFile, readLogin } from './login-file.ts';
import type { Machine } from './machine.ts';
import type { Talk } from './talk.ts';
import { mono, sleep } from './time.ts';
import { type Endpoint, parseEndpoint, socketEndpoint } from './transport.ts';

/** What the caller said about the daemon. */
export interface DaemonChoice {
  readonly url: string | null;
  readonly token: string | null;
  /** Longest time that a daemon may take to answer at all, milliseconds. */
  readonly connectTimeout: number;
}

/** A host's daemon that restarts is back within this; milliseconds. */
const HOST_RESTART_MS = 3000;

/**
 * Which daemon: `--url`, RENTABOT_URL, the one that `rentabot login` left, the socket of a daemon on this host, else this
 * user's own, which `ifNone` says whether to start: always, only where it would have something to show, or never. Null
 * only where it is not running and shall not be started. `asAdmin` prefers the socket for the owner of a host's daemon.
 */
export async function findDaemon(
  machine: Machine,
  choice: DaemonChoice,
  talk: Talk,
  { ifNone, asAdmin = false }: { ifNone: 'start' | 'start-if-known' | 'look'; asAdmin?: boolean },
): Promise<Access | Refusal | null> {
  const given = choice.token ?? (machine.env.RENTABOT_TOKEN || null);
  const login = readLogin(loginFile(machine.places));
  const named = choice.url ?? (machine.env.RENTABOT_URL || (login?.url ?? null));
  if (named !== null) {
    const endpoint = parseEndpoint(named, saidBy(choice, machine));
    if ('code' in endpoint) return endpoint;
    // A token is for the daemon that gave it, and is shown to no other.
    const token = given ?? (login?.url === endpoint.url ? login.token : null);
    const isHosts = machine.places.hostSockets.includes(endpoint.socketPath ?? '');
    const admin = asAdmin && token === null && isHosts ? await adminSocket(machine) : null;
    if (admin) return shared(admin, null);
    return endpoint.socketPath === machine.places.privateSocket
      ? privateAccess(machine, endpoint, token, choice)
      : shared(endpoint, token);
  }
  const token = given;
  const strange = strangeRuntimeDir(machine);
  if (strange) return strange;
  const admin = asAdmin && token === null ? await adminSocket(machine) : null;
  if (admin) return shared(admin, null);
  const host = await hostDaemon(machine, talk);
  if (host) return 'code' in host ? host : shared(host, token);
  return ownDaemon(machine, token, choice, ifNone);
}

function saidBy(choice: DaemonChoice, { env, places }: Machine): string {
  if (choice.url !== null) return '--url';
  return env.RENTABOT_URL ? 'RENTABOT_URL' : loginFile(places);
}

/** Of a daemon on this host whose data is ours. */
async function adminSocket({ places }: Machine): Promise<Endpoint | null> {
  const path = `${places.serveData}/admin.sock`;
  return (await listens(path)) === 'yes' ? socketEndpoint(path) : null;
}

/** Whether anybody listens there. */
export function listens(path: string): Promise<'yes' | 'no' | 'denied'> {
  if (!existsSync(path)) return Promise.resolve('no');
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve('yes');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? 'denied' : 'no'));
  });
}

function shared(endpoint: Endpoint, token: string | null): Access {
  return { endpoint, token, descriptor: null, revive: null, replace: null };
}

/**
 * A socket without a listener is what a killed daemon leaves. It may be back in a moment, and then everybody has to
 * meet there; if not, it was left over.
 */
async function hostDaemon(machine: Machine, talk: Talk): Promise<Endpoint | Refusal | null> {
  const present = machine.places.hostSockets.filter((path) => existsSync(path));
  const until = mono() + HOST_RESTART_MS;
  for (let pause = 50; present.length > 0; pause = Math.min(500, pause * 2)) {
    for (const path of present) {
      const answer = await listens(path);
      if (answer === 'yes') return socketEndpoint(path);
      if (answer === 'denied') {
        return refuse('denied', `the daemon of this host does not let you in at ${path}`, {
          hint: "its socket's group may use it; or choose another daemon with --url",
        });
      }
    }
    if (!present.some((path) => existsSync(path))) return null;
    if (mono() + pause > until) {
      talk.say('stale-socket', `nobody listens at ${present[0]} any more, so your own private daemon is used`);
      return null;
    }
    await sleep(pause);
  }
  return null;
}

async function ownDaemon(
  machine: Machine,
  token: string | null,
  choice: DaemonChoice,
  ifNone: 'start' | 'start-if-known' | 'look',
): Promise<Access | Refusal | null> {
  const endpoint = socketEndpoint(machine.places.privateSocket);
  if (endpoint === null) {
    return refuse('config', `the path of the private socket is too long: ${machine.places.privateSocket}`, {
      hint: 'set XDG_RUNTIME_DIR to a shorter folder',
    });
  }
  const access = privateAccess(machine, endpoint, token, choice);
  if ((await listens(machine.places.privateSocket)) === 'yes') return access;
  const { ensurePrivateDaemon, runningElsewhere } = await import('./private-daemon.ts');
  if (ifNone === 'look' || (ifNone === 'start-if-known' && !isKnown(machine, access))) {
    const elsewhere = await runningElsewhere(machine);
    return elsewhere && { ...access, endpoint: elsewhere };
  }
  const running = await ensurePrivateDaemon(machine, choice.connectTimeout);
  return 'code' in running ? running : { ...access, endpoint: running };
}

/** Whether a daemon would have anything to show: a descriptor, or what an earlier one remembered. */
function isKnown({ places }: Machine, { descriptor }: Access): boolean {
  return descriptor !== null || existsSync(`${places.privateData}/rentabot.db`);
}

function privateAccess(machine: Machine, endpoint: Endpoint, token: string | null, choice: DaemonChoice): Access {
  return {
    endpoint,
    token,
    descriptor: nearestDescriptor(machine.cwd, machine.home, machine.env),
    revive: async () => {
      const { ensurePrivateDaemon } = await import('./private-daemon.ts');
      return endpointOf(await ensurePrivateDaemon(machine, choice.connectTimeout));
    },
    replace: async () => {
      const { replacePrivateDaemon } = await import('./private-daemon.ts');
      return endpointOf(await replacePrivateDaemon(machine, endpoint, choice.connectTimeout));
    },
  };
}

function endpointOf(running: Endpoint | Refusal): Endpoint | null {
  return 'code' in running ? null : running;
}

/** Under the temp folder anybody could have made it first, to read what we say or to answer in the daemon's place. */
function strangeRuntimeDir({ places, uid }: Machine): Refusal | null {
  if (!places.runtimeDirIsTemporary || uid === null || !existsSync(places.runtimeDir)) return null;
  const folder = lstatSync(places.runtimeDir);
  if (folder.isDirectory() && folder.uid === uid && (folder.mode & 0o077) === 0) return null;
  return refuse(
    'config',
    `${places.runtimeDir} is not yours alone (owner ${folder.uid}, mode ${(folder.mode & 0o777).toString(8)})`,
    {
      hint: 'remove it, or set XDG_RUNTIME_DIR to a folder of your own',
    },
  );
}
