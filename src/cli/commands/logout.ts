import type { Command } from 'commander';
import { refuseUsage } from '../ask.ts';
import { Client } from '../client.ts';
import { logOut } from '../identity-client.ts';
import { loginFile, readLogin, removeLogin } from '../login-file.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDaemonChoice, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { parseEndpoint, Unanswered } from '../transport.ts';

const EXAMPLES = `
Example:
  rentabot logout`;

/** `rentabot logout`: forgets what `login` left, here and at the daemon. */
export function addLogout(program: Command, shell: Shell): void {
  const command = program
    .command('logout')
    .summary('forget the login')
    .description(
      'Revokes what `login` was given, and removes it here. A token that was made with `token create` is only removed: it stays good until it is revoked.',
    );
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    shell.exit = await logout(options, shell);
  });
}

async function logout(options: CommonOptions, shell: Shell): Promise<number> {
  const talk = new Talk(shell.voice, readManner(options, shell.machine.env));
  const choice = readDaemonChoice(options);
  if ('code' in choice) return refuseUsage(choice, shell, options);
  const path = loginFile(shell.machine.places);
  const login = readLogin(path);
  removeLogin(path);
  if (login === null) {
    talk.say('not-logged-in', 'you were not logged in');
    return 0;
  }
  const endpoint = parseEndpoint(login.url, path);
  if ('code' in endpoint) return 0;
  const access = { endpoint, token: login.token, descriptor: null, revive: null, replace: null };
  try {
    await logOut(new Client(access, shell.transport), { within: choice.connectTimeout });
    talk.say('logged-out', `logged out of ${login.url}`);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    talk.say('logged-out', `logged out here; ${login.url} could not be told, so the token stays good until it expires`);
  }
  return 0;
}
