import { statfsSync, statSync } from 'node:fs';
import { isoTime } from '../../core/view.ts';
import type { CheckJson, DoctorJson } from '../../core/wire.ts';
import { type Answer, json } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import { rentABotOptions } from '../facades/settings.ts';
import { flawOf } from '../runtime.ts';
import type { ApiRoute } from './route.ts';

const MIB = 1024 * 1024;
/** Room on the disk below which somebody should look, and below which the store may soon not be written. */
const LITTLE_ROOM = 500 * MIB;
const NO_ROOM = 50 * MIB;
/** A commit is one write that is waited for; disks of machines that are well take a few milliseconds. */
const SLOW_COMMIT_MS = 100;

/** Whether all is well, for `rentabot doctor`. */
export function doctorRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [{ method: 'get', path: '/api/v2/doctor', needs: 'admin', answer: () => examine(daemon) }];
}

async function examine(daemon: Daemon): Promise<Answer> {
  const { engine, dataFolder } = daemon;
  const folder = dataFolder === null ? [] : [roomOf(dataFolder), rightsOf(dataFolder)];
  const checks = [
    ...runtimeOf(),
    storeOf(daemon),
    commitsOf(daemon),
    ...folder,
    identitiesOf(daemon),
    ...tokensOf(daemon),
    ...targetsOf(daemon),
  ];
  const examined: DoctorJson = {
    at: isoTime(engine.now()),
    version: RENTABOT_VERSION,
    since: isoTime(daemon.startedAt),
    checks,
  };
  return json(examined);
}

/** Said only where something is known to be wrong with it. */
function runtimeOf(): CheckJson[] {
  const flaw = flawOf(process.versions.node);
  return flaw === null ? [] : [{ name: 'runtime', state: 'warn', text: flaw }];
}

function storeOf({ engine }: Daemon): CheckJson {
  const { commitFailures } = engine.figures;
  if (!engine.isOpen) return { name: 'store', state: 'fail', text: 'the store cannot be written' };
  if (commitFailures === 0) return { name: 'store', state: 'ok', text: 'it is written without failures' };
  return { name: 'store', state: 'warn', text: `${commitFailures} writes failed since the start; the log says why` };
}

function commitsOf({ engine }: Daemon): CheckJson {
  const { commits, commitSeconds } = engine.figures;
  if (commits === 0) return { name: 'commits', state: 'ok', text: 'nothing was written yet' };
  const took = (commitSeconds.sum / commits) * 1000;
  const text = `one takes ${took.toFixed(1)} ms on average, of ${commits}`;
  return took < SLOW_COMMIT_MS
    ? { name: 'commits', state: 'ok', text }
    : { name: 'commits', state: 'warn', text: `${text}: the disk is slow, and everybody waits for it` };
}

function roomOf(folder: string): CheckJson {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const text = `${Math.floor(free / MIB)} MiB are free at ${folder}`;
    return { name: 'disk', state: free < NO_ROOM ? 'fail' : free < LITTLE_ROOM ? 'warn' : 'ok', text };
  } catch (error) {
    return { name: 'disk', state: 'fail', text: `${folder} cannot be looked at: ${(error as Error).message}` };
  }
}

function rightsOf(folder: string): CheckJson {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
  const rights = (mode & 0o777).toString(8);
  if ((mode & 0o022) !== 0)
    return { name: 'data', state: 'fail', text: `others than its owner may write in ${folder} (mode ${rights})` };
  const isOpen = (mode & 0o007) !== 0;
  const text = isOpen ? `everybody on the host may look into ${folder}` : `${folder} is for its owner`;
  return { name: 'data', state: isOpen ? 'warn' : 'ok', text: `${text} (mode ${rights})` };
}

function identitiesOf({ identities }: Daemon): CheckJson {
  const text = identities.isOpen
    ? 'it knows nobody: whoever can connect is an admin'
    : 'it answers only those whom it knows';
  return { name: 'identities', state: 'ok', text };
}

/** Locks that everybody can undo who may look. */
function tokensOf({ facades }: Daemon): CheckJson[] {
  if (rentABotOptions(facades).exposeTokens !== true) return [];
  const text = 'expose_tokens shows the tokens of locks to whoever may look: only courtesy keeps them from unlocking';
  return [{ name: 'rent-a-bot', state: 'warn', text }];
}

/** Where people are told what happens. */
function targetsOf({ notifier }: Daemon): CheckJson[] {
  return notifier.status().map(({ name, state, problem, host }) => ({
    name: `notify ${name}`,
    state: state === 'failing' ? 'warn' : 'ok',
    text: state === 'failing' ? `${host} takes nothing: ${problem}` : `${host} takes what it is told`,
  }));
}
