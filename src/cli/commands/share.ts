import type { Command } from 'commander';
import { refuse } from '../../core/error.ts';
import type { LeaseJson } from '../../core/wire.ts';
import { askDaemon, INSIST_MS, refuseUsage } from '../ask.ts';
import { recogniseCi } from '../ci.ts';
import type { Client, Reply } from '../client.ts';
import { Me } from '../holdings.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { namesOf } from '../sentences.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { mono } from '../time.ts';
import { ownedOn } from './extend.ts';

const EXAMPLES = `
Examples:
  rentabot share board-1 alice
  rentabot share board-1 alice --stop

Exit codes as for extend.`;

interface ShareOptions extends CommonOptions {
  readonly stop?: boolean;
  readonly quiet?: boolean;
}

/** `rentabot share NAME WHO`: lets somebody else use what is ours. */
export function addShare(program: Command, shell: Shell): void {
  const command = program
    .command('share')
    .summary('let somebody else use what you hold, too')
    .description(
      'Lets somebody else do with what you hold what you may: extend it, give it back. Everybody sees who shares it.',
    )
    .argument('<name>', 'the resource')
    .argument('<who>', 'the user')
    .option('--stop', 'no longer')
    .option('-q, --quiet', 'say nothing');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (name: string, other: string, options: ShareOptions) => {
    shell.exit = await share(name, other, options, shell);
  });
}

async function share(name: string, other: string, options: ShareOptions, shell: Shell): Promise<number> {
  const caller = recogniseCi(shell.machine.env).name ?? shell.caller().name;
  const shared = !options.stop;
  const ask = async (client: Client, within: number): Promise<Reply<readonly LeaseJson[]>> => {
    const mine = await ownedOn(client, [name], new Me(client, caller), within);
    if (mine.type === 'refused') return mine;
    const leases: LeaseJson[] = [];
    for (const { id } of mine.body) {
      const reply = await client.share(id, { with: other, shared }, { within });
      if (reply.type === 'refused') return reply;
      leases.push(reply.body.lease);
    }
    return { type: 'ok', body: leases, sentAt: mono() };
  };
  const asked = await askDaemon<readonly LeaseJson[]>(shell, options, ask, { retryFor: INSIST_MS });
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none')
    return refuseUsage(refuse('lost', `no daemon is running here, so nobody holds ${printable(name)}`), shell, options);
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ shared: asked.body }));
    return 0;
  }
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const what = shared ? 'may use' : 'may no longer use';
  for (const lease of asked.body)
    talk.say('shared', `${printable(other)} ${what} ${namesOf(lease)} with you`, { lease });
  return 0;
}
