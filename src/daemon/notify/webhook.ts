import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Millis } from '../../core/model.ts';
import type { Notice } from './notice.ts';
import { noticeToJson, signatureOf, slackBody, timestampOf } from './payload.ts';
import { conditionOf, LONGEST_TRY_MS, type Outcome, type Sender, unreachable } from './sender.ts';
import type { Reader } from './words.ts';

/** Of an answer nothing is needed but its status; more than so much of it is not even read away. */
const LARGEST_ANSWER = 65_536;
/** A burst is told to a chat in one message: they allow about one a second. */
const MOST_LINES = 20;
/** What may be different a moment later: the rest of 4xx is a mistake, here or there. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

export interface WebhookOptions {
  readonly url: string;
  readonly format: 'json' | 'slack';
  /** Signs each body; null where nobody checks. */
  readonly secret: string | null;
  readonly reader: Reader;
  readonly longestTry?: Millis;
}

/** Tells by HTTP POST. Redirects are not followed: what is told goes where the configuration says, and nowhere else. */
export function webhook(options: WebhookOptions): Sender {
  const url = new URL(options.url);
  const { format, secret, reader, longestTry = LONGEST_TRY_MS } = options;
  return {
    kind: format,
    host: url.host,
    most: format === 'slack' ? MOST_LINES : 1,
    reaches: () => true,
    send: (notices, now, signal) => {
      const body =
        format === 'slack' ? slackBody(notices, reader) : JSON.stringify(noticeToJson(notices[0] as Notice, reader));
      return post(url, headersOf(notices[0] as Notice, body, secret, now), body, { signal, longestTry });
    },
  };
}

function headersOf(notice: Notice, body: string, secret: string | null, now: Millis): Record<string, string> {
  const timestamp = timestampOf(now);
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': `rentabot/${RENTABOT_VERSION}`,
    'x-rentabot-event': notice.event,
    'x-rentabot-delivery': notice.id,
    'x-rentabot-timestamp': timestamp,
    ...(secret === null ? {} : { 'x-rentabot-signature': signatureOf(secret, timestamp, body) }),
  };
}

function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  { signal, longestTry }: { readonly signal: AbortSignal; readonly longestTry: Millis },
): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const options: RequestOptions = { ...urlToHttpOptions(url), method: 'POST', headers, signal, agent: false };
    const asking = request(options, (answer) => {
      void read(answer).then((outcome) => {
        done(outcome);
        asking.destroy();
      });
    });
    // For all of it together: who answers a byte now and then would never be idle.
    const timer = setTimeout(() => {
      done(unreachable(`it did not answer in ${Math.round(longestTry / 1000)} s`));
      asking.destroy();
    }, longestTry);
    const done = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    asking.on('error', (error) => done(unreachable(conditionOf(error))));
    asking.end(body);
  });
}

/** Reads the answer away, as its sender may wait for that. */
async function read(answer: IncomingMessage): Promise<Outcome> {
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_ANSWER) break;
    }
  } catch (error) {
    return unreachable(conditionOf(error));
  }
  return outcomeOf(answer.statusCode ?? 0, answer.headers['retry-after']);
}

function outcomeOf(status: number, retryAfter: string | undefined): Outcome {
  if (status >= 200 && status < 300) return { type: 'delivered' };
  if (status >= 300 && status < 400) return unreachable(`it answered ${status}, and redirects are not followed`);
  if (status >= 400 && status < 500 && !PASSING.has(status)) return { type: 'refused', why: `it answered ${status}` };
  const pause = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : null;
  return unreachable(`it answered ${status}`, pause);
}
