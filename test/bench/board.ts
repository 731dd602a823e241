import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type BenchDaemon, benchId, fleet, request, SECRET, startDaemon } from './daemon.ts';
import { median, type Row } from './report.ts';

const RESOURCES = 1000;
const VISITS = 9;
const CHANGES = 40;
const BOARDS = 500;
const PER_SECOND = 20;
const SECONDS = 15;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** The board in a real browser, and many boards at once. */
export async function board(): Promise<Row[]> {
  const daemon = await startDaemon(fleet(RESOURCES, 'board', '  tags: [board, imx8]\n  endpoint: /dev/ttyUSB0'));
  try {
    const rows = existsSync(CHROMIUM) ? await inBrowser(daemon) : [];
    return [...rows, await crowd(daemon)];
  } finally {
    await daemon.stop();
  }
}

async function inBrowser(daemon: BenchDaemon): Promise<Row[]> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    return [await firstPaint(browser, daemon), await onScreen(browser, daemon)];
  } finally {
    await browser.close();
  }
}

/** Beside the same page from a server that has it ready. */
async function firstPaint(browser: Browser, daemon: BenchDaemon): Promise<Row> {
  const url = `http://127.0.0.1:${daemon.port}/`;
  const own = await paints(browser, url);
  const still = await stillServer(url);
  const bare = await paints(browser, `http://127.0.0.1:${(still.address() as AddressInfo).port}/`);
  still.close();
  still.closeAllConnections();
  return {
    what: `board of ${RESOURCES.toLocaleString('en')} resources: first contentful paint, ms`,
    figure: own.toFixed(0),
    baseline: `${bare.toFixed(0)} (the same page, from memory)`,
    ratio: own / bare,
    goal: '< 200',
  };
}

async function paints(browser: Browser, url: string): Promise<number> {
  const found: number[] = [];
  const context = await browser.newContext();
  const page = await context.newPage();
  for (let i = 0; i <= VISITS; i += 1) {
    // As in a new tab: what the page before has still to do is none of this one's.
    await page.goto('about:blank');
    await page.goto(url);
    const paint = (await page.evaluate(
      "new Promise((done) => new PerformanceObserver((list) => done(list.getEntriesByName('first-contentful-paint')[0]?.startTime)).observe({ type: 'paint', buffered: true }))",
    )) as number;
    // The first visit starts the browser's own processes.
    if (i > 0) found.push(paint);
  }
  await context.close();
  return median(found);
}

/** Serves what the daemon would, without making it. */
async function stillServer(url: string): Promise<Server> {
  const html = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
  const files = new Map([['/', { type: 'text/html; charset=utf-8', text: html }]]);
  for (const [, path = ''] of html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
    const answer = await fetch(new URL(path, url));
    files.set(path, { type: answer.headers.get('content-type') ?? '', text: await answer.text() });
  }
  const server = createServer((asked, answer) => {
    const file = files.get(asked.url ?? '');
    if (file) answer.writeHead(200, { 'content-type': file.type }).end(file.text);
    else answer.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** From the moment before a request is sent to the moment its change is in the page, by one clock. */
async function onScreen(browser: Browser, daemon: BenchDaemon): Promise<Row> {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${daemon.port}/`);
  await page.locator('#live', { hasText: 'live' }).waitFor();
  const api = await Client.at(daemon.port);
  const took: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < CHANGES; i += 1) {
    const seen = seenIn(page, i);
    await pause(100);
    const begun = performance.timeOrigin + performance.now();
    const id = await api.hold(`board-${i}`, `holder-${i}`);
    bare.push(performance.timeOrigin + performance.now() - begun);
    took.push((await seen) - begun);
    await api.release(id);
  }
  api.close();
  await page.close();
  return {
    what: `a change is on the screen of a board of ${RESOURCES.toLocaleString('en')} resources: p50 (longest), ms`,
    figure: `${median(took).toFixed(0)} (${Math.max(...took).toFixed(0)})`,
    baseline: `${median(bare).toFixed(0)} (${Math.max(...bare).toFixed(0)}) until its request is answered`,
    ratio: median(took) / median(bare),
    goal: '< 150',
  };
}

/** When the frame with it was begun. */
function seenIn(page: Page, i: number): Promise<number> {
  return page.evaluate(`new Promise((done) => {
    const row = [...document.querySelectorAll('#board tbody tr')].find((one) => one.querySelector('.name').textContent === 'board-${i}');
    new MutationObserver((_, observer) => {
      if (!row.textContent.includes('holder-${i}')) return;
      observer.disconnect();
      requestAnimationFrame(() => done(performance.timeOrigin + performance.now()));
    }).observe(row, { childList: true, subtree: true, characterData: true });
  })`) as Promise<number>;
}

/** What many open boards cost, beside the same changes while nobody looks. */
async function crowd(daemon: BenchDaemon): Promise<Row> {
  const api = await Client.at(daemon.port);
  await changes(api, 2);
  const alone = await share(daemon.pid, () => changes(api, SECONDS));
  const boards: Socket[] = [];
  for (let i = 0; i < BOARDS; i += 1) boards.push(await watch(daemon.port));
  await changes(api, 2);
  const watched = await share(daemon.pid, () => changes(api, SECONDS));
  for (const socket of boards) socket.destroy();
  api.close();
  return {
    what: `${BOARDS} open boards at ${PER_SECOND} changes a second, part of a core`,
    figure: `${((watched - alone) * 100).toFixed(1)} %`,
    baseline: `${(alone * 100).toFixed(1)} % for the changes themselves`,
    ratio: (watched - alone) / alone,
    goal: '< 20 %',
  };
}

/** Takes and gives back in turn, evenly spread. */
async function changes(api: Client, seconds: number): Promise<void> {
  const started = performance.now();
  let id = '';
  for (let i = 0; i < seconds * PER_SECOND; i += 1) {
    await pause(started + (i * 1000) / PER_SECOND - performance.now());
    if (i % 2 === 0) id = await api.hold(`board-${i}`, 'ci');
    else await api.release(id);
  }
}

/** A board that reads all it is told. */
function watch(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('data', () => {
      socket.on('data', () => {});
      resolve(socket);
    });
    socket.write('GET /board/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
  });
}

/** Part of a core that the process took meanwhile. */
async function share(pid: number, work: () => Promise<void>): Promise<number> {
  const [cpu, wall] = [cpuMs(pid), performance.now()];
  await work();
  return (cpuMs(pid) - cpu) / (performance.now() - wall);
}

const TICK_MS = 10;

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function pause(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
}

/** One connection to the native API. */
class Client {
  private constructor(private readonly socket: Socket) {}

  static at(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Client(socket)));
      socket.setNoDelay(true);
      socket.once('error', reject);
    });
  }

  async hold(name: string, holder: string): Promise<string> {
    const id = benchId();
    const body = { secret: SECRET, want: [{ name }], ttl: 600, wait: 0, holder: { name: holder } };
    await this.ask(request('PUT', `/api/v2/leases/${id}`, body), 200);
    return id;
  }

  async release(id: string): Promise<void> {
    await this.ask(request('DELETE', `/api/v2/leases/${id}`, null), 204);
  }

  close(): void {
    this.socket.destroy();
  }

  /** Answers are small, and come in one piece. */
  private ask(text: string, status: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('data', (data: Buffer) => {
        const line = data.toString('latin1', 0, 100);
        if (line.startsWith(`HTTP/1.1 ${status}`)) resolve();
        else reject(new Error(line));
      });
      this.socket.write(text);
    });
  }
}
