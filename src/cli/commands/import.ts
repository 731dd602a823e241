import { type Command, Option } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import { IMPORT_FORMATS, type ImportFormat } from '../../core/imported.ts';
import type { DescribedJson, ResourceJson } from '../../core/wire.ts';
import { type Asked, askDaemon, failed, refuseUsage } from '../ask.ts';
import type { Client, Patience, Reply } from '../client.ts';
import { fetchSource, isUrl } from '../import-fetch.ts';
import { type Planned, planImport } from '../import-plan.ts';
import { readImport } from '../import-reader.ts';
import { openSource, STDIN } from '../import-source.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { prompt } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import {
  addResource,
  type Changed,
  changeEach,
  editResource,
  readDescriptor,
  removedSentence,
  removeResource,
  takeOffline,
} from '../things.ts';

const EXAMPLES = `
Examples:
  rentabot import lab.yaml
  rentabot import lab.yaml --dry-run
  rentabot import lab.yaml --prune --yes
  rentabot import http://old-host:8080/machines
  rentabot import org.jenkins.plugins.lockableresources.LockableResourcesManager.xml
  rentabot import ~/locks --format pool-resource
  rentabot export --url https://old.example | rentabot import - --yes

It reads what rent-a-bot, Jenkins (Lockable Resources), Boskos, labgrid, py-lockable, Concourse (pool-resource), Enema and
releng-hardware have written, too, and tables; docs/moving-in.md says what becomes of what.

Exit codes as for status; 64 if the file cannot be read, 78 if it is wrong, 69 also if the url does not answer.`;

interface ImportOptions extends CommonOptions {
  readonly format?: ImportFormat;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
}

/** What the daemon has: as files describe it, and, where what is not in the file is to go, who has it. */
interface There {
  readonly described: readonly DescribedJson[];
  readonly prune: readonly ResourceJson[] | null;
}

/** `rentabot import FILE|URL`: what a file, or another tool, describes, added to what there is. */
export function addImport(program: Command, shell: Shell): void {
  const command = program
    .command('import')
    .summary('add and change what a file describes')
    .description(
      'Reads a descriptor, or what another tool has written, and shows how it differs from what there is; then, with --yes or once you agree, adds what is new and changes what differs. What the file does not have is left as it is, unless --prune is given.',
    )
    .argument('<file>', 'a file, a folder, a url, or - for stdin')
    .addOption(new Option('--format <name>', 'what it is, where that is not recognised').choices(IMPORT_FORMATS))
    .option('--prune', 'remove what the file does not have; what is held goes when its holder is done')
    .option('-y, --yes', 'do it, without a question')
    .option('--dry-run', 'show the difference, and change nothing')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (file: string, options: ImportOptions) => {
    shell.exit = await importFile(file, options, shell);
  });
}

async function importFile(file: string, options: ImportOptions, shell: Shell): Promise<number> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const source = isUrl(file) ? await fetchSource(file) : openSource(file, shell.machine.cwd);
  if ('code' in source) return refuseUsage(source, shell, options);
  const read = readImport(source, options.format ?? null);
  if ('problems' in read) {
    const { problems, hint } = read;
    return failed(refuse('config', problems.map(printable).join('\n'), { hint }), talk).exit;
  }
  for (const warning of read.warnings) talk.say('warning', printable(warning));
  const there = await whatIsThere(options, shell);
  if (there.type === 'failed') return there.exit;
  const { described, prune } = there.type === 'answer' ? there.body : { described: [], prune: null };
  const plan = planImport(described, read.resources, { now: Date.now(), prune });
  const steps = plan.filter(({ type }) => type !== 'same');
  if (!options.json) await shell.print(shownPlan(plan));
  const agreed = steps.length === 0 || options.dryRun ? false : await agrees(file, options, shell);
  if (typeof agreed !== 'boolean') return refuseUsage(agreed, shell, options);
  const done = agreed ? await apply(steps, options, shell) : null;
  if (done?.type === 'failed') return done.exit;
  if (options.json) await shell.print(`${JSON.stringify(planJson(read.format, plan, agreed))}\n`);
  else if (done?.type === 'answer') tell(steps, done.body, talk);
  else talk.say('not-imported', 'nothing was changed');
  return 0;
}

