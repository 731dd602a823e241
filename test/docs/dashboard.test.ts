import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { description } from '../support/builders.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { FakeSender, target } from '../support/notify.ts';
import { type Family, readMetrics } from '../support/prometheus.ts';
import { ROOT, readDocument, sectionOf } from './support/markdown.ts';

/** examples/grafana/dashboard.json, and the table of docs/operations.md, against what the daemon tells. */
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'examples/grafana/dashboard.json'), 'utf8')) as Dashboard;
const queries = [
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }) => expr),
  ...dashboard.templating.list.map(({ query }) => (query as { query?: string }).query ?? ''),
].filter((query) => query !== '');
const METRIC = /\b((?:rentabot|process)_\w+)(?:\{([^}]*)\})?/g;

let daemon: TestDaemon;
let families: readonly Family[];
beforeAll(async () => {
  daemon = await startDaemon({ resources: ['board-1'], notify: [target(new FakeSender())] });
  await daemon.declare(['board-1', description('gpu-0', { tags: ['gpu'] })]);
  families = readMetrics((await daemon.http.get('/metrics')).text);
});
afterAll(() => daemon.close());

test('the dashboard asks for nothing that the daemon does not tell, by labels and words that it has', () => {
  const samples = families.flatMap((family) => family.samples);
  const wrong: string[] = [];
  for (const query of queries) {
    for (const [, name, selectors = ''] of query.matchAll(METRIC)) {
      const found = samples.filter((sample) => sample.name === name);
      if (found.length === 0) wrong.push(`${name} is not told: ${query}`);
      for (const [, label = '', negated, text = ''] of selectors.matchAll(/(\w+)(!?)[=~]+"([^"]*)"/g)) {
        if (label === 'job' || text.includes('$')) continue;
        const has = found.some(({ labels }) => text.split('|').includes(labels[label] ?? ''));
        if (!has && negated === '') wrong.push(`${name} has no ${label} ${text}`);
        if (!found.some(({ labels }) => label in labels)) wrong.push(`${name} has no label ${label}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(queries.flatMap((query) => [...query.matchAll(METRIC)]).length).toBeGreaterThan(30);
});

test('sums go by labels that there are', () => {
  const wrong = queries.flatMap((query) =>
    [...query.matchAll(/(?:by|without) \((\w+)\) \((?:\w+\()?((?:rentabot|process)_\w+)/g)].filter(
      ([, label = '', name]) =>
        !families.some(({ samples }) => samples.some((one) => one.name === name && label in one.labels)),
    ),
  );
  expect(wrong).toEqual([]);
});

test('rates are of counters, and counters are never shown as they are', () => {
  const typeOf = (name: string): string =>
    families.find((family) => family.samples.some((sample) => sample.name === name))?.type ?? '';
  for (const query of queries) {
    for (const [whole, name = ''] of query.matchAll(METRIC)) {
      const at = query.indexOf(whole);
      const isRate = /(rate|increase)\($/.test(query.slice(0, at));
      if (/changes\($/.test(query.slice(0, at))) continue;
      expect(isRate, query).toBe(typeOf(name) !== 'gauge');
    }
  }
});

test('every panel has a title, says what it is, and a place of its own within the width', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, description, gridPos, targets } of panels) {
    expect(title.length * description.length, title).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.has(`${x} ${y}`), title).toBe(false);
        taken.add(`${x} ${y}`);
      }
  }
});

test('variables that are used are declared', () => {
  const declared = new Set(dashboard.templating.list.map(({ name }) => name));
  for (const query of queries)
    for (const [, name = ''] of query.matchAll(/\$(\w+)/g))
      expect(name.startsWith('__') || declared.has(name)).toBe(true);
});

test('docs/operations.md has every metric with its labels, and no other', () => {
  const told = families.map(({ name, type, samples }) => {
    const labels = [...new Set(samples.flatMap((sample) => Object.keys(sample.labels)))].filter((one) => one !== 'le');
    return `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`} ${type}`;
  });
  const rows = [
    ...sectionOf(readDocument('docs/operations.md'), '## Metrics').matchAll(/^\| `([^`]+)` \| (\w+) \| .+ \|$/gm),
  ];
  expect(rows.map(([, name, type]) => `${name} ${type}`).sort()).toEqual(told.sort());
});
