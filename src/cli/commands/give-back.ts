import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Client } from '../client.ts';
import { EXIT_CODES } from '../exit.ts';
import type { GiveBackJson } from '../guard.ts';
import { giveBack } from '../lease.ts';
import type { Shell } from '../shell.ts';
import { mono } from '../time.ts';
import { parseEndpoint } from '../transport.ts';

/**
 * `rentabot give-back`, for the guard alone: the wrapper of a command was killed, the command's tree is dead as well, and
 * the lease need not wait for its ttl. What to give back comes on stdin, because a secret is no argument.
 */
export function addGiveBack(program: Command, shell: Shell): void {
  program.command('give-back', { hidden: true }).action(async () => {
    const { id, secret, url, token, within } = JSON.parse(readFileSync(0, 'utf8')) as GiveBackJson;
    const endpoint = parseEndpoint(url, 'url');
    shell.exit = EXIT_CODES.usage;
    if ('code' in endpoint) return;
    const client = new Client({ endpoint, token, descriptor: null, revive: null, replace: null }, shell.transport);
    shell.exit = (await giveBack(client, { id, secret }, mono() + within)) ? 0 : EXIT_CODES.unreachable;
  });
}
