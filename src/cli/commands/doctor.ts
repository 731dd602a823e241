import type { Command } from 'commander';
import type { CheckJson } from '../../core/wire.ts';
import { refuseUsage } from '../ask.ts';
import { type Access, Client, unreachable } from '../client.ts';
import { nearestDescriptor } from '../descriptor.ts';
import { sentenceOf } from '../exit.ts';
import { findDaemon } from '../find-daemon.ts';
import { isReadableByOthers, loginFile, readLogin } from '../login-file.ts';
import { addDaemonOptions, addOutputOptions, type CommonOptions, readDaemonChoice, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { printable } from '../text.ts';
import { examineDaemon } from '../things.ts';
import { Unanswered } from '../transport.ts';

const EXAMPLES = `
Examples:
  rentabot doctor
  rentabot doctor --json | jq '.checks[] | select(.state != "ok")'

Exit codes:
   0 nothing is broken; there may be warnings
   1 something is`;

/** Milliseconds. Leases do not mind, as each side counts by its own clock; what people read does. */
const MOST_SKEW_MS = 5000;
const WITHIN_MS = 5000;

/** `rentabot doctor`: what is wrong, here and at the daemon. */
export function addDoctor(program: Command, shell: Shell): void {
  const command = program
    .command('doctor')
    .summary('is everything well, here and at the daemon?')
    .description(
      'Says which daemon is used and why, whether it answers, and whether releases, clocks, files and rights are as they should be; an admin is told of its store, its disk and its notifications as well. It changes nothing, and starts no daemon.',
    );
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (options: CommonOptions) => {
    shell.exit = await doctor(options, shell);
  });
}

async function doctor(options: CommonOptions, shell: Shell): Promise<number> {
  const choice = readDaemonChoice(options);
  if ('code' in choice) return refuseUsage(choice, shell, options);
  const talk = new Talk(shell.voice, { ...readManner(options, shell.machine.env), level: 'quiet' });
  const checks: CheckJson[] = [loginCheck(shell), descriptorCheck(shell)];
  const access = await findDaemon(shell.machine, choice, talk, { ifNone: 'look', asAdmin: true });
  if (access === null)
    checks.push({ name: 'daemon', state: 'ok', text: 'none is running; `rentabot lock` starts one of your own' });
  else if ('code' in access) checks.push({ name: 'daemon', state: 'fail', text: sentenceOf(access) });
  else checks.push(...(await daemonChecks(access, options, shell)));
  const isBroken = checks.some(({ state }) => state === 'fail');
  if (options.json) await shell.print(`${JSON.stringify({ version: RENTABOT_VERSION, checks })}\n`);
  else {
    const paint = await shell.paint(options);
    const colours = { ok: paint.good, warn: paint.busy, fail: paint.bad };
    const lines = checks.map(
      ({ name, state, text }) => `${colours[state](state.padEnd(4))}  ${printable(name)}: ${printable(text)}\n`,
    );
    await shell.print(lines.join(''));
  }
  return isBroken ? 1 : 0;
}

function loginCheck({ machine }: Shell): CheckJson {
  const path = loginFile(machine.places);
  const login = readLogin(path);
  if (login === null) return { name: 'login', state: 'ok', text: 'you are not logged in anywhere' };
  if (isReadableByOthers(path))
    return { name: 'login', state: 'fail', text: `others may read ${path}, and it has a token; chmod 600 it` };
  return { name: 'login', state: 'ok', text: `${login.name} at ${login.url}` };
}

function descriptorCheck({ machine }: Shell): CheckJson {
  const path = nearestDescriptor(machine.cwd, machine.home, machine.env);
  const text = path === null ? 'there is no rentabot.yaml here or above' : `${path} is the nearest`;
  return { name: 'descriptor', state: 'ok', text };
}

async function daemonChecks(access: Access, options: CommonOptions, shell: Shell): Promise<CheckJson[]> {
  const client = new Client(access, shell.transport);
  const which: CheckJson = {
    name: 'daemon',
    state: 'ok',
    text: `${client.url}, by ${reasonFor(access, options, shell)}`,
  };
  try {
    const reply = await examineDaemon(client, { within: WITHIN_MS });
    const release = releaseCheck(client.daemonVersion);
    if (reply.type === 'refused') {
      const mayNot = reply.refusal.code === 'denied' || reply.refusal.code === 'not-found';
      return [which, release, { name: 'inside', state: mayNot ? 'warn' : 'fail', text: sentenceOf(reply.refusal) }];
    }
    const { at, checks } = reply.body;
    return [which, release, clockCheck(Date.parse(at) - Date.now()), ...checks];
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    return [{ ...which, state: 'fail', text: `${which.text}: ${sentenceOf(unreachable(error))}` }];
  }
}

function reasonFor({ endpoint }: Access, { url }: CommonOptions, { machine }: Shell): string {
  const { env, places } = machine;
  if (url !== undefined) return '--url';
  if (env.RENTABOT_URL) return 'RENTABOT_URL';
  if (readLogin(loginFile(places))) return 'your login';
  if (endpoint.socketPath === places.privateSocket) return 'being your own private daemon';
  return 'the socket of this host';
}

function releaseCheck(version: string | null): CheckJson {
  const own = RENTABOT_VERSION;
  if (version === own) return { name: 'release', state: 'ok', text: `both are ${own}` };
  return { name: 'release', state: 'warn', text: `the daemon is ${version ?? 'unknown'}, this program ${own}` };
}

function clockCheck(skew: number): CheckJson {
  const seconds = Math.round(Math.abs(skew) / 1000);
  if (Math.abs(skew) <= MOST_SKEW_MS) return { name: 'clock', state: 'ok', text: 'both clocks agree' };
  const way = skew > 0 ? 'ahead of' : 'behind';
  return { name: 'clock', state: 'warn', text: `the daemon's is ${seconds} s ${way} this one` };
}
