import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/error.ts';
import { html, prose, verbatim } from '../../src/daemon/routes/html.ts';
import { ApiDescription } from '../support/api-description.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import type { Answer } from '../support/http.ts';

/** Bytes; it has to be quick on a bad line as well. */
const LARGEST = 150_000;
const VOID = new Set(['meta', 'br', 'img', 'input', 'link', 'hr']);

let running: TestDaemon;
let docs: Answer;

beforeAll(async () => {
  running = await startDaemon();
  docs = await running.http.get('/docs', { headers: { accept: 'text/html' } });
});
afterAll(() => running.close());

describe('the page at /docs', () => {
  const get = () => docs;

  test('is HTML of a moderate size', () => {
    expect(get().status).toBe(200);
    expect(get().headers['content-type']).toBe('text/html; charset=utf-8');
    expect(Buffer.byteLength(get().text)).toBeLessThan(LARGEST);
  });

  test('loads nothing, runs nothing, and forbids both', () => {
    const { text, headers } = get();
    expect(text).not.toMatch(/<script|<link|<img|<iframe|<form|javascript:|@import|url\(|\son\w+=|\sstyle=/i);
    expect([...text.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, to]) => to)).toSatisfy((all: string[]) =>
      all.every((to) => to.startsWith('#') || (to.startsWith('/') && !to.startsWith('//'))),
    );
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(policy).not.toContain('unsafe');
    for (const directive of ['base-uri', 'form-action', 'frame-ancestors'])
      expect(policy).toContain(`${directive} 'none'`);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('has the one style sheet that the policy lets through', () => {
    const { text, headers } = get();
    const sheets = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, sheet = '']) => sheet);
    expect(sheets).toHaveLength(1);
    const hash = createHash('sha256')
      .update(sheets[0] ?? '')
      .digest('base64');
    expect(headers['content-security-policy']).toContain(`'sha256-${hash}'`);
    expect(sheets[0]).toContain('prefers-color-scheme:dark');
  });

  test('is well formed, and its headings skip no level', () => {
    const open: string[] = [];
    for (const [, end, name = ''] of get().text.matchAll(/<(\/?)([a-z]\w*)[^>]*>/g)) {
      if (end) expect(open.pop()).toBe(name);
      else if (!VOID.has(name)) open.push(name);
    }
    expect(open).toEqual([]);
    const levels = [...get().text.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1)).toEqual([]);
  });

  test('says its language, its title and that it fits a phone', () => {
    expect(get().text).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(get().text).toMatch(/<title>[^<]+<\/title>/);
    expect(get().text).toContain('name="viewport" content="width=device-width, initial-scale=1"');
    expect(get().text).toMatch(/<main[ >]/);
  });
});

describe('the docs', () => {
  test('lead nowhere that is not there, and have each id once', () => {
    const ids = [...docs.text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of docs.text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  test('have every endpoint with its examples, every schema and every problem code', () => {
    const description = new ApiDescription();
    for (const { method, path, operation } of description.operations()) {
      expect(docs.text).toContain(`<h3 id="${operation.operationId}">${html`${operation.summary}`}</h3>`);
      expect(docs.text).toContain(`<span class="verb ${method}">${method}</span> ${path}</code>`);
      for (const { source } of operation['x-codeSamples']) expect(docs.text).toContain(String(verbatim(source)));
    }
    for (const name of Object.keys(description.api.components.schemas))
      expect(docs.text).toContain(`id="schema-${name}"`);
    for (const [code, { status, sentence }] of Object.entries(ERRORS)) {
      if (status === null) continue;
      expect(docs.text).toContain(`id="problem-${code}"><code>${code}</code> <b>${status}</b> ${html`${sentence}`}`);
    }
  });

  test('show no placeholder of a value that was not there', () => {
    expect(docs.text).not.toMatch(/undefined|\[object|NaN|Infinity/);
  });
});

describe('the root', () => {
  test('is plain text for a client that asks for no page', async () => {
    const { status, headers, text } = await running.http.get('/', { headers: { accept: '*/*' } });
    expect([status, headers['content-type'], headers.vary]).toEqual([200, 'text/plain; charset=utf-8', 'accept']);
    for (const place of ['/docs', '/openapi.json', '/api/v2/resources']) expect(text).toContain(place);
    expect(text).not.toContain('<');
  });
});

describe('markup', () => {
  test('escapes what is filled in, but not markup, and leaves null out', () => {
    expect(`${html`<a title="${`"'&<>`}">${html`<b>${1}</b>`}${null}${['<', html`<i>`]}</a>`}`).toBe(
      '<a title="&quot;&#39;&amp;&lt;&gt;"><b>1</b>&lt;<i></a>',
    );
  });

  test('escapes code in prose, and needs no quotes escaped between tags', () => {
    expect(`${prose('say `a<b` & go')}`).toBe('say <code>a&lt;b</code> &amp; go');
    expect(`${verbatim('"<&>"')}`).toBe('"&lt;&amp;&gt;"');
  });
});
