import { type Command, Option } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import { KNOWN_ROLES, type KnownRole } from '../../core/identity.ts';
import type { UserJson, UsersJson, WhoamiJson } from '../../core/wire-identity.ts';
import { type Asked, askDaemon, INSIST_MS, refuseUsage } from '../ask.ts';
import type { Client, Reply } from '../client.ts';
import { addUser, changeUser, listUsers, removeUser, whoami } from '../identity-client.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readManner } from '../options.ts';
import { type Prompt, prompt } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { clockTime, printable } from '../text.ts';
import { missing } from './login.ts';

const EXAMPLES = `
Examples:
  rentabot user add alice --role admin
  rentabot user add bob --role user --mail bob@lab.example <password.txt
  rentabot user passwd
  rentabot user list --json

Roles:
  viewer  sees everything, changes nothing
  user    asks for resources, and has their own leases
  admin   everything`;

const HEAD = ['NAME', 'ROLE', 'MAIL', 'SINCE'] as const;

interface UserOptions extends CommonOptions {
  readonly role?: KnownRole;
  readonly mail?: string;
}

/** `rentabot user …`: those who have a password. */
export function addUserCommand(program: Command, shell: Shell): void {
  const command = program
    .command('user')
    .summary('those who have a password')
    .description(
      "Adds, lists, changes and removes users. The first one makes the daemon ask everybody who they are, and has to be an admin. On its own host the owner of the daemon's data needs no login for this.",
    )
    .addHelpText('after', EXAMPLES);
  const role = () => new Option('--role <role>', 'viewer, user or admin').choices(KNOWN_ROLES);
  const mail = () => new Option('--mail <address>', 'where they are told of what is theirs');
  const sub = (usage: string, text: string) =>
    addDaemonOptions(addOutputOptions(command.command(usage).description(text)));
  sub('add <name>', 'add somebody; asks for a password, or reads it from stdin')
    .addOption(role().default('user'))
    .addOption(mail())
    .action(async (name: string, options: UserOptions) => {
      shell.exit = await add(name, options, shell);
    });
  sub('list', 'all users').action(async (options: CommonOptions) => {
    shell.exit = await list(options, shell);
  });
  sub('edit <name>', 'another role, or another mail address; an empty one takes it away')
    .addOption(role())
    .addOption(mail())
    .action(async (name: string, options: UserOptions) => {
      shell.exit = await edit(name, options, shell);
    });
  sub(
    'passwd [name]',
    'a new password, your own without a name; on stdin the lines are the old one and the new one',
  ).action(async (name: string | undefined, options: CommonOptions) => {
    shell.exit = await passwd(name ?? null, options, shell);
  });
  sub('remove <name>', 'remove somebody, with their logins and tokens; what they hold stays').action(
    async (name: string, options: CommonOptions) => {
      shell.exit = await remove(name, options, shell);
    },
  );
}

async function add(name: string, options: UserOptions, shell: Shell): Promise<number> {
  const before = await admin(shell, options, (client, within) => whoami(client, { within }));
  if (before.type !== 'answer') return failedOrNone(before, options, shell);
  const password = await newPassword(prompt(shell.voice), `Password for ${printable(name)}: `);
  if (typeof password !== 'string') return refuseUsage(password, shell, options);
  const body = { name, role: options.role ?? 'user', password, mail: options.mail ?? null };
  const added = await admin(shell, options, (client, within) => addUser(client, body, { within }));
  if (added.type !== 'answer') return failedOrNone(added, options, shell);
  const { user } = added.body;
  const first = before.body.identities ? '' : '; from now on the daemon asks everybody who they are: `rentabot login`';
  return tell(options, shell, user, `added ${printable(user.name)}, ${article(user.role)}${first}`);
}

