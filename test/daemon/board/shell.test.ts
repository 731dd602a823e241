import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Answer } from '../../../src/daemon/answer.ts';
import type { Visit } from '../../../src/daemon/board/look.ts';
import { type Page, pageAnswer } from '../../../src/daemon/board/shell.ts';
import { type Html, html } from '../../../src/daemon/routes/html.ts';
import { eventually } from '../../support/daemon.ts';

const VISIT = { viewer: { name: '', role: 'viewer', open: false, steals: false }, theme: null, csrf: null };
const PIECE = 'x'.repeat(20_000);

let made: number;
let troubles: unknown[];
let begun: ((outgoing: ServerResponse) => void) | null;
let server: Server;
beforeEach(async () => {
  [made, troubles, begun] = [0, [], null];
  server = createServer((_, outgoing) => begun?.(outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function* pieces(count: number, broken = Number.POSITIVE_INFINITY): Generator<Html> {
  for (let i = 0; i < count; i += 1) {
    if (i === broken) throw new Error('no more');
    made += 1;
    yield html`${PIECE}`;
  }
}

function answered(rest: Iterable<Html>, outgoing: ServerResponse | undefined): Answer {
  const page: Page = { title: 'A page', name: 'board', main: html`<h1>It</h1>`, rest };
  return pageAnswer(page, VISIT as unknown as Visit, 0, { outgoing, onTrouble: (error) => troubles.push(error) });
}

/** Asks, with the page begun as soon as that is heard; answers with the connection and how much was made at once. */
function ask(rest: Iterable<Html>): Promise<{ readonly socket: Socket; readonly atOnce: number }> {
  return new Promise((resolve) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    begun = (outgoing) => {
      answered(rest, outgoing);
      resolve({ socket, atOnce: made });
    };
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}

describe('a page with a rest', () => {
  test('goes out as it is made, and is the whole page', async () => {
    const { atOnce, socket } = await ask(pieces(5));
    expect(atOnce).toBe(1);
    await eventually('all is made', () => made === 5);
    socket.destroy();
    begun = (outgoing) => answered(pieces(5), outgoing);
    const sent = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text();
    const whole = answered(pieces(5), undefined);
    expect('text' in whole && whole.text).toBe(sent);
    expect(sent).toMatch(/<h1>It<\/h1>x{100000}\s*<\/main>[\s\S]*<\/html>\s*$/);
  });

  test('is made no faster than it is read, and not for who has gone', async () => {
    const many = 10_000;
    const { socket } = await ask(pieces(many));
    let before = -1;
    await eventually('it waits for the reader', () => {
      const waits = made === before;
      before = made;
      return waits;
    });
    expect(made).toBeLessThan(many);
    socket.destroy();
    await eventually('the connection is gone', () => {
      return new Promise((resolve) => server.getConnections((_, count) => resolve(count === 0)));
    });
    expect(made).toBeLessThan(many);
  });

  test('that breaks off ends its connection, and somebody hears why', async () => {
    const { socket } = await ask(pieces(5, 2));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(troubles).toEqual([new Error('no more')]);
    expect(text).not.toContain('</html>');
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});
