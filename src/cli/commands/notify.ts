import type { Command } from 'commander';
import type { NotifyTargetsJson, NotifyTestedJson, NotifyTestJson } from '../../core/wire-notify.ts';
import { askDaemon } from '../ask.ts';
import { EXIT_CODES } from '../exit.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable } from '../text.ts';
import { failedOrNone } from './user.ts';

const EXAMPLES = `
Examples:
  rentabot notify list
  rentabot notify test
  rentabot notify test mail --person alice

What is told, and where, stands in the daemon's configuration. \`test\` exits with 69 where a target cannot be told.`;

const HEAD = ['TARGET', 'KIND', 'HOST', 'STATE', 'WAITING', 'DELIVERED', 'DROPPED', 'LAST', 'PROBLEM'] as const;

interface TestOptions extends CommonOptions {
  readonly person?: string;
}

/** `rentabot notify …`: where people are told what happens, and whether that works. */
export function addNotify(program: Command, shell: Shell): void {
  const command = program
    .command('notify')
    .summary('where people are told what happens, and whether that works')
    .description(
      'Shows the chats, programs and mail servers where the daemon tells people what concerns them, and tries them. For admins, and on the host of the daemon.',
    )
    .addHelpText('after', EXAMPLES);
  const sub = (usage: string, text: string) =>
    addDaemonOptions(addOutputOptions(command.command(usage).description(text)));
  sub('list', 'all targets, and what became of what they were to be told').action(async (options: CommonOptions) => {
    shell.exit = await list(options, shell);
  });
  sub('test [target]', 'send a test to one of them, or to all, now')
    .option('--person <name>', 'whose mail address is tried (default: your own)')
    .action(async (target: string | undefined, options: TestOptions) => {
      shell.exit = await test(target ?? null, options, shell);
    });
}

async function list(options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await askDaemon<NotifyTargetsJson>(
    shell,
    options,
    (client, within) => client.call('GET', '/api/v2/notify', { within }),
    { asAdmin: true },
  );
  if (asked.type === 'failed') return asked.exit;
  const { targets } = asked.type === 'answer' ? asked.body : { targets: [] };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ targets }));
    return 0;
  }
  const paint = await shell.paint(options);
  const now = Date.now();
  const rows = targets.map(({ name, kind, host, state, waiting, delivered, dropped, lastDelivered, problem }) => [
    { text: printable(name), paint: paint.bold },
    { text: kind },
    { text: printable(host) },
    { text: state, paint: state === 'failing' ? paint.bad : paint.good },
    ...[waiting, delivered, dropped].map((count) => ({ text: String(count) })),
    { text: lastDelivered === null ? '-' : clockTime(lastDelivered, now) },
    { text: printable(problem ?? '-') },
  ]);
  await shell.print(table(HEAD, rows, shell.columns));
  if (targets.length === 0) shell.voice.write('rentabot: nobody is told anything; see `notify` in the configuration\n');
  return 0;
}

async function test(target: string | null, options: TestOptions, shell: Shell): Promise<number> {
  const body: NotifyTestJson = { target, person: options.person ?? null };
  // Once: it is a message to people.
  const asked = await askDaemon<NotifyTestedJson>(
    shell,
    options,
    (client, within) => client.call('POST', '/api/v2/notify/test', { within }, body),
    { retryFor: 0, asAdmin: true },
  );
  if (asked.type !== 'answer') return failedOrNone(asked, options, shell);
  const { tested } = asked.body;
  if (options.json) await shell.print((await import('../output.ts')).jsonLine({ tested }));
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  for (const { name, ok, problem } of options.json ? [] : tested) {
    const outcome = ok ? 'was told' : `could not be told: ${printable(problem ?? '')}`;
    talk.say(ok ? 'told' : 'not-told', `${printable(name)} ${outcome}`);
  }
  return tested.every(({ ok }) => ok) ? 0 : EXIT_CODES.unreachable;
}
