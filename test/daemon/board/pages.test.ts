import { createHash } from 'node:crypto';
import { SCRIPT, SCRIPT_NAME, STYLE, STYLE_NAME } from 'rentabot:board-assets';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { description } from '../../support/builders.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { type Answer, problemOf } from '../../support/http.ts';

/** Bytes of script and style together. */
const MOST_BYTES = 60_000;
const VOID = new Set(['meta', 'br', 'img', 'input', 'link', 'hr', 'path', 'rect', 'line', 'use']);
const NASTY = `"><script>alert('1')</script>&`;

let running: TestDaemon;
let page: Answer;
let pages: ReadonlyMap<string, Answer>;
const PATHS = ['/', '/resources/board-1', '/day', '/wall', '/admin', '/admin?edit=board-1'];

beforeAll(async () => {
  running = await startDaemon({
    resources: [
      description('board-1', {
        tags: ['imx8', '<b>'],
        description: NASTY,
        endpoint: NASTY,
        properties: { site: NASTY },
      }),
      'board-2',
      'board-3',
    ],
  });
  const link = 'https://ci.example/"><script>';
  await running.lease().hold('board-1', { note: NASTY, holder: { name: NASTY, host: NASTY, link } });
  await running.lease().wait('board-1', { note: NASTY, holder: { name: NASTY } });
  await running.http.post('/api/v2/resources/board-2/offline', { reason: NASTY });
  pages = new Map(await Promise.all(PATHS.map(async (path) => [path, await get(path)] as const)));
  page = pages.get('/') as Answer;
});
afterAll(() => running.close());

function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return running.http.get(path, { headers: { accept: 'text/html,*/*;q=0.8', ...headers } });
}

