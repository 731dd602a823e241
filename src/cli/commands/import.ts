import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import { type Asked, askDaemon, failed, refuseUsage } from '../ask.ts';
import type { Client, Patience, Reply } from '../client.ts';
import { type Planned, planImport } from '../import-plan.ts';
import { readImport } from '../import-reader.ts';
import { openSource } from '../import-source.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { prompt } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { addResource, type Changed, changeEach, editResource, readDescriptor, takeOffline } from '../things.ts';

const EXAMPLES = `
Examples:
  rentabot import lab.yaml
  rentabot import lab.yaml --dry-run
  rentabot export --url https://old.example | rentabot import - --yes

Exit codes as for status; 78 if the file is wrong.`;

const STDIN = '-';

interface ImportOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** `rentabot import FILE`: what a file describes, added to what there is. */
export function addImport(program: Command, shell: Shell): void {
  const command = program
    .command('import')
    .summary('add and change what a file describes')
    .description(
      'Reads a descriptor file and shows how it differs from what there is; then, with --yes or once you agree, adds what is new and changes what differs. What the file does not have is left as it is.',
    )
    .argument('<file>', 'the file; - for stdin')
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
  const source = openSource(file, shell.machine.cwd);
  if ('code' in source) return refuseUsage(source, shell, options);
  const read = readImport(source);
  if ('problems' in read) {
    const { problems, hint } = read;
    return failed(refuse('config', problems.map(printable).join('\n'), { hint }), talk).exit;
  }
  for (const warning of read.warnings) talk.say('warning', printable(warning));
  const there = await askDaemon(shell, options, (client, within) => readDescriptor(client, { within }), {
    ifNone: 'start',
    asAdmin: true,
  });
  if (there.type === 'failed') return there.exit;
  const plan = planImport(there.type === 'answer' ? there.body.resources : [], read.resources);
  const steps = plan.filter(({ type }) => type !== 'same');
  if (!options.json) await shell.print(shownPlan(plan));
  const agreed = steps.length === 0 || options.dryRun ? false : await agrees(file, options, shell);
  if (typeof agreed !== 'boolean') return refuseUsage(agreed, shell, options);
  if (agreed) {
    const done = await apply(steps, options, shell);
    if (done.type === 'failed') return done.exit;
  }
  if (options.json) await shell.print(`${JSON.stringify(planJson(read.format, plan, agreed))}\n`);
  else talk.say(agreed ? 'imported' : 'not-imported', agreed ? `${steps.length} applied` : 'nothing was changed');
  return 0;
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
  return changeEach(shell, options, steps, (client, step, _attempt, patience) => take(client, step, by, patience));
}

async function take(client: Client, step: Planned, by: string, patience: Patience): Promise<Reply<Changed>> {
  if (step.type === 'add') return addResource(client, step.resource, patience);
  if (step.type === 'same') return editResource(client, step.name, {}, patience);
  const { name, changes, offline } = step;
  const edited = await editResource(client, name, changes, patience);
  if (edited.type === 'refused' || !offline) return edited;
  return takeOffline(client, name, { reason: offline.reason, until: offline.until ?? null, by }, patience);
}

/** A line for each that is new, and for each that differs how. */
function shownPlan(plan: readonly Planned[]): string {
  const lines = plan.flatMap((step) => {
    if (step.type === 'same') return [];
    if (step.type === 'add') return [`+ ${step.resource.name}`];
    return [`~ ${step.name}: ${step.lines.join('; ')}`];
  });
  const same = plan.filter(({ type }) => type === 'same').length;
  return [...lines.map(printable), `${same} unchanged`].map((line) => `${line}\n`).join('');
}

function planJson(format: string, plan: readonly Planned[], applied: boolean) {
  return {
    format,
    added: plan.flatMap((step) => (step.type === 'add' ? [step.resource.name] : [])),
    changed: plan.flatMap((step) => (step.type === 'change' ? [step.name] : [])),
    unchanged: plan.filter(({ type }) => type === 'same').length,
    applied,
  };
}
