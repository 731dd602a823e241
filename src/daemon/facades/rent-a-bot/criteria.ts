import type { Entry } from '../../../core/catalogue.ts';
import type { Expression, Want } from '../../../core/model.ts';
import type { State } from '../../../core/state.ts';
import { makeWant } from '../../../core/want.ts';
import { maxOf } from './dialect.ts';

/** What is to be locked. `given` is the id as it was written. */
export type Criterion =
  | { readonly by: 'id'; readonly id: number; readonly given: string | number }
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'tags'; readonly tags: readonly string[] };

/** Whatever it could be, by id. */
export function candidates({ catalogue }: State, criterion: Criterion): readonly Entry[] {
  switch (criterion.by) {
    case 'id':
      return present(catalogue.byId.get(criterion.id));
    case 'name':
      return present(catalogue.byName.get(criterion.name));
    case 'tags':
      return matching({ catalogue }, criterion.tags);
    default:
      return criterion satisfies never;
  }
}

/** Whatever has all of these tags, by id. */
export function matching({ catalogue }: Pick<State, 'catalogue'>, tags: readonly string[]): readonly Entry[] {
  const found = [...catalogue.matching(makeWant({ type: 'tags', tags }).selector)];
  return found.filter(({ resource }) => !resource.retiring).sort((a, b) => a.resource.id - b.resource.id);
}

/** So many of what has these tags, all of each, and of that only what may be locked for so long. */
export function wantOf(entries: readonly Entry[], tags: readonly string[], count: number, ttl: number | null): Want {
  const tooShort = entries.filter((entry) => ttl !== null && maxOf(entry) < ttl);
  if (tooShort.length === 0) return makeWant({ type: 'tags', tags }, count, 'whole');
  const [first, ...rest] = [...tags.map(tagged), ...tooShort.map(({ resource }) => other(resource.id))];
  const where = rest.reduce((left, right): Expression => ({ type: 'and', left, right }), first as Expression);
  return makeWant({ type: 'where', where }, count, 'whole');
}

function tagged(text: string): Expression {
  return { type: 'tag', pattern: { text, glob: false } };
}

function other(id: number): Expression {
  return { type: 'compare', key: 'id', op: '!=', value: { text: String(id), glob: false } };
}

function present(entry: Entry | undefined): readonly Entry[] {
  return entry ? [entry] : [];
}
