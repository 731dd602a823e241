import type { Command } from 'commander';
import type { Want } from '../../core/model.ts';
import type { ResourcesJson } from '../../core/wire.ts';
import { askDaemon, failed, refuseUsage } from '../ask.ts';
import { signalStatus } from '../child.ts';
import type { Client } from '../client.ts';
import { readFilter } from '../filter.ts';
import { addDaemonOptions, addOutputOptions, addWantOptions, type CommonOptions, readManner } from '../options.ts';
import type { Shell } from '../shell.ts';
import { Talk } from '../talk.ts';
import { status } from './status.ts';

const EXAMPLES = `
Keys:
  q          leave
  s, r       sort by the next column; the other way round
  /          filter by words: Enter keeps it, Esc clears it
  p, space   pause
  arrows, PgUp, PgDn, g, G   scroll

Examples:
  rentabot top
  rentabot top -t gpu`;

/** `rentabot top [WANT…]`: the table of resources, live. */
export function addTop(program: Command, shell: Shell): void {
  const command = program
    .command('top')
    .summary('the table of resources, live')
    .description(
      'Shows what `status` shows and keeps it up to date, with keys to sort, filter and pause. Where the output is no terminal it is shown once.',
    )
    .usage('[WANT…] [options]')
    .argument('[name...]', 'the same as -n NAME');
  const typed = addWantOptions(command);
  addDaemonOptions(addOutputOptions(command)).addHelpText('after', EXAMPLES);
  command.action(async (names: readonly string[], options: CommonOptions) => {
    const filter = readFilter(typed, names);
    shell.exit = 'code' in filter ? refuseUsage(filter, shell, options) : await top(filter, options, shell);
  });
}

async function top(filter: readonly Want[], options: CommonOptions, shell: Shell): Promise<number> {
  const isTerminal = shell.columns !== null && process.stdin.isTTY && shell.machine.env.TERM !== 'dumb';
  if (!isTerminal || options.json) return status(filter, options, shell);
  let found: Client | null = null;
  const asked = await askDaemon<ResourcesJson>(shell, options, (client, within) => {
    found = client;
    return client.resources({ within });
  });
  if (asked.type === 'failed') return asked.exit;
  if (asked.type === 'none' || found === null) return status(filter, options, shell);
  const { showLive } = await import('../top/live.ts');
  const leaving = await showLive(found, filter, asked.body.resources, await shell.paint(options));
  if (leaving.refusal)
    return failed(leaving.refusal, new Talk(shell.voice, readManner(options, shell.machine.env))).exit;
  // Whoever sent it sees that it did what it should.
  shell.raise = leaving.signal;
  return leaving.signal === null ? 0 : signalStatus(leaving.signal);
}
