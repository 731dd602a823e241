import type { Histogram } from './histogram.ts';

/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** Prometheus' text format, version 0.0.4: one family of samples each. */
export function gauge(name: string, help: string, samples: number | readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

export function counter(name: string, help: string, samples: number | readonly Sample[]): string {
  return family(name, 'counter', help, samples);
}

export function histogram(name: string, help: string, found: Histogram): string {
  const lines = [...found.buckets()].map(([le, count]) => line(`${name}_bucket`, { le }, count));
  const count = [...found.buckets()].at(-1)?.[1] ?? 0;
  return `${head(name, 'histogram', help)}${lines.join('')}${line(`${name}_sum`, {}, found.sum)}${line(`${name}_count`, {}, count)}`;
}

/** One sample for each word, so that a series is there before anything happened. */
export function eachOf(label: string, words: readonly string[], counts: ReadonlyMap<string, number>): Sample[] {
  return words.map((word) => [{ [label]: word }, counts.get(word) ?? 0]);
}

function family(name: string, type: string, help: string, samples: number | readonly Sample[]): string {
  const all: readonly Sample[] = typeof samples === 'number' ? [[{}, samples]] : samples;
  return head(name, type, help) + all.map(([labels, value]) => line(name, labels, value)).join('');
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
}
