import { nearest } from '../core/advice.ts';
import { type Refusal, refuse } from '../core/error.ts';

/** A mistake in a configuration, or something suspicious in it, with its place. */
export interface Remark {
  /** The file's path; or the flag (`--listen`) or variable (`RENTABOT_LISTEN`) that said it. */
  readonly where: string;
  /** From 1; null where the remark is about the whole of it. */
  readonly line: number | null;
  readonly column: number | null;
  /** What was expected and what was found. */
  readonly message: string;
}

/** A place in a text, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Makes the configuration unusable. */
export type Problem = Remark;
/** Worth a line in the log; the configuration is used all the same. */
export type Warning = Remark;

/** More than these are counted, not shown: a file of another kind gives a mistake a line. */
export const SHOWN_PROBLEMS = 20;
const SHOWN_TEXT = 60;

/** `lab.yaml:3:7: expected …`, as compilers write it and editors jump to it. */
export function formatRemark({ where, line, column, message }: Remark): string {
  return line === null ? `${where}: ${message}` : `${where}:${line}:${column ?? 1}: ${message}`;
}

/** Gathers what is to be said about one text, so that one reading tells all of its mistakes. */
export class Remarks {
  readonly problems: Problem[] = [];
  readonly warnings: Warning[] = [];
  private readonly lineStarts: number[] = [0];

  private readonly hasPlaces: boolean;

  /** Where there is no text (null), nothing has a place in it. */
  constructor(
    readonly where: string,
    text: string | null = '',
  ) {
    this.hasPlaces = text !== null;
    if (text === null) return;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.lineStarts.push(at + 1);
  }

  /** A mistake at this character, from 0; null where it has no place. */
  problem(at: number | null, message: string): void {
    this.problems.push(this.remark(at, message));
  }

  warn(at: number | null, message: string): void {
    this.warnings.push(this.remark(at, message));
  }

  /** The line of a character, from 1. */
  lineOf(at: number): number {
    let [low, high] = [0, this.lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** Line and column of a character, from 1. */
  placeOf(at: number): Place {
    const line = this.lineOf(at);
    return { line, column: at - (this.lineStarts[line - 1] ?? 0) + 1 };
  }

  private remark(at: number | null, message: string): Remark {
    const { line, column } = at === null || !this.hasPlaces ? { line: null, column: null } : this.placeOf(at);
    return { where: this.where, line, column, message };
  }
}

/** All problems of a configuration as one refusal, one to a line. Exit code 78. */
export function refuseProblems(problems: readonly Problem[]): Refusal {
  const more = problems.length - SHOWN_PROBLEMS;
  const lines = problems.slice(0, SHOWN_PROBLEMS).map(formatRemark);
  if (more > 0) lines.push(`and ${more} more`);
  return refuse('config', lines.join('\n'));
}

/** `, did you mean "endpoint"?`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const best = nearest(asKey(word), candidates);
  return best === null ? '' : `, did you mean ${JSON.stringify(best)}?`;
}

/** Quotes a text for a message, without what would break the line, and not all of a long one. */
export function quote(text: string): string {
  const short = text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escapeCharacter);
}

/** A character as `\u202e`. */
export function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `maxHold`, `max-hold` and `MAX_HOLD` are meant as `max_hold`. */
function asKey(word: string): string {
  return word
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
}