describe.each(PATHS)('the page at %s', (path) => {
  let page: Answer;
  beforeAll(() => {
    page = pages.get(path) as Answer;
  });

  test('runs and loads nothing but the assets of the daemon, and its policy allows no more', () => {
    const { text, headers } = page;
    expect(page.status).toBe(200);
    expect([...text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag)).toEqual([
      `<script src="/assets/${SCRIPT_NAME}" defer>`,
    ]);
    expect(text).not.toMatch(/<style|\sstyle=|<[^>]*\son\w+=|javascript:|<iframe|@import/i);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('shows what people have written as text, however it reads', () => {
    expect(page.text).not.toContain(`"><script>`);
    expect(page.text).toContain('&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;');
    expect(page.text).not.toMatch(/undefined|\[object|NaN/);
  });

  test('is well formed, has one heading of the first level, a language and a title', () => {
    const open: string[] = [];
    for (const [, end, name = ''] of page.text.matchAll(/<(\/?)([a-z]\w*)[^>]*>/g)) {
      if (end) expect(open.pop()).toBe(name);
      else if (!VOID.has(name)) open.push(name);
    }
    expect(open).toEqual([]);
    expect([...page.text.matchAll(/<h1[ >]/g)]).toHaveLength(1);
    expect(page.text).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page.text).toMatch(/<title>[^<]+<\/title>/);
    const ids = [...page.text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('leads to places that exist', async () => {
    const places = [...page.text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(([, place = '']) => place);
    expect(places).toEqual(expect.arrayContaining(['/docs', '/openapi.json', '/api/v2/resources']));
    for (const place of new Set(places)) {
      expect((await get(place.replaceAll('&amp;', '&'))).status, place).toBe(200);
    }
  });
});

describe('the board', () => {
  test('shows of each resource its state, its holder with a link, since when, the queue and its tags', () => {
    const row = /<tr id="r1"[\s\S]*?<\/tr>/.exec(page.text)?.[0] ?? '';
    expect(row).toContain('held');
    expect(row).toContain('href="https://ci.example/&quot;&gt;&lt;script&gt;"');
    expect(row).toContain('rel="noopener noreferrer"');
    expect(row).toContain('<td class="qu"><b>1</b>');
    expect(row).toContain('href="/?tag=imx8"');
    expect(row).toMatch(/<time datetime="[^"]+" data-up>/);
    expect(/<tr id="r2"[\s\S]*?<\/tr>/.exec(page.text)?.[0]).toContain('offline');
  });

  test('is chosen from by the address, without script', async () => {
    const rows = async (query: string) =>
      [...(await get(`/?${query}`)).text.matchAll(/<tr id="(r\d)"/g)].map(([, id]) => id);
    expect(await rows('')).toEqual(['r1', 'r2', 'r3']);
    expect(await rows('sort=-name')).toEqual(['r3', 'r2', 'r1']);
    expect(await rows('tag=imx8')).toEqual(['r1']);
    expect(await rows('state=offline')).toEqual(['r2']);
    expect(await rows('state=offline&state=held')).toEqual(['r1', 'r2']);
    expect(await rows('q=board-2')).toEqual(['r2']);
    expect((await get('/?q=nothing+like+it')).text).toContain('<p id="empty">Nothing is like that.');
    expect((await get('/?group=state')).text).toMatch(/<tbody data-group="held">[\s\S]*<tbody data-group="offline">/);
    expect((await get(`/?q=${encodeURIComponent(NASTY)}`)).text).not.toContain('"><script>');
  });

  test('leaves to a second layout what is far below the first screen, each resource once', async () => {
    const many = await startDaemon({ resources: Array.from({ length: 150 }, (_, i) => `r${i}`) });
    for (const path of ['/', '/?group=holder']) {
      const { text } = await many.http.get(path, { headers: { accept: 'text/html' } });
      expect([...text.matchAll(/<tr id="r/g)]).toHaveLength(150);
      expect([...text.matchAll(/<tbody[^>]*>/g)].map(([tag]) => tag.includes('class="later"'))).toEqual([false, true]);
    }
    await many.close();
  });

  test('comes in the theme and the time zone, and under the name, that the browser remembers', async () => {
    const look = encodeURIComponent('theme=dark&zone=Asia/Tokyo&name=alice');
    const { text } = await get('/', { cookie: `other=1; rentabot-look=${look}` });
    expect(text).toContain('<html lang="en" data-theme="dark">');
    expect(text).toContain('data-name="alice"');
    for (const bad of ['theme=%22%3E', 'zone=No/Where', '%zz']) {
      expect((await get('/', { cookie: `rentabot-look=${bad}` })).status).toBe(200);
    }
  });
});

describe('when a machine was last seen', () => {
  test('stands in its row, with the exact time and which machine that is, and can be sorted by', async () => {
    const watched = ['a', 'b', 'c'].map((host) => description(host, { machine: `mdc1:${host}` }));
    const own = await startDaemon({ resources: [...watched, 'plain'] });
    const at = own.engine.now();
    const lastseen = (ago: number) => new Date(at - ago).toISOString().slice(0, -1);
    await own.http.post('/api/v2/machines', [
      { datacenter: 'mdc1', machine: 'a', lastseen: lastseen(200_000) },
      { datacenter: 'mdc1', machine: 'b', lastseen: lastseen(7_300_000) },
    ]);
    const { text } = await own.http.get('/?sort=seen', {
      headers: { accept: 'text/html', cookie: `rentabot-look=${encodeURIComponent('zone=UTC')}` },
    });
    const rows = [...text.matchAll(/<tr id="r\d+".*<\/tr>/g)].map(([row]) => row);
    expect(rows.map((row) => /<small[^>]*>([^/]*seen.*?)<\/small>/.exec(row)?.[1]?.replace(/<[^>]*>/g, ''))).toEqual([
      'never seen',
      'seen 2 h ago',
      'seen 3 min ago',
      undefined,
    ]);
    expect(rows[2]).toContain(`title="mdc1:a, last seen ${lastseen(200_000).slice(0, 19).replace('T', ' ')}"`);
    expect(text).toContain('<option value="seen" selected>longest unseen</option>');
    await own.close();
  });

  test('is nowhere where nothing has a machine', () => {
    expect(page.text).not.toMatch(/seen/);
  });
});

describe('the page of a resource', () => {
  test('that does not exist says the nearest name', async () => {
    expect(problemOf(await get('/resources/bord-1'))).toMatchObject({
      status: 404,
      hint: expect.stringContaining('board-1'),
    });
  });

  test('has its machine, and when that was last seen', async () => {
    const own = await startDaemon({ resources: [description('board', { machine: 'mdc1:a', staleAfter: 60_000 })] });
    const text = async () => (await own.http.get('/resources/board', { headers: { accept: 'text/html' } })).text;
    expect(await text()).toMatch(/<dt>machine<\/dt><dd>mdc1:a<\/dd>.*<dt>last seen<\/dt><dd id="seen">never<\/dd>/s);
    expect(await text()).toContain('machine mdc1:a was never seen');
    await own.http.post('/api/v2/machines/mdc1:a/seen', {});
    expect(await text()).toMatch(/<dt>last seen<\/dt><dd id="seen">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, /);
    await own.close();
  });

  test('has who held it, how that ended, and how often it fails beside the others', async () => {
    for (const exit of [0, 1]) {
      const client = running.lease();
      await client.hold('board-3', { guarded: true, note: 'nightly', holder: { name: 'ci' } });
      await client.release(`?ended=true&exit=${exit}`);
    }
    const { text } = await get('/resources/board-3?span=day');
    expect(text).toMatch(/ci: nightly, [\d:]+ – [\d:]+ \(0 s\), released, exit 1/);
    expect(text).toContain('<dd>2 times</dd>');
    expect(text).toContain('50 % (1 of 2)');
    expect(text).toContain('<title>');
  });
});

describe('the day', () => {
  test('is the one that is asked for in the time zone of the browser, and leads to the ones beside', async () => {
    const cookie = `rentabot-look=${encodeURIComponent('zone=Asia/Tokyo')}`;
    const { text } = await get('/day?date=2026-03-01&tag=imx8', { cookie });
    expect(text).toContain('<h1>2026-03-01</h1>');
    expect(text).toContain('href="/day?date=2026-02-28&amp;tag=imx8"');
    expect(text).toContain('href="/day?date=2026-03-02&amp;tag=imx8"');
    expect([...text.matchAll(/<th scope="row">/g)]).toHaveLength(1);
    for (const bad of ['2026-13-45', 'x', '2026-02-31"']) {
      expect((await get(`/day?date=${encodeURIComponent(bad)}`)).status).toBe(200);
    }
  });
});

describe('the assets', () => {
  test('are kept for ever under a name that changes with them', async () => {
    const files = [
      [SCRIPT_NAME, SCRIPT, 'text/javascript'],
      [STYLE_NAME, STYLE, 'text/css'],
    ] as const;
    for (const [name, text, type] of files) {
      expect(name).toContain(createHash('sha256').update(text).digest('hex').slice(0, 16));
      const answer = await running.http.get(`/assets/${name}`);
      expect(answer.text).toBe(text);
      expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
      expect(answer.headers['cache-control']).toContain('immutable');
    }
    expect(problemOf(await running.http.get('/assets/board-0000.js')).status).toBe(404);
  });

  test(`are less than ${MOST_BYTES} bytes together`, () => {
    expect(Buffer.byteLength(SCRIPT) + Buffer.byteLength(STYLE)).toBeLessThan(MOST_BYTES);
  });

  test('fetch nothing from elsewhere', () => {
    expect(SCRIPT + STYLE).not.toMatch(/https?:\/\/(?!www\.w3\.org)|@import|url\((?!["']?data:)/);
  });
});
