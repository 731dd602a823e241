import type { Acquire } from '../../core/command.ts';
import { refusalOf } from '../../core/decide.ts';
import { type Refusal, refuse } from '../../core/error.ts';
import { caret } from '../../core/expression.ts';
import type { Claim, Want } from '../../core/model.ts';
import { waitingToJson } from '../../core/queue-view.ts';
import { leaseToJson, messagesFor, type Viewer } from '../../core/view.ts';
import { parseWant } from '../../core/want.ts';
import { type ClaimJson, DEFAULT_TTL_S, type LeaseStreamEvent, type WantJson } from '../../core/wire.ts';
import { type Answer, json, noContent, problem, type Reply } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Sight } from '../engine.ts';
import { type Ask, body, hashSecret, leaseId, leaseSecretHash, malformed, onceClosed, sameHash } from '../requests.ts';
import { eventStream, wantsStream } from '../stream.ts';
import { answerOf, blockFor, outcomeOf, streamOutcome } from './lease-waiting.ts';
import { BLOCK, ENDED, EXIT, isSet, LONGEST_BLOCK_S, numberIn, pageHasGone, pageOf } from './parameters.ts';
import { isPlainAcquire } from './plain-acquire.ts';
import type { ApiRoute } from './route.ts';
import { type AcquireBody, acquireSchema, extendSchema, millis, shareSchema } from './schemas.ts';

export function leaseRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'put', path: '/api/v2/leases/:id', needs: 'user', answer: (ask) => acquire(daemon, ask) },
    { method: 'get', path: '/api/v2/leases/:id', needs: 'viewer', orSecret: true, answer: (ask) => show(daemon, ask) },
    { method: 'get', path: '/api/v2/leases', needs: 'viewer', answer: (ask) => list(daemon, ask) },
    {
      method: 'delete',
      path: '/api/v2/leases/:id',
      needs: 'user',
      orSecret: true,
      answer: (ask) => release(daemon, ask),
    },
    {
      method: 'post',
      path: '/api/v2/leases/:id/renew',
      needs: 'user',
      orSecret: true,
      answer: (ask) => renew(daemon, ask),
    },
    {
      method: 'post',
      path: '/api/v2/leases/:id/extend',
      needs: 'user',
      orSecret: true,
      answer: (ask) => extend(daemon, ask),
    },
    {
      method: 'post',
      path: '/api/v2/leases/:id/accept',
      needs: 'user',
      orSecret: true,
      answer: (ask) => accept(daemon, ask),
    },
    {
      method: 'post',
      path: '/api/v2/leases/:id/share',
      needs: 'user',
      orSecret: true,
      answer: (ask) => share(daemon, ask),
    },
  ];
}

async function acquire(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const block = Math.min(numberIn(ask, BLOCK) ?? 0, LONGEST_BLOCK_S);
  const asked = await body(ask, acquireSchema, daemon.http.body, isPlainAcquire);
  const command = commandOf(daemon, ask, id, asked);
  if (wantsStream(ask)) return streamOutcome(daemon, ask, command);
  const outcome = await daemon.engine.submit(command, (sight) => outcomeOf(sight, command));
  if (outcome.is !== 'waiting' || block === 0) return answerOf(outcome);
  return answerOf(await blockFor(daemon, ask, command, outcome, block));
}

function commandOf(daemon: Daemon, ask: Ask, id: string, asked: AcquireBody): Acquire {
  const { wait, hold, holder, claim } = asked;
  return {
    type: 'acquire',
    id,
    secretHash: hashSecret(asked.secret),
    wants: asked.want.map(readWant),
    ttl: Math.round((asked.ttl ?? DEFAULT_TTL_S) * 1000),
    wait: millis(wait),
    hold: millis(hold),
    priority: asked.priority ?? 0,
    note: asked.note ?? '',
    holder: { name: holder?.name ?? 'anonymous', host: holder?.host ?? '', link: holder?.link ?? null },
    guarded: asked.guarded ?? false,
    claim: claim == null ? null : claimOf(claim),
    steals: asked.steal ?? null,
    principal: daemon.identify(ask),
  };
}

function claimOf({ for: span, accept, attended }: ClaimJson): Claim {
  const claim = { for: millis(span), accept: millis(accept) };
  return attended ? { ...claim, attended: true } : claim;
}

/** Throws the problem, with a caret under its place where it is in an expression. */
export function readWant(given: WantJson, i: number): Want {
  const want = parseWant(given);
  if (!('problem' in want)) return want;
  const where = typeof given.where === 'string' ? caret(given.where, want) : want.problem;
  return malformed(`want.${i}: ${where}`, 'see `rentabot help lock` for how to say what you want', 422);
}

function renew(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const secretHash = leaseSecretHash(ask);
  const command = { type: 'renew', id, secretHash, principal: daemon.identify(ask) } as const;
  return daemon.engine.submit(command, (sight) => renewed(sight, id, secretHash === null ? 'anyone' : 'holder'));
}

async function extend(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const secretHash = leaseSecretHash(ask);
  const exit = numberIn(ask, EXIT);
  const asked = await body(ask, extendSchema, daemon.http.body);
  if (asked.note != null && asked.guarded !== false)
    malformed('a note goes with `guarded: false`, which keeps the lease as a claim', 'leave the note out', 422);
  if (exit !== null && asked.guarded !== false)
    malformed('an exit goes with `guarded: false`, which says that the command is gone', 'leave the exit out', 422);
  const command = {
    type: 'extend',
    id,
    secretHash,
    for: Math.round(asked.for * 1000),
    guarded: asked.guarded ?? null,
    note: asked.note ?? null,
    exit,
    principal: daemon.identify(ask),
  } as const;
  return daemon.engine.submit(command, (sight) => renewed(sight, id, secretHash === null ? 'anyone' : 'holder'));
}