async function list(options: CommonOptions, shell: Shell): Promise<number> {
  const asked = await admin<UsersJson>(shell, options, (client, within) => listUsers(client, { within }));
  if (asked.type === 'failed') return asked.exit;
  const { users } = asked.type === 'answer' ? asked.body : { users: [] };
  const { jsonLine, table } = await import('../output.ts');
  if (options.json) {
    await shell.print(jsonLine({ users }));
    return 0;
  }
  const now = Date.now();
  const rows = users.map(({ name, role, mail, created }) =>
    [name, role, mail ?? '-', clockTime(created, now)].map((text) => ({ text: printable(text) })),
  );
  await shell.print(table(HEAD, rows, shell.columns));
  return 0;
}

async function edit(name: string, { role, mail, ...options }: UserOptions, shell: Shell): Promise<number> {
  if (role === undefined && mail === undefined)
    return refuseUsage(refuse('usage', 'nothing is to be changed', { hint: 'give --role or --mail' }), shell, options);
  const change = { ...(role ? { role } : {}), ...(mail === undefined ? {} : { mail: mail || null }) };
  const changed = await admin(shell, options, (client, within) => changeUser(client, name, change, { within }));
  if (changed.type !== 'answer') return failedOrNone(changed, options, shell);
  const { user } = changed.body;
  return tell(
    options,
    shell,
    user,
    `${printable(user.name)} is ${article(user.role)}${user.mail ? `, ${user.mail}` : ''}`,
  );
}

async function passwd(given: string | null, options: CommonOptions, shell: Shell): Promise<number> {
  const who = await admin<WhoamiJson>(shell, options, (client, within) => whoami(client, { within }));
  if (who.type !== 'answer') return failedOrNone(who, options, shell);
  const name = given ?? who.body.name;
  const ask = prompt(shell.voice);
  const own = name === who.body.name;
  const current = own ? await ask.secret('Password until now: ') : '';
  if (current === null) return refuseUsage(missing('the password until now'), shell, options);
  const password = await newPassword(ask, `New password for ${printable(name)}: `);
  if (typeof password !== 'string') return refuseUsage(password, shell, options);
  const change = { password, ...(own ? { current } : {}) };
  const changed = await admin(shell, options, (client, within) => changeUser(client, name, change, { within }));
  if (changed.type !== 'answer') return failedOrNone(changed, options, shell);
  return tell(options, shell, changed.body.user, `${printable(name)} has a new password; every other login has ended`);
}

async function remove(name: string, options: CommonOptions, shell: Shell): Promise<number> {
  const removed = await admin(shell, options, (client, within) => removeUser(client, name, { within }));
  if (removed.type !== 'answer') return failedOrNone(removed, options, shell);
  return tell(options, shell, { name }, `removed ${printable(name)}, with their logins and tokens`);
}

/** Asks as an admin of this host where one may. */
export function admin<T>(
  shell: Shell,
  options: CommonOptions,
  ask: (client: Client, within: number) => Promise<Reply<T>>,
): Promise<Asked<T>> {
  return askDaemon(shell, options, ask, { retryFor: INSIST_MS, asAdmin: true });
}

export function failedOrNone(asked: Asked<unknown>, options: CommonOptions, shell: Shell): number {
  if (asked.type === 'failed') return asked.exit;
  const none = refuse('unreachable', 'no daemon is running here', { hint: 'start one with `rentabot serve`' });
  return refuseUsage(none, shell, options);
}

async function tell(options: CommonOptions, shell: Shell, user: Partial<UserJson>, sentence: string): Promise<number> {
  if (options.json) await shell.print((await import('../output.ts')).jsonLine({ user }));
  else new Talk(shell.voice, readManner(options, shell.machine.env)).say('user', sentence);
  return 0;
}

/** Twice from a person, who does not see what they type. */
async function newPassword(ask: Prompt, question: string): Promise<string | Refusal> {
  const password = await ask.secret(question);
  if (password === null) return missing('a password');
  if (!ask.interactive || (await ask.secret('Once more: ')) === password) return password;
  return refuse('usage', 'the two are not the same', { hint: 'try again' });
}

function article(role: KnownRole): string {
  return role === 'admin' ? 'an admin' : `a ${role}`;
}
