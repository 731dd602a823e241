/** Prometheus' text format, read strictly; and what promtool would find wrong with it. */

export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Throws at the first line that is no such format. */
export function readMetrics(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families: { name: string; type: string; help: string; samples: MetricSample[] }[] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    const current = families.at(-1);
    if (keyword === 'HELP') families.push({ name, type: '', help: rest, samples: [] });
    else if (keyword === 'TYPE' && current?.name === name && current.type === '') current.type = rest;
    else if (current && current.type !== '') current.samples.push(readSample(line));
    else throw new Error(`out of place: ${line}`);
  }
  return families;
}

function readSample(line: string): MetricSample {
  const [whole, name = '', list = '', number = ''] = SAMPLE.exec(line) ?? [];
  if (whole === undefined) throw new Error(`no sample: ${line}`);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels: readLabels(list), value };
}

function readLabels(list: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < list.length) {
    const from = LABEL.lastIndex;
    const [, label, text] = LABEL.exec(list) ?? [];
    if (label === undefined || text === undefined) throw new Error(`no labels: ${list.slice(from)}`);
    if (Object.hasOwn(labels, label)) throw new Error(`${label} twice: ${list}`);
    labels[label] = text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return labels;
}

/** As `promtool check metrics` and the conventions have it; nothing where all is well. */
export function lint(families: readonly Family[]): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const family of families) {
    const { name, type, help, samples } = family;
    const say = (problem: string): void => void problems.push(`${name}: ${problem}`);
    if (names.has(name)) say('told twice');
    names.add(name);
    if (help.trim() === '') say('has no help');
    if (!/^(rentabot|process)_[a-z0-9_]+$/.test(name)) say('is no name of ours in snake case');
    if (/_(ms|milliseconds|minutes|hours|kb|kib|mb|percent)(_|$)/.test(name)) say('is not in a base unit');
    if (/_(gauge|counter|histogram|summary)(_|$)/.test(name)) say('has its type in its name');
    if ((type === 'counter') !== name.endsWith('_total')) say('counters, and they alone, end in _total');
    if (/_(bucket|sum|count|info)$/.test(name) && name !== 'rentabot_build_info')
      say('has the ending of something else');
    const series = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]));
    if (new Set(series).size < series.length) say('has a series twice');
    if (type === 'histogram') problems.push(...lintHistogram(family));
    else if (type !== 'counter' && type !== 'gauge') say(`is a ${type}`);
    else if (samples.some((sample) => sample.name !== name || 'le' in sample.labels))
      say('has samples of something else');
    if (type !== 'gauge' && samples.some(({ value }) => value < 0)) say('counts below zero');
  }
  return problems;
}

function lintHistogram({ name, samples }: Family): string[] {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const [sum, count] = ['sum', 'count'].map((end) => samples.filter((sample) => sample.name === `${name}_${end}`));
  const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)));
  const rising = (list: readonly number[], least: number): boolean =>
    list.every((one, i) => i === 0 || one - (list[i - 1] as number) >= least || one === Number.POSITIVE_INFINITY);
  const isWhole =
    sum?.length === 1 &&
    count?.length === 1 &&
    buckets.length + 2 === samples.length &&
    bounds.at(-1) === Number.POSITIVE_INFINITY &&
    buckets.at(-1)?.value === count[0]?.value;
  const values = buckets.map(({ value }) => value);
  return isWhole && rising(bounds, Number.MIN_VALUE) && rising(values, 0) ? [] : [`${name}: is no histogram`];
}
