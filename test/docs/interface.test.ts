import { expect, test } from 'vitest';
import { describeApi } from '../../src/daemon/routes/openapi.ts';
import { proseOf, readDocument } from './support/markdown.ts';

/** docs/protocol.md against the description that the daemon gives of itself. */
const text = readDocument('docs/protocol.md');
const api = describeApi();

test('every endpoint is in docs/protocol.md, and no other', () => {
  const written = [...proseOf(text).matchAll(/`(GET|PUT|POST|PATCH|DELETE) (\/[^\s`?]*)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const known = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...new Set(written)].sort()).toEqual(known.sort());
});

test.each(['Acquire', 'Want', 'Extend'])('every key of %s has a row in docs/protocol.md', (name) => {
  const rows = new Set([...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key));
  const keys = Object.keys((api.components.schemas[name] as { properties: object }).properties);
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key) => !rows.has(key))).toEqual([]);
});

test('every query parameter is in docs/protocol.md', () => {
  const named = Object.values(api.paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ parameters }) =>
      parameters.flatMap((parameter) => ('in' in parameter && parameter.in === 'query' ? [parameter.name] : [])),
    ),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !new RegExp(`\`(\\?)?${name}[=\`]`).test(text))).toEqual([]);
});
