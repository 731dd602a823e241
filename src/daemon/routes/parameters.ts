import * as z from 'zod';
import { type Refusal, refuse } from '../../core/error.ts';
import { type Ask, malformed } from '../requests.ts';

/**
 * What may stand behind the question mark, and in headers. The same schemas check them and write /openapi.json; one that
 * is absent costs no check.
 */

/** Longest address and headers, in characters; node's own parser stops at several times that. */
export const LONGEST_URL = 8192;
export const LARGEST_HEADERS = 16_384;

/** A request is held open for so many seconds at most; whoever wants to wait longer asks again. */
export const LONGEST_BLOCK_S = 300;
/** Events in one page of history, unless `limit` says otherwise. */
export const HISTORY_PAGE = 100;

export interface Parameter<T extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly in: 'query' | 'header';
  readonly schema: T;
  readonly description: string;
}

export const BLOCK = query(
  'block',
  z.number().min(0).max(86_400),
  `Seconds the server may keep the answer open, waiting; it answers after ${LONGEST_BLOCK_S} at the latest.`,
);
export const ENDED = query(
  'ended',
  z.boolean(),
  'The command behind a guarded lease is gone, so the resources may pass on at once.',
);
export const EXIT = query(
  'exit',
  z.int().min(0).max(255),
  'How the command ended that is gone: 0, or what it failed with. The history tells it, and the statistics count it.',
);
export const LIMIT = query('limit', z.int().min(1).max(1_000_000), 'So many at most; without it the list is whole.');
export const AFTER = query(
  'after',
  z.string(),
  'The last one of the page before, by its `id` (a resource by its `name`); the list goes on behind it.',
);
export const PAGE = query(
  'limit',
  z.int().min(1).max(1000),
  `So many events at most; ${HISTORY_PAGE} unless it is given.`,
);
export const BEFORE = query(
  'before',
  z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  'Only events older than the one of this `id`; `next` of the page before says which.',
);
export const SINCE = query(
  'since',
  z.union([z.iso.datetime({ offset: true }), z.iso.date()]),
  'Only what happened from this moment on.',
);
export const RESOURCE = query('resource', z.string(), 'Only what concerns the resource of this name.');
export const FORMAT = query('format', z.enum(['json', 'csv']), 'What the answer is; `json` unless it is given.');
export const LAST_EVENT_ID: Parameter<z.ZodNumber> = {
  name: 'last-event-id',
  in: 'header',
  schema: z.int().min(0),
  description: 'The `id` of the last event that was seen: the stream resumes behind it.',
};

function query<T extends z.ZodType>(name: string, schema: T, description: string): Parameter<T> {
  return { name, in: 'query', schema, description };
}

/** A number in its range; null where it is absent. Throws a refusal that says the range. */
export function numberIn(ask: Ask, parameter: Parameter<z.ZodNumber>): number | null {
  const given = sent(ask, parameter);
  if (given === undefined) return null;
  const { name, schema } = parameter;
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (schema.safeParse(value).success) return value;
  const kind = schema.isInt ? 'a whole number' : 'a number';
  return malformed(`${name} is ${kind} from ${schema.minValue} to ${schema.maxValue}, not ${quoted(given)}`);
}

/** Whether it is set: `true`, or the bare name. */
export function isSet(ask: Ask, parameter: Parameter<z.ZodBoolean>): boolean {
  const given = sent(ask, parameter);
  if (given === undefined || given === 'false') return false;
  if (given === 'true' || given === '') return true;
  return malformed(`${parameter.name} is true or false, not ${quoted(given)}`);
}

/** A moment, in milliseconds since 1970; null where it is absent. */
export function momentIn(ask: Ask, parameter: Parameter<typeof SINCE.schema>): number | null {
  const given = sent(ask, parameter);
  if (given === undefined) return null;
  if (parameter.schema.safeParse(given).success) return Date.parse(given);
  return malformed(`${parameter.name} is a time such as 2026-01-31T12:00:00Z, not ${quoted(given)}`);
}

/** One of its words; null where it is absent. */
export function choiceIn<T extends string>(ask: Ask, parameter: Parameter<z.ZodEnum<{ [word in T]: T }>>): T | null {
  const given = sent(ask, parameter);
  if (given === undefined) return null;
  const { name, schema } = parameter;
  return (
    schema.options.find((word) => word === given) ??
    malformed(`${name} is ${schema.options.join(' or ')}, not ${quoted(given)}`)
  );
}

/** As it was given; null where it is absent. */
export function textIn(ask: Ask, parameter: Parameter<z.ZodString>): string | null {
  return sent(ask, parameter) ?? null;
}

/** `limit` and `after`; lists are whole unless they are given. */
export function pageOf(ask: Ask): { readonly limit: number; readonly after: string | null } {
  return { limit: numberIn(ask, LIMIT) ?? Number.POSITIVE_INFINITY, after: textIn(ask, AFTER) };
}

/** The last of the page before has gone: to begin again from the start would be an endless list. */
export function pageHasGone(after: string): Refusal {
  return refuse('not-found', `${quoted(after)} is no longer in the list`, {
    hint: 'ask for the list again, without after',
  });
}

function sent(ask: Ask, parameter: Parameter): string | undefined {
  return parameter.in === 'query' ? ask.req.query(parameter.name) : ask.req.header(parameter.name);
}

function quoted(given: string): string {
  return JSON.stringify(given.slice(0, 40));
}
