import { type Command, Option } from 'commander';
import { KNOWN_ROLES, type KnownRole } from '../../core/identity.ts';
import type { TokensJson } from '../../core/wire-identity.ts';
import { askDaemon, refuseUsage } from '../ask.ts';
import { addToken, listTokens, revokeToken } from '../identity-client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDuration, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable } from '../text.ts';
import { admin, failedOrNone } from './user.ts';

const EXAMPLES = `
Examples:
  rentabot token create ci --role user --expires 90d
  RENTABOT_TOKEN=$(rentabot token create ci --role user) rentabot whoami
  rentabot token revoke ci`;

const HEAD = ['NAME', 'ROLE', 'EXPIRES', 'LAST USED', 'MADE BY', 'ID'] as const;

interface CreateOptions extends CommonOptions {
  readonly role: KnownRole;
  readonly expires?: string;
}

/** `rentabot token …`: what programs say who they are with. */
export function addTokenCommand(program: Command, shell: Shell): void {
  const command = program
    .command('token')
    .summary('what programs say who they are with')
    .description(
      "Makes, lists and revokes tokens. One that an admin makes stands for itself; anybody else's belongs to them, is called NAME/TOKEN and may do no more than they may.",
    )
    .addHelpText('after', EXAMPLES);
  const sub = (usage: string, text: string) =>
    addDaemonOptions(addOutputOptions(command.command(usage).description(text)));
  sub('create <name>', 'make one, and print it on stdout; nobody can look it up later')
    .addOption(new Option('--role <role>', 'viewer, user or admin').choices(KNOWN_ROLES).makeOptionMandatory())
    .option('--expires <dur>', 'when it is worth nothing any more: 90d; never, if not given')
    .action(async (name: string, options: CreateOptions) => {
      shell.exit = await create(name, options, shell);
    });
  sub('list', 'yours; an admin sees all').action(async (options: CommonOptions) => {
    shell.exit = await list(options, shell);
  });
  sub('revoke <token>', 'by its name or its id; it is worth nothing from then on').action(
    async (token: string, options: CommonOptions) => {
      shell.exit = await revoke(token, options, shell);
    },
  );
}

async function create(name: string, { role, expires, ...options }: CreateOptions, shell: Shell): Promise<number> {
  const span = expires === undefined ? null : readDuration('--expires', expires);
  if (span !== null && typeof span !== 'number') return refuseUsage(span, shell, options);
  const body = { name, role, for: span === null ? null : span / 1000 };
  // Once: a second one would be refused as being there already, and nobody would know its secret.
  const asked = await askDaemon(shell, options, (client, within) => addToken(client, body, { within }), {
    retryFor: 0,
    asAdmin: true,
  });
  if (asked.type !== 'answer') return failedOrNone(asked, options, shell);
  const { secret, token } = asked.body;
  await shell.print(options.json ? (await import('../output.ts')).jsonLine({ secret, token }) : `${secret}\n`);
  return 0;
}

async function list(options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await admin<TokensJson>(shell, options, (client, within) => listTokens(client, { within }));
  if (asked.type === 'failed') return asked.exit;
  const { tokens } = asked.type === 'answer' ? asked.body : { tokens: [] };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ tokens }));
    return 0;
  }
  const now = Date.now();
  const rows = tokens.map(({ id, name, role, login, expires, lastUsed, createdBy }) => {
    const until = expires === null ? 'never' : clockTime(expires, now);
    const over = expires !== null && Date.parse(expires) <= now ? 'expired' : until;
    const used = lastUsed === null ? '-' : clockTime(lastUsed, now);
    return [login ? `${name} (login)` : name, role, over, used, createdBy || '-', id].map((text) => ({
      text: printable(text),
    }));
  });
  await shell.print(table(HEAD, rows, shell.columns));
  return 0;
}

async function revoke(token: string, options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await admin(shell, options, (client, within) => revokeToken(client, token, { within }));
  if (asked.type !== 'answer') return failedOrNone(asked, options, shell);
  if (options.json) await shell.print((await import('../output.ts')).jsonLine({ revoked: token }));
  else new Talk(shell.voice, readManner(options, shell.machine.env)).say('revoked', `revoked ${printable(token)}`);
  return 0;
}
