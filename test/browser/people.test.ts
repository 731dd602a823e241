import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { gone, launch, live, NO_BROWSER, row, said, shows, type Visitor, visit } from './support/browser.ts';

const PASSWORD = 'correct horse';

describe.skipIf(NO_BROWSER !== null)('people with a browser', () => {
  let browser: Browser;
  let daemon: TestDaemon;
  let url: string;
  let visitors: Visitor[];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    daemon = await startDaemon({ resources: ['board-1', 'board-2'] });
    url = `http://127.0.0.1:${(daemon.http.where as { port: number }).port}`;
    visitors = [];
  });
  afterEach(async () => {
    const faults = visitors.flatMap((visitor) => visitor.faults);
    for (const { context } of visitors) await context.close();
    await daemon.close();
    expect(faults).toEqual([]);
  });

  async function open(path: string): Promise<Page> {
    const visitor = await visit(browser, url + path);
    visitors.push(visitor);
    return visitor.page;
  }

  /** Through the form of the login, which leads on to where one wanted to go. */
  async function login(name: string, path = '/'): Promise<Page> {
    const page = await open(path);
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await shows(page.locator('#who'), name);
    return page;
  }

  async function know(name: string, role: 'viewer' | 'user' | 'admin'): Promise<void> {
    const added = await daemon.daemon.identities.people.add({ name, role, password: PASSWORD, mail: null });
    expect('code' in added).toBe(false);
  }

  test('the first admin is made on the page, which asks who one is from then on', async () => {
    const page = await open('/admin');
    await page.locator('#users').getByLabel('Name').fill('root');
    await page.locator('#users').getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Add a user' }).click();
    await shows(page.getByRole('heading', { name: 'Log in' }));
    await page.getByLabel('Name').fill('root');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await shows(page.locator('#users th[scope="row"]'), 'root');
    await page.locator('#tokens').getByLabel('Name').fill('ci');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await shows(page.locator('#made'), /told this once: rb_/);
    await shows(page.locator('#tokens th[scope="row"]'), 'ci');
    await page.getByRole('button', { name: 'Revoke ci' }).click();
    await page.getByRole('button', { name: 'Really? Revoke ci' }).click();
    await said(page, 'ci is gone');
    await gone(page.locator('#tokens th[scope="row"]').filter({ hasText: 'ci' }));
  });

  test('a user claims under their own name, and cannot do what is for admins', async () => {
    await know('root', 'admin');
    await know('alice', 'user');
    await know('vic', 'viewer');
    const [alice, vic] = [await login('alice'), await login('vic')];
    await row(alice, 'board-1').locator('.act').click();
    await shows(alice.locator('#act'), 'Claim');
    expect(await alice.locator('#act').getByRole('button', { name: 'Take offline' }).count()).toBe(0);
    await alice.locator('#act').getByRole('button', { name: 'Claim', exact: true }).click();
    await said(alice, 'board-1 is yours');
    const owner = await daemon.engine.read(({ state }) => [...state.leases.values()][0]?.lease.request.principal);
    expect(owner).toBe('alice');
    await shows(row(vic, 'board-1'), 'alice');
    expect(await vic.locator('#main button:visible:not(.copy)').count()).toBe(0);
    await alice.getByRole('link', { name: 'Account' }).click();
    await shows(alice.getByRole('heading', { name: 'Account' }));
    expect(await alice.locator('#users, #resources, #audit').count()).toBe(0);
  });

  test('whose session ends is led to the login, and back', async () => {
    await know('root', 'admin');
    await know('alice', 'user');
    const alice = await login('alice', '/?sort=-name');
    await live(visitors[0] as Visitor);
    const removed = daemon.daemon.identities.people.remove('alice');
    expect(removed === null || !('code' in removed)).toBe(true);
    await shows(alice.getByRole('heading', { name: 'Log in' }));
    expect(alice.url()).toContain(encodeURIComponent('/?sort=-name'));
  });

  test('a wall is opened by a link, for looking alone, until its token is revoked', async () => {
    await know('root', 'admin');
    const root = await login('root', '/admin');
    await root.getByRole('button', { name: 'Make a link to a wall' }).click();
    await shows(root.locator('#made'), '/wall?key=');
    const link = new URL((await root.locator('#made code').textContent()) ?? '');
    const screen = await open(`${link.pathname}${link.search}&tag=`);
    await live(visitors[1] as Visitor);
    expect(screen.url()).toBe(`${url}/wall?tag=`);
    await daemon.engine.submit(
      {
        type: 'offline',
        name: 'board-1',
        reason: 'fan broken',
        until: null,
        principal: { name: 'root', role: 'admin' },
      },
      () => null,
    );
    await shows(screen.locator('.tiles li').filter({ hasText: 'board-1' }), 'fan broken');
    for (const path of ['/api/v2/resources', '/board', '/admin', '/']) {
      const answer = await screen.request.get(url + path, { maxRedirects: 0, headers: { accept: 'application/json' } });
      expect([401, 404], path).toContain(answer.status());
    }
    await root.getByRole('button', { name: 'Revoke wall' }).click();
    await root.getByRole('button', { name: 'Really? Revoke wall' }).click();
    await shows(screen.getByRole('heading', { name: 'Log in' }));
  });

  test('resources are added, changed and removed on the page, and are so on every board', async () => {
    await know('root', 'admin');
    const board = await login('root');
    const admin = await login('root', '/admin');
    const form = admin.locator('#resources form.fields');
    await form.getByLabel('Name', { exact: true }).fill('gpu-0');
    await form.getByLabel('Tags').fill('gpu, a100');
    await form.getByLabel('Properties').fill('mem=40\nsite=lab');
    await admin.getByRole('button', { name: 'Add', exact: true }).click();
    await said(admin, 'Added');
    await shows(row(board, 'gpu-0'), 'a100');
    await admin.getByRole('link', { name: 'Edit gpu-0' }).click();
    await form.getByLabel('Tags').fill('gpu');
    await form.getByLabel('Properties').fill('mem=80');
    await form.getByLabel('Held at most').fill('8h');
    await admin.getByRole('button', { name: 'Save' }).click();
    await said(admin, 'gpu-0 is changed');
    await gone(row(board, 'gpu-0').getByRole('link', { name: 'a100' }));
    const { resource } = await daemon.engine.read(({ state }) => state.catalogue.byName.get('gpu-0')!);
    expect(resource).toMatchObject({ tags: ['gpu'], properties: { mem: 80 }, maxHold: 8 * 3_600_000 });
    expect(resource.properties).not.toHaveProperty('site');
    await admin.getByRole('button', { name: 'Remove gpu-0' }).click();
    await admin.getByRole('button', { name: 'Really? Remove gpu-0' }).click();
    await said(admin, 'gpu-0 is gone');
    await gone(row(board, 'gpu-0'));
    await shows(admin.locator('#audit tr').filter({ hasText: 'root' }), /removed.*gpu-0/);
  });
});
