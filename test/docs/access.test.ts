import { expect, test } from 'vitest';
import { allRoutes } from '../../src/daemon/app.ts';
import { startDaemon } from '../support/daemon.ts';
import { readDocument } from './support/markdown.ts';

test('docs/access.md says of every endpoint what it needs, and of no other', async () => {
  const running = await startDaemon();
  const routes = allRoutes(running.daemon).map(({ method, path, needs, orSecret, orKey }) => {
    const endpoint = `${method.toUpperCase()} ${path.replace(/:(\w+)/g, '{$1}')}`;
    return `| \`${endpoint}\` | ${needs}${orSecret ? ', or its secret' : ''}${orKey ? ', or the key of a wall' : ''} |`;
  });
  await running.close();
  const rows = [...readDocument('docs/access.md').matchAll(/^\| `(?:GET|PUT|POST|PATCH|DELETE) .*$/gm)].map(
    ([row]) => row,
  );
  expect(rows.sort()).toEqual(routes.sort());
});
