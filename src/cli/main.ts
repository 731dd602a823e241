import { run } from './program.ts';
import { processShell } from './shell.ts';

// Program → action → exit code. This is the only place that exits.
const shell = processShell();
void run(process.argv.slice(2), shell).then((code) => {
  if (shell.raise !== null) process.kill(process.pid, shell.raise);
  process.exit(code);
});