async function accept(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const secretHash = leaseSecretHash(ask);
  const command = { type: 'accept', id, secretHash, principal: daemon.identify(ask) } as const;
  return daemon.engine.submit(command, (sight) => renewed(sight, id, secretHash === null ? 'anyone' : 'holder'));
}

async function share(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const secretHash = leaseSecretHash(ask);
  const { with: name, shared } = await body(ask, shareSchema, daemon.http.body);
  const principal = daemon.identify(ask);
  const command = { type: 'share', id, secretHash, with: name, shared: shared ?? true, principal } as const;
  return daemon.engine.submit(command, (sight) => renewed(sight, id, secretHash === null ? 'anyone' : 'holder'));
}

function renewed({ state, now, refusal }: Sight, id: string, viewer: Viewer): Reply {
  if (refusal) return problem(refusal);
  const lease = state.leases.get(id)?.lease;
  if (!lease) return problem(goneFrom({ state, now, refusal }, id));
  return json({ lease: leaseToJson(state, lease, viewer), messages: messagesFor(lease, now) });
}

async function release(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const [ended, exit] = [isSet(ask, ENDED), numberIn(ask, EXIT)];
  if (exit !== null && !ended) malformed('exit says how a command ended, so it goes with ended=true');
  const command = {
    type: 'release',
    id,
    secretHash: leaseSecretHash(ask),
    ended,
    exit,
    principal: daemon.identify(ask),
  } as const;
  return daemon.engine.submit(command, ({ state, refusal }) => {
    if (refusal) return problem(refusal);
    return state.leases.has(id) ? json({ state: 'ending' }, 202) : noContent();
  });
}

async function show(daemon: Daemon, ask: Ask): Promise<Answer> {
  const id = leaseId(ask);
  const secretHash = leaseSecretHash(ask);
  if (wantsStream(ask)) return streamLease(daemon, ask, id, secretHash);
  return daemon.engine.read((sight) => {
    const stranger = strangerTo(sight, id, secretHash);
    if (stranger) return problem(stranger);
    const lease = sight.state.leases.get(id)?.lease;
    if (!lease) return answerWithout(sight, id);
    return json({ state: lease.ending ? 'ending' : 'held', lease: leaseToJson(sight.state, lease, 'anyone') });
  });
}

/** Everybody may look; but whoever comes with a secret has the right one. */
function strangerTo({ state }: Sight, id: string, secretHash: string | null): Refusal | null {
  const request = state.leases.get(id)?.lease.request ?? state.queue.byId.get(id)?.request;
  const known = request?.secretHash ?? state.ended.get(id)?.secretHash ?? '';
  if (secretHash === null || known === '' || sameHash(known, secretHash)) return null;
  return refuse('denied', `lease ${id} was asked for with another secret`);
}

function answerWithout(sight: Sight, id: string): Reply {
  const queued = sight.state.queue.byId.get(id);
  if (queued) return json(waitingToJson(sight.state, queued, sight.now));
  return problem(goneFrom(sight, id));
}

function goneFrom({ state }: Sight, id: string): Refusal {
  const spent = state.ended.get(id);
  return spent ? refusalOf(spent) : refuse('not-found', `no lease ${id} was ever asked for, or it was forgotten`);
}

async function list(daemon: Daemon, ask: Ask): Promise<Answer> {
  const page = pageOf(ask);
  return daemon.engine.read(({ state }) => {
    const { after, limit } = page;
    const fence = after === null ? 0 : state.leases.get(after)?.lease.fence;
    if (fence === undefined) return problem(pageHasGone(after ?? ''));
    // After a restart they do not stand in the order of their grants.
    const leases = [...state.leases.values()].map(({ lease }) => lease).filter((lease) => lease.fence > fence);
    leases.sort((a, b) => a.fence - b.fence);
    return json({ leases: leases.slice(0, limit).map((lease) => leaseToJson(state, lease, 'anyone')) });
  });
}

/** Messages for the holder as they come, and then how it ended. */
async function streamLease(daemon: Daemon, ask: Ask, id: string, secretHash: string | null): Promise<Answer> {
  const { engine, stepsDown } = daemon;
  const first = await engine.read((sight) => {
    const stranger = strangerTo(sight, id, secretHash);
    if (stranger) return stranger;
    if (sight.state.leases.has(id)) return null;
    return sight.state.queue.byId.has(id) ? refuse('not-found', `${id} still waits in the queue`) : goneFrom(sight, id);
  });
  if (first) return problem(first);
  const told = new Set<string>();
  const closers: (() => void)[] = [];
  const stream = eventStream(() => {
    for (const close of closers) close();
  });
  const send = (event: LeaseStreamEvent | 'closing', data: unknown): void => stream.send(event, JSON.stringify(data));
  const tell = ({ state, now }: Sight): void => {
    const lease = state.leases.get(id)?.lease;
    if (!lease) {
      const { reason, by } = state.ended.get(id) ?? { reason: 'expired', by: '' };
      send('ended', { reason, by });
      stream.close();
      return;
    }
    for (const message of messagesFor(lease, now)) {
      const text = JSON.stringify(message);
      if (!told.has(text)) send('message', message);
      told.add(text);
    }
  };
  const look = (): void => void engine.read(tell).catch(() => stream.close());
  const closing = (): void => {
    send('closing', { retryAfter: 1 });
    stream.close();
  };
  // Warnings of the coming end are a matter of time, not of an event.
  const timer = setInterval(look, 5000);
  closers.push(engine.watch(id, look), () => clearInterval(timer), stepsDown.listen(closing));
  onceClosed(ask, () => stream.close());
  look();
  return stream.response;
}
