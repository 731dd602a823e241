import { describeApi, type MediaType, type OpenApi, type OperationObject } from '../../src/daemon/routes/openapi.ts';
import type { Answer, Message } from './http.ts';
import { type Checking, type Schema, violations } from './json-schema.ts';

/** The description, for holding answers against it. */
export class ApiDescription {
  readonly api: OpenApi = JSON.parse(JSON.stringify(describeApi()));
  /** Operations and statuses that were held against it. */
  readonly seen = new Set<string>();
  readonly checking: Checking = { resolve: (ref) => this.resolve(ref) as Schema, closed: true };

  resolve(ref: string): unknown {
    let found: unknown = this.api;
    for (const part of ref.replace(/^#\//, '').split('/')) {
      found = (found as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    if (found === undefined) throw new Error(`${ref} stands for nothing`);
    return found;
  }

  /** Every operation with its method and the template of its path. */
  operations(): { readonly method: string; readonly path: string; readonly operation: OperationObject }[] {
    return Object.entries(this.api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    );
  }

  operationFor(method: string, path: string): OperationObject {
    const plain = path.replace(/\?.*$/, '');
    const found = this.operations()
      .filter((one) => one.method === method.toLowerCase() && pattern(one.path).test(plain))
      .sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
    if (!found) throw new Error(`${method} ${path} is not described`);
    return found.operation;
  }

  /** What is wrong with an answer; empty if it is as described. */
  faults(method: string, path: string, { status, headers, text }: Answer): string[] {
    const operation = this.operationFor(method, path);
    const response = operation.responses[status];
    this.seen.add(`${operation.operationId} ${status}`);
    if (!response) return [`${operation.operationId} does not tell of ${status}: ${text.slice(0, 200)}`];
    const missing = Object.keys(response.headers)
      .filter((name) => name !== 'retry-after' && headers[name] === undefined)
      .map((name) => `the header ${name} is missing`);
    if (!response.content) return text === '' ? missing : [...missing, `a body where none was told of: ${text}`];
    const type = (headers['content-type'] ?? '').replace(/;.*$/, '');
    const medium = response.content[type];
    if (!medium) return [...missing, `${operation.operationId} ${status} does not tell of ${type}`];
    return [...missing, ...this.faultsIn(medium, type, text)];
  }

  /** What is wrong with a message of an event stream. */
  eventFaults(method: string, path: string, { event, data }: Message): string[] {
    const operation = this.operationFor(method, path);
    this.seen.add(`${operation.operationId} 200 ${event}`);
    const events = operation.responses[200]?.content?.['text/event-stream']?.['x-events'] ?? {};
    const schema = events[event] ?? events['*'];
    return schema ? violations({ ...schema }, data, this.checking) : [`${operation.operationId} tells of no ${event}`];
  }

  private faultsIn({ schema }: MediaType, type: string, text: string): string[] {
    return violations(schema, /json$/.test(type) ? JSON.parse(text) : text, {
      ...this.checking,
      // The description itself is an object of which no more is said.
      closed: schema.properties !== undefined || schema.$ref !== undefined || schema.oneOf !== undefined,
    });
  }
}

function pattern(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`);
}
