import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDuration } from '../../src/core/duration.ts';
import type { EventJson, HistoryJson } from '../../src/core/wire.ts';
import { Account, isAlive, type Run, type Served, until } from '../support/cli.ts';
import { Http, jsonOf, whereOf } from '../support/http.ts';
import { ROOT, readDocument } from './support/markdown.ts';

/** What the recipes say is run, with the real program and a real daemon that knows its users, and a stub of what only a CI system has. */
const FOLDER = join(ROOT, 'examples/recipes');
const PACKAGE = `https://files.example.org/rentabot-${JSON.parse(readDocument('package.json')).version}.tgz`;
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const missing = (tool: string, ...args: string[]): boolean => spawnSync(tool, args).status !== 0;

let account: Account;
let served: Served;
let token: string;
let env: Record<string, string>;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve({ yaml: read('rentabot.yaml') });
  const admin = ['--url', `unix:${join(served.data, 'admin.sock')}`];
  await account.run(['user', 'add', 'alice', '--role', 'admin', ...admin], { input: 'correct horse\n' });
  token = (await account.run(['token', 'create', 'ci', '--role', 'user', ...admin])).out.trim();
  const bin = account.folder('bin');
  const start = `#!/bin/sh\nexec '${process.execPath}' '${account.script}' "$@"\n`;
  writeFileSync(join(bin, 'rentabot'), start, { mode: 0o755 });
  // It installs this program, as npm would the package, if it is asked as it should be.
  const npm = `#!/bin/sh
[ "$1 $2 $3 $4 $6" = 'install --global --omit=optional --prefix ${PACKAGE}' ] || { echo "npm $*" >&2; exit 1; }
mkdir -p "$5/bin" && cp '${join(bin, 'rentabot')}' "$5/bin/rentabot"
`;
  writeFileSync(join(account.folder('npm'), 'npm'), npm, { mode: 0o755 });
  for (const name of readdirSync(FOLDER))
    if (!name.endsWith('.md')) copyFileSync(join(FOLDER, name), join(account.work, name));
  env = { RENTABOT_URL: served.url, RENTABOT_TOKEN: token, PATH: `${bin}:${account.env.PATH}` };
});

/** What a CI system makes of its file. */
interface Pipeline {
  /** Each is a process of its own. */
  readonly steps: readonly string[];
  readonly shell: readonly string[];
  readonly limitMinutes: number;
  readonly env: Readonly<Record<string, string>>;
}

const LINK = 'https://ci.example.org/job/7';
const OUTSIDE: Readonly<Record<string, string>> = { RENTABOT_URL: '', RENTABOT_TOKEN: '', RENTABOT_PACKAGE: PACKAGE };

const PIPELINES: Readonly<Record<string, () => Pipeline>> = {
  'github-actions.yml': () => {
    const { jobs } = parse(read('github-actions.yml'));
    const job = jobs['test-on-board'];
    const steps: { uses?: string; run?: string; env?: Record<string, string> }[] = job.steps;
    expect(steps.flatMap(({ uses }) => uses ?? []).filter((uses) => !/^actions\/[a-z-]+@v\d+$/.test(uses))).toEqual([]);
    const said = Object.entries({ ...job.env, ...Object.assign({}, ...steps.map(({ env: own }) => own)) });
    for (const [name, value] of said) expect(value).toMatch(new RegExp(`^\\$\\{\\{ (vars|secrets)\\.${name} \\}\\}$`));
    expect(job.env.RENTABOT_TOKEN).toContain('secrets.');
    return {
      steps: steps.flatMap(({ run }) => run ?? []),
      shell: ['bash', '-e'],
      limitMinutes: job['timeout-minutes'],
      env: {
        ...Object.fromEntries(said.map(([name]) => [name, OUTSIDE[name] ?? ''])),
        ...{
          GITHUB_ACTIONS: 'true',
          GITHUB_SERVER_URL: 'https://ci.example.org',
          GITHUB_REPOSITORY: 'job',
          GITHUB_RUN_ID: '7',
        },
        ...{ RUNNER_TEMP: account.folder('github'), GITHUB_PATH: join(account.base, 'github-path') },
      },
    };
  },
  'gitlab-ci.yml': () => {
    const job = parse(read('gitlab-ci.yml'))['test-on-board'];
    return {
      steps: [[...job.before_script, ...job.script].join('\n')],
      shell: ['bash', '-eo', 'pipefail'],
      limitMinutes: Number(/^(\d+) minutes$/.exec(job.timeout)?.[1]),
      env: { ...OUTSIDE, GITLAB_CI: 'true', CI_JOB_URL: LINK, CI_PROJECT_DIR: account.folder('gitlab') },
    };
  },
  Jenkinsfile: () => {
    const text = read('Jenkinsfile').replace(/^ *\/\/.*$/gm, '');
    for (const pair of ['{}', '()', '[]'])
      expect(text.split(pair[0] ?? '').length).toBe(text.split(pair[1] ?? '').length);
    expect(text).toContain("RENTABOT_TOKEN = credentials('rentabot-token')");
    return {
      steps: [...text.matchAll(/\bsh (?:'''(.*?)'''|'(.*?)'$)/gms)].map(([, long, short]) => long ?? short ?? ''),
      shell: ['sh', '-xe'],
      limitMinutes: Number(/timeout\(time: (\d+), unit: 'MINUTES'\)/.exec(text)?.[1]),
      env: {
        ...OUTSIDE,
        JENKINS_URL: 'https://ci.example.org/',
        BUILD_URL: LINK,
        WORKSPACE_TMP: account.folder('jenkins'),
      },
    };
  },
  'buildkite.yml': () => {
    const [step] = parse(read('buildkite.yml')).steps;
    // One `$` alone is the business of the upload.
    expect(step.command.replaceAll('$$', '')).not.toContain('$');
    return {
      steps: [step.command.replaceAll('$$', '$')],
      shell: ['bash', '-e'],
      limitMinutes: step.timeout_in_minutes,
      env: { ...OUTSIDE, BUILDKITE: 'true', BUILDKITE_BUILD_URL: LINK },
    };
  },
};

