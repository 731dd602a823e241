import { everPossible } from './assign.ts';
import { type Entry, hasRoom, outOfService } from './catalogue.ts';
import { type Refusal, refuse } from './error.ts';
import type { Expression, Want } from './model.ts';
import type { State } from './state.ts';
import { describeSelector, describeWants } from './want.ts';

/** How many names or matches are looked at to find a good hint; a bound, not a promise. */
const LOOK_AT = 10_000;

/** Says why these wants can never be granted, and names the nearest that exists. */
export function impossible(state: State, wants: readonly Want[]): Refusal {
  const culprit = wants.find((want) => !everPossible(state, [want]));
  if (culprit) return impossibleAlone(state, culprit);
  return refuse('impossible', `${describeWants(wants)} cannot be had together: they need different resources`, {
    hint: wants.map((want) => `${describeSelector(want.selector)}: ${census(state, want)}`).join('; '),
  });
}

/** `4 exist, 3 free, 1 offline: fan broken` for whatever matches the want. */
export function census(state: State, { selector, mode }: Pick<Want, 'selector' | 'mode'>): string {
  let [exist, free] = [0, 0];
  const offline: Entry[] = [];
  for (const entry of state.catalogue.matching(selector)) {
    if (entry.resource.retiring) continue;
    exist += 1;
    if (hasRoom(entry, mode)) free += 1;
    if (outOfService(entry) !== null) offline.push(entry);
    if (exist === LOOK_AT) break;
  }
  const reasons = [...new Set(offline.map((entry) => outOfService(entry)?.reason ?? ''))].filter(Boolean);
  const why = reasons.length > 0 ? `: ${reasons.slice(0, 3).join(', ')}` : '';
  return `${exist} exist${exist === 1 ? 's' : ''}, ${free} free${offline.length > 0 ? `, ${offline.length} offline${why}` : ''}`;
}

function impossibleAlone(state: State, want: Want): Refusal {
  const { selector, count } = want;
  if (everPossible(state, [{ ...want, count: 1 }])) {
    return refuse('impossible', `${count} of ${describeSelector(selector)} were asked for, and there are not so many`, {
      hint: census(state, want),
    });
  }
  switch (selector.type) {
    case 'name':
      return unknownName(state, selector.name);
    case 'id':
      return refuse('impossible', `no resource has the id ${selector.id}`);
    case 'tags':
      return noneWithTags(state, selector.tags);
    case 'where':
      return noneWhere(state, selector.where);
    default:
      return selector satisfies never;
  }
}

/** Why nobody can have what has this name. */
export function unknownName(state: State, name: string): Refusal {
  if (state.catalogue.byName.has(name)) {
    return refuse('impossible', `${name} is retiring: it goes when its holder is done, and nobody new gets it`);
  }
  return refuse('impossible', `no resource is named ${JSON.stringify(name)}`, nearName(state, name));
}

function noneWithTags(state: State, tags: readonly string[]): Refusal {
  const known = new Set(state.catalogue.tagNames());
  const unknown = tags.find((tag) => !known.has(tag));
  if (unknown !== undefined)
    return refuse('impossible', `no resource has the tag ${JSON.stringify(unknown)}`, nearTag(state, unknown));
  return refuse('impossible', `no resource has all of the tags ${tags.join(', ')}`, {
    hint: tags.map((tag) => `${tag}: ${censusOfTag(state, tag)}`).join('; '),
  });
}

function noneWhere(state: State, where: Expression): Refusal {
  const detail = `no resource matches ${describeSelector({ type: 'where', where })}`;
  const known = new Set(state.catalogue.tagNames());
  const unknown = tagsIn(where).find((tag) => !known.has(tag));
  if (unknown === undefined) return refuse('impossible', detail);
  const { hint } = nearTag(state, unknown);
  return refuse('impossible', detail, {
    hint: `no resource has the tag ${JSON.stringify(unknown)}${hint ? `; ${hint}` : ''}`,
  });
}

function tagsIn(e: Expression): string[] {
  if (e.type === 'tag') return e.pattern.glob ? [] : [e.pattern.text];
  if (e.type === 'compare') return [];
  return e.type === 'not' ? tagsIn(e.of) : [...tagsIn(e.left), ...tagsIn(e.right)];
}

function nearName(state: State, name: string): { hint?: string } {
  if ([...state.catalogue.tagNames()].includes(name)) {
    return { hint: `${name} is a tag: ask with --tag ${name}; ${censusOfTag(state, name)}` };
  }
  const near = nearest(name, state.catalogue.byName.keys());
  if (near === null) return {};
  return { hint: `did you mean ${near}? ${census(state, { selector: { type: 'name', name: near }, mode: 'slot' })}` };
}

function nearTag(state: State, tag: string): { hint?: string } {
  if (state.catalogue.byName.has(tag)) return { hint: `${tag} is a name: ask with --name ${tag}` };
  const near = nearest(tag, state.catalogue.tagNames());
  return near === null ? {} : { hint: `did you mean ${near}? ${censusOfTag(state, near)}` };
}

function censusOfTag(state: State, tag: string): string {
  return census(state, { selector: { type: 'tags', tags: [tag] }, mode: 'slot' });
}

/** The word that was probably meant: the least edits away, within a third of the length; or the first it is part of. */
export function nearest(word: string, words: Iterable<string>): string | null {
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  let part: string | null = null;
  let seen = 0;
  for (const candidate of words) {
    seen += 1;
    if (seen > LOOK_AT) break;
    const known = candidate.toLowerCase();
    if (part === null && wanted.length > 2 && (known.includes(wanted) || wanted.includes(known))) part = candidate;
    if (Math.abs(known.length - wanted.length) >= least) continue;
    const distance = edits(wanted, known);
    if (distance < least && distance < Math.max(wanted.length, known.length)) {
      least = distance;
      best = candidate;
    }
  }
  return best ?? part;
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
