import * as z from 'zod';
import { ERRORS } from '../../core/error.ts';
import { DEFAULT_PORT, DESCRIPTOR_HEADER, PROTOCOL, PROTOCOL_HEADER, VERSION_HEADER } from '../../core/wire.ts';
import { SESSION_COOKIE } from '../identity/identities.ts';
import { DOCTOR_OPERATIONS } from './openapi-doctor.ts';
import { IDENTITY_OPERATIONS } from './openapi-identity.ts';
import { LEASE_OPERATIONS } from './openapi-leases.ts';
import { MACHINE_OPERATIONS } from './openapi-machines.ts';
import { NOTIFY_OPERATIONS } from './openapi-notify.ts';
import {
  type Answer,
  type Call,
  COMMON_PROBLEMS,
  DESCRIPTOR_PROBLEMS,
  type Operation,
  type Problem,
  TAGS,
} from './openapi-operation.ts';
import { OTHER_OPERATIONS } from './openapi-rest.ts';
import { makeSchemas, type SchemaName } from './openapi-schemas.ts';
import type { Parameter } from './parameters.ts';
import type { ApiRoute } from './route.ts';

/** Every endpoint, described. */
export const OPERATIONS: readonly Operation[] = [
  ...LEASE_OPERATIONS,
  ...OTHER_OPERATIONS,
  ...MACHINE_OPERATIONS,
  ...DOCTOR_OPERATIONS,
  ...NOTIFY_OPERATIONS,
  ...IDENTITY_OPERATIONS,
];

/** JSON Schema of 2020-12, which is what OpenAPI 3.1 speaks. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

export interface Reference {
  readonly $ref: string;
}

export interface MediaType {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  /** The schema of each event's data, by the event's name; `*` for any. */
  readonly 'x-events'?: Readonly<Record<string, Reference>>;
}

export interface ResponseObject {
  readonly description: string;
  readonly 'x-problems'?: readonly Pick<Problem, 'code' | 'when'>[];
  readonly headers: Readonly<Record<string, Reference>>;
  readonly content?: Readonly<Record<string, MediaType>>;
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (ParameterObject | Reference)[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly required: true; readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, ResponseObject>>;
  readonly 'x-codeSamples': readonly { readonly lang: string; readonly label: string; readonly source: string }[];
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: Readonly<Record<'title' | 'version' | 'description', string>>;
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<ApiRoute['method'], OperationObject>>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly parameters: Readonly<Record<string, ParameterObject>>;
    readonly headers: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

const DESCRIPTION = `Share scarce things between CI jobs and people. Times are RFC 3339 in UTC, durations are seconds, \
\`null\` is "none". Every no is \`application/problem+json\` with a \`code\`. Shapes only ever grow: ignore what you do not know. \
A private daemon, which runs as its only user, also reads the descriptor file that a request names in \`${DESCRIPTOR_HEADER}\`.`;

/** The whole description. Costs some milliseconds, so it is made once, when somebody first asks. */
export function describeApi(): OpenApi {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method]: describeOperation(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'rentabot', version: RENTABOT_VERSION, description: DESCRIPTION },
    servers: [{ url: '/', description: 'The daemon that this was read from.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: namedSchemas(),
      parameters: { descriptor: DESCRIPTOR },
      headers: HEADERS,
      securitySchemes: {
        lease: {
          type: 'http',
          scheme: 'Lease',
          description: '`Authorization: Lease <secret>`, with the secret that the lease was asked for with.',
        },
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token, where the daemon answers only those it knows; `X-API-Key: <token>` does as well.',
        },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE, description: 'A browser that is logged in.' },
      },
    },
  };
}

const DESCRIPTOR: ParameterObject = {
  name: DESCRIPTOR_HEADER,
  in: 'header',
  required: false,
  description: 'An absolute path, percent-encoded. Only a private daemon reads it.',
  schema: { type: 'string', pattern: '^/' },
};

const HEADERS = {
  [VERSION_HEADER]: { description: "The daemon's release.", schema: { type: 'string' } },
  [PROTOCOL_HEADER]: {
    description: 'Changes when an older client would misunderstand the daemon.',
    schema: { type: 'string', const: String(PROTOCOL) },
  },
  'retry-after': {
    description: 'Seconds after which asking again makes sense.',
    schema: { type: 'integer', minimum: 0 },
  },
} as const;

const PATH_PARAMETERS: Readonly<Record<string, Pick<ParameterObject, 'description' | 'schema'>>> = {
  id: {
    description: 'The id of the lease, minted by the client: a ULID or a UUID.',
    schema: { type: 'string', minLength: 26, maxLength: 36 },
  },
  name: { description: 'The name of the resource.', schema: { type: 'string', minLength: 1 } },
  user: { description: 'The name of the user.', schema: { type: 'string', minLength: 1 } },
  machine: { description: 'The machine, as DATACENTER:HOST.', schema: { type: 'string', minLength: 3 } },
  token: { description: 'The id of the token, or its name.', schema: { type: 'string', minLength: 1 } },
};

