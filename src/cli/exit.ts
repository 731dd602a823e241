import { ERRORS, type ErrorCode, type Refusal } from '../core/error.ts';

/** Names that `--exit-code` and `--result-file` know, with their codes; see docs/cli.md. */
export const EXIT_CODES = {
  usage: 64,
  impossible: 65,
  unreachable: 69,
  internal: 70,
  busy: 75,
  lost: 76,
  denied: 77,
  config: 78,
  timeout: 124,
} as const;

export type ExitName = keyof typeof EXIT_CODES;
/** What the caller put in the place of some of them. */
export type ExitOverrides = Readonly<Partial<Record<ExitName, number>>>;

/** The exit name of any refusal: several codes of the wire share one. */
export function exitNameOf(code: ErrorCode): ExitName {
  const exit = ERRORS[code].exit;
  const name = (Object.keys(EXIT_CODES) as ExitName[]).find((known) => EXIT_CODES[known] === exit);
  return name ?? 'internal';
}

export function exitCodeOf(name: ExitName, overrides: ExitOverrides = {}): number {
  return overrides[name] ?? EXIT_CODES[name];
}

/** Reads one `NAME=N` of `--exit-code`; a text says what is wrong with it. */
export function parseExitOverride(text: string): { name: ExitName; code: number } | string {
  const parts = /^([^=]*)=(.*)$/.exec(text);
  const name = parts?.[1] ?? text;
  const names = Object.keys(EXIT_CODES).join(', ');
  if (!Object.hasOwn(EXIT_CODES, name)) return `${JSON.stringify(name)} is none of ${names}`;
  const code = parts?.[2] ?? '';
  if (!/^\d{1,3}$/.test(code) || Number(code) > 255) return `an exit code is 0 to 255, not ${JSON.stringify(code)}`;
  return { name: name as ExitName, code: Number(code) };
}

/** What a refusal says in one line: what happened, to which thing, what next. An expression's caret needs its lines. */
export function sentenceOf({ detail, hint }: Pick<Refusal, 'detail' | 'hint'>): string {
  if (hint === '' || detail.includes(hint)) return detail;
  return detail.includes('\n') ? `${detail}\n${hint}` : `${detail}; ${hint}`;
}