describe.each(Object.entries(PIPELINES))('%s', (_, pipelineOf) => {
  /** Starts one step after the other; answers the last, which still runs. */
  async function play(script: string): Promise<Run> {
    const { steps, shell, env: given } = pipelineOf();
    writeFileSync(join(account.work, 'test-on-board.sh'), script, { mode: 0o755 });
    const path = [account.folder('npm'), account.env.PATH];
    const file = given.GITHUB_PATH ?? '';
    if (existsSync(file)) writeFileSync(file, '');
    for (const [i, step] of steps.entries()) {
      if (existsSync(file)) path.unshift(...readFileSync(file, 'utf8').trim().split('\n'));
      const own = { ...given, RENTABOT_URL: served.url, RENTABOT_TOKEN: token, PATH: path.join(':') };
      const run = account.spawn([...shell, account.file(`step-${i}`, step)], { env: own });
      if (i === steps.length - 1) return run;
      expect(await run.ended).toMatchObject({ code: 0 });
    }
    throw new Error('there is no step');
  }

  test('runs the command on a board, as the token it was given, and links to the job', async () => {
    const { code, out, err } = await (await play(read('test-on-board.sh'))).ended;
    expect([code, out.trim(), err]).toEqual([
      0,
      expect.stringMatching(/^testing board-\d at ssh:\/\/root@board-\d/),
      err,
    ]);
    const granted = (await history()).find(({ type }) => type === 'lease-granted');
    expect(granted?.holder?.link).toMatch(/^https:\/\/ci\.example\.org\/job\/(actions\/runs\/)?7#?$/);
    expect((granted as { owner?: string } | undefined)?.owner).toBe('ci');
  });

  test('leaves the job time for the whole wait and the whole command', () => {
    const { steps, limitMinutes } = pipelineOf();
    const flag = (name: string): number => {
      const [, text = ''] = new RegExp(`--${name} (\\S+)`).exec(steps.join('\n')) ?? [];
      return Number(parseDuration(text)) / 60_000;
    };
    expect(flag('wait') + flag('timeout')).toBeLessThanOrEqual(limitMinutes - 10);
    expect(flag('wait') * flag('timeout')).toBeGreaterThan(0);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('ends the command when the job is cancelled with %s', async (signal) => {
    const job = await play('#!/bin/sh\necho "pid $$"\nexec sleep 60\n');
    await job.said(/pid \d+\n/);
    const pid = Number(/pid (\d+)/.exec(job.out)?.[1]);
    // With `exec` that is the step's own process; without it, the system signals the whole group.
    if (pipelineOf().steps.at(-1)?.includes('exec rentabot')) expect(wrapperOf(pid)).toBe(job.pid);
    process.kill(wrapperOf(pid), signal);
    await job.ended;
    expect(isAlive(pid)).toBe(false);
    await until('it is given back', async () => (await history())[0]?.type === 'lease-ended');
  });
});

test('what the crontab runs is run', async () => {
  const jobs = read('crontab')
    .split('\n')
    .filter((line) => /^[\d*]/.test(line));
  expect(jobs).toHaveLength(2);
  for (const job of jobs) {
    const [, command = ''] = /^(?:\S+ ){5}(.*)$/.exec(job) ?? [];
    writeFileSync(join(account.home, 'test-on-board.sh'), read('test-on-board.sh'), { mode: 0o755 });
    // Cron makes an end of a line of each percent sign.
    expect(command).not.toContain('%');
    expect(await account.spawn(['sh', '-c', command], { env }).ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^testing /),
    });
  }
});

test('the fixtures hold what they say for as long as they say', async (context) => {
  if (missing('python3', '--version')) return context.skip('python3 is not installed');
  if (missing('python3', '-c', 'import pytest')) {
    execFileSync('python3', ['-m', 'py_compile', join(account.work, 'conftest.py')]);
    return context.skip('pytest is not installed; the fixtures are Python, and that is all that is known');
  }
  const run = account.spawn(['python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test_board.py'], {
    env: { ...env, HOME: process.env.HOME },
  });
  const { code, out } = await run.ended;
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('2 passed') });
});

test('nothing is installed by a name that is in no registry', () => {
  for (const name of readdirSync(FOLDER)) expect(read(name)).not.toMatch(/np[mx]\b.* ['"]?rentabot(@|['"]?$)/m);
});

/** The `rentabot lock` that runs this command. */
function wrapperOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

async function history(): Promise<EventJson[]> {
  const http = new Http(whereOf(served.url));
  try {
    const headers = { authorization: `Bearer ${token}` };
    return jsonOf<HistoryJson>(await http.ask('GET', '/api/v2/history', { headers })).events;
  } finally {
    http.close();
  }
}
