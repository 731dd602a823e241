import { formatDuration, parseDuration } from '../core/duration.ts';
import type { Scalar } from '../core/model.ts';
import type { DescribedJson } from '../core/wire.ts';

/** Resources as a descriptor file, which reads back as what was written. */
export function descriptorYaml(resources: readonly DescribedJson[]): string {
  if (resources.length === 0) return 'resources: {}\n';
  return `resources:\n${resources.map(resourceYaml).join('')}`;
}

/** Only what is not as if nobody had said it. */
function resourceYaml(resource: DescribedJson) {
  const { name, description, endpoint, tags, properties, env, slots, maxHold, machine, staleAfter, offline } = resource;
  const lines: string[] = [];
  if (description !== '') lines.push(`description: ${textYaml(description)}`);
  if (endpoint !== '') lines.push(`endpoint: ${textYaml(endpoint)}`);
  if (tags.length > 0) lines.push(`tags: [${tags.map(textYaml).join(', ')}]`);
  if (slots !== 1) lines.push(`slots: ${slots}`);
  lines.push(...mapYaml('properties', properties, scalarYaml), ...mapYaml('env', env, textYaml));
  if (maxHold !== null) lines.push(`max_hold: ${spanYaml(maxHold)}`);
  if (machine !== null) lines.push(`machine: ${textYaml(machine)}`);
  if (staleAfter !== null) lines.push(`stale_after: ${spanYaml(staleAfter)}`);
  if (offline !== null && offline.until === null) lines.push(`offline: ${quotedYaml(offline.reason)}`);
  if (offline !== null && offline.until !== null) {
    lines.push('offline:', `  reason: ${quotedYaml(offline.reason)}`, `  until: ${offline.until}`);
  }
  const key = textYaml(name);
  return lines.length === 0 ? `  ${key}: {}\n` : `  ${key}:\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

function mapYaml<T>(key: string, map: Readonly<Record<string, T>>, write: (value: T) => string): string[] {
  const entries = Object.entries(map);
  if (entries.length === 0) return [];
  return [`${key}:`, ...entries.map(([name, value]) => `  ${textYaml(name)}: ${write(value)}`)];
}

function scalarYaml(value: Scalar): string {
  return typeof value === 'string' ? textYaml(value) : String(value);
}

/** Without quotes only what YAML can take for nothing else. */
function textYaml(text: string): string {
  const plain = /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : quotedYaml(text);
}

/** Also a reason of "no" is one. */
function quotedYaml(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `12h` where that is exact, else seconds. */
function spanYaml(span: number): string {
  const text = formatDuration(span * 1000);
  return parseDuration(text) === span * 1000 ? text : String(span);
}
