import { type Refusal, refuse } from '../core/error.ts';
import type { DescribedJson, EditJson } from '../core/wire.ts';
import { type Asked, askDaemon, failed } from './ask.ts';
import { signalStatus } from './child.ts';
import type { Client, Patience, Reply } from './client.ts';
import { bodyIn, bodyOf, DraftFile, draftOf, type Judged, judge, type Revision } from './edit-draft.ts';
import { edit, editorOf, type Left } from './editor.ts';
import { type CommonOptions, readManner } from './options.ts';
import type { Shell } from './shell.ts';
import { Talk } from './talk.ts';
import { printable } from './text.ts';
import {
  bringOnline,
  type Changed,
  changeEach,
  editResource,
  nothingHere,
  readDescriptor,
  readResource,
  takeOffline,
} from './things.ts';

/** Lets somebody change a resource as a file in their editor; resolves to the exit code. */
export async function editByHand(name: string, options: CommonOptions, shell: Shell): Promise<number> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const editor = editorOf(shell.machine.env);
  if (editor === null) {
    const hint = 'say in EDITOR which one is to be used, or give an option: `rentabot edit --help`';
    return failed(refuse('usage', 'vi needs another terminal than this one', { hint }), talk).exit;
  }
  const found = await find(name, options, shell, talk);
  if ('exit' in found) return found.exit;
  const session = new Session(found, talk);
  const end = await session.run(editor, shell);
  if (end.type === 'left') {
    shell.raise = end.left.signal;
    return end.left.signal === null ? end.left.code : signalStatus(end.left.signal);
  }
  if (end.type === 'same') {
    talk.say('unchanged', 'nothing was changed');
    return 0;
  }
  if (end.type === 'wrong') {
    const { exit } = failed(
      refuse('config', end.problems.map(printable).join('\n'), { hint: 'nothing was changed' }),
      talk,
    );
    session.keep();
    return exit;
  }
  return apply(session, end.revision, options, shell);
}

async function find(
  name: string,
  options: CommonOptions,
  shell: Shell,
  talk: Talk,
): Promise<DescribedJson | { readonly exit: number }> {
  const ask = async (client: Client, within: number): Promise<Reply<DescribedJson | null>> => {
    const all = await readDescriptor(client, { within });
    if (all.type === 'refused') return all;
    const known = all.body.resources.find((one) => one.name === name);
    if (known) return { ...all, body: known };
    // Whoever is mistaken in the name is told the nearest.
    const leaving = await readResource(client, name, { within });
    return leaving.type === 'refused' ? leaving : { ...leaving, body: null };
  };
  const asked = await askDaemon(shell, options, ask, { asAdmin: true });
  if (asked.type === 'failed') return asked;
  if (asked.type === 'none') return failed(nothingHere(), talk);
  if (asked.body !== null) return asked.body;
  const hint = '`rentabot add` makes one that stays';
  return failed(refuse('usage', `${printable(name)} goes when its holder is done`, { hint }), talk);
}

type End = Judged | { readonly type: 'left'; readonly left: Extract<Left, { type: 'aborted' }> };

/** One resource in an editor, as often as it takes. */
class Session {
  private readonly file: DraftFile;

  constructor(
    readonly before: DescribedJson,
    private readonly talk: Talk,
  ) {
    this.file = new DraftFile(before.name);
  }

  /** Afterwards the file is gone, unless somebody's work is in it that has not been applied. */
  async run(editor: string, shell: Shell): Promise<End> {
    const { name } = this.before;
    let body = bodyOf(this.before);
    for (let problems: readonly string[] = []; ; ) {
      this.file.write(draftOf(name, body, problems));
      const left = await edit(editor, this.file.path, shell.machine.env);
      const text = this.file.read();
      const written = bodyIn(text);
      if (left.type === 'aborted') return this.aborted(left, written);
      const judged = judge(this.before, text, this.file.path, Date.now());
      if (judged.type === 'same') this.file.remove();
      if (judged.type !== 'wrong') return judged;
      if (problems.length > 0 && written === body) return judged;
      [body, problems] = [written, judged.problems];
    }
  }

  keep(): void {
    const path = printable(this.file.path);
    this.talk.fail('kept', `what you wrote is in ${path}; \`rentabot import ${path}\` applies it to what there is now`);
  }

  remove(): void {
    this.file.remove();
  }

  private aborted(left: Extract<Left, { type: 'aborted' }>, written: string): End {
    this.talk.fail('aborted', `${printable(left.why)}; nothing was changed`);
    if (written === '' || written === bodyOf(this.before)) this.remove();
    else this.keep();
    return { type: 'left', left };
  }
}

async function apply(session: Session, revision: Revision, options: CommonOptions, shell: Shell): Promise<number> {
  const { before } = session;
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const by = shell.caller().name;
  if (!options.quiet) await shell.print(`~ ${printable(`${before.name}: ${revision.lines.join('; ')}`)}\n`);
  const asked: Asked<readonly Changed[]> = await changeEach(shell, options, [revision], (client, one, _, patience) =>
    take(client, before, one, by, patience),
  );
  if (asked.type === 'answer') {
    session.remove();
    talk.say('edited', `${printable(before.name)} is changed`);
    return 0;
  }
  const exit = asked.type === 'failed' ? asked.exit : failed(nothingHere(), talk).exit;
  session.keep();
  return exit;
}

async function take(
  client: Client,
  before: DescribedJson,
  { changes, offline }: Revision,
  by: string,
  patience: Patience,
): Promise<Reply<Changed>> {
  const { name } = before;
  const { name: _, offline: __, source: ___, ...was } = before;
  const body: EditJson = { ...changes, was };
  const edited = await editResource(client, name, body, patience);
  if (edited.type === 'refused' || offline === undefined) return edited;
  if (offline === null) return bringOnline(client, name, patience);
  return takeOffline(client, name, { reason: offline.reason, until: offline.until ?? null, by }, patience);
}

/** Where nobody is there to edit, and nothing was said that could be changed. */
export function nothingToChange(): Refusal {
  return refuse('usage', 'nothing to change', {
    hint: '`rentabot edit --help` shows what there is; on a terminal it opens an editor',
  });
}
