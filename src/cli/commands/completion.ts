import { Argument, type Command } from 'commander';
import { refuse } from '../../core/error.ts';
import { refuseUsage } from '../ask.ts';
import { COMPLETION_SCRIPTS } from '../completion-scripts.ts';
import type { Shell } from '../shell.ts';

const EXAMPLES = `
Examples:
  source <(rentabot completion bash)
  rentabot completion zsh > "\${fpath[1]}/_rentabot"
  rentabot completion fish > ~/.config/fish/completions/rentabot.fish`;

/** `rentabot completion SHELL`: the script that makes a shell ask us what could come next. */
export function addCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .summary('what the Tab key offers, for a shell')
    .description(
      'Prints a script for bash, zsh or fish. With it the Tab key offers commands, options, and the names and tags that the daemon has at that moment.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(COMPLETION_SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string) => {
      const script = COMPLETION_SCRIPTS[name];
      if (script === undefined) {
        shell.exit = refuseUsage(refuse('usage', `there is no script for ${JSON.stringify(name)}`), shell, {});
        return;
      }
      await shell.print(script);
      shell.exit = 0;
    });
}
