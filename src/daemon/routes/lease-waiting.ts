import type { Acquire } from '../../core/command.ts';
import { refusalOf } from '../../core/decide.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import { waitingToJson } from '../../core/queue-view.ts';
import { leaseToJson } from '../../core/view.ts';
import { describeWants } from '../../core/want.ts';
import type { HeldJson, WaitingJson } from '../../core/wire.ts';
import { type Answer, json, problem, problemOf, type Reply } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import { type Ask, onceClosed } from '../requests.ts';
import { type EventStream, eventStream } from '../stream.ts';

/** Where a request stands, after a turn. */
export type Outcome =
  | { readonly is: 'held'; readonly held: HeldJson }
  | { readonly is: 'waiting'; readonly waiting: WaitingJson }
  | { readonly is: 'refused'; readonly refusal: Refusal };

type Asked = Pick<Acquire, 'id' | 'wants'>;

/** A fate that is known: held, ended, or still in the queue. */
export function outcomeOf({ state, now, refusal }: Sight, { id, wants }: Asked): Outcome {
  if (refusal) return { is: 'refused', refusal };
  const lease = state.leases.get(id)?.lease;
  if (lease)
    return {
      is: 'held',
      held: { state: lease.ending ? 'ending' : 'held', lease: leaseToJson(state, lease, 'holder') },
    };
  const queued = state.queue.byId.get(id);
  if (queued) return { is: 'waiting', waiting: waitingToJson(state, queued, now) };
  const spent = state.ended.get(id);
  return {
    is: 'refused',
    refusal: spent ? refusalOf(spent, describeWants(wants)) : refuse('not-found', `no lease ${id} was ever asked for`),
  };
}

export function answerOf(outcome: Outcome): Reply {
  switch (outcome.is) {
    case 'held':
      return json(outcome.held);
    case 'waiting':
      return json(outcome.waiting, 202);
    case 'refused':
      return problem(outcome.refusal);
    default:
      return outcome satisfies never;
  }
}

/** Holds the answer open until the fate is known, the time is over, the client has gone or the daemon steps down. */
export async function blockFor(
  daemon: Daemon,
  ask: Ask,
  command: Acquire,
  waiting: Outcome,
  seconds: number,
): Promise<Outcome> {
  const ended = new AbortController();
  const wait = waitFor(daemon, command.id, ended.signal);
  const timer = setTimeout(() => ended.abort(), seconds * 1000);
  onceClosed(ask, () => ended.abort());
  await wait;
  clearTimeout(timer);
  if (daemon.stepsDown.begun) return waiting;
  return daemon.engine.read((sight) => outcomeOf(sight, command));
}

/** Resolves when the fate of the id may have changed or nobody waits for it any more; the waiter counts as connected meanwhile. */
function waitFor(daemon: Daemon, id: string, ended: AbortSignal): Promise<void> {
  const { engine, stepsDown } = daemon;
  return new Promise((resolve) => {
    let finished = false;
    const unwatch = engine.watch(id, done);
    void engine
      // The fate may have been sealed between the answer and the watch.
      .submit({ type: 'listen', id, change: 1 }, ({ state }) => (state.queue.byId.has(id) ? null : done()))
      .catch(done);
    ended.addEventListener('abort', done, { once: true });
    const unlisten = stepsDown.listen(done);
    if (ended.aborted) done();
    function done(): void {
      if (finished) return;
      finished = true;
      unwatch();
      ended.removeEventListener('abort', done);
      unlisten();
      void engine.submit({ type: 'listen', id, change: -1 }, () => null).catch(() => null);
      resolve();
    }
  });
}

/** `waiting` on each change, then `held`, or `problem` where the wait ends otherwise, or `closing` where the daemon steps down. */
export async function streamOutcome(daemon: Daemon, ask: Ask, command: Acquire): Promise<Answer> {
  const outcome = await daemon.engine.submit(command, (sight) => outcomeOf(sight, command));
  if (outcome.is === 'refused') return problem(outcome.refusal);
  const ended = new AbortController();
  const stream = eventStream(() => ended.abort());
  onceClosed(ask, () => stream.close());
  if (outcome.is === 'held') {
    stream.send('held', JSON.stringify(outcome.held));
    stream.close();
    return stream.response;
  }
  stream.send('waiting', JSON.stringify(outcome.waiting));
  void followQueue(daemon, command, outcome.waiting, stream, ended.signal);
  return stream.response;
}

async function followQueue(
  daemon: Daemon,
  command: Acquire,
  known: WaitingJson,
  stream: EventStream,
  ended: AbortSignal,
): Promise<void> {
  const { id } = command;
  const unlisten = daemon.announcer.listen(id, known, (place) => stream.send('waiting', JSON.stringify(place)));
  try {
    for (;;) {
      await waitFor(daemon, id, ended);
      if (ended.aborted) return;
      if (daemon.stepsDown.begun) return stream.send('closing', JSON.stringify({ retryAfter: 1 }));
      const outcome = await daemon.engine.read((sight) => outcomeOf(sight, command));
      if (outcome.is === 'held') return stream.send('held', JSON.stringify(outcome.held));
      if (outcome.is === 'refused')
        return stream.send('problem', JSON.stringify(problemOf(daemon.meters.refused(outcome.refusal))));
    }
  } catch (error) {
    daemon.log.debug('a waiting stream broke off', { lease: id, error });
    stream.send('closing', JSON.stringify({ retryAfter: 1 }));
  } finally {
    unlisten();
    stream.close();
  }
}
