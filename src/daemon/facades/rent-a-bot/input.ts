import { json, type Reply } from '../../answer.ts';
import { type Ask, bodyText } from '../../requests.ts';

/** One thing that is wrong with a request, as the original's framework says it. */
export interface Fault {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** A value, or what is wrong with it. */
export type Read<Value> = { readonly value: Value } | { readonly fault: Fault };

export function unprocessable(...faults: Fault[]): Reply {
  return json({ detail: faults }, 422);
}

/** A whole number in the path or the query. */
export function integerOf(text: string, ...loc: string[]): Read<number> {
  const value = /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : null;
  if (value !== null) return { value };
  const msg = 'Input should be a valid integer, unable to parse string as an integer';
  return { fault: { type: 'int_parsing', loc, msg, input: text } };
}

export function missing(...loc: string[]): Fault {
  return { type: 'missing', loc, msg: 'Field required', input: null };
}

export function notPositive(input: number, ...loc: string[]): Fault {
  return { type: 'greater_than', loc, msg: 'Input should be greater than 0', input, ctx: { gt: 0 } };
}

/** A whole number above 0 in a JSON body; null where it is absent or null. */
export function countIn(body: Readonly<Record<string, unknown>>, key: string): Read<number | null> {
  const input = body[key];
  if (input === undefined || input === null) return { value: null };
  if (typeof input === 'string') {
    const read = integerOf(input, 'body', key);
    return 'fault' in read || read.value > 0 ? read : { fault: notPositive(read.value, 'body', key) };
  }
  if (typeof input !== 'number' || !Number.isSafeInteger(input)) {
    return { fault: { type: 'int_type', loc: ['body', key], msg: 'Input should be a valid integer', input } };
  }
  return input > 0 ? { value: input } : { fault: notPositive(input, 'body', key) };
}

/** A JSON object; null where there is no body at all, or where it is null. */
export async function objectOf(ask: Ask, limit: number): Promise<Read<Readonly<Record<string, unknown>> | null>> {
  const text = await bodyText(ask, limit);
  if (text.trim() === '') return { value: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const ctx = { error: (error as Error).message };
    return { fault: { type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error', input: {}, ctx } };
  }
  if (value === null) return { value: null };
  if (typeof value === 'object' && !Array.isArray(value)) return { value: value as Record<string, unknown> };
  const msg = 'Input should be a valid dictionary or object to extract fields from';
  return { fault: { type: 'model_attributes_type', loc: ['body'], msg, input: value } };
}
