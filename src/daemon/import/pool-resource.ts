import { type Dirent, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DescribeJson } from '../../core/wire.ts';
import { LIMIT_RULES } from '../settings.ts';
import { describeEntries, type Entry } from './entries.ts';
import type { Format } from './format.ts';
import type { Found } from './found.ts';
import { listTree } from './trees.ts';

/**
 * The git repository of Concourse's pool-resource, checked out: `POOL/unclaimed/LOCK` and `POOL/claimed/LOCK`. Or one pool
 * of it. Of the files only the names are looked at, as there are credentials in many.
 */
export const poolResource: Format = {
  name: 'pool-resource',
  recognises: ({ source }) => source.type === 'folder',
  read: (found) => {
    const { source, remarks } = found;
    if (source.type === 'folder') return readPools(source.path, found);
    remarks.problem(null, 'expected a folder, with POOL/claimed and POOL/unclaimed in it');
    return [];
  },
};

interface Lock {
  readonly pool: string;
  readonly name: string;
  readonly state: State;
  /** From the folder that is imported. */
  readonly file: string;
  readonly hasContent: boolean;
}

const STATES = ['unclaimed', 'claimed'] as const;
type State = (typeof STATES)[number];
/** A pool may be a path: `lab/boards`. */
const DEEPEST_POOL = 4;
const MOST_FOLDERS = 10_000;

function readPools(path: string, found: Found): readonly DescribeJson[] {
  const { remarks } = found;
  try {
    const pools = poolsIn(path);
    if (pools.length === 0) {
      remarks.problem(
        null,
        'it has no POOL/claimed and POOL/unclaimed in it, as the repositories of pool-resource have',
      );
      return [];
    }
    const locks = pools.flatMap((pool) => locksIn(path, pool));
    if (locks.length > LIMIT_RULES.resources.max)
      throw new Error(`it has more than ${LIMIT_RULES.resources.max} locks`);
    return describeEntries(entriesOf(locks, found), found);
  } catch (error) {
    remarks.problem(null, `it cannot be read: ${(error as Error).message}`);
    return [];
  }
}

/** Relative to the folder; '' where it is a pool itself. */
function poolsIn(root: string): readonly string[] {
  const pools: string[] = [];
  const queue = [''];
  let looked = 0;
  for (let pool = queue.shift(); pool !== undefined; pool = queue.shift()) {
    looked += 1;
    if (looked > MOST_FOLDERS) throw new Error(`it has more than ${MOST_FOLDERS} folders`);
    const folders = visible(join(root, pool))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    if (STATES.some((state) => folders.includes(state))) pools.push(pool);
    else if (pool.split('/').length < DEEPEST_POOL)
      queue.push(...folders.map((name) => (pool === '' ? name : `${pool}/${name}`)));
  }
  return pools;
}

function locksIn(root: string, pool: string): readonly Lock[] {
  return STATES.flatMap((state) => {
    const folder = join(root, pool, state);
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
    const files = visible(folder).filter((entry) => !entry.isDirectory());
    return files.map(({ name }) => ({
      ...{ name, state, pool: pool === '' ? basename(root) : pool, file: join(pool, state, name) },
      hasContent: (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0) > 0,
    }));
  });
}

/** As pool-resource has it, what begins with a dot is no lock. */
function visible(folder: string): readonly Dirent[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entriesOf(locks: readonly Lock[], found: Found): readonly Entry[] {
  const byPath = new Map<string, Lock>();
  for (const lock of locks) {
    const path = `${lock.pool}/${lock.name}`;
    if (byPath.has(path)) found.remarks.warn(null, `${path} is both claimed and unclaimed; it is one resource`);
    byPath.set(path, lock);
  }
  for (const [path, { file, state }] of byPath) {
    if (state !== 'claimed') continue;
    found.remarks.warn(
      null,
      `${path} is claimed in Concourse (\`git log -1 -- '${file}'\` says by whom); here it is free`,
    );
  }
  const filled = locks.filter(({ hasContent }) => hasContent).length;
  if (filled > 0) {
    const where = 'where holders need it, it belongs into env';
    found.remarks.warn(null, `what is written in ${filled} of the files is not read, as it may be secret; ${where}`);
  }
  return [...byPath].map(([fullName, { pool, name }]) => ({
    name,
    at: 0,
    fullName,
    says: { tags: listTree([pool], 0) },
  }));
}
