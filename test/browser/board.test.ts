import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../src/daemon/store/memory.ts';
import { description } from '../support/builders.ts';
import { FakeClock } from '../support/clock.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { gone, launch, live, NO_BROWSER, row, said, shows, type Visitor, visit } from './support/browser.ts';
import { startRelay } from './support/relay.ts';

const RESOURCES = [
  description('board-1', { tags: ['board', 'imx8'], endpoint: '/dev/ttyUSB0', properties: { site: 'lab-a' } }),
  description('board-2', { tags: ['board'], properties: { site: 'lab-b' } }),
  description('gpu-0', { tags: ['gpu'], properties: { mem: 40 } }),
];

/** So often an open board hears what was seen. */
const BEAT_MS = 15_000;

describe.skipIf(NO_BROWSER !== null)('the board in a browser', () => {
  let browser: Browser;
  let daemon: TestDaemon;
  let visitors: Visitor[];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    daemon = await startDaemon({ resources: RESOURCES });
    visitors = [];
  });
  afterEach(async () => {
    vi.useRealTimers();
    const faults = visitors.flatMap((visitor) => visitor.faults);
    for (const { context } of visitors) await context.close();
    await daemon.close();
    expect(faults).toEqual([]);
  });

  function urlOf({ http }: TestDaemon): string {
    return `http://127.0.0.1:${(http.where as { port: number }).port}`;
  }

  async function open(name: string, path = '/', options: Parameters<typeof visit>[2] = {}): Promise<Page> {
    const visitor = await visit(browser, `${urlOf(daemon)}${path}`, { ...options, name });
    visitors.push(visitor);
    await live(visitor);
    return visitor.page;
  }

  /** A row's button, and one of the dialog: two clicks. */
  async function act(
    page: Page,
    name: string,
    deed: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await row(page, name).locator('.act').click();
    for (const [label, text] of Object.entries(fields)) await page.locator('#act').getByLabel(label).fill(text);
    await page.locator('#act').getByRole('button', { name: deed, exact: true }).click();
  }

  test('two people and a CI job stand in one queue, and each sees at once what the others do', async () => {
    const [alice, bob] = [await open('alice'), await open('bob')];
    await act(alice, 'board-1', 'Claim', { Why: 'boot hang' });
    await said(alice, 'board-1 is yours');
    await shows(row(bob, 'board-1'), /held.*alice.*boot hang/);
    await act(bob, 'board-1', 'Join the queue');
    await said(bob, 'number 1');
    const job = daemon.lease();
    await job.wait('board-1', { holder: { name: 'ci', link: 'https://ci.example/812' }, note: 'nightly' });
    await shows(row(alice, 'board-1').locator('.qu'), '2 bob, ci');
    await act(alice, 'board-1', 'Release');
    await said(alice, 'given back');
    await shows(bob.locator('#yours'), 'board-1 is offered to you');
    expect(await bob.title()).toContain('board-1 is offered');
    await row(bob, 'board-1').getByRole('button', { name: 'Accept' }).click();
    await said(bob, 'board-1 is yours');
    await shows(row(alice, 'board-1'), /held.*bob/);
    await act(bob, 'board-1', 'Release');
    await shows(row(alice, 'board-1').getByRole('link', { name: 'ci', exact: true }));
    expect((await job.renew()).status).toBe(200);
  });

  test('who loses the race for a claim is told who has it, and can queue up', async () => {
    const [alice, bob] = [await open('alice'), await open('bob')];
    // Bob's request is on its way while Alice's is answered.
    let arrive: () => void = () => {};
    const hasAlice = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await bob.route('**/api/v2/leases/*', async (route) => {
      await hasAlice;
      await route.continue();
    });
    await act(bob, 'board-1', 'Claim');
    await act(alice, 'board-1', 'Claim', { Why: 'boot hang' });
    await said(alice, 'board-1 is yours');
    arrive();
    await shows(bob.locator('#act-said'), /Too late: alice has board-1.*boot hang/);
    await bob.locator('#act').getByRole('button', { name: 'Join the queue' }).click();
    await said(bob, 'in the queue');
    await shows(row(alice, 'board-1').locator('.qu'), 'bob');
  });

  test('goes on by itself when the daemon was away, with what happened in between', async () => {
    const relay = await startRelay();
    const store = new MemoryStore();
    const first = await startDaemon({ store, resources: RESOURCES });
    relay.lead((first.http.where as { port: number }).port);
    const visitor = await visit(browser, relay.url, { name: 'alice' });
    visitors.push(visitor);
    const { page } = visitor;
    await live(visitor);
    await page.evaluate("document.body.dataset.kept = 'yes'");
    relay.lead(null);
    await shows(page.locator('#away'), 'does not answer');
    await first.close();
    const second = await startDaemon({ store, resources: RESOURCES });
    await second.lease().hold('board-2', { holder: { name: 'carol' } });
    relay.lead((second.http.where as { port: number }).port);
    await gone(page.locator('#away'));
    await shows(row(page, 'board-2'), /held.*carol/);
    await act(page, 'board-1', 'Claim');
    await said(page, 'board-1 is yours');
    expect(await page.locator('body').getAttribute('data-kept'), 'the page was not loaded again').toBe('yes');
    await second.close();
    await relay.close();
  });

  test('an answer that is lost is asked for again, and nothing is taken twice', async () => {
    const alice = await open('alice');
    let lost = 0;
    await alice.route('**/api/v2/leases/*', async (route) => {
      if (lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      await route.abort();
    });
    await act(alice, 'board-1', 'Claim');
    await said(alice, 'board-1 is yours');
    expect(lost).toBe(1);
    expect(await daemon.engine.read(({ state }) => state.leases.size)).toBe(1);
  });

  test('a claim needs nothing but the keyboard, and the focus comes back', async () => {
    const alice = await open('alice');
    await alice.keyboard.press('/');
    await alice.keyboard.type('gpu');
    await gone(row(alice, 'board-1'));
    const isAtButton = () => alice.evaluate("document.activeElement?.matches('#board .act') ?? false");
    for (let i = 0; i < 60 && !(await isAtButton()); i += 1) await alice.keyboard.press('Tab');
    await alice.keyboard.press('Enter');
    await shows(alice.locator('#act'));
    await alice.keyboard.press('Enter');
    await said(alice, 'gpu-0 is yours');
    await shows(row(alice, 'gpu-0').getByRole('button', { name: 'Manage gpu-0' }));
    await alice.waitForFunction("document.activeElement?.getAttribute('aria-label') === 'Manage gpu-0'");
  });

  test('asks, shares, extends and takes over, with reasons that the others read', async () => {
    const [alice, bob] = [await open('alice'), await open('bob')];
    await act(alice, 'board-1', 'Claim');
    await shows(row(bob, 'board-1'), 'alice');
    await act(bob, 'board-1', 'Ask for it', { Why: 'five minutes?' });
    await said(alice, 'bob asks for board-1');
    await shows(row(alice, 'board-1'), 'bob asks for it: five minutes?');
    await act(alice, 'board-1', 'Share', { 'Share with': 'bob' });
    await shows(row(bob, 'board-1'), 'yours');
    const before = await leaseOn('board-1');
    await row(bob, 'board-1').locator('.act').click();
    await bob.locator('#act').getByText('8 h', { exact: true }).click();
    await bob.locator('#act').getByRole('button', { name: 'Extend' }).click();
    await said(bob, 'board-1 is yours until');
    expect(Date.parse((await leaseOn('board-1')).until ?? '')).toBeGreaterThan(Date.parse(before.until ?? ''));
    const carol = await open('carol');
    await act(carol, 'board-1', 'Take over');
    await shows(carol.locator('#act-said'), 'Say why');
    await carol.locator('#act').getByLabel('Why').fill('it is on fire');
    await carol.locator('#act').getByRole('button', { name: 'Take over' }).click();
    await said(carol, 'board-1');
    await shows(row(alice, 'board-1'), /carol.*it is on fire/);
  });

  async function leaseOn(name: string): Promise<{ until: string | null }> {
    const { resource } = JSON.parse((await daemon.http.get(`/api/v2/resources/${name}`)).text);
    return resource.leases[0];
  }

  test('takes offline with a reason, and brings back', async () => {
    const [alice, bob] = [await open('alice'), await open('bob')];
    await act(alice, 'board-2', 'Take offline', { Why: 'fan broken' });
    await shows(row(bob, 'board-2'), /offline.*fan broken/);
    await act(bob, 'board-2', 'Bring online');
    await shows(row(alice, 'board-2'), 'free');
  });

  test('claims any of what a filter shows, and leaves a queue', async () => {
    await daemon.lease().hold('gpu-0', { holder: { name: 'ci' } });
    const alice = await open('alice', '/?tag=board');
    await alice.getByRole('button', { name: 'Claim any board' }).click();
    await alice.locator('#act').getByRole('button', { name: 'Claim', exact: true }).click();
    await said(alice, /board-\d is yours/);
    await alice.getByRole('link', { name: 'Without tag board' }).click();
    await act(alice, 'gpu-0', 'Join the queue');
    await alice.locator('#yours').getByRole('button', { name: 'Leave the queue for gpu-0' }).click();
    await said(alice, 'left the queue');
    await gone(alice.locator('#yours').getByText('waiting for'));
  });

  test('asks a visitor of an open daemon for a name once, and knows it on the next page', async () => {
    const page = await open('');
    await act(page, 'board-1', 'Claim');
    await page.locator('#act').getByLabel('Your name').fill('dave');
    await page.locator('#act').getByRole('button', { name: 'Claim', exact: true }).click();
    await said(page, 'board-1 is yours');
    await page.reload();
    await shows(page.locator('#yours'), 'board-1');
    expect(await page.locator('body').getAttribute('data-name')).toBe('dave');
  });

  test('keeps the choice in the address, without loading the page', async () => {
    const page = await open('alice', '/?sort=-name');
    await page.evaluate("document.body.dataset.kept = 'yes'");
    const names = () => page.locator('#board .name').allTextContents();
    expect(await names()).toEqual(['gpu-0', 'board-2', 'board-1']);
    await row(page, 'board-1').getByRole('link', { name: 'imx8' }).click();
    await gone(row(page, 'gpu-0'));
    expect(new URL(page.url()).search).toBe('?tag=imx8&sort=-name');
    await page.getByLabel('Group').selectOption('p:site');
    await shows(page.locator('#board .group'), 'site lab-a');
    await page.goBack();
    await page.goBack();
    await shows(row(page, 'gpu-0'));
    expect(await names()).toEqual(['gpu-0', 'board-2', 'board-1']);
    await page.getByLabel('Search').fill('mem>=24');
    await gone(row(page, 'board-1'));
    expect(await names()).toEqual(['gpu-0']);
    expect(await page.locator('body').getAttribute('data-kept')).toBe('yes');
  });

  test('is readable without script: the choice is a form, and nothing can be pressed that does nothing', async () => {
    await daemon.lease().hold('board-1', { holder: { name: 'ci' } });
    const visitor = await visit(browser, urlOf(daemon), { javaScriptEnabled: false });
    visitors.push(visitor);
    const { page } = visitor;
    await shows(row(page, 'board-1'), /held.*ci/);
    await gone(page.locator('#board .act'));
    await page.getByLabel('Search').fill('gpu');
    await page.getByRole('button', { name: 'Show' }).click();
    await gone(row(page, 'board-1'));
    await shows(row(page, 'gpu-0'));
  });

  test('the switch goes to dark and back, and the next page comes as it was left', async () => {
    const page = await open('alice', '/', { colorScheme: 'light' });
    const theme = () => page.locator('html').getAttribute('data-theme');
    await page.getByRole('button', { name: 'Dark or light' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    expect(await theme()).toBe('dark');
    await live(visitors[0] as Visitor);
    await page.getByRole('button', { name: 'Dark or light' }).click();
    expect(await theme()).toBe(null);
  });

  test('when a machine was last seen goes on by itself, and nothing else is touched for that', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const clock = new FakeClock();
    await daemon.close();
    daemon = await startDaemon({ clock, resources: [...RESOURCES, description('host-1', { machine: 'mdc1:a' })] });
    const board = await open('');
    const one = await open('', '/resources/host-1');
    await shows(row(board, 'host-1').locator('.st'), 'never seen');
    await board.evaluate(`globalThis.touched = new Set();
      new MutationObserver((list) => list.forEach(({ target }) =>
        touched.add((target.parentElement ?? target).closest('[id]').id),
      )).observe(document.getElementById('main'), { subtree: true, childList: true, characterData: true })`);
    await daemon.http.post('/api/v2/machines/mdc1:a/seen', {});
    vi.advanceTimersByTime(BEAT_MS);
    await shows(row(board, 'host-1').locator('.st'), 'seen just now');
    await shows(one.locator('#seen'), /\d\d:\d\d:\d\d, just now/);
    // Nothing is told any more but the time, and the browser counts on.
    clock.advance(185_000);
    vi.advanceTimersByTime(BEAT_MS);
    await shows(row(board, 'host-1').locator('.st'), 'seen 3 min ago');
    await shows(one.locator('#seen'), /\d\d:\d\d:\d\d, 3 min ago/);
    expect(await row(board, 'host-1').locator('.st small').getAttribute('title')).toMatch(/^mdc1:a, last seen 2023-/);
    expect(await board.evaluate('[...touched]')).toEqual(['r4']);
  });

  test('resources that come and go do so on the board, and the wall and the page of one follow too', async () => {
    const [board, wall, one] = [await open(''), await open('', '/wall'), await open('', '/resources/board-1')];
    await daemon.lease().hold('board-1', { holder: { name: 'ci' }, note: 'nightly' });
    await shows(wall.locator('.tiles li').filter({ hasText: 'board-1' }), /held.*ci.*nightly/);
    await shows(row(one, 'board-1'), /held.*ci/);
    await daemon.declare([...RESOURCES, 'board-3']);
    await shows(row(board, 'board-3'), 'free');
    await daemon.declare(RESOURCES);
    await gone(row(board, 'board-3'));
    expect(await one.locator('#board tbody tr').count()).toBe(1);
    expect(await wall.locator('main button').count()).toBe(0);
  });
});
