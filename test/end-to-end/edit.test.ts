import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Account, processesWith, type Served, signal, until } from '../support/cli.ts';
import { hasScript, Terminal, terminalEnv } from '../support/terminal.ts';

/** `rentabot edit NAME` as somebody at a terminal has it, with scripts for editors. */
let account: Account;
let served: Served;
let env: Record<string, string>;

beforeAll(async () => {
  account = await Account.make();
  served = await account.serve();
  env = terminalEnv(account, served.url);
});

const NAME = 'board 7';

beforeEach(async () => {
  await account.run(['remove', NAME], { env });
  const traits = ['-t', 'board', '--slots', '2', '--env', 'KEY=hidden-value', '--property', 'mem=4'];
  expect((await account.run(['add', NAME, ...traits], { env })).code).toBe(0);
});

/** An editor: a script that finds the file in `$1`. */
function editor(name: string, script: string): string {
  return account.file(name, `#!/bin/sh\nset -e\n${script}\n`, 0o755);
}

/** What came of `rentabot edit` with this editor, on a terminal. */
async function edited(visual: string | undefined, more: Record<string, string> = {}, options = '') {
  const terminal = await Terminal.open(account, { ...env, VISUAL: visual, ...more });
  await terminal.command(`$RB edit '${NAME}' ${options}; echo "code $?"`);
  await terminal.run.said(/code \d+\r\n/);
  await terminal.exit();
  const [, shown = ''] = terminal.screen.split(/echo "code \$\?"\r+\n/);
  const kept = /what you wrote is in (\S+);/.exec(shown)?.[1] ?? null;
  return { shown, code: Number(/code (\d+)\r\n/.exec(shown)?.[1]), kept };
}

async function now() {
  const { out } = await account.run(['export', '--json'], { env });
  return JSON.parse(out).resources.find(({ name }: { name: string }) => name === NAME);
}

const left = (): string[] => readdirSync(account.base).filter((name) => name.startsWith('rentabot-edit-'));