function describeOperation(operation: Operation): OperationObject {
  const { operationId, tag, summary, description, path, method, body, calls, secret } = operation;
  const example = calls[0]?.body;
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    parameters: parametersOf(operation),
    ...(secret ? { security: [{ lease: [] }, {}] } : {}),
    ...(body
      ? { requestBody: { required: true, content: { 'application/json': { schema: refTo(body), example } } } }
      : {}),
    responses: responsesOf(operation, path.startsWith('/api/') ? DESCRIPTOR_PROBLEMS : []),
    'x-codeSamples': calls.map((call) => ({ lang: 'Shell', label: call.label, source: curl(method, call) })),
  };
}

function parametersOf({ path, parameters = [] }: Operation): (ParameterObject | Reference)[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']): ParameterObject => {
    const { description = '', schema = {} } = PATH_PARAMETERS[name] ?? {};
    return { name, in: 'path', required: true, description, schema };
  });
  const given = parameters.map(({ name, in: where, description, schema }: Parameter): ParameterObject => {
    return { name, in: where, required: false, description, schema: schemaOf(schema) };
  });
  const always = path.startsWith('/api/') ? [{ $ref: '#/components/parameters/descriptor' }] : [];
  return [...inPath, ...given, ...always];
}

function responsesOf({ answers, problems = [] }: Operation, more: readonly Problem[]): Record<string, ResponseObject> {
  const responses: Record<string, ResponseObject> = {};
  for (const answer of answers) responses[answer.status] = responseOf(answer);
  const byStatus = new Map<number, Problem[]>();
  for (const problem of [...problems, ...more, ...COMMON_PROBLEMS]) {
    const status = problem.status ?? ERRORS[problem.code].status ?? 500;
    byStatus.set(status, [...(byStatus.get(status) ?? []), problem]);
  }
  for (const [status, found] of byStatus) responses[status] = refusalOf(status, found);
  return responses;
}

function responseOf({ when, schemas, example, events, text }: Answer): ResponseObject {
  const content: Record<string, MediaType> = {};
  const [only, ...others] = schemas ?? [];
  if (only)
    content['application/json'] = {
      schema: others.length > 0 ? { oneOf: schemas?.map(refTo) } : refTo(only),
      ...(example === undefined ? {} : { example }),
    };
  if (events)
    content['text/event-stream'] = {
      schema: { type: 'string', description: 'Server-sent events; the data of each is JSON.' },
      'x-events': Object.fromEntries(Object.entries(events).map(([event, name]) => [event, refTo(name)])),
    };
  for (const [type, description] of Object.entries(text ?? {})) {
    content[type] = { schema: { type: type === 'application/json' ? 'object' : 'string', description } };
  }
  const described = { description: when, headers: headersOf(VERSION_HEADER, PROTOCOL_HEADER) };
  return Object.keys(content).length === 0 ? described : { ...described, content };
}

function refusalOf(status: number, problems: readonly Problem[]): ResponseObject {
  const retry = status === 429 || status === 503 ? ['retry-after' as const] : [];
  return {
    description: problems.map(({ code, when }) => `\`${code}\`: ${when}`).join('; '),
    'x-problems': problems.map(({ code, when }) => ({ code, when })),
    headers: headersOf(VERSION_HEADER, PROTOCOL_HEADER, ...retry),
    content: { 'application/problem+json': { schema: refTo('Problem') } },
  };
}

function headersOf(...names: (keyof typeof HEADERS)[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function refTo(name: SchemaName): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

function namedSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(makeSchemas())) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { ...CONVERSION, uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)]));
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, CONVERSION));
}

const CONVERSION = {
  // What may be sent: answers may grow, so only what comes in forbids other keys.
  io: 'input',
  override: ({ jsonSchema }) => {
    // The format says it, and to people better than a pattern of 300 characters or the bounds of a double.
    if (jsonSchema.format === 'date-time' || jsonSchema.format === 'date') delete jsonSchema.pattern;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  },
} as const satisfies z.core.ToJSONSchemaParams;

/** The document says once which dialect it speaks, and where each schema stands. */
function bare(schema: object): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}

/** The call for the shell. */
export function curl(method: Operation['method'], { path, headers = {}, body }: Call): string {
  const words = ['curl', '-sS'];
  if (headers.accept === 'text/event-stream') words.push('-N');
  if (method !== 'get') words.push('-X', method.toUpperCase());
  words.push(quote(`http://127.0.0.1:${DEFAULT_PORT}${path}`));
  for (const [name, value] of Object.entries(headers)) words.push('\\\n  -H', quote(`${name}: ${value}`));
  if (body !== undefined) words.push('\\\n  -H', quote('content-type: application/json'));
  if (body !== undefined) words.push('\\\n  -d', quote(JSON.stringify(body)));
  return words.join(' ');
}

function quote(text: string): string {
  return /^[\w:/.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
