import { spawnSync } from 'node:child_process';
import type { Account, Run } from './cli.ts';

/** Terminals are made by script(1). */
export const hasScript = spawnSync('script', ['--version']).status === 0;

/** What the program `$RB` and the shell around it need on a terminal. */
export function terminalEnv(account: Account, url: string): Record<string, string> {
  return {
    RENTABOT_URL: url,
    TERM: 'xterm',
    PS1: 'prompt> ',
    RB: `${process.execPath} ${account.script}`,
    INPUTRC: account.file('inputrc', 'set enable-bracketed-paste off\n'),
  };
}

/** An interactive shell on a terminal; what is typed comes to it as from a keyboard. */
export class Terminal {
  private constructor(readonly run: Run) {}

  static async open(
    account: Account,
    env: Readonly<Record<string, string | undefined>>,
    size = 'cols 60',
  ): Promise<Terminal> {
    const run = account.spawn(['script', '-qfec', 'bash --norc --noprofile -i', '/dev/null'], { env, input: null });
    const terminal = new Terminal(run);
    await run.said('prompt> ');
    await terminal.command(`stty ${size}`);
    return terminal;
  }

  get screen(): string {
    return this.run.out;
  }

  type(text: string): void {
    this.run.child.stdin?.write(text);
  }

  /** Types a line and waits for the words that it leads to, beyond those typed. */
  async command(line: string): Promise<void> {
    const before = this.prompts;
    this.type(`${line}\r`);
    await this.run.saidOnce(() => this.prompts > before, line);
  }

  /** Ctrl-C; resolves when the shell has its terminal back, so that nothing is typed into what goes. */
  async interrupt(): Promise<void> {
    const before = this.prompts;
    this.type('\u0003');
    await this.run.saidOnce(() => this.prompts > before, 'the prompt after Ctrl-C');
  }

  async exit(): Promise<void> {
    this.type('exit\rexit\r');
    await this.run.ended;
  }

  private get prompts(): number {
    return this.screen.split('prompt> ').length;
  }
}
