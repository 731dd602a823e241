import type { Command } from 'commander';
import type { WhoamiJson } from '../../core/wire-identity.ts';
import { askDaemon } from '../ask.ts';
import { EXIT_CODES } from '../exit.ts';
import { whoami } from '../identity-client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions } from '../options.ts';
import type { Shell } from '../shell.ts';
import { printable } from '../text.ts';

const EXAMPLES = `
Examples:
  rentabot whoami
  rentabot whoami --json

Exit codes:
    0 the daemon knows you, or knows nobody
   77 it does not know you
      other codes as for lock`;

/** `rentabot whoami`: who one is for the daemon, and what one may do. */
export function addWhoami(program: Command, shell: Shell): void {
  const command = program
    .command('whoami')
    .summary('who you are, and what you may do')
    .description('Says by which name and with which role the daemon knows you, and which daemon that is.');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    shell.exit = await show(options, shell);
  });
}

async function show(options: CommonOptions, shell: Shell): Promise<number> {
  let url = '';
  const asked = await askDaemon<WhoamiJson>(shell, options, (client, within) => {
    url = client.url;
    return whoami(client, { within });
  });
  if (asked.type === 'failed') return asked.exit;
  const open: WhoamiJson = { name: '', role: 'admin', identities: false, csrf: null };
  const { name, role, identities } = asked.type === 'answer' ? asked.body : open;
  const exit = role === 'nobody' ? EXIT_CODES.denied : 0;
  if (options.json) {
    const { jsonLine } = await import('../output.ts');
    await shell.print(jsonLine({ name, role, identities, url: url === '' ? null : url }));
    return exit;
  }
  const who = name === '' ? 'nobody in particular' : printable(name);
  const what = identities ? role : 'admin, as everybody: the daemon knows nobody';
  await shell.print(`${who} (${what})${url === '' ? '' : ` at ${url}`}\n`);
  return exit;
}
