import { existsSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { LOOK_COOKIE, writeLook } from '../../../src/daemon/board/view/look.ts';
import { PATIENCE_MS } from '../../support/http.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why the tests in a browser are not run; null where they are. */
export const NO_BROWSER = existsSync(CHROMIUM)
  ? null
  : `there is no ${CHROMIUM}: install chromium, or say where it is in CHROMIUM`;
if (NO_BROWSER) console.log(`the tests in a browser are skipped: ${NO_BROWSER}`);

/** Without what it would ask of the network for itself. */
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [...QUIET, '--disable-component-update', '--disable-sync'],
    timeout: PATIENCE_MS,
  });
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What went wrong in the page: broken scripts, and what the policy of the page forbids. */
  readonly faults: string[];
}

/** Somebody with a browser of their own. */
export async function visit(
  browser: Browser,
  url: string,
  { name = '', ...options }: BrowserContextOptions & { readonly name?: string } = {},
): Promise<Visitor> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  if (name !== '') {
    const value = writeLook({ theme: null, zone: null, name });
    await context.addCookies([{ name: LOOK_COOKIE, value, url: new URL(url).origin }]);
  }
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // What the network does is not the page's fault.
    if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text()))
      faults.push(message.text());
  });
  await page.goto(url);
  return { context, page, faults };
}

/** Waits until the page is live: its script runs, and it has heard from the daemon. */
export async function live({ page }: Visitor): Promise<void> {
  await shows(page.locator('#live'), 'live');
}

/** Waits until it is there, and has this text. */
export async function shows(locator: Locator, text?: string | RegExp): Promise<void> {
  const wanted = text === undefined ? locator : locator.filter({ hasText: text });
  await wanted.first().waitFor({ state: 'visible', timeout: PATIENCE_MS });
}

export async function gone(locator: Locator): Promise<void> {
  await locator.first().waitFor({ state: 'hidden', timeout: PATIENCE_MS });
}

/** Waits until the page has said this. It stays in the page when nobody sees it any more. */
export async function said(page: Page, text: string | RegExp): Promise<void> {
  await page.locator('#told').filter({ hasText: text }).waitFor({ state: 'attached', timeout: PATIENCE_MS });
}

/** The row of a resource. */
export function row(page: Page, name: string): Locator {
  return page.locator('#board tbody tr').filter({ has: page.getByRole('link', { name, exact: true }) });
}
