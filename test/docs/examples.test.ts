import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSomeSpan } from '../support/spans.ts';
import { type Block, blocksOf, documents, ROOT, readDocument } from './support/markdown.ts';
import { openStage, type Stage, script } from './support/stage.ts';
import { agrees, answersOf, readTranscript, scriptOf } from './support/transcript.ts';

/**
 * What the documents show is run. A block of `sh` has to succeed; a block of `console` is a transcript whose output has to
 * come; a block of `yaml` that starts with the comment `# NAME` is written to that file first. Everything of one document
 * runs in one folder, from top to bottom. Blocks in other languages, `shell` among them, are only shown.
 */
const DAEMON = 'http://127.0.0.1:5000';
/** A command that sleeps stands for one that is busy while the next ones run, which takes as long as the machine takes. */
const STRETCHES = [1, 4, 12];
const FILE = /^# ([\w.-]+\.yaml)\n/;

/** What a document that has no descriptor of its own runs with. */
const lab = blocksOf(readDocument('docs/cli.md')).find(({ text }) => FILE.test(text))?.text ?? '{}\n';

const shown = documents().map((path) => ({ path, blocks: blocksOf(readDocument(path)).filter(isActive) }));

describe.each(shown.filter(({ blocks }) => blocks.some(isRun)))('the examples of $path', ({ blocks }) => {
  let stage: Stage;
  beforeAll(() => {
    stage = openStage();
    writeFileSync(join(stage.folder, 'rentabot.yaml'), lab);
  });
  afterAll(() => stage.close());

  test.each(blocks)('at line $line work', async ({ language, text }) => {
    const name = FILE.exec(text)?.[1];
    if (language === 'yaml') return writeFileSync(join(stage.folder, name ?? ''), text);
    const reached = text.includes(DAEMON) ? text.replaceAll(DAEMON, await stage.daemon()) : text;
    if (language === 'sh') await succeed(stage, reached);
    else await inSomeSpan((stretch) => replay(stage, reached, stretch), STRETCHES);
  });
});

const folders = readdirSync(join(ROOT, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe.each(folders)('examples/$name', ({ name }) => {
  let stage: Stage;
  beforeAll(() => {
    stage = openStage();
  });
  afterAll(() => stage.close());

  test('says what it is', () => expect(existsSync(join(ROOT, 'examples', name, 'README.md'))).toBe(true));

  test('prints what its README shows', async () => {
    const folder = join(ROOT, 'examples', name);
    const expected = blocksOf(readDocument(`examples/${name}/README.md`)).find(({ language }) => language === 'text');
    const lines = (text: string): string[] => text.trimEnd().split('\n');
    await inSomeSpan(async (stretch) => {
      const { code, output } = await stage.run(['./run.sh'], { folder, stretch });
      expect({ code, output }).toMatchObject({ code: 0 });
      if (!agrees(lines(expected?.text ?? ''), lines(output))) expect(output).toBe(expected?.text);
    }, STRETCHES);
  });
});

test('the first command of the README runs what it says once it has installed and built', async () => {
  const [first] = commandsOfReadme();
  const [, install, build, command] = /^(npm ci) && (npm run build) && (bin\/rentabot\.js .*)$/.exec(first ?? '') ?? [];
  expect([install, build]).toEqual(['npm ci', 'npm run build']);
  const stage = openStage();
  try {
    expect(await stage.run(['bash', '-c', command ?? 'false'], { folder: ROOT })).toEqual({
      code: 0,
      output: 'demo is mine\n',
    });
  } finally {
    await stage.close();
  }
});

test('the second command of the README is what continuous integration calls', () => {
  const [, second] = commandsOfReadme();
  expect(second).toBe('npm ci && npm test');
  expect(readDocument('.ci/run').split('\n')).toContain(second);
});

function commandsOfReadme(): string[] {
  return blocksOf(readDocument('README.md'))
    .filter(({ language, text }) => language === 'shell' && text.startsWith('npm ci'))
    .map(({ text }) => text.trim());
}

function isRun({ language }: Block): boolean {
  return language === 'sh' || language === 'console';
}

function isActive(block: Block): boolean {
  return isRun(block) || (block.language === 'yaml' && FILE.test(block.text));
}

async function succeed(stage: Stage, text: string): Promise<void> {
  const { code, output } = await stage.run(['sh', '-eu', script(stage, text)]);
  expect({ code, output }).toMatchObject({ code: 0 });
}

async function replay(stage: Stage, text: string, stretch: number): Promise<void> {
  const exchanges = readTranscript(text);
  const { output } = await stage.run(['bash', script(stage, scriptOf(exchanges))], { stretch });
  const answers = answersOf(output);
  for (const [i, { command, expected }] of exchanges.entries()) {
    const actual = answers[i] ?? ['(it did not get there)', output];
    if (!agrees(expected, actual)) expect(actual.join('\n'), `$ ${command}`).toBe(expected.join('\n'));
  }
}
