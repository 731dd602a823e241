import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/error.ts';
import { apiRoutes } from '../../src/daemon/app.ts';
import { OPERATIONS } from '../../src/daemon/routes/openapi.ts';
import { COMMON_PROBLEMS } from '../../src/daemon/routes/openapi-operation.ts';
import { acquireSchema } from '../../src/daemon/routes/schemas.ts';
import { ApiDescription } from '../support/api-description.ts';
import { startDaemon } from '../support/daemon.ts';
import { violations } from '../support/json-schema.ts';

const description = new ApiDescription();
const { api } = description;
const operations = description.operations();

describe('the description', () => {
  test('is an OpenAPI 3.1 document', () => {
    expect(api.openapi).toMatch(/^3\.1\.\d+$/);
    expect(Object.keys(api).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'servers', 'tags']);
    for (const text of [api.info.title, api.info.version, api.info.description]) expect(text).not.toBe('');
    for (const [path, methods] of Object.entries(api.paths)) {
      expect(path).toMatch(/^\/(?:[\w.-]+|\{\w+\})?(?:\/(?:[\w.-]+|\{\w+\}))*$/);
      for (const method of Object.keys(methods)) expect(['get', 'put', 'post', 'patch', 'delete']).toContain(method);
    }
    for (const group of Object.values(api.components)) {
      for (const name of Object.keys(group)) expect(name).toMatch(/^[\w.-]+$/);
    }
  });

  test('has nothing but what JSON has, and keeps no mark of how it was made', () => {
    const text = JSON.stringify(api);
    expect(text).not.toMatch(/"\$schema"|"\$id"|"\$defs"|"~standard"/);
    expect(text).not.toContain(String(Number.MAX_SAFE_INTEGER));
  });

  test('refers only to what there is', () => {
    const refs = [...JSON.stringify(api).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
    expect(refs.length).toBeGreaterThan(100);
    for (const ref of refs) expect(() => description.resolve(ref)).not.toThrow();
  });

  test('names no schema that nothing refers to', () => {
    const text = JSON.stringify(api);
    for (const name of Object.keys(api.components.schemas)) {
      expect(text, name).toContain(`"$ref":"#/components/schemas/${name}"`);
    }
  });

  test('describes every route, and no route that there is not', async () => {
    const running = await startDaemon();
    const routes = apiRoutes(running.daemon).map(({ method, path }) => `${method} ${path}`);
    await running.close();
    expect(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
  });

  test('tells of every problem code that an answer can have', () => {
    const code = description.resolve('#/components/schemas/Problem/properties/code') as { readonly enum: string[] };
    expect(code.enum).toEqual(Object.keys(ERRORS));
  });
});

describe.each(operations)('$operation.operationId', ({ path, operation }) => {
  test('has a name of its own, a summary, a description, a tag and an example', () => {
    expect(operations.filter((one) => one.operation.operationId === operation.operationId)).toHaveLength(1);
    expect(operation.summary).toMatch(/^\S.*[^.]$/);
    expect(operation.description).toMatch(/^\S.*\.$/);
    expect(api.tags.map(({ name }) => name)).toEqual(expect.arrayContaining([...operation.tags]));
    expect(operation['x-codeSamples'].length).toBeGreaterThan(0);
  });

  test('declares the parameters of its path, and each parameter once', () => {
    const parameters = operation.parameters.map((one) => ('$ref' in one ? description.resolve(one.$ref) : one)) as {
      name: string;
      in: string;
      required: boolean;
      description: string;
    }[];
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath);
    expect(new Set(parameters.map((one) => `${one.in} ${one.name}`)).size).toBe(parameters.length);
    for (const one of parameters) {
      expect(one.required).toBe(one.in === 'path');
      expect(one.description).toMatch(/\.$/);
      // OpenAPI has these ignored where they are given as parameters.
      expect(['accept', 'content-type', 'authorization']).not.toContain(one.name.toLowerCase());
    }
  });

  test('tells of a success, and of what any request may be refused for', () => {
    const statuses = Object.keys(operation.responses).map(Number);
    expect(statuses.some((status) => status >= 200 && status < 400)).toBe(true);
    for (const { code } of COMMON_PROBLEMS) expect(statuses).toContain(ERRORS[code].status);
    for (const [status, response] of Object.entries(operation.responses)) {
      expect(response.description).not.toBe('');
      if (Number(status) >= 400) expect(Object.keys(response.content ?? {})).toEqual(['application/problem+json']);
      expect(Object.keys(response.headers).includes('retry-after')).toBe(status === '429' || status === '503');
    }
  });

  test('has examples that are as it says', () => {
    const media = [
      ...Object.values(operation.requestBody?.content ?? {}),
      ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
    ];
    for (const { schema, example } of media) {
      if (example !== undefined) expect(violations(schema, example, description.checking)).toEqual([]);
    }
  });
});

describe('the schema of a request', () => {
  const good = { secret: 'x'.repeat(22), want: [{ name: 'board-1' }] };
  const bodies: readonly (readonly [string, unknown])[] = [
    ['the least there is', good],
    ['null for what is absent', { ...good, ttl: null, wait: null, hold: null, note: null, holder: null }],
    ['all there is', { ...good, ttl: 2, wait: 0, hold: 0.5, priority: -1000, note: 'n', guarded: true }],
    ['a holder', { ...good, holder: { name: 'ci', host: null, link: 'HTTPS://ci.example/1' } }],
    ['no secret', { want: good.want }],
    ['a short secret', { ...good, secret: 'x'.repeat(21) }],
    ['no want', { ...good, want: [] }],
    ['an unknown key', { ...good, prioritiy: 1 }],
    ['an unknown key in a want', { ...good, want: [{ nam: 'x' }] }],
    ['a ttl below the range', { ...good, ttl: 1.9 }],
    ['a ttl above the range', { ...good, ttl: 86_401 }],
    ['a text for a number', { ...good, wait: '5' }],
    ['half a priority', { ...good, priority: 0.5 }],
    ['a control character', { ...good, note: 'a\u001bb' }],
    ['a mark that turns the direction of text', { ...good, note: 'a\u202eb' }],
    ['a tag with a space', { ...good, want: [{ tags: ['a b'] }] }],
    ['a link that is none', { ...good, holder: { link: 'javascript:alert(1)' } }],
    ['a mode there is not', { ...good, want: [{ name: 'x', mode: 'slot' }] }],
  ];

  test.each(bodies)('takes and refuses what the daemon does: %s', (_, body) => {
    const described = violations({ $ref: '#/components/schemas/Acquire' }, body, {
      ...description.checking,
      closed: false,
    });
    expect(described.length === 0).toBe(acquireSchema.safeParse(body).success);
  });
});
