import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { description } from '../support/builders.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { launch, live, NO_BROWSER, shows, visit } from './support/browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['/', '/?group=tag&state=held', '/resources/board-1', '/day', '/wall', '/admin?edit=board-1'];

describe.skipIf(NO_BROWSER !== null)('the pages, for everybody', () => {
  let browser: Browser;
  let daemon: TestDaemon;
  let url: string;

  beforeAll(async () => {
    browser = await launch();
    const tags = ['board', 'imx8'];
    const of = (name: string) => description(name, { tags, endpoint: '/dev/ttyUSB0', description: 'A board' });
    const watched = { ...of('board-1'), machine: 'mdc1:host-1' };
    daemon = await startDaemon({ resources: [watched, ...['board-2', 'board-3', 'board-4'].map(of)] });
    await daemon.http.post('/api/v2/machines/mdc1:host-1/seen', {});
    const holder = { name: 'ci', host: 'runner-4', link: 'https://ci.example/812' };
    await daemon.lease().hold('board-1', { holder, note: 'nightly', hold: 3600 });
    await daemon.lease().wait('board-1', { holder: { name: 'bob' } });
    await daemon.http.post('/api/v2/resources/board-2/offline', { reason: 'fan broken' });
    await daemon.http.post('/api/v2/resources/board-1/ask', { by: 'bob', note: 'please' });
    await daemon.lease().hold('board-3', { holder: { name: 'alice' }, claim: { for: 3600, accept: 900 } });
    url = `http://127.0.0.1:${(daemon.http.where as { port: number }).port}`;
  });
  afterAll(async () => {
    await browser?.close();
    await daemon?.close();
  });

  async function look(path: string, colorScheme: 'dark' | 'light', width = 1280) {
    const viewport = { width, height: 900 };
    // So that axe may be put into the page, whose policy lets nothing in.
    const visitor = await visit(browser, url + path, { name: 'alice', colorScheme, viewport, bypassCSP: true });
    // The admin's page is not live: it is as it was asked for.
    if (!path.startsWith('/admin')) await live(visitor);
    return visitor;
  }

  async function violations(page: Awaited<ReturnType<typeof look>>['page']): Promise<string[]> {
    await page.evaluate(AXE);
    const found = (await page.evaluate('axe.run()')) as AxeResults;
    expect(found.passes.length).toBeGreaterThan(10);
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
    );
  }

  test.each(PAGES.flatMap((path) => (['dark', 'light'] as const).map((scheme) => [path, scheme] as const)))(
    '%s in %s follows the rules of axe',
    async (path, scheme) => {
      const { page, context } = await look(path, scheme);
      expect(await violations(page)).toEqual([]);
      await context.close();
    },
  );

  test.each(['dark', 'light'] as const)('the dialog in %s follows them too', async (scheme) => {
    const { page, context } = await look('/', scheme);
    await page.getByRole('button', { name: 'Queue board-1' }).click();
    await shows(page.locator('#act'), 'Join the queue');
    expect(await violations(page)).toEqual([]);
    await context.close();
  });

  test.each([360, 740, 800, 1000, 1030, 1280])('the name of a resource has room on %d pixels', async (width) => {
    const { page, context } = await look('/', 'light', width);
    const { width: room = 0 } = (await page.locator('#board tbody th').first().boundingBox()) ?? {};
    expect(room).toBeGreaterThan(150);
    await context.close();
  });

  test.each(PAGES)('%s fits a phone', async (path) => {
    const { page, context } = await look(path, 'light', 360);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await context.close();
  });
});
