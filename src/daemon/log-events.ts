import type { EventJson } from '../core/wire.ts';
import type { Engine } from './engine.ts';
import type { Log, LogFields } from './log.ts';

/** Each event as a line. */
export function logEvents(engine: Engine, log: Log): () => void {
  return engine.subscribe(({ told }) => {
    for (const event of told) log.info(event.type, fieldsOf(event));
  });
}

/** What is empty is not worth its place in the line. */
function fieldsOf(event: EventJson): LogFields {
  const { lease, resources, holder, note, waited, held, exit, fence, want, reason, by, until, about } = event;
  return {
    lease,
    resources,
    want,
    holder: holder?.name,
    host: holder?.host || undefined,
    note: note || undefined,
    fence,
    waited,
    held,
    exit,
    reason,
    by: by || undefined,
    about: about || undefined,
    until: until ?? undefined,
  };
}