function whatIsThere(options: ImportOptions, shell: Shell): Promise<Asked<There>> {
  const ask = async (client: Client, within: number): Promise<Reply<There>> => {
    const described = await readDescriptor(client, { within });
    if (described.type === 'refused') return described;
    const { resources } = described.body;
    if (!options.prune) return { ...described, body: { described: resources, prune: null } };
    const now = await client.resources({ within });
    return now.type === 'refused' ? now : { ...now, body: { described: resources, prune: now.body.resources } };
  };
  return askDaemon(shell, options, ask, { ifNone: 'start', asAdmin: true });
}

async function agrees(file: string, options: ImportOptions, shell: Shell): Promise<boolean | Refusal> {
  if (options.yes) return true;
  const asking = prompt(shell.voice);
  if (file === STDIN || !asking.interactive || options.json)
    return refuse('usage', 'nothing was changed, as nobody is there to be asked', {
      hint: '--yes applies it, --dry-run only looks',
    });
  return /^y(es)?$/i.test((await asking.line('Apply? [y/N] '))?.trim() ?? '');
}

function apply(steps: readonly Planned[], options: ImportOptions, shell: Shell): Promise<Asked<readonly Changed[]>> {
  const by = shell.caller().name;
  return changeEach(shell, options, steps, (client, step, attempt, patience) =>
    take(client, step, { by, attempt }, patience),
  );
}

async function take(
  client: Client,
  step: Planned,
  { by, attempt }: { readonly by: string; readonly attempt: number },
  patience: Patience,
): Promise<Reply<Changed>> {
  if (step.type === 'add') return addResource(client, step.resource, patience);
  if (step.type === 'remove') return removeResource(client, step.name, attempt, patience);
  if (step.type === 'same') return editResource(client, step.name, {}, patience);
  const { name, changes, offline } = step;
  const edited = await editResource(client, name, changes, patience);
  if (edited.type === 'refused' || !offline) return edited;
  return takeOffline(client, name, { reason: offline.reason, until: offline.until ?? null, by }, patience);
}

/** What was removed and is still held is said: it is there until its holder is done. */
function tell(steps: readonly Planned[], done: readonly Changed[], talk: Talk): void {
  for (const [i, step] of steps.entries()) {
    const changed = done[i];
    if (step.type === 'remove' && changed) talk.say('removed', removedSentence(step.name, changed));
  }
  talk.say('imported', `${steps.length} applied`);
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const;

/** A line for each that is new, differs, or is to go. */
function shownPlan(plan: readonly Planned[]): string {
  const lines = plan.flatMap((step) => {
    if (step.type === 'same') return [];
    const about = step.lines.length === 0 ? '' : `: ${step.lines.join('; ')}`;
    return [`${SIGNS[step.type]} ${nameOf(step)}${about}`];
  });
  const same = plan.filter(({ type }) => type === 'same').length;
  return [...lines.map(printable), `${same} unchanged`].map((line) => `${line}\n`).join('');
}

function nameOf(step: Planned): string {
  return step.type === 'add' ? step.resource.name : step.name;
}

function planJson(format: string, plan: readonly Planned[], applied: boolean) {
  const names = (wanted: (step: Planned) => boolean) => plan.filter(wanted).map(nameOf);
  return {
    format,
    added: names(({ type }) => type === 'add'),
    changed: names(({ type }) => type === 'change'),
    removed: names((step) => step.type === 'remove' && !step.held),
    retiring: names((step) => step.type === 'remove' && step.held),
    unchanged: plan.filter(({ type }) => type === 'same').length,
    applied,
  };
}
