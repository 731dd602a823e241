import { MAX_COUNT } from '../../core/want.ts';
import { TTL_RANGE_S } from '../../core/wire.ts';
import type { AcquireBody } from './schemas.ts';

type Check = (value: unknown) => boolean;
type Fields = ReadonlyMap<string, Check>;

/** Shorter than anything that the schema has too long. */
const PLAIN = /^[ -~]{1,200}$/;
const SECRET = /^[A-Za-z0-9_-]{22,256}$/;
const TAG = /^[!-+\--~]{1,100}$/;
const LINK = /^https?:\/\/[!-~]{1,200}$/;
const DAY_S = 86_400;

/**
 * Whether it certainly is a request as `acquireSchema` has it. Nearly all are, and this sees it in a fifth of the time that
 * the schema takes. What is not plain (letters beyond ASCII, long texts, claims, whatever is wrong) is for the schema, which
 * also has the words for it. A test holds the two together: this says yes to nothing that the schema would refuse or change.
 */
export function isPlainAcquire(value: unknown): value is AcquireBody {
  return hasOnly(value, ACQUIRE) && 'secret' in value && 'want' in value;
}

const WANT: Fields = new Map([
  ['name', absentOr(isPlain)],
  ['id', absentOr((value) => isCount(value, Number.MAX_SAFE_INTEGER))],
  ['tags', absentOr((value) => isList(value, 32, isTag))],
  ['where', absentOr(isPlain)],
  ['count', absentOr((value) => isCount(value, MAX_COUNT))],
  ['mode', absentOr((value) => value === 'exclusive' || value === 'shared')],
]);

const HOLDER: Fields = new Map([
  ['name', absentOr(isPlainOrEmpty)],
  ['host', absentOr(isPlainOrEmpty)],
  ['link', absentOr((value) => typeof value === 'string' && LINK.test(value))],
]);

const ACQUIRE: Fields = new Map([
  ['secret', (value: unknown) => typeof value === 'string' && SECRET.test(value)],
  ['want', (value: unknown) => isList(value, 64, (want) => hasOnly(want, WANT))],
  ['ttl', absentOr((value) => isWithin(value, TTL_RANGE_S.min, TTL_RANGE_S.max))],
  ['wait', absentOr((value) => isWithin(value, 0, DAY_S))],
  ['hold', absentOr((value) => isWithin(value, 1, DAY_S))],
  ['priority', absentOr((value) => value === 0)],
  ['note', absentOr(isPlainOrEmpty)],
  ['holder', absentOr((value) => hasOnly(value, HOLDER))],
  ['guarded', absentOr((value) => typeof value === 'boolean')],
]);

/** An object of JSON that has no keys but these, each as it should be. */
function hasOnly(value: unknown, fields: Fields): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) if (!fields.get(key)?.((value as Readonly<Record<string, unknown>>)[key])) return false;
  return true;
}

function absentOr(check: Check): Check {
  return (value) => value === null || check(value);
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' && PLAIN.test(value);
}

function isPlainOrEmpty(value: unknown): boolean {
  return value === '' || isPlain(value);
}

function isTag(value: unknown): boolean {
  return typeof value === 'string' && TAG.test(value);
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function isCount(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && isWithin(value, 1, most);
}

function isList(value: unknown, most: number, check: Check): boolean {
  return Array.isArray(value) && value.length > 0 && value.length <= most && value.every(check);
}
