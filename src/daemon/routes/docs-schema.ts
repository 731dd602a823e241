import { type Html, html } from './html.ts';
import type { JsonSchema } from './openapi.ts';

export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

/** The keys of an object, in the order of the schema. */
export function fieldsOf({ properties, required }: JsonSchema): readonly Field[] {
  const needed = new Set(listOf(required));
  return Object.entries(isSchema(properties) ? properties : {}).flatMap(([name, schema]) => {
    if (!isSchema(schema)) return [];
    const { description } = schema;
    return [
      { name, required: needed.has(name), description: typeof description === 'string' ? description : '', schema },
    ];
  });
}

/** What a value may be, in few words: `list of Lease`, `whole number, 1 to 1000`, `time or null`. */
export function typeOf(schema: JsonSchema): Html {
  const { $ref, anyOf, oneOf, type, enum: values, const: only, additionalProperties, items } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = listOf(anyOf ?? oneOf).filter(isSchema);
  if (choices.length > 0) return joined(choices.map(typeOf), ' or ');
  if (Array.isArray(type))
    return joined(
      type.map((one) => html`${String(one)}`),
      ' or ',
    );
  if (Array.isArray(values))
    return joined(
      values.map((value) => html`<code>${String(value)}</code>`),
      ' or ',
    );
  if (only !== undefined) return html`<code>${String(only)}</code>`;
  if (type === 'array') return html`list of ${isSchema(items) ? typeOf(items) : 'anything'}${bounds(schema)}`;
  if (type === 'object') {
    if (isSchema(additionalProperties)) return html`map of ${typeOf(additionalProperties)}`;
    const fields = fieldsOf(schema);
    if (fields.length === 0) return html`object`;
    return html`{ ${joined(
      fields.map((field) => html`<code>${field.name}</code>: ${typeOf(field.schema)}`),
      ', ',
    )} }`;
  }
  return html`${plain(schema)}${bounds(schema)}`;
}

function plain({ type, format }: JsonSchema): string {
  if (format === 'date-time') return 'time';
  if (format === 'date') return 'date';
  if (type === 'string') return 'text';
  if (type === 'integer') return 'whole number';
  return String(type);
}

function bounds(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, minItems, maxItems } = schema;
  if (exclusiveMinimum !== undefined) {
    return maximum === undefined ? `, above ${exclusiveMinimum}` : `, above ${exclusiveMinimum}, to ${maximum}`;
  }
  return (
    range(minimum, maximum, '') + range(minLength, maxLength, ' characters') + range(minItems, maxItems, ' of them')
  );
}

function range(low: unknown, high: unknown, unit: string): string {
  if (low === undefined && high === undefined) return '';
  if (high === undefined) return `, at least ${low}${unit}`;
  return low === undefined ? `, at most ${high}${unit}` : `, ${low} to ${high}${unit}`;
}

function joined(parts: readonly Html[], between: string): Html {
  return html`${parts.map((part, i) => html`${i > 0 ? between : ''}${part}`)}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
