import { homedir, tmpdir } from 'node:os';
import { type Places, places } from '../core/places.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The surroundings of a call; whatever a test wants to be otherwise is in here. */
export interface Machine {
  readonly env: Env;
  readonly cwd: string;
  readonly home: string;
  readonly uid: number | null;
  readonly places: Places;
  /** What starts this program once more: the runtime, then the script. */
  readonly self: readonly [string, ...string[]];
}

export function thisMachine(): Machine {
  const { env } = process;
  const home = homedir();
  const uid = process.getuid?.() ?? null;
  return {
    env,
    get cwd() {
      return folderOrRoot();
    },
    home,
    uid,
    places: places(env, { uid, home, tmp: tmpdir() }),
    self: [process.execPath, process.argv[1] ?? ''],
  };
}

/** A folder that was removed under our feet is no reason to fail: only the search for a descriptor needs it. */
function folderOrRoot(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}
