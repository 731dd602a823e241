import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlainReader, type PlainRequest } from '../../src/daemon/plain-request.ts';

const SEED = Number(process.env.RENTABOT_SEED ?? Date.now() % 1_000_000);
const RUNS = Number(process.env.RENTABOT_RUNS ?? 3000);

const ID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const BODY = '{"want":[]}';
const ACQUIRE = `PUT /api/v2/leases/${ID} HTTP/1.1\r\nHost: localhost:5000\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const RENEW = `POST /api/v2/leases/${ID}/renew HTTP/1.1\r\nHost: localhost\r\nAuthorization: Lease s\r\nContent-Length: 0\r\n\r\n`;
const RELEASE = `DELETE /api/v2/leases/${ID}?ended=true&exit=0 HTTP/1.1\r\nhost: [::1]:5000\r\nconnection: Keep-Alive\r\n\r\n`;

function readPlainRequest(chunk: Buffer): PlainRequest | null {
  return new PlainReader().read(chunk);
}

describe('is read', () => {
  test('what asks for a lease, with its body', () => {
    expect(readPlainRequest(Buffer.from(ACQUIRE))).toEqual({
      method: 'PUT',
      url: `/api/v2/leases/${ID}`,
      id: ID,
      does: 'acquire',
      query: '',
      headers: { host: 'localhost:5000', 'content-type': 'application/json', 'content-length': '11' },
      body: BODY,
    });
  });

  test('what renews, and what gives back', () => {
    expect(readPlainRequest(Buffer.from(RENEW))).toMatchObject({ does: 'renew', id: ID, body: '' });
    const release = { does: 'release', url: `/api/v2/leases/${ID}?ended=true&exit=0`, query: 'ended=true&exit=0' };
    expect(readPlainRequest(Buffer.from(RELEASE))).toMatchObject(release);
  });

  test('a body beyond ASCII, by its bytes', () => {
    const body = '{"note":"ünïcödé"}';
    const asked = ACQUIRE.replace(BODY, body).replace(': 11', `: ${Buffer.byteLength(body)}`);
    expect(readPlainRequest(Buffer.from(asked))?.body).toBe(body);
  });
});

test('what a connection brings later is read as if it were the first', () => {
  const reader = new PlainReader();
  const other = RENEW.replace('Lease s', 'Lease t');
  const broken = RENEW.replace('Lease s', 'Lease ');
  for (const bytes of [
    RENEW,
    RENEW,
    RELEASE,
    other,
    broken,
    RENEW,
    ACQUIRE,
    ACQUIRE.replace('[]', '{}'),
    other,
    broken,
  ])
    expect(reader.read(Buffer.from(bytes))).toEqual(readPlainRequest(Buffer.from(bytes)));
});

describe('is left to Node', () => {
  const release = (more: string): string => RELEASE.replace('\r\n\r\n', `\r\n${more}\r\n\r\n`);
  test.each([
    ['a part of a head', ACQUIRE.slice(0, 40)],
    ['a part of a body', ACQUIRE.slice(0, -1)],
    ['more than one request', RENEW + RENEW],
    ['anything after it', `${RENEW}x`],
    ['another method', ACQUIRE.replace('PUT', 'GET')],
    ['another path', ACQUIRE.replace('leases', 'resources')],
    ['an absolute address', ACQUIRE.replace(' /api', ' http://localhost/api')],
    ['a query of what may wait', ACQUIRE.replace(ID, `${ID}?block=25`)],
    ['an encoded query', RELEASE.replace('exit=0', 'exit=%30')],
    ['HTTP/1.0', ACQUIRE.replace('1.1', '1.0')],
    ['lines that end in a line feed', ACQUIRE.replaceAll('\r\n', '\n')],
    ['no host', RENEW.replace('Host: localhost\r\n', '')],
    ['two hosts', release('Host: other')],
    ['a host that is none', RENEW.replace('localhost', 'a b')],
    ['two lengths', release('Content-Length: 0\r\nContent-Length: 0')],
    ['a length with a sign', ACQUIRE.replace(': 11', ': +11')],
    ['a length in hexadecimal', ACQUIRE.replace(': 11', ': 0xb')],
    ['chunks', release('Transfer-Encoding: chunked')],
    ['a length and chunks', ACQUIRE.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n')],
    ['a connection to be closed', RENEW.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')],
    ['a connection to be upgraded', RENEW.replace('\r\n\r\n', '\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n')],
    ['an expectation', ACQUIRE.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')],
    ['a page', release('Origin: http://localhost')],
    ['a session', release('Cookie: rentabot=x')],
    ['a proxy', release('X-Forwarded-For: 192.0.2.1')],
    ['a header that nobody knows', release('X-Thing: 1')],
    ['a folded header', release('Accept: a\r\n b')],
    ['a space before a colon', release('Accept : a')],
    ['no space after a colon', release('Accept:a')],
    ['a space at the end of a value', release('Accept: a ')],
    ['a tab in a value', release('Accept: a\tb')],
    ['an empty value', release('Accept: ')],
    ['a byte beyond ASCII in a value', release('Authorization: Lease ü')],
    ['a carriage return in a value', release('Authorization: Lease a\rb')],
    ['a zero in a value', release('Authorization: Lease a\0b')],
    ['a body that is not UTF-8', Buffer.concat([Buffer.from(ACQUIRE.slice(0, -1)), Buffer.from([0xff])])],
    ['a stream', release('Accept: text/event-stream')],
    ['a long head', release(`Authorization: Lease ${'s'.repeat(3000)}`)],
    ['nothing', ''],
  ])('%s', (_, bytes) => {
    expect(readPlainRequest(Buffer.from(bytes))).toBeNull();
  });
});

describe('what is read', () => {
  interface Heard {
    readonly method: string | undefined;
    readonly url: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  let heard: Heard[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method, url, headers } = request;
      heard.push({ method, url, headers: { ...headers }, body });
      response.end();
    });
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** What Node makes of it, when nothing else will come. */
  function askNode(bytes: Buffer): Promise<readonly Heard[]> {
    heard = [];
    return new Promise((resolve) => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      // Each request is heard before it is answered, and two would be answered twice.
      socket.once('data', () => socket.destroy());
      socket.once('error', () => socket.destroy());
      socket.once('close', () => resolve(heard));
      socket.write(bytes);
    });
  }

  /** Edits where mistakes hide: what separates, what counts, what is repeated. */
  const bits = fc.constantFrom(
    ...['\r\n', '\r', '\n', ' ', ':', '\t', '\0', ',', '0', '1', 'Host: x\r\n', 'Content-Length: 11\r\n', 'a', '%0a'],
    ...['Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'Accept: */*\r\n', '{}', '\r\n\r\n', '\u00ff'],
  );
  const edit = fc.record({ at: fc.nat(300), drop: fc.nat(4), put: fc.oneof(bits, fc.constant('')) });
  const mutated = fc
    .tuple(fc.constantFrom(ACQUIRE, RENEW, RELEASE), fc.array(edit, { maxLength: 3 }))
    .map(([text, edits]) =>
      edits.reduce((now, { at, drop, put }) => {
        const from = at % (now.length + 1);
        return now.slice(0, from) + put + now.slice(from + drop);
      }, text),
    );

  test(`Node reads the same, to the letter (seed ${SEED})`, async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        const bytes = Buffer.from(text, 'latin1');
        const plain = readPlainRequest(bytes);
        if (plain === null) return;
        read += 1;
        const { method, url, headers, body } = plain;
        expect(await askNode(bytes)).toEqual([{ method, url, headers, body }]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(read).toBeGreaterThan(RUNS / 20);
  });
});
