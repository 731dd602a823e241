// Makes the pictures of the board for the README and the documents: `npm run build && node scripts/screenshots.mjs`.
// It starts a daemon of its own, lets people and jobs take things, and looks at the pages with Debian's Chromium.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rentabot-pictures-'));
const SECRET = 'a-secret-of-the-pictures-of-the-board';

const RESOURCES = `
board-1: {description: i.MX8 evaluation kit, tags: [board, imx8], endpoint: /dev/ttyUSB0, properties: {site: lab-a, ram: 4}}
board-2: {description: i.MX8 evaluation kit, tags: [board, imx8], endpoint: /dev/ttyUSB1, properties: {site: lab-a, ram: 4}}
board-3: {description: 'i.MX8, revision B', tags: [board, imx8, rev-b], endpoint: /dev/ttyUSB2, properties: {site: lab-a, ram: 8}}
board-7: {description: STM32MP1, tags: [board, stm32], endpoint: '10.0.4.17:3000', properties: {site: lab-b, ram: 1}}
board-8: {description: STM32MP1, tags: [board, stm32], endpoint: '10.0.4.18:3000', properties: {site: lab-b, ram: 1}}
gpu-0: {tags: [gpu, a100], properties: {mem: 40}}
gpu-1: {tags: [gpu, a100], properties: {mem: 40}}
gpu-2: {tags: [gpu, h100], properties: {mem: 80}}
licence-synth: {description: Synthesis licence, tags: [licence], slots: 4}
oscilloscope: {description: '6 GHz, on the trolley', tags: [bench], endpoint: scope.lab.example}
staging: {description: Deploy target, tags: [deploy], endpoint: 'https://staging.example'}
`;

const daemon = await startDaemon();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
try {
  mkdirSync(join(root, 'docs/pictures'), { recursive: true });
  await fill();
  await picture('board', '/', { height: 720 });
  await picture('board-dark-phone', '/?tag=board', { width: 390, height: 760, colorScheme: 'dark' });
  await picture('claim', '/', { height: 720 }, async (page) => {
    await page.getByRole('button', { name: 'Queue board-1' }).click();
  });
  await picture('wall', '/wall', { height: 620, colorScheme: 'dark' });
} finally {
  await browser.close();
  daemon.child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}

async function startDaemon() {
  const config = join(folder, 'rentabot.yaml');
  writeFileSync(config, RESOURCES);
  const flags = [
    '-c',
    config,
    '--listen',
    '127.0.0.1:0',
    '--socket',
    join(folder, 's'),
    '--data',
    join(folder, 'data'),
  ];
  const child = spawn(process.execPath, [join(root, 'bin/rentabot.js'), 'serve', ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const line = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
  return { child, url: /listening on (\S+)/.exec(line)[1] };
}

async function ask(method, path, body, headers = {}) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const init = {
    method,
    headers: { ...type, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const answer = await fetch(daemon.url + path, init);
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

async function take(want, name, more = {}) {
  const id = crypto.randomUUID();
  const { host = '', link = null, ...rest } = more;
  const holder = { name, host, link };
  await ask('PUT', `/api/v2/leases/${id}`, { secret: SECRET, want: [want], ttl: 3600, holder, ...rest });
  return id;
}

/** A morning in a lab. */
async function fill() {
  const people = ['alice', 'ci', 'carol', 'bob'];
  for (let i = 0; i < 12; i += 1) {
    const id = await take({ name: 'gpu-2' }, people[i % 4], { guarded: true, note: `run ${i + 1}` });
    const headers = { authorization: `Lease ${SECRET}` };
    await ask('DELETE', `/api/v2/leases/${id}?ended=true&exit=${i % 5 === 0 ? 1 : 0}`, undefined, headers);
  }
  await take({ name: 'board-1' }, 'alice', { claim: { for: 5400 }, note: 'bisecting the boot hang' });
  await take({ name: 'board-2' }, 'ci', { host: 'runner-4', link: 'https://ci.example/812', note: 'nightly 812' });
  await take({ tags: ['a100'], count: 2 }, 'carol', { hold: 36_000, note: 'training', host: 'ws-9' });
  await take({ name: 'licence-synth' }, 'ci', { host: 'runner-1', link: 'https://ci.example/813' });
  await take({ name: 'board-3' }, 'dave', { claim: { for: 7200 }, note: 'fan test' });
  await take({ name: 'board-1' }, 'bob', { claim: { for: 3600, accept: 900 } });
  await take({ where: 'imx8 && ram<8' }, 'ci', { note: 'nightly 814' });
  await ask('POST', '/api/v2/resources/board-1/ask', { by: 'bob', note: 'ten minutes before lunch?' });
  await ask('POST', '/api/v2/resources/board-8/offline', { reason: 'power supply smells' });
}

async function picture(name, path, { width = 1280, height, colorScheme = 'light' }, act) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, timezoneId: 'UTC' });
  const look = encodeURIComponent('name=dave&zone=UTC');
  await context.addCookies([{ name: 'rentabot-look', value: look, url: daemon.url }]);
  const page = await context.newPage();
  await page.goto(daemon.url + path);
  await page.locator('#live', { hasText: 'live' }).waitFor();
  await act?.(page);
  await page.screenshot({ path: join(root, `docs/pictures/${name}.png`) });
  await context.close();
}
