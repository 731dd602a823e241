/** Longest name of a resource. */
export const LONGEST_NAME = 200;
/** Longest tag. */
export const LONGEST_TAG = 100;

/**
 * What is wrong with a resource's name; null if nothing is. A space inside is allowed, as older descriptors have names
 * like "Coffee machine"; a comma is not, as lists of names are joined with it.
 */
export function nameProblem(name: string): string | null {
  if (name === '') return 'a name has at least one character';
  if (name.length > LONGEST_NAME) return `a name has at most ${LONGEST_NAME} characters, this one has ${name.length}`;
  if (UNPRINTABLE.test(name)) return 'a name has no control characters and no line breaks';
  if (name.includes(',')) return 'a name has no comma';
  return name.trim() === name ? null : 'a name neither starts nor ends with a space';
}

/** What is wrong with a tag; null if nothing is. */
export function tagProblem(tag: string): string | null {
  if (tag === '') return 'a tag has at least one character';
  if (tag.length > LONGEST_TAG) return `a tag has at most ${LONGEST_TAG} characters, this one has ${tag.length}`;
  if (UNPRINTABLE.test(tag)) return 'a tag has no control characters';
  return /[\s,]/.test(tag) ? 'a tag has neither spaces nor commas' : null;
}

/** Tags as older descriptors and their API write them: one text, with commas, spaces or both between them. */
export function splitTags(text: string): string[] {
  return text.split(/[\s,]+/).filter((tag) => tag !== '');
}

/** A text as descriptions, endpoints and reasons are kept: on one line, without spaces that nobody sees. */
export function oneSpaced(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/** Controls, line and paragraph separators, marks that turn the direction of text, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** Whether a text has characters that nobody sees but terminals act on. */
export function isUnprintable(text: string): boolean {
  return UNPRINTABLE.test(text);
}
