/** Where client and daemon meet on one machine. Both compute it here, so that neither has to be told by the other. */
export interface Places {
  /** For sockets and start locks: gone after a reboot, this user's alone. */
  readonly runtimeDir: string;
  /** Made by us under the temp folder, where anybody could have been first: mode 0700 and its owner must be checked. */
  readonly runtimeDirIsTemporary: boolean;
  /** The host's daemon listens on the first of these it may use; a client tries them in this order. */
  readonly hostSockets: readonly string[];
  /** The socket of this user's own background daemon. */
  readonly privateSocket: string;
  readonly stateDir: string;
  /** State of this user's own background daemon, and its log. */
  readonly privateData: string;
  /** Where `rentabot serve` keeps its state unless told otherwise. */
  readonly serveData: string;
  readonly configDir: string;
}

/** What the operating system says about the caller. `uid` is null where there are no user numbers. */
export interface Host {
  readonly uid: number | null;
  readonly home: string;
  readonly tmp: string;
}

const HOST_SOCKET = '/run/rentabot/rentabot.sock';
const SYSTEM_DATA = '/var/lib/rentabot';

/**
 * The folders of the XDG base directory specification with its fallbacks. As it demands, a variable that is empty or
 * holds a relative path counts as not set: two commands started in different folders must find the same daemon.
 */
export function places(env: Readonly<Record<string, string | undefined>>, host: Host): Places {
  const runtimeHome = absolute(env.XDG_RUNTIME_DIR);
  const runtimeDir = runtimeHome === null ? `${trim(host.tmp)}/rentabot-${host.uid ?? 'user'}` : under(runtimeHome);
  const stateDir = under(absolute(env.XDG_STATE_HOME) ?? `${trim(host.home)}/.local/state`);
  return {
    runtimeDir,
    runtimeDirIsTemporary: runtimeHome === null,
    hostSockets: [HOST_SOCKET, `${runtimeDir}/host.sock`],
    privateSocket: `${runtimeDir}/private.sock`,
    stateDir,
    privateData: `${stateDir}/private`,
    serveData: serviceState(env) ?? (host.uid === 0 ? SYSTEM_DATA : `${stateDir}/serve`),
    configDir: under(absolute(env.XDG_CONFIG_HOME) ?? `${trim(host.home)}/.config`),
  };
}

/** systemd gives the folders of `StateDirectory=` separated by colons; the first is ours. */
function serviceState(env: Readonly<Record<string, string | undefined>>): string | null {
  return absolute(env.STATE_DIRECTORY?.split(':')[0]);
}

function absolute(path: string | undefined): string | null {
  return path?.startsWith('/') ? trim(path) : null;
}

function under(folder: string): string {
  return `${folder}/rentabot`;
}

function trim(path: string): string {
  return path.replace(/\/+$/, '');
}
