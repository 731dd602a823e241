import { type Answer, httpTransport, type Transport, Unanswered } from '../../../src/cli/transport.ts';

/**
 * A connection that does its worst once for each kind of call: the daemon gets the request and acts on it, its first
 * answer never arrives. Whatever is promised to survive that has to be tested over this.
 */
export function losesFirstReplies(inner: Transport = httpTransport()): Transport & { readonly lost: string[] } {
  const lost: string[] = [];
  const transport: Transport = async (endpoint, ask) => {
    const answer = await inner(endpoint, ask);
    const kind = `${ask.method} ${ask.path.replace(/[0-9A-HJKMNP-TV-Z]{26}/, 'ID').split('?')[0]}`;
    if (lost.includes(kind)) return answer;
    lost.push(kind);
    swallow(answer);
    throw new Unanswered('ECONNRESET', 'the test lost this reply');
  };
  return Object.assign(transport, { lost });
}

/** Every request arrives twice, as a network that repeats would have it; the second answer counts. */
export function repeats(inner: Transport = httpTransport()): Transport {
  return async (endpoint, ask) => {
    swallow(await inner(endpoint, ask));
    return inner(endpoint, ask);
  };
}

/** Nothing gets through while `isDown()`. */
export function cutOff(isDown: () => boolean, inner: Transport = httpTransport()): Transport {
  return async (endpoint, ask) => {
    if (isDown()) throw new Unanswered('ECONNREFUSED', `nobody listens at ${endpoint.url}`);
    return inner(endpoint, ask);
  };
}

function swallow(answer: Answer): void {
  answer.read(() => {}).catch(() => {});
}
