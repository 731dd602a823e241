import { writeDetached } from './adopt.ts';
import { exitCodeOf } from './exit.ts';
import type { Guard } from './guard.ts';
import type { HeldLease, Loss } from './lease.ts';
import type { LockPlan } from './lock-plan.ts';
import type { LockWorld } from './run-lock.ts';
import { type Ending, exitToTell, hasFailed } from './run-under.ts';
import { keptSentence, lossSentence, nameOf, namesOf } from './sentences.ts';
import { STOPPING } from './signals.ts';
import { printable } from './text.ts';

/** The lease of a command that has ended, and what whoever gets it next needs. */
interface Handed {
  readonly lease: HeldLease;
  readonly secret: string;
  readonly url: string;
  readonly guard: Guard;
}

const LONGEST_NOTE = 500;

/**
 * What becomes of a lease other than being given back: it is left in a file for whoever adopts it, or held on to after
 * a failure. Only after a command that ran, of which nothing is left; a lost lease is nobody's to hand on. Whoever stops a
 * command does not wonder why it failed: a job that is cancelled and run again must not wait for itself.
 */
export async function handOn(ending: Ending, plan: LockPlan, handed: Handed, world: LockWorld): Promise<Ending> {
  if (!ending.isTreeGone || (ending.name !== 'completed' && ending.name !== 'timeout')) return ending;
  if (plan.detachTo !== null) return detach(ending, plan.detachTo, handed, world);
  if (plan.keepFor === null || !hasFailed(ending)) return ending;
  const stopped = [...world.signals.heard].find((signal) => STOPPING.has(signal));
  if (stopped === undefined) return keep(ending, plan.keepFor, plan, handed, world);
  const { talk } = world;
  talk.say(
    'not-kept',
    `${nameOf(plan.argv)} was stopped (${stopped}), so ${namesOf(handed.lease.lease)} is given back`,
  );
  return ending;
}

async function detach(
  ending: Ending,
  file: string,
  { lease, secret, url, guard }: Handed,
  { talk, signals, overrides }: LockWorld,
): Promise<Ending> {
  if (!(await lease.handOver(signals.hurried))) {
    talk.fail('lost', `${lossSentence(lease.lost.reason as Loss, lease.lease)} before it could be left in ${file}`);
    return { ...ending, name: 'lost', exitCode: exitCodeOf('lost', overrides), signal: null };
  }
  // From here on it belongs to whoever reads the file.
  guard.keep();
  try {
    writeDetached(file, lease.lease, { secret, url });
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    talk.fail(
      'config',
      `--detach-lease: ${file} could not be written, so ${namesOf(lease.lease)} is given back: ${why}`,
    );
    return { ...ending, name: 'config', exitCode: exitCodeOf('config', overrides), signal: null };
  }
  talk.detail('detached', `${namesOf(lease.lease)} can be adopted from ${file}`, { file });
  return { ...ending, isKept: true };
}

async function keep(
  ending: Ending,
  span: number,
  { argv }: LockPlan,
  { lease, guard }: Handed,
  { talk, signals }: LockWorld,
): Promise<Ending> {
  // Or it would be given back if we were killed just now.
  guard.keep();
  const what = nameOf(argv);
  const note = `${what} failed${lease.lease.note === '' ? '' : `: ${lease.lease.note}`}`.slice(0, LONGEST_NOTE);
  const refusal = await lease.holdFor(span, note, signals.hurried, exitToTell(ending));
  if (refusal !== null) {
    const why = printable(refusal.detail);
    talk.say('not-kept', `${what} failed, but ${namesOf(lease.lease)} could not be kept and is given back: ${why}`);
    return ending;
  }
  const { id, resources, expiresAt } = lease.lease;
  talk.say('kept', `${what} failed, so ${keptSentence(lease.lease, Date.now())}`, { lease: id, resources, expiresAt });
  return { ...ending, isKept: true };
}
