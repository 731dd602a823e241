import { type Command, Option } from 'commander';
import type { Shell } from '../shell.ts';

/** What the daemon's bundle gives the client; the two have nothing else in common but core. */
interface Daemon {
  serve(options: ServeOptions): Promise<number>;
}

interface ServeOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly socket?: string;
  readonly data?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly adminTokenFile?: string;
  readonly private?: boolean;
}

const EXAMPLES = `
Examples:
  rentabot serve
  rentabot serve -c lab.yaml --data /var/lib/rentabot
  rentabot serve --listen 127.0.0.1:0 --socket none
  rentabot serve --listen 0.0.0.0:5000 --admin-token-file /run/secrets/rentabot-admin-token`;

/** `rentabot serve`: the daemon. Only here is its bundle loaded. */
export function addServe(program: Command, shell: Shell): void {
  program
    .command('serve')
    .summary('the daemon: HTTP API, SQLite')
    .description(
      'Serves until it is told to stop. It prints where it listens on stdout once it answers, and logs to stderr; SIGHUP and a changed file reload the resources.',
    )
    .option('-c, --config <file>', 'descriptor and settings (default: the nearest .rentabot.yaml or rentabot.yaml)')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one (default: 127.0.0.1:5000)')
    .option('--socket <path>', "unix socket, or none (default: this host's)")
    .option('--data <dir>', 'where the state is kept (default: STATE_DIRECTORY, or the state folder of this user)')
    .option(
      '--tls-cert <file>',
      'speak https, with this certificate (PEM, with what stands between it and the authority)',
    )
    .option('--tls-key <file>', 'its key (PEM); SIGHUP reads both again')
    .option(
      '--admin-token-file <file>',
      'whoever comes with the token in it is an admin, from the first start on; SIGHUP reads it again',
    )
    .addOption(new Option('--private', "as a client starts its user's own daemon").hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServeOptions) => {
      const { serve } = require('./daemon.cjs') as Daemon;
      shell.exit = await serve(options);
    });
}
