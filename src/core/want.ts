import { expressionKey, matchesExpression, parseExpression, type SyntaxProblem } from './expression.ts';
import type { Mode, Resource, Selector, Want } from './model.ts';
import type { ModeJson, WantJson } from './wire.ts';

/** Most different resources that one want may ask for; a request's wants together have a limit of their own. */
export const MAX_COUNT = 1000;

/** Makes a want; its key is the selector in one canonical spelling. */
export function makeWant(selector: Selector, count = 1, mode: Mode = 'slot'): Want {
  return { selector: canonical(selector), key: selectorKey(selector), count, mode };
}

/**
 * Reads one want as the wire spells it. The caller has checked the types of the fields; here it is about sense:
 * exactly one selector, an expression that parses, a count that fits it.
 */
export function parseWant(json: WantJson): Want | SyntaxProblem {
  const given = (['name', 'id', 'tags', 'where'] as const).filter(
    (key) => json[key] !== undefined && json[key] !== null,
  );
  if (given.length !== 1) {
    const found = given.length === 0 ? 'has none of them' : `has ${given.join(' and ')}`;
    return { problem: `a want is one of name, id, tags or where; this one ${found}`, at: 0 };
  }
  const count = json.count ?? 1;
  const mode: Mode = json.mode === 'exclusive' ? 'whole' : (json.mode ?? 'slot');
  if (count > 1 && (given[0] === 'name' || given[0] === 'id')) {
    return {
      problem: `${given[0] === 'id' ? 'an id' : 'a name'} stands for one resource, so its count is 1, not ${count}`,
      at: 0,
    };
  }
  if (typeof json.name === 'string') return makeWant({ type: 'name', name: json.name }, 1, mode);
  if (typeof json.id === 'number') return makeWant({ type: 'id', id: json.id }, 1, mode);
  if (json.tags) {
    // Every resource has all of no tags.
    if (json.tags.length === 0) return { problem: 'tags has at least one tag', at: 0 };
    return makeWant({ type: 'tags', tags: json.tags }, count, mode);
  }
  const where = parseExpression(json.where ?? '');
  return 'problem' in where ? where : makeWant({ type: 'where', where }, count, mode);
}

/** Reads what `--want` takes: an expression, with a count in front where more than one is wanted (`2*gpu`). */
export function parseWantText(text: string, mode?: WantJson['mode']): WantJson | SyntaxProblem {
  const counted = /^(\s*(\d+)\s*\*\s*)(?=\S)/.exec(text);
  const where = counted ? text.slice(counted[1]?.length) : text;
  const count = counted ? Number(counted[2]) : 1;
  if (count < 1 || count > MAX_COUNT) return { problem: `a count is 1 to ${MAX_COUNT}, not ${counted?.[2]}`, at: 0 };
  const parsed = parseExpression(where);
  if ('problem' in parsed) return { ...parsed, at: parsed.at + text.length - where.length };
  return { where, count, mode: mode ?? null };
}

/** Whether this resource would do, whatever its state. */
export function matches(
  selector: Selector,
  resource: Pick<Resource, 'id' | 'name' | 'tags' | 'endpoint' | 'properties'>,
): boolean {
  switch (selector.type) {
    case 'name':
      return resource.name === selector.name;
    case 'id':
      return resource.id === selector.id;
    case 'tags':
      return selector.tags.every((tag) => resource.tags.includes(tag));
    case 'where':
      return matchesExpression(selector.where, resource);
    default:
      return selector satisfies never;
  }
}

/** For people: `gpu-0`, `#3`, `2*gpu,a100`, `gpu && mem>=24 (shared)`; several are joined with a plus. */
export function describeWants(wants: readonly Want[]): string {
  return wants.map(describeWant).join(' + ');
}

function describeWant({ selector, count, mode }: Want): string {
  const suffix = mode === 'slot' ? '' : mode === 'whole' ? ' (exclusive)' : ' (shared)';
  return (count > 1 ? `${count}*` : '') + describeSelector(selector) + suffix;
}

export function describeSelector(selector: Selector): string {
  switch (selector.type) {
    case 'name':
      return selector.name;
    case 'id':
      return `#${selector.id}`;
    case 'tags':
      return selector.tags.join(',');
    case 'where':
      return expressionKey(selector.where);
    default:
      return selector satisfies never;
  }
}

/** One text for a whole request: the same id with another shape is a mistake of the client. */
export function shapeOf(wants: readonly Want[]): string {
  return wants.map(({ key, count, mode }) => `${count}*${key}/${mode}`).join(' ');
}

/** What a holder is told about its mode: an ordinary resource is held exclusively by any lease that is not shared. */
export function modeToJson(mode: Mode, slots: number): ModeJson {
  if (mode === 'shared') return 'shared';
  return mode === 'whole' || slots === 1 ? 'exclusive' : 'slot';
}

function canonical(selector: Selector): Selector {
  return selector.type === 'tags' ? { type: 'tags', tags: [...new Set(selector.tags)].sort() } : selector;
}

function selectorKey(selector: Selector): string {
  // What is shown to people joins tags with a comma, which a tag that came another way may have in it.
  const shown = canonical(selector);
  if (shown.type === 'tags') return `tags:${JSON.stringify(shown.tags)}`;
  return shown.type === 'name' ? `name:${JSON.stringify(shown.name)}` : `${shown.type}:${describeSelector(shown)}`;
}
