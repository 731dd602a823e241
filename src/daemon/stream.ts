import type { Millis } from '../core/model.ts';
import { STANDING_HEADERS } from './answer.ts';
import type { Ask } from './requests.ts';

/** A comment line so often, so that proxies keep the connection and both ends notice when the other is gone. */
const HEARTBEAT_MS: Millis = 15_000;
/** A reader that falls so many messages behind is let go; it comes back and resumes. */
const MOST_UNREAD = 10_000;

const ENCODER = new TextEncoder();

/** Whether the answer may be a stream of events. */
export function wantsStream(ask: Ask): boolean {
  return ask.req.header('accept')?.includes('text/event-stream') ?? false;
}

/** One server-sent events stream. Writing after its end does nothing. */
export interface EventStream {
  readonly response: Response;
  send(event: string, data: string, id?: number): void;
  close(): void;
}

/** Opens a stream; `closed` is called once, whoever ends it. */
export function eventStream(closed: () => void): EventStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const heartbeat = setInterval(() => write(':\n\n'), HEARTBEAT_MS);
  const end = (): void => {
    if (controller === null) return;
    controller = null;
    clearInterval(heartbeat);
    closed();
  };
  const readable = new ReadableStream<Uint8Array>(
    {
      start(c) {
        controller = c;
      },
      cancel: end,
    },
    new CountQueuingStrategy({ highWaterMark: MOST_UNREAD }),
  );
  function write(text: string): void {
    if (controller === null) return;
    if ((controller.desiredSize ?? 0) <= 0) close();
    else controller.enqueue(ENCODER.encode(text));
  }
  function close(): void {
    const open = controller;
    end();
    open?.close();
  }
  return {
    response: new Response(readable, {
      headers: { ...STANDING_HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
    }),
    send: (event, data, id) => write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`),
    close,
  };
}
