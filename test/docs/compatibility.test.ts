import { expect, test } from 'vitest';
import { rentABotRoutes } from '../../src/daemon/facades/rent-a-bot/routes.ts';
import { startDaemon } from '../support/daemon.ts';
import { readDocument } from './support/markdown.ts';

test('docs/compatibility.md says of every endpoint of rent-a-bot what differs, and of no other', async () => {
  const running = await startDaemon();
  const routes = rentABotRoutes(running.daemon).map(
    ({ method, path }) => `${method.toUpperCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
  );
  await running.close();
  const sections = readDocument('docs/compatibility.md').split(/^(?=## )/m);
  const about = sections.find((section) => section.startsWith('## rent-a-bot\n')) ?? '';
  const rows = [...about.matchAll(/^\| `((?:GET|PUT|POST|PATCH|DELETE) [^`]+)` \| \S/gm)];
  expect(rows.map(([, endpoint]) => endpoint).sort()).toEqual(routes.sort());
});
