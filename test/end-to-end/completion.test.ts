import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Account, type Run } from '../support/cli.ts';
import { hasScript } from '../support/terminal.ts';

/** What the Tab key offers: asked of the program, and of the shells that this machine has. */
const YAML = `
resources:
  board-1: { tags: [board, imx8] }
  board-2: { tags: [board] }
  "a b$c": {}
  "it's": {}
  "k=v": {}
  "rack:7": { tags: ["os:linux"] }
  "rack:8": { tags: ["os:bsd"] }
  "star*1": {}
`;

let account: Account;
let env: Record<string, string>;
beforeAll(async () => {
  account = await Account.make();
  env = { RENTABOT_URL: (await account.serve({ yaml: YAML })).url };
});

async function offered(...words: string[]): Promise<string[]> {
  const { out } = await account.run(['complete', '--', ...words], { env });
  return out.split('\n').filter((line) => line !== '');
}

describe('the program offers', () => {
  test.each([
    [['stat'], ['status', 'stats']],
    [['help', 'hist'], ['history']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['lock', '--no-w'], ['--no-wait']],
    [
      ['lock', '-n', 'board'],
      ['board-1', 'board-2'],
    ],
    [['lock', '--tag', 'b'], ['board']],
    [['lock', '-w', 'imx8 && bo'], ['imx8 && board']],
    [
      ['offline', 'board-1', 'board-'],
      ['board-1', 'board-2'],
    ],
    [['remove', 'a'], ['a b$c']],
    [['lock', '--name=board-1'], ['--name=board-1']],
    [['lock', '--tag=os:l'], ['--tag=os:linux']],
    [['serve', '--config=la'], [':files']],
    [['lock', '--nonsense=x'], []],
    [['lock', '-n', 'board-1', '--', 'ma'], [':files']],
    [['serve', '-c', ''], [':files']],
    [['import', ''], [':files']],
    [
      ['import', '--format', 'r'],
      ['rentabot', 'rent-a-bot', 'releng-hardware'],
    ],
    [['nonsense', ''], []],
  ])('for %j: %j', async (words, expected) => {
    expect((await offered(...words)).sort()).toEqual([...expected].sort());
  });

  test('nothing that is hidden, and no names where no daemon runs', async () => {
    expect(await offered('')).not.toContain('complete');
    expect(await offered('')).toContain('lock');
    const alone = await Account.make();
    const { code, out } = await alone.run(['complete', '--', 'lock', '-n', '']);
    expect({ code, out }).toEqual({ code: 0, out: '' });
  });
});

/** What a shell needs before the first prompt, as the documents say it; and what starts it then. */
interface Shell {
  readonly name: string;
  readonly start: string;
  readonly files: Readonly<Record<string, string>>;
  /** The folder or file that a script of ours is written to. */
  readonly script?: readonly [path: string, shell: string];
}

const BASH_COMPLETION = '/usr/share/bash-completion/bash_completion';
const ZSH = "PS1='ready> '\nfpath=(~/functions $fpath)\nautoload -U compinit; compinit -u -D\n";
const SHELLS: readonly Shell[] = [
  {
    name: 'bash',
    start: 'bash --rcfile ~/rc -i',
    files: { rc: "PS1='ready> '\nsource <(rentabot completion bash)\n" },
  },
  {
    name: 'bash with bash-completion',
    start: 'bash --rcfile ~/rc -i',
    files: { rc: `PS1='ready> '\nsource ${BASH_COMPLETION}\nsource <(rentabot completion bash)\n` },
  },
  {
    name: 'zsh',
    start: 'zsh -i',
    files: { '.zshrc': ZSH },
    script: ['functions/_rentabot', 'zsh'],
  },
  { name: 'zsh that sources it', start: 'zsh -i', files: { '.zshrc': `${ZSH}source <(rentabot completion zsh)\n` } },
  {
    name: 'fish',
    start: 'fish -i',
    files: { '.config/fish/config.fish': "function fish_prompt; printf 'ready> '; end\n" },
    script: ['.config/fish/completions/rentabot.fish', 'fish'],
  },
];

/** Why it is not tried here; null where it is. */
function missing({ name, start }: Shell): string | null {
  const [program = ''] = start.split(' ');
  if (!hasScript) return 'script(1) is not installed';
  if (spawnSync(program, ['-c', 'exit 0']).status !== 0) return `${program} is not installed`;
  return name.includes('bash-completion') && !existsSync(BASH_COMPLETION) ? `there is no ${BASH_COMPLETION}` : null;
}

