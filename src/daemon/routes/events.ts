import { isAudit } from '../../core/identity.ts';
import type { Principal } from '../../core/model.ts';
import type { EventJson } from '../../core/wire.ts';
import { type Answer, json } from '../answer.ts';
import type { Daemon } from '../daemon.ts';
import type { Report } from '../engine.ts';
import { type Ask, onceClosed } from '../requests.ts';
import { eventStream } from '../stream.ts';
import {
  BEFORE,
  HISTORY_PAGE,
  LAST_EVENT_ID,
  momentIn,
  numberIn,
  PAGE,
  RESOURCE,
  SINCE,
  textIn,
} from './parameters.ts';
import type { ApiRoute } from './route.ts';

/** How far back a subscriber that was away may resume; who was away longer starts from there. */
const MOST_REPLAYED = 10_000;

export function eventRoutes(daemon: Daemon): readonly ApiRoute[] {
  return [
    { method: 'get', path: '/api/v2/history', needs: 'viewer', answer: (ask) => history(daemon, ask) },
    { method: 'get', path: '/api/v2/events', needs: 'viewer', answer: (ask) => events(daemon, ask) },
  ];
}

async function history(daemon: Daemon, ask: Ask): Promise<Answer> {
  const limit = numberIn(ask, PAGE) ?? HISTORY_PAGE;
  const [before, since, resource] = [numberIn(ask, BEFORE), momentIn(ask, SINCE), textIn(ask, RESOURCE)];
  // Through the inbox, like every read: what a turn under way has done is not history yet.
  await daemon.engine.read(() => null);
  // One more than is shown tells whether there is a next page.
  const found = await daemon.store.history({ resource, since, before, limit: limit + 1 });
  const events = found.slice(0, limit);
  const shown = events.filter(shownTo(daemon.identify(ask)));
  return json({ events: shown, next: found.length > limit ? (events.at(-1)?.id ?? null) : null });
}

/** What is done to users and tokens is for admins. */
function shownTo({ role }: Principal): (event: EventJson) => boolean {
  return ({ type }) => role === 'admin' || !isAudit(type);
}

/** Everything that happens, from the event after `Last-Event-ID` on, or from now. */
async function events(daemon: Daemon, ask: Ask): Promise<Answer> {
  const { engine, store, stepsDown } = daemon;
  const last = numberIn(ask, LAST_EVENT_ID);
  const isShown = shownTo(daemon.identify(ask));
  /** The number of the last event sent: none is sent twice, whichever way it came. Null while the past is read. */
  let sent: number | null = last === null ? 0 : null;
  const missed: EventJson[] = [];
  const closers: (() => void)[] = [];
  const stream = eventStream(() => {
    for (const close of closers) close();
  });
  const send = (told: readonly EventJson[]): void => {
    for (const event of told) {
      if (event.id <= (sent ?? 0)) continue;
      sent = event.id;
      if (isShown(event)) stream.send(event.type, JSON.stringify(event), event.id);
    }
  };
  // Subscribed before the past is read, so that nothing falls between.
  const hear = ({ told }: Report) => (sent === null ? missed.push(...told) : send(told));
  // Whoever may have missed something comes back, and resumes.
  closers.push(engine.subscribe(hear, stream.close));
  closers.push(stepsDown.listen(stream.close));
  onceClosed(ask, stream.close);
  if (last !== null) {
    const newest = await engine.read(({ state }) => state.counters.event);
    const past = await store.eventsAfter(Math.max(last, newest - MOST_REPLAYED), MOST_REPLAYED);
    // A number from the future, as after a backup was restored, is no reason to tell nothing.
    sent = Math.min(last, newest);
    send(past);
    send(missed);
  }
  return stream.response;
}
