import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { documents, proseOf, ROOT, readDocument } from './support/markdown.ts';

/** As code hosts make them: lower case, spaces become hyphens, other signs go. */
function anchorsOf(path: string): Set<string> {
  const headings = [...proseOf(readDocument(path)).matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function linksOf(path: string): string[] {
  return [...proseOf(readDocument(path)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
}

test.each(documents())('the links of %s lead somewhere', (path) => {
  const broken = linksOf(path).filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(ROOT, target))) return true;
    if (anchor === undefined || statSync(join(ROOT, target)).isDirectory()) return false;
    return !anchorsOf(target).has(anchor);
  });
  expect(broken).toEqual([]);
});

test('every page under docs can be reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) {
    for (const link of linksOf(path)) {
      const target = normalize(join(dirname(path), link.split('#')[0] ?? ''));
      if (documents().includes(target)) reached.add(target);
      if (target === 'docs/decisions') for (const page of documents()) if (page.startsWith(target)) reached.add(page);
    }
  }
  expect(documents().filter((path) => !reached.has(path))).toEqual([]);
});
