import { Command, CommanderError } from 'commander';
import { refuse } from '../core/error.ts';
import { addAccept } from './commands/accept.ts';
import { addAdd } from './commands/add.ts';
import { addAsk } from './commands/ask.ts';
import { addBeat } from './commands/beat.ts';
import { addCheck } from './commands/check.ts';
import { addClaim } from './commands/claim.ts';
import { addComplete } from './commands/complete.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEdit } from './commands/edit.ts';
import { addExport } from './commands/export.ts';
import { addExtend } from './commands/extend.ts';
import { addGiveBack } from './commands/give-back.ts';
import { addHistory } from './commands/history.ts';
import { addImport } from './commands/import.ts';
import { addLock } from './commands/lock.ts';
import { addLogin } from './commands/login.ts';
import { addLogout } from './commands/logout.ts';
import { addMachines } from './commands/machines.ts';
import { addNotify } from './commands/notify.ts';
import { addOffline } from './commands/offline.ts';
import { addOnline } from './commands/online.ts';
import { addQueue } from './commands/queue.ts';
import { addRelease } from './commands/release.ts';
import { addRemove } from './commands/remove.ts';
import { addServe } from './commands/serve.ts';
import { addShare } from './commands/share.ts';
import { addStats } from './commands/stats.ts';
import { addStatus } from './commands/status.ts';
import { addSteal } from './commands/steal.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTop } from './commands/top.ts';
import { addUserCommand } from './commands/user.ts';
import { addWhoami } from './commands/whoami.ts';
import { addWhy } from './commands/why.ts';
import { EXIT_CODES } from './exit.ts';
import type { Shell } from './shell.ts';

/** Runs one command line; resolves to the code to exit with. */
export async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const program = createProgram(shell, argv[0]);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return shell.exit;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, program, argv, shell);
    const text = error instanceof Error ? error.message : String(error);
    shell.voice.write(`rentabot: internal: ${text}; this is a bug, please report it\n`);
    if (shell.machine.env.RENTABOT_DEBUG) shell.voice.write(`${error instanceof Error ? error.stack : ''}\n`);
    return shell.exit || EXIT_CODES.internal;
  }
}

const COMMANDS: Readonly<Record<string, (program: Command, shell: Shell) => void>> = {
  lock: addLock,
  status: addStatus,
  top: addTop,
  queue: addQueue,
  why: addWhy,
  history: addHistory,
  stats: addStats,
  claim: addClaim,
  accept: addAccept,
  extend: addExtend,
  release: addRelease,
  share: addShare,
  ask: addAsk,
  steal: addSteal,
  offline: addOffline,
  online: addOnline,
  add: addAdd,
  edit: addEdit,
  remove: addRemove,
  export: addExport,
  import: addImport,
  check: addCheck,
  login: addLogin,
  logout: addLogout,
  whoami: addWhoami,
  user: addUserCommand,
  token: addTokenCommand,
  notify: addNotify,
  machines: addMachines,
  beat: addBeat,
  serve: addServe,
  doctor: addDoctor,
  completion: addCompletion,
  complete: (program, shell) => addComplete(program, shell, () => createProgram(shell, undefined)),
  'give-back': addGiveBack,
};

/** With all commands, for help and for "did you mean"; or with the one alone that is called, which starts sooner. */
export function createProgram(shell: Shell, called: string | undefined): Command {
  const program = new Command('rentabot')
    .description('Share scarce things - boards, GPUs, licences, deploy targets - between CI jobs and people.')
    .version(RENTABOT_VERSION, '-V, --version', 'print the release')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: (text) => void shell.print(text) });
  const only = called !== undefined && Object.hasOwn(COMMANDS, called) ? COMMANDS[called] : undefined;
  for (const add of only ? [only] : Object.values(COMMANDS)) add(program, shell);
  return program;
}

/** Help and the version were asked for; everything else is a wrong call. */
async function endOfParsing(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
  shell: Shell,
): Promise<number> {
  if (error.exitCode === 0) return 0;
  const command = program.commands.find((one) => one.name() === argv[0] || one.aliases().includes(argv[0] ?? ''));
  if (error.code === 'commander.help') {
    shell.voice.write((command ?? program).helpInformation());
    return EXIT_CODES.usage;
  }
  // `error: unknown option '--tll'` and, on a line of its own, `(Did you mean --ttl?)`.
  const [problem = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const meant = more.map((line) => `${line.replace(/^\(Did (.*)\)$/, 'did $1')} `).join('');
  const see = command ? `rentabot ${command.name()} --help` : 'rentabot help';
  const refusal = refuse('usage', problem, { hint: `${meant}\`${see}\` shows what there is` });
  const own = command && shell.onUsageError.get(command);
  if (own) return own(refusal);
  shell.voice.write(`rentabot: usage: ${refusal.detail}; ${refusal.hint}\n`);
  return EXIT_CODES.usage;
}
