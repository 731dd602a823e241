/** As much of JSON Schema 2020-12 as the description uses; a keyword that is not known here is an error, not ignored. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

const SAID_ELSEWHERE = new Set(['description', 'example', 'writeOnly', 'required', 'additionalProperties']);

export interface Checking {
  /** Finds what a `$ref` stands for. */
  readonly resolve: (ref: string) => Schema;
  /** Objects may only have the keys that are described, even where the schema leaves room for more to come. */
  readonly closed: boolean;
}

/** What is wrong with a value, by its place; empty if nothing is. */
export function violations(schema: Schema, value: unknown, checking: Checking, at = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    if (SAID_ELSEWHERE.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (!check) return [`${at}: the keyword ${keyword} is not known to this check`];
    return check(wanted, value, { schema, checking, at });
  });
}

interface Context {
  readonly schema: Schema;
  readonly checking: Checking;
  readonly at: string;
}
type Check = (wanted: unknown, value: unknown, context: Context) => string[];

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (ref, value, { checking, at }) => violations(checking.resolve(String(ref)), value, checking, at),
  type: (types, value, { at }) => {
    const allowed = Array.isArray(types) ? types : [types];
    return allowed.some((type) => isOfType(value, String(type)))
      ? []
      : [`${at}: ${JSON.stringify(value)} is no ${allowed}`];
  },
  enum: (values, value, { at }) =>
    (values as unknown[]).includes(value) ? [] : [`${at}: ${JSON.stringify(value)} is none of ${values}`],
  const: (only, value, { at }) => (only === value ? [] : [`${at}: ${JSON.stringify(value)} is not ${only}`]),
  anyOf: (schemas, value, { checking, at }) => {
    const tries = (schemas as Schema[]).map((schema) => violations(schema, value, checking, at));
    return tries.some((found) => found.length === 0) ? [] : tries.flat();
  },
  oneOf: (schemas, value, { checking, at }) => {
    const tries = (schemas as Schema[]).map((schema) => violations(schema, value, checking, at));
    const fitting = tries.filter((found) => found.length === 0).length;
    return fitting === 1 ? [] : [`${at}: fits ${fitting} instead of one`, ...tries.flat()];
  },
  allOf: (schemas, value, { checking, at }) =>
    (schemas as Schema[]).flatMap((schema) => violations(schema, value, checking, at)),
  properties: (properties, value, { schema, checking, at }) => {
    if (!isObject(value)) return [];
    const known = properties as Record<string, Schema>;
    const missing = ((schema.required ?? []) as string[]).filter((key) => !Object.hasOwn(value, key));
    const open = !checking.closed && schema.additionalProperties !== false;
    const unknown = open ? [] : Object.keys(value).filter((key) => !Object.hasOwn(known, key));
    return [
      ...missing.map((key) => `${at}: ${key} is missing`),
      ...unknown.map((key) => `${at}: ${key} is not described`),
      ...Object.entries(known).flatMap(([key, inner]) =>
        Object.hasOwn(value, key) ? violations(inner, value[key], checking, `${at}.${key}`) : [],
      ),
    ];
  },
  propertyNames: (schema, value, { checking, at }) =>
    isObject(value) ? Object.keys(value).flatMap((key) => violations(schema as Schema, key, checking, at)) : [],
  items: (schema, value, { checking, at }) =>
    Array.isArray(value) ? value.flatMap((item, i) => violations(schema as Schema, item, checking, `${at}[${i}]`)) : [],
  format: (format, value, { at }) => {
    if (format !== 'date-time' || typeof value !== 'string')
      return format === 'date' ? [] : [`${at}: format ${format}`];
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)
      ? []
      : [`${at}: ${value} is no time`];
  },
  pattern: (pattern, value, { at }) =>
    typeof value !== 'string' || new RegExp(String(pattern), 'u').test(value) ? [] : [`${at}: not like ${pattern}`],
  minimum: (bound, value, { at }) => within(value, Number(bound), Infinity, at),
  exclusiveMinimum: (bound, value, { at }) =>
    value === bound ? [`${at}: not above ${bound}`] : within(value, Number(bound), Infinity, at),
  maximum: (bound, value, { at }) => within(value, -Infinity, Number(bound), at),
  minLength: (bound, value, { at }) =>
    within(typeof value === 'string' ? value.length : null, Number(bound), Infinity, at),
  maxLength: (bound, value, { at }) => within(typeof value === 'string' ? value.length : null, 0, Number(bound), at),
  minItems: (bound, value, { at }) => within(Array.isArray(value) ? value.length : null, Number(bound), Infinity, at),
  maxItems: (bound, value, { at }) => within(Array.isArray(value) ? value.length : null, 0, Number(bound), at),
};

/** A bound says nothing about what is no number, and has no length. */
function within(size: unknown, low: number, high: number, at: string): string[] {
  if (typeof size !== 'number' || (size >= low && size <= high)) return [];
  return [`${at}: ${size} is not from ${low} to ${high}`];
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
