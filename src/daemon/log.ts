import type { Millis } from '../core/model.ts';
import { escapeCharacter } from './remarks.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/**
 * Everything that a line may tell. A field that is not listed is not written, whatever object it came with: a request or
 * a lease that is logged whole cannot leak its secret. Durations are in seconds.
 */
export const LOG_FIELDS = [
  'event',
  'target',
  'lease',
  'resource',
  'resources',
  'want',
  'holder',
  'about',
  'host',
  'by',
  'principal',
  'reason',
  'note',
  'fence',
  'position',
  'ttl',
  'waited',
  'held',
  'exit',
  'until',
  'client',
  'method',
  'path',
  'status',
  'code',
  'seconds',
  'bytes',
  'url',
  'socket',
  'file',
  'data',
  'version',
  'pid',
  'signal',
  'limit',
  'count',
  'waiters',
  'leases',
  'added',
  'changed',
  'retired',
  'drift',
  'hint',
  'error',
] as const;
export type LogField = (typeof LOG_FIELDS)[number];
export type LogValue = string | number | boolean | null | undefined | readonly string[];
/** `error` also takes what was thrown: its message and its causes' are written, at level error its stack as well. */
export type LogFields = { readonly [field in Exclude<LogField, 'error'>]?: LogValue } & { readonly error?: unknown };

/** One line an event. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly format: LogFormat;
  /** What is less important is not written. */
  readonly level: LogLevel;
  readonly now: () => Millis;
  /** Takes a line with its line end. */
  readonly write: (line: string) => void;
}

/** A longer text is cut: strangers choose notes and paths. */
export const LONGEST_LOG_TEXT = 2000;
const MOST_LOG_ITEMS = 50;
const MOST_CAUSES = 8;

type Written = string | number | boolean | null | readonly string[];

/** Makes the log. Nothing that is in a field can end its line, or look like another field. */
export function createLog(options: LogOptions, always: LogFields = {}): Log {
  const lowest = LOG_LEVELS.indexOf(options.level);
  const isEmpty = Object.keys(always).length === 0;
  const at = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < lowest) return () => {};
    return (message: string, fields: LogFields = {}) => {
      options.write(formatLine(options, level, message, isEmpty ? fields : { ...always, ...fields }));
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLog(options, { ...always, ...fields }),
  };
}

const KNOWN: ReadonlySet<string> = new Set(LOG_FIELDS);

/** Fields in the order in which they were given. Every grant writes such a line: it is put together without lists on the way. */
function formatLine({ format, now }: LogOptions, level: LogLevel, message: string, fields: LogFields): string {
  const isJson = format === 'json';
  const time = timeText(now());
  let line = isJson
    ? `{"time":"${time}","level":"${level}","message":${JSON.stringify(message)}`
    : `${time} ${level.padEnd(5)} ${onOneLine(message)}`;
  for (const name in fields) {
    const value = fields[name as LogField];
    if (value === undefined || !KNOWN.has(name)) continue;
    const told = name === 'error' ? causes(value, level) : writable(name as LogField, value);
    line += isJson ? `,"${name}":${JSON.stringify(told)}` : ` ${name}=${textValue(told)}`;
  }
  return isJson ? `${escaped(line)}}\n` : `${line}\n`;
}

let lastTime = { at: Number.NaN, text: '' };

/** Lines come in bunches, of one turn and so of one millisecond. */
function timeText(at: Millis): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

function writable(field: LogField, value: unknown): Written {
  if (typeof value === 'string') return cut(withoutSecrets(field, value));
  if (Array.isArray(value)) return value.slice(0, MOST_LOG_ITEMS).map((item) => cut(String(item)));
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : typeof value;
}

/** The query of a path has tokens in the older protocols; an address may have a password. */
function withoutSecrets(field: LogField, text: string): string {
  if (field === 'path') return text.replace(/[?#].*$/s, '');
  return field === 'url' ? text.replace(/\/\/[^/?#]*@/, '//').replace(/[?#].*$/s, '') : text;
}

/** `store cannot write: disk full`, outermost first. */
function causes(thrown: unknown, level: LogLevel): string {
  const messages: string[] = [];
  let cause: unknown = thrown;
  while (cause instanceof Error && messages.length < MOST_CAUSES) {
    messages.push(cause.message || cause.name);
    cause = cause.cause;
  }
  if (cause !== undefined && messages.length < MOST_CAUSES)
    messages.push(typeof cause === 'string' ? cause : typeof cause);
  const stack = level === 'error' && thrown instanceof Error ? stackOf(thrown) : '';
  return cut(messages.join(': ') + stack);
}

function stackOf({ stack }: Error): string {
  const frames = stack?.match(/^\s+at .*$/gm)?.map((frame) => frame.trim()) ?? [];
  return frames.length === 0 ? '' : ` (${frames.join(', ')})`;
}

function cut(text: string): string {
  return text.length <= LONGEST_LOG_TEXT ? text : `${text.slice(0, LONGEST_LOG_TEXT)}…`;
}

function textValue(value: Written): string {
  if (typeof value === 'string') return quotedWhereNeeded(value);
  if (value === null || typeof value !== 'object') return String(value);
  return quotedWhereNeeded(value.join(','));
}

function quotedWhereNeeded(text: string): string {
  // Nearly all of it is this plain, and the test for letters of all languages is several times as slow.
  if (/^[\w.:/@+*?%~#,!&|<>()[\]-]+$/.test(text)) return text;
  return /^[\p{L}\p{N}_.:/@+*?%~#,!&|<>()[\]-]+$/u.test(text) ? text : onOneLine(JSON.stringify(text));
}

function onOneLine(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return escaped(text.replace(/\p{Cc}/gu, escapeCharacter));
}

/** What JSON leaves as it is, although terminals or readers of lines act on it: C1 controls, line separators, text direction. */
function escaped(text: string): string {
  return text.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escapeCharacter);
}
