import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { Account } from '../support/cli.ts';

/** What the Tab key offers: asked of the program, and of the shells that this machine has. */
const YAML = `
resources:
  board-1: { tags: [board, imx8] }
  board-2: { tags: [board] }
  "a b$c": {}
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
    [['lock', '-n', 'board-1', '--', 'ma'], [':files']],
    [['serve', '-c', ''], [':files']],
    [['import', ''], [':files']],
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

const here = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** The line that a shell would complete, and what it asks its completion for. */
const BASH = `
source <("$RENTABOT" completion bash)
COMP_WORDS=("$RENTABOT" "$@"); COMP_CWORD=$#
COMP_LINE="\${COMP_WORDS[*]}"; COMP_POINT=\${#COMP_LINE}
_rentabot
printf '%s\\n' "\${COMPREPLY[@]}"
`;

test.skipIf(!here('bash'))('bash fills in names, tags and commands, each as one word', async () => {
  const script = account.file('complete.bash', BASH);
  const started = `exec '${process.execPath}' '${account.script}' "$@"\n`;
  const rentabot = account.file('rentabot', `#!/bin/sh\n${started}`, 0o755);
  const bash = async (...words: string[]) => {
    const { out } = await account.spawn(['bash', script, ...words], { env: { ...env, RENTABOT: rentabot } }).ended;
    return out.trim().split('\n');
  };
  expect(await bash('offl')).toEqual(['offline']);
  expect(await bash('lock', '-n', 'board-')).toEqual(['board-1', 'board-2']);
  expect(await bash('lock', '-t', 'im')).toEqual(['imx8']);
  expect(await bash('remove', 'a')).toEqual(['a\\ b\\$c']);
});

test.skipIf(!here('zsh'))('zsh takes the script', async () => {
  const { out } = await account.run(['completion', 'zsh']);
  expect(spawnSync('zsh', ['-n'], { input: out }).status).toBe(0);
});

test.skipIf(!here('fish'))('fish takes the script', async () => {
  const { out } = await account.run(['completion', 'fish']);
  expect(spawnSync('fish', ['--no-execute'], { input: out }).status).toBe(0);
});
