import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch } from '../../src/core/store.ts';
import { answererOf, apiRoutes } from '../../src/daemon/app.ts';
import { FastLane } from '../../src/daemon/fast-lane.ts';
import { listenOnTcp, makeServer } from '../../src/daemon/server.ts';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { acquireJson, newId, secretOf } from '../support/builders-daemon.ts';
import { eventually, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { Http } from '../support/http.ts';

/** A disk that can be made to wait, so that something else comes before an answer. */
class SlowStore extends MemoryStore {
  waiting = false;
  private gate: Promise<void> = Promise.resolve();

  /** From now on commits wait, until the answer is called. */
  stall(): () => void {
    let open = (): void => {};
    this.gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  }

  override async commit(batch: Batch): Promise<void> {
    this.waiting = true;
    await this.gate;
    this.waiting = false;
    await super.commit(batch);
  }
}

let daemon: TestDaemon;
let store: SlowStore;
/** The daemon's end of the newest connection. */
let served: Socket | null = null;
beforeEach(async () => {
  store = new SlowStore();
  daemon = await startDaemon({ store, resources: ['board-1', 'board-2'] });
  daemon.server.on('connection', (socket: Socket) => {
    served = socket;
  });
});
afterEach(() => daemon.close());

interface Line {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function bytesOf({ method, path, headers = {}, body = '' }: Line): string {
  const all = {
    host: 'localhost',
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function acquire(id: string, want: string, more = {}): Line {
  return { method: 'PUT', path: `/api/v2/leases/${id}`, body: JSON.stringify(acquireJson(id, want, more)) };
}

function renew(id: string): Line {
  return { method: 'POST', path: `/api/v2/leases/${id}/renew`, headers: { authorization: `Lease ${secretOf(id)}` } };
}

function release(id: string): Line {
  return { method: 'DELETE', path: `/api/v2/leases/${id}`, headers: { authorization: `Lease ${secretOf(id)}` } };
}

/** A connection, and all that it has brought so far. */
class Talk {
  text = '';
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').setNoDelay(true);
    socket.on('data', (chunk: string) => {
      this.text += chunk;
    });
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async with(http: Http): Promise<Talk> {
    return new Talk(await http.socket());
  }

  get statuses(): string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);
  }

  /** Sends one request, and waits for so many answers in all. */
  async ask(bytes: string, answers = this.statuses.length + 1): Promise<void> {
    this.socket.write(bytes);
    await eventually(`${answers} answers`, () => this.statuses.length >= answers && /\r\n\r\n/.test(this.text));
  }
}

describe('a connection', () => {
  test('that asks, renews and gives back stays in the lane, and is forgotten when it ends', async () => {
    const [talk, id] = [await Talk.with(daemon.http), newId()];
    for (const line of [acquire(id, 'board-1'), renew(id), release(id), renew(id)]) await talk.ask(bytesOf(line));
    expect(talk.statuses).toEqual(['200', '200', '204', '410']);
    expect(daemon.front.lane.size).toBe(1);
    talk.socket.destroy();
    await eventually('it is forgotten', () => daemon.front.lane.size === 0);
  });

  test('leaves the lane with the first thing that is not plain, and goes on', async () => {
    const [talk, id] = [await Talk.with(daemon.http), newId()];
    await talk.ask(bytesOf(acquire(id, 'board-1')));
    await talk.ask(bytesOf({ method: 'GET', path: '/healthz' }));
    expect(daemon.front.lane.size).toBe(0);
    await talk.ask(bytesOf(renew(id)));
    await talk.ask(bytesOf(release(id)));
    expect(talk.statuses).toEqual(['200', '200', '200', '204']);
    talk.socket.destroy();
  });

  test('whose request comes in two parts is answered, wherever it is cut', async () => {
    const id = newId();
    const whole = bytesOf(acquire(id, 'board-1'));
    for (const cut of [1, 20, whole.indexOf('\r\n\r\n') + 2, whole.indexOf('\r\n\r\n') + 4, whole.length - 1]) {
      const talk = await Talk.with(daemon.http);
      await new Promise<void>((resolve) => talk.socket.write(whole.slice(0, cut), () => resolve()));
      await eventually('the first part is there', () => daemon.front.lane.size === 0);
      await talk.ask(whole.slice(cut), 1);
      expect(talk.statuses).toEqual(['200']);
      talk.socket.destroy();
    }
  });

  test('whose client sends faster than it is answered hears the answers in their order', async () => {
    const ids = Array.from({ length: 30 }, () => newId());
    const talk = await Talk.with(daemon.http);
    for (const id of ids) {
      await new Promise<void>((resolve) => talk.socket.write(bytesOf(acquire(id, 'board-1')), () => resolve()));
    }
    await eventually('all are answered', () => talk.statuses.length === ids.length);
    const answered = [...talk.text.matchAll(/"id":"([0-9a-f-]{36})"/g)].map(([, id]) => id);
    expect([...new Set(answered)]).toEqual(ids);
    talk.socket.destroy();
  });

  test('that brings more before it is answered waits with that, even with what could be answered at once', async () => {
    const [talk, id] = [await Talk.with(daemon.http), newId()];
    const goOn = store.stall();
    talk.socket.write(bytesOf(acquire(id, 'board-1')));
    await eventually('it is being written', () => store.waiting);
    const read = served?.bytesRead ?? 0;
    talk.socket.write(bytesOf({ ...renew(id), headers: { authorization: 'Lease short' } }));
    await eventually('the second is there', () => (served?.bytesRead ?? 0) > read);
    goOn();
    await eventually('both are answered', () => talk.statuses.length === 2);
    expect(talk.statuses).toEqual(['200', '400']);
    expect(daemon.front.lane.size).toBe(1);
    talk.socket.destroy();
  });

  test('that is closed on one side gets the answer to what it asked, and then ends', async () => {
    const [talk, id] = [await Talk.with(daemon.http), newId()];
    const goOn = store.stall();
    talk.socket.end(bytesOf(acquire(id, 'board-1')));
    await eventually('its end is seen', () => store.waiting && served?.readableEnded);
    goOn();
    await eventually('it ends', () => talk.closed);
    expect(talk.statuses).toEqual(['200']);
    expect(daemon.front.lane.size).toBe(0);
  });

  test('whose client goes away before the answer leaves nothing but its lease', async () => {
    const id = newId();
    const talk = await Talk.with(daemon.http);
    await new Promise<void>((resolve) => talk.socket.write(bytesOf(acquire(id, 'board-1')), () => resolve()));
    talk.socket.resetAndDestroy();
    await eventually('it is forgotten', () => daemon.front.lane.size === 0);
    await eventually(
      'the request was heard',
      async () => (await daemon.http.get(`/api/v2/leases/${id}`)).status === 200,
    );
    expect(daemon.troubles).toEqual([]);
  });

  test('is ended when the daemon steps down, after the answer under way', async () => {
    const [silent, talk, id] = [await Talk.with(daemon.http), await Talk.with(daemon.http), newId()];
    await eventually('both are there', () => daemon.front.lane.size === 2);
    const goOn = store.stall();
    talk.socket.write(bytesOf(acquire(id, 'board-1')));
    await eventually('it is being written', () => store.waiting);
    daemon.front.lane.stepDown();
    await eventually('who asked nothing is sent away', () => silent.closed);
    expect(talk.closed).toBe(false);
    goOn();
    await eventually('it is ended', () => talk.closed);
    expect([silent.text, talk.statuses]).toEqual(['', ['200']]);
    expect(daemon.front.lane.size).toBe(0);
  });
});

describe('an answer', () => {
  let ordinary: Server;
  let other: Http;
  beforeEach(async () => {
    ordinary = makeServer(daemon.front.listener, 100);
    other = new Http(await listenOnTcp(ordinary, { host: '127.0.0.1', port: 0 }));
  });
  afterEach(() => {
    ordinary.closeAllConnections();
    ordinary.close();
  });

  async function answerOf(http: Http, line: Line): Promise<string> {
    const talk = await Talk.with(http);
    await talk.ask(bytesOf(line));
    const length = Number(/content-length: (\d+)/i.exec(talk.text)?.[1] ?? 0);
    const start = talk.text.indexOf('\r\n\r\n') + 4;
    await eventually('it is whole', () => Buffer.byteLength(talk.text.slice(start)) >= length);
    talk.socket.destroy();
    return talk.text.replace(/^Date: .* GMT\r$/m, 'Date: …\r');
  }

  const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const held = acquire(id, 'board-1', { ttl: 3600, note: 'ünïcödé' });
  test.each<[string, readonly Line[], Line]>([
    ['a lease', [], held],
    ['a place in the queue', [acquire(newId(), 'board-1', { ttl: 3600 })], acquire(id, 'board-1')],
    ['busy', [acquire(newId(), 'board-1', { ttl: 3600 })], acquire(id, 'board-1', { wait: 0 })],
    ['the impossible', [], acquire(id, 'board-9')],
    ['a renewal', [held], renew(id)],
    ['a renewal of nothing', [], renew(id)],
    ['a wrong secret', [held], { ...renew(id), headers: { authorization: `Lease ${'x'.repeat(24)}` } }],
    ['a secret that is none', [held], { ...renew(id), headers: { authorization: 'Lease short' } }],
    ['the end', [held, release(id)], release(id)],
    ['an end that has to be confirmed', [acquire(id, 'board-1', { ttl: 3600, guarded: true })], release(id)],
    ['an id that is none', [], { ...release(id), path: `/api/v2/leases/${'8'.repeat(26)}` }],
    ['an exit without an end', [held], { ...release(id), path: `/api/v2/leases/${id}?exit=1` }],
    ['no JSON', [], { ...held, body: '{' }],
    ['the wrong JSON', [], { ...held, body: '{"want":7}' }],
    ['no body', [], { ...held, body: '' }],
    ['a body that is too large', [], { ...held, body: JSON.stringify({ note: 'x'.repeat(70_000) }) }],
    ['another kind of body', [], { ...held, headers: { 'content-type': 'text/plain' } }],
  ])('of the lane is, to the letter, that of the ordinary way: %s', async (_, before, line) => {
    for (const one of before) await answerOf(daemon.http, one);
    const answers = [await answerOf(daemon.http, line), await answerOf(other, line)];
    expect(answers[0]).toBe(answers[1]);
  });
});

describe('renewals', () => {
  /** Lets those go on who are gathered; null while nobody is. */
  let pending: (() => void) | null;
  let deadline: number | null;
  let lane: FastLane;
  let server: Server;
  let http: Http;
  beforeEach(async () => {
    [pending, deadline] = [null, null];
    lane = new FastLane({
      routes: apiRoutes(daemon.daemon),
      answerOf: answererOf(daemon.daemon),
      asked: () => {},
      now: () => 1_000_000,
      nextDeadline: () => deadline,
      later: (go) => {
        pending = go;
        return () => {
          pending = null;
        };
      },
    });
    server = makeServer(daemon.front.listener, 100, { lane });
    http = new Http(await listenOnTcp(server, { host: '127.0.0.1', port: 0 }));
  });
  afterEach(() => {
    lane.stepDown();
    server.closeAllConnections();
    server.close();
  });

  /** A holder who has renewed so many times. */
  async function holderOf(name: string, times: number): Promise<{ talk: Talk; id: string; bytes: string }> {
    const [talk, id] = [await Talk.with(http), newId()];
    await talk.ask(bytesOf(acquire(id, name)));
    for (let i = 0; i < times; i += 1) await talk.ask(bytesOf(renew(id)));
    return { talk, id, bytes: bytesOf(renew(id)) };
  }

  test('of a first time are answered at once: somebody may wait for it', async () => {
    await holderOf('board-1', 1);
    expect(pending).toBeNull();
  });

  test('that are routine share a turn', async () => {
    const [one, two] = [await holderOf('board-1', 1), await holderOf('board-2', 1)];
    const { turns } = daemon.engine.figures;
    one.talk.socket.write(one.bytes);
    await eventually('the first is gathered', () => pending !== null);
    two.talk.socket.write(two.bytes);
    await eventually('the second is there', () => lane.waiting === 2);
    expect([one.talk.statuses.length, two.talk.statuses.length]).toEqual([2, 2]);
    pending?.();
    await eventually('both are answered', () => one.talk.statuses.length + two.talk.statuses.length === 6);
    expect(daemon.engine.figures.turns - turns).toBe(1);
    expect([one.talk.statuses[2], two.talk.statuses[2]]).toEqual(['200', '200']);
    for (const { talk } of [one, two]) talk.socket.destroy();
  });

  test('are not kept waiting where something may end meanwhile', async () => {
    const { talk, bytes } = await holderOf('board-1', 1);
    deadline = 1_000_150;
    await talk.ask(bytes);
    expect(talk.statuses).toEqual(['200', '200', '200']);
    talk.socket.destroy();
  });

  test('that are gathered are answered before the daemon goes', async () => {
    const { talk, bytes } = await holderOf('board-1', 1);
    talk.socket.write(bytes);
    await eventually('it is gathered', () => pending !== null);
    lane.stepDown();
    await eventually('it ends', () => talk.closed);
    expect(talk.statuses).toEqual(['200', '200', '200']);
  });

  test('do not hold back what else comes on their connection', async () => {
    const { talk, id, bytes } = await holderOf('board-1', 1);
    await talk.ask(bytesOf(release(id)));
    await talk.ask(bytes);
    expect(talk.statuses).toEqual(['200', '200', '204', '410']);
    talk.socket.destroy();
  });
});

test('a daemon on another port than the lane has the same limit of connections', async () => {
  const few = await startDaemon({ http: { connections: 2 } });
  const { port } = few.server.address() as AddressInfo;
  const http = new Http({ host: '127.0.0.1', port });
  const talks = [await Talk.with(http), await Talk.with(http), await Talk.with(http)];
  await (talks[2] as Talk).ask(bytesOf(renew(newId())));
  expect(talks[2]?.statuses).toEqual(['429']);
  await (talks[1] as Talk).ask(bytesOf(renew(newId())));
  expect(talks[1]?.statuses).toEqual(['404']);
  for (const { socket } of talks) socket.destroy();
  await few.close();
});