/** Said by what is started in the place of rentabot: the arguments that it got. */
const TOLD = /<<(.*?)\|>>/g;
const TAB = '\t';
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken away
const COLOURS = /\u001b(?:\[[0-9;?]*[A-Za-z]|\(B)/g;
const KILL_LINE = '\u0015';

/** A shell at a terminal, in which the Tab key asks the real program, and Enter shows what it would have got. */
class Typist {
  private told = 0;

  private constructor(
    private readonly run: Run,
    private readonly list: string,
  ) {}

  static async at({ start, files, script }: Shell): Promise<Typist> {
    const home = account.folder(`typist-${typists++}`);
    const write = (path: string, text: string, mode = 0o644): void => {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), text, { mode });
    };
    const real = `exec '${process.execPath}' '${account.script}' "$@"`;
    const shim = `#!/bin/sh\ncase "$1 $2" in complete\\ * | completion\\ ?*) ${real} ;; esac\nprintf '<<'; printf '%s|' "$@"; printf '>>\\n'\n`;
    write('bin/rentabot', shim, 0o755);
    for (const [path, text] of Object.entries(files)) write(path, text);
    if (script) write(script[0], (await account.run(['completion', script[1]])).out);
    // Names that a pattern would match must not come from here.
    // Without it fish reads all man pages, in the background.
    account.folder(`${basename(home)}/.local/share/fish/generated_completions`);
    write('here/star-1', '');
    write('here/lab.yaml', '');
    const run = account.spawn(['script', '-qfec', `stty cols 100 rows 40; exec ${start}`, '/dev/null'], {
      env: { ...env, HOME: home, PATH: `${join(home, 'bin')}:${account.env.PATH}`, TERM: 'xterm' },
      cwd: join(home, 'here'),
      input: null,
    });
    await run.said('ready> ');
    return new Typist(run, start.startsWith('bash') ? TAB + TAB : TAB);
  }

  /** What the program gets when this is typed, with the Tab key where it stands, and then Enter. */
  async enter(line: string): Promise<string[]> {
    this.run.child.stdin?.write(`rentabot ${line}\r`);
    this.told += 1;
    await this.run.saidOnce(() => this.all().length >= this.told, line);
    return this.all()[this.told - 1] ?? [];
  }

  /** Waits until all of these are offered for the line, and answers with all that was shown for that. */
  async offers(line: string, expected: readonly string[]): Promise<string> {
    const from = this.run.out.length;
    this.run.child.stdin?.write(`rentabot ${line}${this.list}`);
    const shown = (): string => this.run.out.slice(from).replace(COLOURS, '');
    await this.run.saidOnce(() => expected.every((one) => shown().includes(one)), `${line}: ${expected}`);
    // What is on the line is given up.
    this.run.child.stdin?.write(KILL_LINE);
    return shown();
  }

  async leave(): Promise<void> {
    this.run.child.stdin?.write('exit\r');
    await this.run.ended;
  }

  private all(): string[][] {
    return [...this.run.out.matchAll(TOLD)].map(([, words = '']) => words.split('|'));
  }
}
let typists = 0;

/** What is typed up to the Tab key, and what the program gets. A pattern is for the shell itself to fill in, in zsh and fish. */
const FILLED: readonly (readonly [typed: string, got: readonly string[], ...notIn: readonly string[]])[] = [
  ['offl', ['offline']],
  ['comp', ['completion']],
  ['user ad', ['user', 'add']],
  ['lock --no-w', ['lock', '--no-wait']],
  ['lock -n board-1 -t im', ['lock', '-n', 'board-1', '-t', 'imx8']],
  ['release sta', ['release', 'star*1']],
  ['release star\\*', ['release', 'star*1'], 'fish'],
  ['release star*', ['release', 'star*1'], 'fish', 'zsh', 'zsh that sources it'],
  ['release ra', ['release', 'rack:']],
  ['release rack:8', ['release', 'rack:8']],
  ['lock -n rack:7 -t os:l', ['lock', '-n', 'rack:7', '-t', 'os:linux']],
  ['release k=', ['release', 'k=v']],
  ['release it', ['release', "it's"]],
  ['release a', ['release', 'a b$c']],
  ['release a\\ ', ['release', 'a b$c']],
  ["release 'a b", ['release', 'a b$c']],
  ['release "a ', ['release', 'a b$c']],
  ["lock -w 'board && im", ['lock', '-w', 'board && imx8']],
  ['lock -w "2*im', ['lock', '-w', '2*imx8']],
  ['lock --name=sta', ['lock', '--name=star*1']],
  ['lock --tag=os:b', ['lock', '--tag=os:bsd']],
  ['serve -c la', ['serve', '-c', 'lab.yaml']],
  ['serve --config=la', ['serve', '--config=lab.yaml']],
];

const OFFERED: readonly (readonly [typed: string, offered: readonly string[], not: readonly string[]])[] = [
  ['st', ['stats', 'status', 'steal'], ['offline']],
  ['lock --no', ['--no-wait', '--note'], ['--tag']],
  ['lock -n ', ['board-1', 'board-2', 'rack:7', 'star'], ['imx8', '--name']],
  ['lock -t ', ['board', 'imx8', 'os:linux', 'os:bsd'], ['rack', 'star']],
  ['release ', ['board-1', 'board-2', 'rack:7'], ['imx8', 'os:']],
  ['user ', ['add', 'edit', 'list', 'passwd', 'remove'], ['board']],
];

describe.each(SHELLS)('the Tab key of $name', (shell) => {
  const why = missing(shell);
  if (why) console.log(`the Tab key of ${shell.name} is not tried: ${why}`);

  test.skipIf(why)('fills in what there is one of, and the program gets it as one word', async () => {
    const typist = await Typist.at(shell);
    for (const [typed, got, ...notIn] of FILLED) {
      if (!notIn.includes(shell.name)) expect(await typist.enter(`${typed}${TAB}`), typed).toEqual(got);
    }
    await typist.leave();
  });

  test.skipIf(why)('offers what there are several of, as they are now', async () => {
    const typist = await Typist.at(shell);
    for (const [typed, offered, not] of OFFERED) {
      const shown = await typist.offers(typed, offered);
      for (const one of not) expect(shown.replace(`rentabot ${typed}`, ''), typed).not.toContain(one);
    }
    await account.run(['add', 'new-one'], { env });
    expect(await typist.enter(`release new${TAB}`)).toEqual(['release', 'new-one']);
    await account.run(['remove', 'new-one'], { env });
    await typist.leave();
  });
});
