import type { ErrorCode } from '../../core/error.ts';
import type { SchemaName } from './openapi-schemas.ts';
import { LARGEST_HEADERS, LONGEST_URL, type Parameter } from './parameters.ts';
import type { ApiRoute } from './route.ts';

/** The description of one endpoint. A test holds these against the routes. */
export interface Operation extends Pick<ApiRoute, 'method' | 'path'> {
  readonly operationId: string;
  readonly tag: TagName;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  /** Takes `Authorization: Lease <secret>`. */
  readonly secret?: true;
  readonly body?: SchemaName;
  readonly answers: readonly Answer[];
  /** What it may refuse, beside what any request may be refused for. */
  readonly problems?: readonly Problem[];
  /** The first one has the answer of the examples; a test sends each. */
  readonly calls: readonly Call[];
}

export interface Answer {
  readonly status: number;
  readonly when: string;
  /** One of them. Nothing is answered where there is none. */
  readonly schemas?: readonly SchemaName[];
  readonly example?: unknown;
  /** With `Accept: text/event-stream`: the schema of each event's data. */
  readonly events?: Readonly<Record<string, SchemaName>>;
  /** What is no JSON: the type, and what it is. */
  readonly text?: Readonly<Record<string, string>>;
}

export interface Problem {
  readonly code: ErrorCode;
  readonly when: string;
  /** Where it is not the code's own. */
  readonly status?: number;
}

/** A request as an example. */
export interface Call {
  readonly label: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export const TAGS = {
  leases: 'Ask for resources, hold them, give them back.',
  queue: 'Who waits, and what for.',
  resources: 'What there is to share, and its state.',
  events: 'What happens, and what happened.',
  identity: 'Who may do what: users, tokens, logging in and out.',
  daemon: 'The daemon itself.',
} as const;
export type TagName = keyof typeof TAGS;

/** With a JSON body come these. */
export const BODY_PROBLEMS: readonly Problem[] = [
  { code: 'usage', when: 'there is no body, or it is not JSON' },
  { code: 'usage', status: 413, when: 'the body is larger than the limit `body`' },
  { code: 'usage', status: 415, when: 'the body is not said to be application/json' },
  { code: 'usage', status: 422, when: 'the JSON is not what it should be; the detail says where' },
];

/** What any request may be answered with. */
export const COMMON_PROBLEMS: readonly Problem[] = [
  { code: 'unauthorized', when: 'this daemon answers only those it knows' },
  { code: 'denied', when: 'it needs another role (docs/access.md), or it comes from a page of another site' },
  { code: 'uri-too-long', when: `the address is longer than ${LONGEST_URL} characters` },
  { code: 'headers-too-large', when: `the headers are larger than ${LARGEST_HEADERS} characters` },
  { code: 'internal', when: 'a bug, which the log has the details of' },
  { code: 'unavailable', when: 'the daemon steps down, or cannot write to its store; nothing was changed' },
];

/** Only from a private daemon, which reads the descriptor that the caller names. */
export const DESCRIPTOR_PROBLEMS: readonly Problem[] = [
  { code: 'usage', when: 'the descriptor header is no absolute path' },
  { code: 'config', when: 'a mistake in the descriptor that a private daemon was told to read' },
];
