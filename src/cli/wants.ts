import { type Refusal, refuse } from '../core/error.ts';
import { caret } from '../core/expression.ts';
import { MAX_COUNT, parseWantText } from '../core/want.ts';
import type { WantJson } from '../core/wire.ts';

/** One option that says what is wanted, in the order of typing. */
export interface TypedWant {
  readonly option: 'name' | 'id' | 'tag' | 'want';
  readonly text: string;
}

export interface WantModifiers {
  readonly count?: string | undefined;
  readonly shared?: boolean | undefined;
  readonly exclusive?: boolean | undefined;
}

/**
 * The wants in the order they were typed, the group of tags where the first of them stands. A name or number that is
 * said twice is one thing; an expression that is said twice is two.
 */
export function readWants(typed: readonly TypedWant[], modifiers: WantModifiers): readonly WantJson[] | Refusal {
  if (modifiers.shared && modifiers.exclusive)
    return refuse('usage', '--shared and --exclusive exclude each other', { hint: '' });
  const mode = modifiers.shared ? 'shared' : modifiers.exclusive ? 'exclusive' : null;
  const tags = typed.filter(({ option }) => option === 'tag').map(({ text }) => text);
  const count = readCount(modifiers.count, tags.length > 0);
  if (typeof count !== 'number') return count;
  const wants: WantJson[] = [];
  const seen = new Set<string>();
  for (const one of typed) {
    const key = one.option === 'tag' ? 'tag' : `${one.option} ${one.option === 'id' ? Number(one.text) : one.text}`;
    if (one.option !== 'want' && seen.has(key)) continue;
    seen.add(key);
    const want = readWant(one, tags, count, mode);
    if ('code' in want) return want;
    wants.push(want);
  }
  return wants;
}

function readWant(
  { option, text }: TypedWant,
  tags: readonly string[],
  count: number,
  mode: 'shared' | 'exclusive' | null,
): WantJson | Refusal {
  switch (option) {
    case 'name':
      return text === '' ? refuse('usage', '--name: a name has at least one character') : { name: text, mode };
    case 'id':
      return /^[1-9]\d{0,14}$/.test(text)
        ? { id: Number(text), mode }
        : refuse('usage', `--id: ${JSON.stringify(text)} is no number of a resource`, {
            hint: '`rentabot status` lists them',
          });
    case 'tag':
      return tags.includes('') ? refuse('usage', '--tag: a tag has at least one character') : { tags, count, mode };
    case 'want': {
      const want = parseWantText(text, mode);
      if (!('problem' in want)) return want;
      return refuse('usage', `--want: ${caret(text, want)}`, {
        hint: "an expression looks like 'gpu && (a100 || h100) && mem>=24', with '2*' in front for two of them",
      });
    }
    default:
      return option satisfies never;
  }
}

function readCount(text: string | undefined, hasTags: boolean): number | Refusal {
  if (text === undefined) return 1;
  if (!hasTags) {
    return refuse('usage', '--count says how many resources for the tags given, and there is no --tag', {
      hint: "with an expression the count goes in front: --want '2*gpu'",
    });
  }
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_COUNT) return count;
  return refuse('usage', `--count is 1 to ${MAX_COUNT}, not ${JSON.stringify(text)}`, { hint: '' });
}

/** As people say it: `gpu-0 + 2*gpu,a100 + #3`. */
export function describeTyped(wants: readonly WantJson[]): string {
  return wants
    .map(({ name, id, tags, where, count }) => {
      const times = (count ?? 1) > 1 ? `${count}*` : '';
      return times + (name ?? where ?? tags?.join(',') ?? `#${id}`);
    })
    .join(' + ');
}
