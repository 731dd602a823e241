import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLog, LOG_LEVELS, LONGEST_LOG_TEXT, type LogFields, type LogOptions } from '../../src/daemon/log.ts';

function logged(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLog({ format: 'text', level: 'debug', now: () => 1_700_000_000_123, write, ...options });
  return { log, lines };
}

describe('a line of text', () => {
  test.each<[LogFields, string]>([
    [{}, ''],
    [{ lease: '01J', fence: 7, status: 0, until: null }, ' lease=01J fence=7 status=0 until=null'],
    [{ note: 'nightly run', reason: '' }, ' note="nightly run" reason=""'],
    [{ resources: ['gpu-0', 'gpu-1'], want: '2*gpu' }, ' resources=gpu-0,gpu-1 want=2*gpu'],
    [{ note: 'a=b', holder: 'say "hi"' }, ' note="a=b" holder="say \\"hi\\""'],
    [{ note: undefined }, ''],
  ])('tells %j', (fields, told) => {
    const { log, lines } = logged();
    log.info('lease granted', fields);
    expect(lines).toEqual([`2023-11-14T22:13:20.123Z info  lease granted${told}\n`]);
  });
});

test('a line of JSON has time, level, message and the fields', () => {
  const { log, lines } = logged({ format: 'json' });
  log.warn('lease lost', { lease: '01J', resources: ['gpu-0'], waited: 1.5, note: 'a\nb\u2028' });
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '2023-11-14T22:13:20.123Z',
    level: 'warn',
    message: 'lease lost',
    lease: '01J',
    resources: ['gpu-0'],
    note: 'a\nb\u2028',
    waited: 1.5,
  });
  expect(lines[0]).not.toContain('\u2028');
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['error', ['error']],
] as const)('at level %s these are written: %j', (level, written) => {
  const { log, lines } = logged({ level, format: 'json' });
  for (const each of LOG_LEVELS) log[each]('x');
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
});

test('fields of a log that was narrowed are on all of its lines, and a line may replace them', () => {
  const { log, lines } = logged();
  const narrowed = log.with({ lease: '01J' }).with({ client: 'unix' });
  narrowed.info('a');
  narrowed.info('b', { lease: '01K' });
  log.info('c');
  expect(lines.map((line) => line.slice(31))).toEqual([
    'a lease=01J client=unix\n',
    'b lease=01K client=unix\n',
    'c\n',
  ]);
});

describe('nobody', () => {
  const hostile = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\r', '\u001b', '\u0085', '\u2028', '\u202e', ' ', '=', '\0'),
  });

  test('can end a line, or paint the terminal, by what they call a thing', () => {
    const oneLine = fc.property(hostile, hostile, fc.constantFrom('text' as const, 'json' as const), (a, b, format) => {
      const { log, lines } = logged({ format });
      log.error(a, { note: b, resources: [a, b], error: new Error(b, { cause: a }) });
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e]*\n$/u);
    });
    fc.assert(oneLine);
  });

  test('can add a field by what they call a thing', () => {
    const oneField = fc.property(hostile, (note) => {
      const { log, lines } = logged();
      log.info('x', { note });
      const value = /^\S+ info {2}x note=(.*)\n$/s.exec(lines[0] ?? '')?.[1] ?? '';
      if (value.startsWith('"')) expect(JSON.parse(value)).toBe(note);
      else expect(value).toBe(note);
    });
    fc.assert(oneField, { examples: [['a lease=forged'], ['a" lease="forged']] });
  });

  test('can fill the disk with one name', () => {
    const { log, lines } = logged();
    log.info('x', { note: 'n'.repeat(1_000_000), resources: Array.from({ length: 10_000 }, () => 'r') });
    expect(lines[0]?.length).toBeLessThan(LONGEST_LOG_TEXT + 300);
  });
});

describe('a secret', () => {
  test('is not written, whatever object it came with', () => {
    const { log, lines } = logged({ format: 'json' });
    const request = {
      lease: '01J',
      secret: 'hunter2',
      secretHash: 'hunter2',
      token: 'hunter2',
      authorization: 'hunter2',
    };
    log.with(request).error('refused', { ...request, holder: { token: 'hunter2' } as unknown as string });
    expect(lines[0]).not.toContain('hunter2');
    expect(lines[0]).toContain('01J');
  });

  test('is not written with an address', () => {
    const { log, lines } = logged();
    log.info('asked', {
      path: '/api/v1/resources/1/unlock?lock-token=hunter2',
      url: 'http://me:hunter2@host:1/x?token=hunter2',
    });
    expect(lines[0]).toMatch(/ path=\/api\/v1\/resources\/1\/unlock url=http:\/\/host:1\/x\n$/);
  });
});

describe('an error', () => {
  test('is told with its causes, outermost first', () => {
    const { log, lines } = logged();
    log.warn('cannot commit', {
      error: new Error('the store failed', { cause: new Error('disk full', { cause: 'ENOSPC' }) }),
    });
    expect(lines[0]).toContain(' error="the store failed: disk full: ENOSPC"\n');
  });

  test('has its stack on the same line, where it is a bug', () => {
    const { log, lines } = logged();
    log.error('cannot answer', { error: new TypeError('x is undefined') });
    expect(lines[0]).toMatch(/ error="x is undefined \(at .*log\.test\.ts.*\)"\n$/);
  });

  test('that is its own cause, or no error at all, is told too', () => {
    const { log, lines } = logged();
    const circle = new Error('round');
    circle.cause = circle;
    log.warn('a', { error: circle });
    log.warn('b', { error: 'a text' });
    log.warn('c', { error: { password: 'hunter2' } });
    expect(lines.map((line) => line.slice(31))).toEqual([
      `a error="${Array(8).fill('round').join(': ')}"\n`,
      'b error="a text"\n',
      'c error=object\n',
    ]);
  });
});
