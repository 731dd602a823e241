import type { Refusal } from '../core/error.ts';
import type { Want } from '../core/model.ts';
import { matches, parseWant } from '../core/want.ts';
import type { ResourceJson, WantJson } from '../core/wire.ts';
import { readWants, type TypedWant } from './wants.ts';

/** The wants to look for, names alone among them; none means everything. */
export function readFilter(typed: readonly TypedWant[], names: readonly string[]): readonly Want[] | Refusal {
  const wants = readWants([...typed, ...names.map((text): TypedWant => ({ option: 'name', text }))], {});
  if ('code' in wants) return wants;
  return (wants as readonly WantJson[]).flatMap((json) => {
    const want = parseWant(json);
    return 'problem' in want ? [] : [want];
  });
}

/** Whether one of them would take it. */
export function passes(filter: readonly Want[], resource: ResourceJson): boolean {
  return filter.length === 0 || filter.some(({ selector }) => matches(selector, resource));
}
