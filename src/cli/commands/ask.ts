import type { Command } from 'commander';
import type { ResourceJson } from '../../core/wire.ts';
import { askDaemon } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import type { Client, Reply } from '../client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable, who } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot ask board-1
  rentabot ask board-1 --note 'five minutes would do'

It stays theirs: they decide. \`rentabot claim --next\` queues up for it. Exit codes as for status.`;

interface AskOptions extends CommonOptions {
  readonly note?: string;
  readonly quiet?: boolean;
}

/** `rentabot ask NAME`: asks whoever holds it to give it back. */
export function addAsk(program: Command, shell: Shell): void {
  const command = program
    .command('ask')
    .summary('ask whoever holds it to give it back')
    .description(
      'Tells the holders of a resource that you would like to have it: in the terminal where a `lock` of theirs runs, on the board, and by mail or chat where that is set up.',
    )
    .argument('<name>', 'the resource')
    .option('--note <text>', 'what they are told')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string, options: AskOptions) => {
    shell.exit = await ask(name, options, shell);
  });
}

type Answer = { readonly resource: ResourceJson };

async function ask(name: string, options: AskOptions, shell: Shell): Promise<number> {
  const by = recogniseCi(shell.machine.env).name ?? shell.caller().name;
  const asking = async (client: Client, within: number): Promise<Reply<Answer>> => {
    const told = await client.askHolders(name, { note: options.note ?? '', by }, { within });
    return told.type === 'refused' ? told : client.resource(name, { within });
  };
  const asked = await askDaemon<Answer>(shell, options, asking);
  if (asked.type === 'failed') return asked.exit;
  const holders = asked.type === 'answer' ? asked.body.resource.leases.map(({ holder }) => holder) : [];
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ asked: holders }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  if (holders.length === 0) talk.say('nothing-held', `${printable(name)} is held by nobody`);
  else talk.say('asked', `asked ${holders.map(who).join(', ')} for ${printable(name)}`);
  return 0;
}