describe.skipIf(!hasScript)('a resource in an editor', () => {
  test('is a file that nobody else can read, with what it is for on top; what is saved is shown and counts', async () => {
    const visual = editor(
      'saves',
      'cp "$1" seen.yaml; stat -c "%a" "$1" "$(dirname "$1")" > modes; sed -i "s/slots: 2/slots: 3/; s/hidden-value/other-value/; s/\\[board\\]/[board, new]/" "$1"',
    );
    const { shown, code } = await edited(visual);
    expect(shown).toContain('~ board 7: slots 2 → 3; tag + new; env KEY\r\nrentabot: board 7 is changed\r\n');
    expect(shown).not.toMatch(/hidden-value|other-value/);
    expect(code).toBe(0);
    expect(await now()).toMatchObject({ slots: 3, tags: ['board', 'new'], env: { KEY: 'other-value' } });
    expect(account.read('modes')).toBe('600\n700\n');
    const [comments, body] = account.read('seen.yaml').split('\n\n');
    expect(comments?.split('\n').every((line) => line.startsWith('# '))).toBe(true);
    expect(comments).toMatch(/board 7.*save it and leave the editor.*changes nothing.*stale_after/s);
    expect(body).toBe(
      'resources:\n  "board 7":\n    tags: [board]\n    slots: 2\n    properties:\n      mem: 4\n    env:\n      KEY: hidden-value\n',
    );
    expect(left()).toEqual([]);
  });

  test.each([
    ['left as it is', ':'],
    ['emptied', ': > "$1"'],
    ['nothing but comments', 'echo "# nothing" > "$1"'],
    ['removed', 'rm "$1"'],
    [
      'otherwise written, and the same',
      'echo "board 7: {slots: 2, tags: board, env: {KEY: hidden-value}, properties: {mem: 4}}" > "$1"',
    ],
  ])('%s, changes nothing', async (_, script) => {
    const before = await now();
    const { shown, code } = await edited(editor('idle', script));
    expect(shown).toContain('rentabot: nothing was changed\r\n');
    expect(code).toBe(0);
    expect(await now()).toEqual(before);
    expect(left()).toEqual([]);
  });

  test('with a mistake is opened again, with the mistake and its line on top', async () => {
    const visual = editor(
      'mends',
      'if [ -e second ]; then cp "$1" again.yaml; sed -i "s/many/4/; /slotz/d" "$1"; else touch second; sed -i "s/slots: 2/slots: many/; s/^    env:/    slotz: 1\\n    env:/" "$1"; fi',
    );
    const { shown, code } = await edited(visual);
    expect(shown).toContain('slots 2 → 4');
    expect(code).toBe(0);
    expect(await now()).toMatchObject({ slots: 4 });
    const lines = account.read('again.yaml').split('\n');
    const told = lines.filter((line) => line.startsWith('# board_7.yaml:'));
    expect(told).toHaveLength(1);
    const [, line = '', about] = /^# board_7\.yaml:(\d+):\d+: (.*)$/.exec(told[0] ?? '') ?? [];
    expect(lines[Number(line) - 1]).toBe('    slots: many');
    expect(about).toContain('slots of board 7: expected');
    // The body comes back as it was left, once.
    expect(lines.filter((one) => one.startsWith('resources:'))).toHaveLength(1);
    expect(lines).toContain('    slotz: 1');
  });

  test('what would be ignored is a mistake: it would be lost', async () => {
    const visual = editor('typo', 'sed -i "s/tags:/tagz:/" "$1"');
    const { shown, code } = await edited(visual);
    expect(shown).toMatch(/config: .*board 7 has an unknown key "tagz", did you mean "tags"\?/);
    expect(code).toBe(78);
    expect(await now()).toMatchObject({ tags: ['board'] });
  });

  test('left with its mistake is given up, and the file is kept', async () => {
    const { shown, code, kept } = await edited(editor('wrong', 'sed -i "s/slots: 2/slots: many/" "$1"'));
    expect(shown).toMatch(/config: board_7\.yaml:\d+:\d+: slots of board 7: .*nothing was changed/s);
    expect(code).toBe(78);
    expect(readFileSync(kept ?? '', 'utf8')).toContain('slots: many');
    expect(await now()).toMatchObject({ slots: 2 });
  });

  test.each([
    [
      'another name',
      'sed -i "s/board 7/board 8/" "$1"',
      'this is about board 7 alone, whose name stays, found board 8',
    ],
    [
      'one more',
      'grep -q other "$1" || echo "  other: {}" >> "$1"',
      'this is about board 7 alone, whose name stays, found board 7, other',
    ],
    ['nothing in it', 'echo "resources: {}" > "$1"', 'nothing is left of board 7; `rentabot remove` takes it away'],
  ])('with %s is refused', async (_, script, sentence) => {
    const { shown, code } = await edited(editor('renames', script));
    expect(shown).toContain(sentence);
    expect(code).toBe(78);
    expect(await now()).toMatchObject({ slots: 2 });
  });

  test('an editor that fails changes nothing, and keeps what was written', async () => {
    const { shown, code, kept } = await edited(editor('fails', 'sed -i "s/slots: 2/slots: 9/" "$1"; exit 3'));
    expect(shown).toMatch(/aborted: \S+fails ended with 3; nothing was changed/);
    expect(code).toBe(1);
    expect(readFileSync(kept ?? '', 'utf8')).toContain('slots: 9');
    const before = left();
    const untouched = await edited(editor('fails', 'exit 3'));
    expect(untouched).toMatchObject({ code: 1, kept: null });
    expect(left()).toEqual(before);
    expect(await now()).toMatchObject({ slots: 2 });
    const missing = await edited('no-such-editor');
    expect(missing.shown).toContain('aborted: no-such-editor ended with 127; nothing was changed');
    expect(missing.code).toBe(127);
  });

  test('what somebody else has changed meanwhile is not overwritten, and what was written can be applied afterwards', async () => {
    const script = `${env.RB} edit "${NAME}" --add-tag theirs -q; sed -i "s/slots: 2/slots: 7/" "$1"`;
    const { shown, code, kept } = await edited(editor('races', script));
    expect(shown).toContain('somebody has changed board 7 meanwhile; nothing was changed');
    expect(code).toBe(64);
    expect(await now()).toMatchObject({ slots: 2, tags: ['board', 'theirs'] });
    expect((await account.run(['import', kept ?? '', '--yes'], { env })).out).toContain('slots 2 → 7; tag - theirs');
  });

  test('goes out of service and comes back as the file says', async () => {
    const out = await edited(editor('off', 'echo "    offline: fan broken" >> "$1"'));
    expect(out.shown).toContain('~ board 7: offline: fan broken');
    expect(await now()).toMatchObject({ offline: { reason: 'fan broken' } });
    const back = await edited(editor('on', 'sed -i "/offline/d" "$1"'));
    expect(back.shown).toContain('~ board 7: in service');
    expect(await now()).toMatchObject({ offline: null });
  });

  test.each([
    ['VISUAL, with arguments and quotes', { VISUAL: "'./my editor' --wait 'a b'", EDITOR: 'false' }, '--wait|a b|'],
    ['EDITOR, where there is no VISUAL', { VISUAL: '', EDITOR: './my\\ editor' }, ''],
    ['vi, where there is neither', { VISUAL: '', EDITOR: '' }, 'vi|'],
    ['EDITOR alone on a dumb terminal', { TERM: 'dumb', VISUAL: 'false', EDITOR: './my\\ editor' }, ''],
  ])('is opened in %s', async (_, { VISUAL, ...more }, given) => {
    const script = 'for a; do shift; case $a in *.yaml) ;; *) printf "%s|" "$a" >> args;; esac; done';
    account.file('args', '');
    account.file('my editor', `#!/bin/sh\n${script}\n`, 0o755);
    const bin = account.folder('work/bin');
    account.file('bin/vi', `#!/bin/sh\nprintf "vi|" >> args\n`, 0o755);
    const { code } = await edited(VISUAL, { PATH: `${bin}:${account.env.PATH}`, ...more });
    expect(code).toBe(0);
    expect(account.read('args')).toBe(given);
  });

  test('a dumb terminal without EDITOR is told so', async () => {
    const { shown, code } = await edited('', { TERM: 'dumb', EDITOR: '' });
    expect(shown).toContain('vi needs another terminal than this one; say in EDITOR');
    expect(code).toBe(64);
  });

  test('Ctrl-C is for the editor alone', async () => {
    const visual = editor(
      'patient',
      'trap "echo interrupted" INT; echo in; while [ ! -e go-on ]; do sleep 0.05 || :; done; sed -i "s/slots: 2/slots: 5/" "$1"',
    );
    const terminal = await Terminal.open(account, { ...env, VISUAL: visual });
    terminal.type(`$RB edit '${NAME}'\r`);
    await terminal.run.said('\r\nin\r\n');
    terminal.type('\u0003');
    await terminal.run.said('interrupted\r\n');
    account.file('go-on', '');
    await terminal.run.said('board 7 is changed');
    await terminal.exit();
    expect(await now()).toMatchObject({ slots: 5 });
  });

  test('TERM ends the editor, and leaves nothing behind', async () => {
    const before = left();
    const span = `1234.${process.pid}`;
    const visual = editor('stays', `echo in; sleep ${span}`);
    const terminal = await Terminal.open(account, { ...env, VISUAL: visual });
    terminal.type(`$RB edit '${NAME}'; echo "code $?"\r`);
    await terminal.run.said('\r\nin\r\n');
    const [pid = 0] = processesWith(`edit\0${NAME}\0`);
    signal(pid, 'SIGTERM');
    await terminal.run.said('code 143');
    expect(terminal.screen).toContain('aborted: SIGTERM came; nothing was changed');
    await terminal.exit();
    await until('the editor has ended', () => processesWith(`sleep\0${span}\0`).length === 0);
    expect(left()).toEqual(before);
  });

  test('of a name that nobody knows is not opened', async () => {
    const opened = account.file('opened', '');
    const terminal = await Terminal.open(account, { ...env, VISUAL: editor('marks', `echo yes > ${opened}`) });
    await terminal.command('$RB edit "board 9"; echo "code $?"');
    await terminal.run.said('code 65');
    expect(terminal.screen).toMatch(/no resource is named "board 9".*did you mean board 7\?/s);
    await terminal.exit();
    expect(account.read('opened')).toBe('');
  });
});

test('where nobody is there to edit, an edit of nothing is refused', async () => {
  const { code, err } = await account.run(['edit', NAME], { env: { ...env, VISUAL: 'true' } });
  expect(code).toBe(64);
  expect(err).toContain('nothing to change; `rentabot edit --help` shows what there is');
});
