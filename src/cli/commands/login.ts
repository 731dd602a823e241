import type { Command } from 'commander';
import { type Refusal, refuse } from '../../core/error.ts';
import type { LoggedInJson } from '../../core/wire-identity.ts';
import { failed, refuseUsage } from '../ask.ts';
import { type Access, Client, unreachable } from '../client.ts';
import { findDaemon } from '../find-daemon.ts';
import { logIn, whoami } from '../identity-client.ts';
import { type Login, loginFile, writeLogin } from '../login-file.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDaemonChoice, readManner } from '../options.ts';
import { prompt } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { Unanswered } from '../transport.ts';

const EXAMPLES = `
Examples:
  rentabot login https://rentabot.example
  rentabot login http://lab-1:5000 --name alice <password.txt
  RENTABOT_TOKEN=rb_… rentabot login https://rentabot.example

Exit codes:
    0 logged in
   77 the name, the password or the token is wrong
      other codes as for lock`;

interface LoginOptions extends CommonOptions {
  readonly name?: string;
}

/** `rentabot login URL`: who one is from now on, and at which daemon. */
export function addLogin(program: Command, shell: Shell): void {
  const command = program
    .command('login')
    .summary('say who you are, once')
    .description(
      'Asks for your name and password, and keeps what the daemon gives for them: from now on every command goes to that daemon, as you. Without a terminal the password is the first line of stdin. A token that is given is kept in the place of a password.',
    )
    .argument('[url]', 'the daemon; without it the one that other commands use')
    .option('--name <name>', 'the name, in the place of asking for it');
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (url: string | undefined, options: LoginOptions) => {
    shell.exit = await login(url === undefined ? options : { ...options, url }, shell);
  });
}

async function login(options: LoginOptions, shell: Shell): Promise<number> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const choice = readDaemonChoice(options);
  if ('code' in choice) return refuseUsage(choice, shell, options);
  const given = choice.token ?? (shell.machine.env.RENTABOT_TOKEN || null);
  const access = await findDaemon(shell.machine, choice, talk, { ifNone: 'look' });
  if (access === null || 'code' in access) return failed(access ?? nowhere(), talk).exit;
  const { endpoint } = access;
  if (!endpoint.secure && endpoint.socketPath === null && !/^(localhost|127\.|\[?::1)/.test(endpoint.host))
    talk.say('not-encrypted', `what is said to ${endpoint.url} can be read on the way: it is not encrypted`);
  try {
    const found = await identify({ ...access, token: given }, options, shell, choice.connectTimeout);
    if ('code' in found) return failed(found, talk).exit;
    writeLogin(loginFile(shell.machine.places), found);
    talk.say('logged-in', `logged in at ${found.url} as ${printable(found.name)}`, {
      name: found.name,
      url: found.url,
    });
    return 0;
  } catch (error) {
    if (error instanceof Unanswered) return failed(unreachable(error), talk).exit;
    throw error;
  }
}

/** Who the token is, or who the name and password are. */
async function identify(access: Access, options: LoginOptions, shell: Shell, within: number): Promise<Login | Refusal> {
  const client = new Client(access, shell.transport);
  const { url } = access.endpoint;
  const who = await whoami(client, { within });
  if (who.type === 'refused') return who.refusal;
  const { identities, name } = who.body;
  if (!identities) return nobodyKnown(url);
  if (access.token !== null) return { url, name, token: access.token };
  const asked = await nameAndPassword(options, shell);
  if ('code' in asked) return asked;
  const reply = await logIn(client, { ...asked, for: 'cli' }, { within });
  if (reply.type === 'refused') return reply.refusal;
  const { name: known, token } = reply.body as LoggedInJson & { readonly token: string };
  return { url, name: known, token };
}

async function nameAndPassword(
  { name: given }: LoginOptions,
  shell: Shell,
): Promise<{ readonly name: string; readonly password: string } | Refusal> {
  const ask = prompt(shell.voice);
  const own = shell.caller().name;
  const typed = given ?? (ask.interactive ? await ask.line(`Name [${printable(own)}]: `) : own);
  if (typed === null) return missing('a name');
  const password = await ask.secret('Password: ');
  return password === null ? missing('a password') : { name: typed.trim() || own, password };
}

export function missing(what: string): Refusal {
  return refuse('usage', `${what} is missing`, { hint: 'type it, or give it on stdin, one a line' });
}

function nobodyKnown(url: string): Refusal {
  return refuse('usage', `the daemon at ${url} knows nobody, and asks nobody who they are`, {
    hint: '`rentabot user add NAME --role admin` makes the first, if that is what you want',
  });
}

function nowhere(): Refusal {
  return refuse('unreachable', 'no daemon is running here', { hint: 'say which: `rentabot login URL`' });
}
