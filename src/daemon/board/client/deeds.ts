import { parseDuration } from '../../../core/duration.ts';
import type { AcquireJson, HeldJson, WaitingJson, WantJson } from '../../../core/wire.ts';
import { type Deed, ownLease, ownPlace } from '../view/deeds.ts';
import type { Row } from '../view/model.ts';
import { send } from './api.ts';
import { now } from './clock.ts';
import { newId, newSecret } from './ids.ts';
import { face, viewer } from './page.ts';
import type { LiveWorld } from './world.ts';

/** What the dialog was filled with. */
export interface Filled {
  /** Seconds. */
  readonly span: number;
  readonly why: string;
  readonly with: string;
}

/** Something that was asked for and answered, and how the board shows that it is so. */
export interface Done {
  readonly shows: (world: LiveWorld) => boolean;
  readonly said: string;
}

/** How long an offer is kept: long enough for a coffee. */
const ACCEPT_S = 900;

export function claim(want: WantJson, { span, why }: Filled, wait: number | null, id: string): Promise<Done> {
  return acquire(id, { want: [want], claim: { for: span, accept: wait === 0 ? null : ACCEPT_S }, wait, note: why });
}

/** The id is kept by the caller, so that an attempt whose answer was lost is not made twice. */
async function acquire(id: string, asked: Omit<AcquireJson, 'secret'>): Promise<Done> {
  const body: AcquireJson = { ...asked, secret: newSecretOf(id), holder: { name: viewer.name } };
  const answer = (await send('PUT', `/api/v2/leases/${id}`, body)) as HeldJson | WaitingJson;
  if (answer.state !== 'waiting') {
    const { resources, until, offeredUntil } = answer.lease;
    const names = resources.map(({ name }) => name).join(', ');
    const end = until === null ? '' : ` until ${face.moment(Date.parse(until), now())}`;
    const said = offeredUntil ? `${names} is offered to you: accept it` : `${names} is yours${end}`;
    return { said, shows: (world) => world.lease(id) !== null };
  }
  const said = asked.steal
    ? 'You are next: the holder is told to end'
    : `You are in the queue, number ${answer.position}`;
  return { said, shows: (world) => world.waiters.has(id) || world.lease(id) !== null };
}

const secrets = new Map<string, string>();

/** The same for a repetition. It is not kept beyond that: people are known by who they are. */
function newSecretOf(id: string): string {
  const secret = secrets.get(id) ?? newSecret();
  secrets.set(id, secret);
  return secret;
}

/** Does it; throws a Refused with the daemon's reason where it may not, or came too late. */
export async function perform(deed: Deed, row: Row, world: LiveWorld, filled: Filled, id: string): Promise<Done> {
  const { name } = row;
  const place = `/api/v2/resources/${encodeURIComponent(name)}`;
  const current = (after: LiveWorld): Row | undefined => after.rows.get(row.id);
  switch (deed) {
    case 'claim':
      return claim({ name }, filled, 0, id);
    case 'join':
      return claim({ name }, filled, null, id);
    case 'steal': {
      const steal = filled.why;
      return acquire(id, { want: [{ name }], claim: { for: filled.span }, steal, note: steal });
    }
    case 'leave':
      return leave(ownPlace(world.queues.get(row.id) ?? [], viewer)?.id ?? '');
    case 'ask':
      await send('POST', `${place}/ask`, { note: filled.why, by: viewer.name });
      return {
        said: `The holder of ${name} is told`,
        shows: (after) =>
          current(after)?.leases.some(({ asked }) => asked?.some(({ note }) => note === filled.why)) ?? true,
      };
    case 'offline':
      await send('POST', `${place}/offline`, { reason: filled.why });
      return { said: `${name} is offline`, shows: (after) => current(after)?.offline?.reason === filled.why };
    case 'online':
      await send('POST', `${place}/online`);
      return { said: `${name} is back online`, shows: (after) => current(after)?.offline === null };
    default:
      return withOwn(deed, row, filled);
  }
}

export async function leave(id: string): Promise<Done> {
  await send('DELETE', `/api/v2/leases/${id}`);
  return { said: 'You have left the queue', shows: (world) => !world.waiters.has(id) };
}

export async function withOwn(
  deed: 'accept' | 'release' | 'extend' | 'share',
  row: Row,
  { span, with: mate }: Pick<Filled, 'span' | 'with'>,
): Promise<Done> {
  const { name } = row;
  const id = ownLease(row, viewer)?.id ?? '';
  const place = `/api/v2/leases/${id}`;
  switch (deed) {
    case 'accept':
      await send('POST', `${place}/accept`, {});
      return { said: `${name} is yours`, shows: (world) => world.lease(id)?.offeredUntil === undefined };
    case 'release':
      await send('DELETE', place);
      return { said: `${name} is given back`, shows: (world) => world.lease(id) === null };
    case 'share':
      await send('POST', `${place}/share`, { with: mate });
      return {
        said: `${name} is shared with ${mate}`,
        shows: (world) => world.lease(id)?.shares?.includes(mate) ?? true,
      };
    case 'extend': {
      const answer = (await send('POST', `${place}/extend`, { for: span })) as HeldJson;
      const { until } = answer.lease;
      const end = until === null ? '' : ` until ${face.moment(Date.parse(until), now())}`;
      return { said: `${name} is yours${end}`, shows: (world) => world.lease(id)?.until === until };
    }
    default:
      return deed satisfies never;
  }
}

export { newId };

/** Seconds; null for what is no duration. */
export function spanOf(chosen: string, other: string): number | null {
  if (other.trim() === '') return Number(chosen) || null;
  const ms = parseDuration(other.trim());
  return ms === null || ms < 1000 ? null : ms / 1000;
}
